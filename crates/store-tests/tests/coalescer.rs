//! What the coalescer promises, polled by hand: no runtime, no clock, every wake-up counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use async_trait::async_trait;
use domain::{PaymentId, ShopName, Time};
use fixtures::*;
use proptest::prelude::*;
use store::{
    Birth, Claim, Coalescer, DueNotice, LaneCounts, MemoryStore, Name, Notice, Opened, Outcome, Received, Store,
    StoreError, Stored, Sweep, SweepClaim, UnmatchedPayment, Write,
};
use tokio::sync::Semaphore;

#[test]
fn a_lone_request_is_committed_at_once() {
    let (gate, coalescer) = gated(10);
    gate.let_through(1);
    let mut call = Call::new(&coalescer, birth(1, "order-1"));
    assert_eq!(call.poll(), Poll::Ready(Answer::New));
    assert_eq!(gate.batches(), [vec![id(1)]]);
}

#[test]
fn what_arrives_during_a_flight_shares_the_next_one_in_order_and_within_its_size() {
    let (gate, coalescer) = gated(10);
    let mut calls: Vec<Call> = (0..25).map(|n| Call::new(&coalescer, birth(n, &format!("order-{n}")))).collect();
    run(&gate, &mut calls);
    assert_eq!(gate.batches(), [vec![id(0)], ids(1..11), ids(11..21), ids(21..25)]);
    let counts = coalescer.counts();
    assert_eq!(counts.open, LaneCounts { batches: 4, items: 25, largest: 10, waiting: 0, in_flight: 0 });
    assert_eq!(counts.commit, LaneCounts::default());
}

#[test]
fn kinds_do_not_wait_for_each_other() {
    let (gate, coalescer) = gated(10);
    let mut open = Call::new(&coalescer, birth(1, "order-1"));
    let mut receive = Box::pin(coalescer.receive(notice(7)));
    assert!(open.poll().is_pending());
    assert!(receive.as_mut().poll(&mut noop()).is_pending());
    let counts = coalescer.counts();
    assert_eq!((counts.open.in_flight, counts.receive.in_flight), (1, 1));
    gate.let_through(2);
    assert_eq!(open.poll(), Poll::Ready(Answer::New));
    assert!(receive.as_mut().poll(&mut noop()).is_ready());
}

#[test]
fn a_batch_holds_one_change_of_a_payment_and_nobody_overtakes() {
    let (gate, coalescer) = gated(10);
    let births = [birth(1, "order-1"), birth(2, "order-2")];
    assert_eq!(block_on(gate.store.open(&births)).unwrap(), [Opened::New, Opened::New]);
    let (one, two) = (stored(&births[0]), stored(&births[1]));
    let both = Write { birth: Some(birth(3, "order-3")), ..write(&two, &outcome_unknown("b", at(1))) };
    let writes = vec![
        write(&one, &outcome_unknown("first in the air", at(1))),
        write(&one, &outcome_unknown("a", at(2))),
        both,
        write(&one, &outcome_unknown("deferred", at(3))),
        Write { birth: Some(birth(4, "order-3")), ..write(&one, &outcome_unknown("deferred with it", at(4))) },
        Write { birth: Some(birth(4, "order-4")), ..Write::default() },
    ];
    let mut calls: Vec<Call> = writes.into_iter().map(|write| Call::new(&coalescer, write)).collect();
    run(&gate, &mut calls);
    // The last one names payment 4, as the one before it does, and so it waits behind it.
    assert_eq!(gate.batches(), [vec![id(1)], vec![id(1), id(2), id(3)], vec![id(1)], vec![id(1), id(4)], vec![id(4)]]);
}

#[test]
fn two_births_of_one_reference_and_two_deliveries_of_one_notice_meet_in_the_store() {
    let (gate, coalescer) = gated(10);
    let mut calls = vec![
        Call::new(&coalescer, birth(9, "order-9")),
        Call::new(&coalescer, birth(1, "order-1")),
        Call::new(&coalescer, birth(2, "order-1")),
    ];
    let answers = run(&gate, &mut calls);
    assert_eq!(answers, [Some(Answer::New), Some(Answer::New), Some(Answer::Existing(id(1)))]);
    assert_eq!(gate.batches(), [vec![id(9)], vec![id(1)], vec![id(2)]]);

    let mut calls: Vec<Call> = [5, 6, 6].map(|n| Call::new(&coalescer, notice(n))).into();
    let answers = run(&gate, &mut calls);
    assert_eq!(answers, [Some(Answer::Stored), Some(Answer::Stored), Some(Answer::Repeat)]);
    assert_eq!(coalescer.counts().receive.batches, 3);
}

#[test]
fn a_flight_goes_on_under_another_passenger_when_its_driver_goes_away() {
    let (gate, coalescer) = gated(10);
    let mut calls: Vec<Call> = (0..4).map(|n| Call::new(&coalescer, birth(n, &format!("order-{n}")))).collect();
    all_wait(&mut calls);
    gate.let_through(1);
    assert_eq!(calls[0].poll(), Poll::Ready(Answer::New));

    assert!(calls[1].poll().is_pending(), "1 drives the flight of 1, 2 and 3");
    assert_eq!(gate.begun(), 2);
    calls[1].hang_up();
    calls[2].hang_up();
    assert!(calls[3].was_woken());
    assert!(calls[3].poll().is_pending());
    gate.let_through(1);
    assert_eq!(calls[3].poll(), Poll::Ready(Answer::New));
    assert_eq!(gate.batches(), [vec![id(0)], ids(1..4)]);
    assert_eq!(gate.begun(), 2, "the store was asked once for each batch");
}

#[test]
fn a_driver_who_goes_away_before_taking_the_wheel_is_replaced() {
    let (gate, coalescer) = gated(10);
    let mut calls: Vec<Call> = (0..3).map(|n| Call::new(&coalescer, birth(n, &format!("order-{n}")))).collect();
    all_wait(&mut calls);
    gate.let_through(2);
    assert_eq!(calls[0].poll(), Poll::Ready(Answer::New));
    assert!(calls[1].was_woken());
    calls[1].hang_up();
    assert!(calls[2].was_woken());
    assert_eq!(calls[2].poll(), Poll::Ready(Answer::New));
}

#[test]
fn a_flight_that_nobody_waits_for_makes_room() {
    let (gate, coalescer) = gated(2);
    let mut calls: Vec<Call> = (0..5).map(|n| Call::new(&coalescer, birth(n, &format!("order-{n}")))).collect();
    all_wait(&mut calls);
    calls[0].hang_up();
    // 1 and 2 are in the air now.
    assert!(calls[1].poll().is_pending());
    calls[1].hang_up();
    calls[2].hang_up();
    gate.let_through(1);
    assert_eq!(calls[3].poll(), Poll::Ready(Answer::New));
    assert_eq!(calls[4].poll(), Poll::Ready(Answer::New));
    assert_eq!(coalescer.counts().open.in_flight, 0);
}

#[test]
fn who_goes_away_while_waiting_is_left_out() {
    let (gate, coalescer) = gated(10);
    let mut calls: Vec<Call> = (0..4).map(|n| Call::new(&coalescer, birth(n, &format!("order-{n}")))).collect();
    all_wait(&mut calls);
    calls[2].hang_up();
    run(&gate, &mut calls);
    assert_eq!(gate.batches(), [vec![id(0)], vec![id(1), id(3)]]);
}

#[test]
fn an_error_is_shared_by_the_whole_batch_and_by_no_other() {
    let (gate, coalescer) = gated(10);
    let mut calls: Vec<Call> = (0..3).map(|n| Call::new(&coalescer, birth(n, &format!("order-{n}")))).collect();
    all_wait(&mut calls);
    gate.let_through(1);
    assert_eq!(calls[0].poll(), Poll::Ready(Answer::New));
    gate.fail_next(StoreError::Unavailable(sqlx::Error::PoolTimedOut));
    gate.let_through(1);
    assert_eq!(calls[1].poll(), Poll::Ready(Answer::Unavailable));
    assert_eq!(calls[2].poll(), Poll::Ready(Answer::Unavailable));
    gate.let_through(1);
    assert_eq!(Call::new(&coalescer, birth(1, "order-1")).poll(), Poll::Ready(Answer::New));
}

#[test]
fn a_store_that_panics_leaves_an_unknown_outcome_and_no_hanging_callers() {
    let (gate, coalescer) = gated(10);
    let mut calls: Vec<Call> = (0..4).map(|n| Call::new(&coalescer, birth(n, &format!("order-{n}")))).collect();
    all_wait(&mut calls[..3]);
    gate.let_through(1);
    assert_eq!(calls[0].poll(), Poll::Ready(Answer::New));
    gate.panic_next();
    gate.let_through(1);
    assert!(catch_unwind(AssertUnwindSafe(|| calls[1].poll())).is_err());
    assert_eq!(calls[2].poll(), Poll::Ready(Answer::Unknown));
    gate.let_through(1);
    assert_eq!(calls[3].poll(), Poll::Ready(Answer::New));
}

#[test]
fn a_thousand_concurrent_requests_share_a_few_flushes() {
    let (gate, coalescer) = gated(100);
    let mut calls: Vec<Call> = (0..1000).map(|n| Call::new(&coalescer, birth(n, &format!("order-{n}")))).collect();
    let answers = run(&gate, &mut calls);
    assert!(answers.iter().all(|answer| *answer == Some(Answer::New)));
    assert_eq!(gate.begun(), 11);
}

#[test]
fn two_flights_at_once_never_hold_the_same_payment() {
    let (gate, coalescer) = gated_with(2, 2);
    let mut calls: Vec<Call> = [(1, "a"), (2, "a"), (3, "b"), (4, "c"), (5, "d")]
        .map(|(number, reference)| Call::new(&coalescer, birth(number, reference)))
        .into();
    all_wait(&mut calls);
    // 2 waits for the reference that is in the air; 3 flies beside it.
    assert_eq!(gate.batches(), [vec![id(1)], vec![id(3)]]);
    run(&gate, &mut calls);
    assert_eq!(gate.batches(), [vec![id(1)], vec![id(3)], vec![id(2), id(4)], vec![id(5)]]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Callers come, are polled only when they were woken, and go away at any moment. Nobody who stays is forgotten,
    /// nothing is committed twice, and the lane is empty in the end.
    #[test]
    fn whoever_stays_is_answered_whatever_the_others_do(
        flights_max in 1_usize..3,
        steps in prop::collection::vec((0_usize..40, 0_u8..6), 0..300),
    ) {
        let (gate, coalescer) = gated_with(3, flights_max);
        let mut calls: Vec<Call> = (0_u128..40)
            .map(|n| Call::new(&coalescer, birth(n, &format!("order-{}", n % 23))))
            .collect();
        for (index, step) in steps {
            match step {
                0 => calls[index].hang_up(),
                1 => gate.let_through(1),
                _ => calls[index].poll_if_woken(),
            }
        }
        let answers = run(&gate, &mut calls);
        for (call, answer) in calls.iter().zip(answers) {
            prop_assert_eq!(answer.is_some(), !call.hung_up);
            prop_assert!(answer != Some(Answer::Unknown), "a flight was given up though somebody waited for it");
        }
        let counts = coalescer.counts().open;
        prop_assert_eq!((counts.waiting, counts.in_flight), (0, 0));
        let mut committed: Vec<PaymentId> = gate.batches().concat();
        committed.sort_unstable();
        let before = committed.len();
        committed.dedup();
        prop_assert_eq!(committed.len(), before);
        prop_assert!(gate.batches().iter().all(|batch| batch.len() <= 3));
    }
}

/// A memory store whose batches wait at a gate.
struct Gate {
    store: MemoryStore,
    permits: Semaphore,
    batches: Mutex<Vec<Vec<PaymentId>>>,
    begun: Mutex<usize>,
    next: Mutex<Option<Fate>>,
}

enum Fate {
    Fails(StoreError),
    Panics,
}

impl Gate {
    fn let_through(&self, batches: usize) {
        self.permits.add_permits(batches);
    }

    fn fail_next(&self, error: StoreError) {
        *self.next.lock().unwrap() = Some(Fate::Fails(error));
    }

    fn panic_next(&self) {
        *self.next.lock().unwrap() = Some(Fate::Panics);
    }

    /// The payments of each batch that was begun.
    fn batches(&self) -> Vec<Vec<PaymentId>> {
        self.batches.lock().unwrap().clone()
    }

    fn begun(&self) -> usize {
        *self.begun.lock().unwrap()
    }

    async fn pass(&self, batch: Vec<PaymentId>) -> Result<(), StoreError> {
        *self.begun.lock().unwrap() += 1;
        if !batch.is_empty() {
            self.batches.lock().unwrap().push(batch);
        }
        self.permits.acquire().await.unwrap().forget();
        let fate = self.next.lock().unwrap().take();
        match fate {
            None => Ok(()),
            Some(Fate::Fails(error)) => Err(error),
            Some(Fate::Panics) => panic!("the store fell over"),
        }
    }
}

#[async_trait]
impl Store for Gate {
    async fn open(&self, births: &[Birth]) -> Result<Vec<Opened>, StoreError> {
        self.pass(births.iter().map(|birth| birth.payment.id()).collect()).await?;
        self.store.open(births).await
    }

    async fn load(&self, names: &[Name]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.store.load(names).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Vec<Outcome>, StoreError> {
        let ids = writes.iter().flat_map(|write| {
            let moved = write.moves.as_ref().map(|moved| moved.payment.id());
            moved.into_iter().chain(write.birth.as_ref().map(|birth| birth.payment.id()))
        });
        self.pass(ids.collect()).await?;
        self.store.commit(writes).await
    }

    async fn receive(&self, notices: &[Notice]) -> Result<Vec<Received>, StoreError> {
        self.pass(Vec::new()).await?;
        self.store.receive(notices).await
    }

    async fn claim_due(&self, claim: &Claim) -> Result<Vec<Stored>, StoreError> {
        self.store.claim_due(claim).await
    }

    async fn claim_notices(&self, claim: &Claim) -> Result<Vec<DueNotice>, StoreError> {
        self.store.claim_notices(claim).await
    }

    async fn kept_request(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.kept_request(payment).await
    }

    async fn forget_kept_requests(&self, before: Time) -> Result<u64, StoreError> {
        self.store.forget_kept_requests(before).await
    }

    async fn claim_sweep(&self, claim: &SweepClaim) -> Result<Option<Sweep>, StoreError> {
        self.store.claim_sweep(claim).await
    }

    async fn record_sweep(&self, sweep: &Sweep) -> Result<bool, StoreError> {
        self.store.record_sweep(sweep).await
    }

    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        self.store.sweeps().await
    }

    async fn oldest_open(&self, shop: &ShopName) -> Result<Option<Time>, StoreError> {
        self.store.oldest_open(shop).await
    }

    async fn file_unmatched(&self, unmatched: &[UnmatchedPayment]) -> Result<(), StoreError> {
        self.store.file_unmatched(unmatched).await
    }

    async fn due_unmatched(&self, shop: &ShopName, now: Time, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
        self.store.due_unmatched(shop, now, limit).await
    }
}

fn gated(batch_max: usize) -> (Arc<Gate>, Arc<Coalescer>) {
    gated_with(batch_max, 1)
}

fn gated_with(batch_max: usize, flights_max: usize) -> (Arc<Gate>, Arc<Coalescer>) {
    let gate = Arc::new(Gate {
        store: MemoryStore::new(),
        permits: Semaphore::new(0),
        batches: Mutex::default(),
        begun: Mutex::default(),
        next: Mutex::default(),
    });
    let store: Arc<dyn Store> = gate.clone();
    (gate, Arc::new(Coalescer::with_flights(store, batch_max, flights_max)))
}

/// What a caller was told, in a form that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    New,
    Existing(PaymentId),
    Won,
    Lost,
    Taken,
    Stored,
    Repeat,
    Unavailable,
    Unknown,
}

enum Item {
    Birth(Box<Birth>),
    Write(Box<Write>),
    Notice(Notice),
}

impl From<Birth> for Item {
    fn from(birth: Birth) -> Self {
        Self::Birth(Box::new(birth))
    }
}

impl From<Write> for Item {
    fn from(write: Write) -> Self {
        Self::Write(Box::new(write))
    }
}

impl From<Notice> for Item {
    fn from(notice: Notice) -> Self {
        Self::Notice(notice)
    }
}

/// One caller of the coalescer.
struct Call {
    future: Option<Pin<Box<dyn Future<Output = Answer>>>>,
    woken: Arc<Woken>,
    hung_up: bool,
    answer: Option<Answer>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Call {
    fn new(coalescer: &Arc<Coalescer>, item: impl Into<Item>) -> Self {
        let coalescer = Arc::clone(coalescer);
        let item = item.into();
        let future = async move {
            match item {
                Item::Birth(birth) => coalescer.open(*birth).await.map(|opened| match opened {
                    Opened::New => Answer::New,
                    Opened::Existing(stored) => Answer::Existing(stored.payment.id()),
                    Opened::Poison(why) => panic!("{why}"),
                }),
                Item::Write(write) => coalescer.commit(*write).await.map(|outcome| match outcome {
                    Outcome::Won => Answer::Won,
                    Outcome::Lost => Answer::Lost,
                    Outcome::Taken => Answer::Taken,
                    Outcome::Claimed(_) | Outcome::Poison(_) => panic!("{outcome:?}"),
                }),
                Item::Notice(notice) => coalescer
                    .receive(notice)
                    .await
                    .map(|received| if received.repeat { Answer::Repeat } else { Answer::Stored }),
            }
            .unwrap_or_else(|error| match error.as_ref() {
                StoreError::Unavailable(_) => Answer::Unavailable,
                StoreError::OutcomeUnknown(_) => Answer::Unknown,
                other => panic!("{other}"),
            })
        };
        Self {
            future: Some(Box::pin(future)),
            woken: Arc::new(Woken(AtomicBool::new(true))),
            hung_up: false,
            answer: None,
        }
    }

    fn poll(&mut self) -> Poll<Answer> {
        self.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        let future = self.future.as_mut().expect("polled after its end");
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        if let Poll::Ready(answer) = polled {
            self.answer = Some(answer);
            self.future = None;
        }
        polled
    }

    fn poll_if_woken(&mut self) {
        if self.future.is_some() && self.was_woken() {
            let _ = self.poll();
        }
    }

    fn was_woken(&self) -> bool {
        self.woken.0.load(Ordering::SeqCst)
    }

    fn hang_up(&mut self) {
        self.hung_up = self.answer.is_none();
        self.future = None;
    }
}

fn all_wait(calls: &mut [Call]) {
    for call in calls {
        assert!(call.poll().is_pending());
    }
}

/// Polls whoever is woken, in order, and opens the gate when nobody is, until all who stayed have their answer. Who is
/// still waiting then was forgotten.
fn run(gate: &Gate, calls: &mut [Call]) -> Vec<Option<Answer>> {
    let mut idle = 0;
    while idle < 3 {
        let mut polled = false;
        for call in calls.iter_mut().filter(|call| call.future.is_some() && call.was_woken()) {
            let _ = call.poll();
            polled = true;
        }
        idle = if polled { 0 } else { idle + 1 };
        gate.let_through(usize::from(!polled));
    }
    assert!(calls.iter().all(|call| call.future.is_none()), "somebody was forgotten");
    calls.iter().map(|call| call.answer).collect()
}

fn ids(numbers: std::ops::Range<u128>) -> Vec<PaymentId> {
    numbers.map(id).collect()
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    match Box::pin(future).as_mut().poll(&mut noop()) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("the memory store is always ready"),
    }
}
