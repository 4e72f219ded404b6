//! What a reconciliation reads, and how it ends: a gateway that shows a list of the test's own, over the store in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{BreakKind, Money, Order, PaymentId, PaymentType, ShopName, Time};
use futures::executor::block_on;
use gateway_client::answer::{Failure, RawAnswer, Received, UnknownReason};
use gateway_client::request::{Method, Request};
use gateway_client::signature::{Encoding, SigningKeys};
use orchestrator::{
    BreakerSettings, Clock, Desk, Gateway, Parts, Reconciler, ReconciliationRules, RequestRate, Rules, Vault,
};
use parking_lot::Mutex;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use store::{
    Break, BreakFilter, BreakState, BreaksPage, Cause, Coalescer, MemoryStore, OwnerId, Reconciliations as _, Run,
    RunState, RunsPage,
};
use uuid::Uuid;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// A gateway whose list, oldest first, is what the test says.
#[derive(Default)]
struct Shelf {
    clock: Arc<Hand>,
    items: Mutex<Vec<Value>>,
    lists: Mutex<Vec<String>>,
    reads: Mutex<usize>,
    /// Lists that fail, counted from 1 over all that are asked for.
    failing: Mutex<Vec<usize>>,
    /// Done behind a list, as if the gateway had not waited for us.
    meanwhile: Mutex<BTreeMap<usize, Deed>>,
    /// Whether it shows its first page whatever is asked for.
    ignores_offset: Mutex<bool>,
}

#[derive(Clone)]
enum Deed {
    Add(Vec<Value>),
    Remove(Vec<Value>),
}

#[async_trait]
impl Gateway for Shelf {
    async fn exchange(&self, _: &ShopName, request: Request) -> Received {
        match request.method {
            Method::Post => Ok(self.create(&request)),
            Method::Get if request.path.contains('?') => self.list(&request.path),
            Method::Get | Method::Patch => Ok(self.one(&request.path)),
        }
    }
}

impl Shelf {
    fn create(&self, request: &Request) -> RawAnswer {
        let mut item: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
        (item["id"], item["state"]) = (json!(format!("{:032x}", self.items.lock().len() + 1)), json!("CHECKOUT"));
        let stamped = self.stamped(item);
        self.items.lock().push(stamped.clone());
        RawAnswer::new(200, json!({ "status": 200, "result": stamped }).to_string())
    }

    fn stamped(&self, mut item: Value) -> Value {
        item["created"] = json!(self.clock.now().utc().format("%Y-%m-%dT%H:%M:%S").to_string());
        item
    }

    fn stranger(&self, id: &str) -> Value {
        let item = json!({ "id": id, "paymentType": "DEPOSIT", "state": "COMPLETED", "amount": 5, "currency": "EUR" });
        self.stamped(item)
    }

    fn one(&self, path: &str) -> RawAnswer {
        *self.reads.lock() += 1;
        let id = path.rsplit('/').next().unwrap();
        match self.items.lock().iter().find(|item| item["id"] == id) {
            Some(found) => RawAnswer::new(200, json!({ "status": 200, "result": found }).to_string()),
            None => {
                RawAnswer::new(404, json!({ "status": 404, "path": path, "message": "Payment not found" }).to_string())
            }
        }
    }

    fn list(&self, path: &str) -> Received {
        self.lists.lock().push(path.to_owned());
        let number = self.lists.lock().len();
        if self.failing.lock().contains(&number) {
            return Err(Failure::Unknown(UnknownReason::ConnectionLost));
        }
        let query: BTreeMap<String, String> = url::form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let count = |name: &str| query[name].parse::<usize>().unwrap();
        let bound = |name: &str| query[name].chars().take(19).collect::<String>();
        let (from, until) = (bound("created.gte"), bound("created.lt"));
        let created = |item: &Value| item["created"].as_str().unwrap_or("2000").to_owned();
        let fits = |item: &&Value| item["created"].is_null() || (created(item) >= from && created(item) < until);
        let hits: Vec<Value> = self.items.lock().iter().rev().filter(fits).cloned().collect();
        let offset = if *self.ignores_offset.lock() { 0 } else { count("offset") };
        let page: Vec<Value> = hits.iter().skip(offset).take(count("limit")).map(listed).collect();
        let answer = json!({ "status": 200, "hasMore": hits.len() > offset + page.len(), "result": page });
        match self.meanwhile.lock().remove(&number) {
            Some(Deed::Add(items)) => self.items.lock().extend(items),
            Some(Deed::Remove(gone)) => self.items.lock().retain(|item| !gone.contains(item)),
            None => {}
        }
        Ok(RawAnswer::new(200, answer.to_string()))
    }

    fn change(&self, reference: &str, field: &str, value: Value) {
        let mut items = self.items.lock();
        let item = items.iter_mut().find(|item| item["referenceId"] == reference).unwrap();
        item[field] = value;
    }
}

/// An item as the list shows it, which may lag behind.
fn listed(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(state) = item.get("listed").cloned() {
        item["state"] = state;
    }
    item
}

#[derive(Default)]
struct Hand(Mutex<Duration>);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::EPOCH.plus(Duration::from_hours(500_000)).plus(*self.0.lock())
    }

    fn uptime(&self) -> Duration {
        *self.0.lock()
    }
}

struct House {
    desk: Arc<Desk>,
    reconciler: Reconciler,
    store: Arc<MemoryStore>,
    gateway: Arc<Shelf>,
    clock: Arc<Hand>,
    next: Mutex<u128>,
}

impl House {
    fn new() -> Self {
        Self::with(RequestRate::default())
    }

    fn with(rate: RequestRate) -> Self {
        let clock = Arc::new(Hand::default());
        let gateway = Arc::new(Shelf { clock: clock.clone(), ..Shelf::default() });
        let store = Arc::new(MemoryStore::new());
        let (desk, reconciler) = process(&store, &gateway, &clock, rate, 1);
        Self { desk, reconciler, store, gateway, clock, next: Mutex::new(1) }
    }

    fn pass(&self, by: Duration) {
        *self.clock.0.lock() += by;
    }

    /// Orders a deposit that the customer pays; seen by a look, and not by any list.
    fn take_paid(&self, reference: &str) -> PaymentId {
        let id = self.take(reference);
        self.gateway.change(reference, "state", json!("COMPLETED"));
        self.pass(SECOND);
        block_on(self.desk.check_now(id)).unwrap();
        id
    }

    fn take(&self, reference: &str) -> PaymentId {
        let money = Money::requested(Decimal::new(1112, 2), "EUR".parse().unwrap()).unwrap();
        let order = Order::new(shop(), reference.parse().unwrap(), PaymentType::Deposit, money);
        let id = {
            let mut next = self.next.lock();
            *next += 1;
            PaymentId::from(Uuid::from_u128(*next))
        };
        block_on(self.desk.take(id, order, None, None)).unwrap();
        self.pass(SECOND);
        id
    }

    /// Orders a run over everything so far.
    fn order(&self) -> Uuid {
        self.pass(MINUTE);
        let now = self.clock.now();
        let id = Uuid::from_u128(u128::from(now.unix_micros().unsigned_abs()));
        let ordering = self.reconciler.order(id, shop(), [now.minus(24 * HOUR), now], Cause::Ordered, None);
        block_on(ordering).unwrap().id
    }

    fn turn(&self) -> bool {
        block_on(self.reconciler.take_turn(&shop())).unwrap()
    }

    fn run_of(&self, id: Uuid) -> Run {
        block_on(self.store.run(id)).unwrap().unwrap()
    }

    /// Takes turns until the run has ended.
    fn carry_out(&self, id: Uuid) -> Run {
        for _ in 0..500 {
            if self.run_of(id).state.is_over() {
                return self.run_of(id);
            }
            block_on(self.desk.probe_gateways());
            self.turn();
            self.pass(SECOND);
        }
        panic!("it never ends: {:?}", self.run_of(id));
    }

    fn breaks(&self) -> Vec<Break> {
        let page = BreaksPage { filter: BreakFilter::default(), before: None, limit: 100 };
        block_on(self.store.breaks(&page)).unwrap()
    }

    fn kinds(&self) -> Vec<(BreakKind, BreakState)> {
        let mut kinds: Vec<_> = self.breaks().iter().map(|one| (one.finding.kind, one.state)).collect();
        kinds.sort_unstable();
        kinds
    }
}

fn process(
    store: &Arc<MemoryStore>,
    gateway: &Arc<Shelf>,
    clock: &Arc<Hand>,
    rate: RequestRate,
    owner: u128,
) -> (Arc<Desk>, Reconciler) {
    let keys = SigningKeys::new("a-signing-key".to_owned().into(), [], Encoding::Hex).unwrap();
    let breaker = BreakerSettings { failures: 1_000, pause: SECOND };
    let desk = Arc::new(Desk::new(Parts {
        store: Arc::new(Coalescer::new(store.clone(), 10)),
        means: store.clone(),
        gateway: gateway.clone(),
        clock: clock.clone(),
        vault: Vault::new(&"a-master-key-of-32-characters-at-least".to_owned().into()).unwrap(),
        signing_keys: BTreeMap::from([(shop(), keys)]),
        owner: OwnerId(Uuid::from_u128(owner)),
        rules: Rules { rate, breaker, ..Rules::default() },
    }));
    let rules = ReconciliationRules { page_items: 3, retry_pause: SECOND, ..ReconciliationRules::default() };
    (desk.clone(), Reconciler::new(desk, store.clone(), store.clone(), rules))
}

fn shop() -> ShopName {
    "main".parse().unwrap()
}

#[test]
fn the_list_is_read_to_its_end_and_what_agrees_is_asked_for_no_more() {
    let house = House::new();
    for number in 0..7 {
        house.take_paid(&format!("order-{number}"));
    }
    let asked = *house.gateway.reads.lock();
    let run = house.order();
    let run = house.carry_out(run);
    assert_eq!(
        (run.state, run.progress.pages, run.progress.items, run.progress.payments),
        (RunState::Completed, 3, 7, 7)
    );
    assert_eq!((house.kinds(), *house.gateway.reads.lock()), (vec![], asked));
    let lists = house.gateway.lists.lock();
    assert!(lists.iter().all(|path| path.contains("created.gte=") && path.contains("created.lt=")), "{lists:?}");
    let ids: Vec<_> = (2..=8).map(|number| PaymentId::from(Uuid::from_u128(number))).collect();
    assert_eq!(block_on(house.store.reconciled(&ids)).unwrap().len(), 7, "a look and the list");
    assert_eq!(block_on(house.store.forget_met(run.id, 9)).unwrap(), 0, "what it met is forgotten");
}

#[test]
fn what_the_list_lacks_is_asked_for_by_its_id_before_it_is_missing() {
    let house = House::new();
    for number in 0..4 {
        house.take_paid(&format!("order-{number}"));
    }
    // The one stands in no list for its time, the other is gone.
    house.gateway.change("order-1", "created", json!("2001-01-01T00:00:00"));
    house.gateway.items.lock().retain(|item| item["referenceId"] != "order-2");
    let first = house.order();
    assert_eq!(house.carry_out(first).state, RunState::Completed);
    let [missing] = <[Break; 1]>::try_from(house.breaks()).unwrap();
    assert_eq!(
        (missing.finding.kind, missing.finding.reference.as_deref()),
        (BreakKind::MissingAtGateway, Some("order-2"))
    );
    let ours = missing.finding.ours;
    assert_eq!((ours.state.as_deref(), missing.finding.theirs.state), (Some("COMPLETED"), None));
}

#[test]
fn a_list_that_lags_invents_no_difference() {
    let house = House::new();
    house.take_paid("order-1");
    // As the list has it; by its id it is what we know.
    house.gateway.change("order-1", "listed", json!("PENDING"));
    let asked = *house.gateway.reads.lock();
    let run = house.order();
    assert_eq!(house.carry_out(run).state, RunState::Completed);
    assert_eq!((house.breaks().len(), *house.gateway.reads.lock() - asked), (0, 1), "it was asked for");
    let ids = [PaymentId::from(Uuid::from_u128(2))];
    assert_eq!(block_on(house.store.reconciled(&ids)).unwrap(), [], "and a list that says otherwise proves nothing");
}

#[test]
fn what_comes_into_the_list_meanwhile_hides_nothing_and_counts_nothing_twice() {
    let house = House::new();
    for number in 0..8 {
        house.take_paid(&format!("order-{number}"));
    }
    let run = house.order();
    let new = vec![house.gateway.stranger("f1"), house.gateway.stranger("f2")];
    house.gateway.meanwhile.lock().insert(1, Deed::Add(new));
    let run = house.carry_out(run);
    assert_eq!((run.state, run.progress.items), (RunState::Completed, 8));
    assert_eq!(house.kinds(), []);
    let next = house.order();
    house.carry_out(next);
    assert_eq!(house.kinds(), [(BreakKind::MissingHere, BreakState::Open); 2], "the next run finds them");
}

#[test]
fn what_goes_out_of_the_list_meanwhile_lets_no_neighbour_slip_by() {
    let house = House::new();
    for number in 0..3 {
        let stranger = house.gateway.stranger(&format!("f{number}"));
        house.gateway.items.lock().push(stranger);
        house.pass(2 * SECOND);
    }
    for number in 0..3 {
        house.take_paid(&format!("order-{number}"));
    }
    // Newest first, ours are the first page. Two of them go behind it, and f2 moves up to where it would be passed over.
    let gone = house.gateway.items.lock()[3..5].to_vec();
    house.gateway.meanwhile.lock().insert(1, Deed::Remove(gone));
    let run = house.order();
    assert_eq!(house.carry_out(run).state, RunState::Completed);
    assert_eq!(house.kinds(), [(BreakKind::MissingHere, BreakState::Open); 3], "those that went had been seen before");
}

#[test]
fn the_same_page_again_and_again_ends_as_failed_and_closes_nothing() {
    let house = House::new();
    let stranger = house.gateway.stranger("f1");
    house.gateway.items.lock().push(stranger);
    let first = house.order();
    house.carry_out(first);
    assert_eq!(house.kinds(), [(BreakKind::MissingHere, BreakState::Open)]);
    house.gateway.items.lock().clear();
    for number in 0..9 {
        house.take_paid(&format!("order-{number}"));
    }
    *house.gateway.ignores_offset.lock() = true;
    let run = house.order();
    let run = house.carry_out(run);
    assert_eq!((run.state, run.progress.items), (RunState::Failed, 3));
    assert_eq!(run.failure.as_deref(), Some("the gateway's list shows the same page again and again"));
    assert_eq!(house.kinds(), [(BreakKind::MissingHere, BreakState::Open)], "it has not seen that it is gone");
    *house.gateway.ignores_offset.lock() = false;
    let next = house.order();
    assert_eq!(house.carry_out(next).state, RunState::Completed);
    let [closed] = <[Break; 1]>::try_from(house.breaks()).unwrap();
    assert_eq!((closed.state, closed.closed_run), (BreakState::Closed, Some(next)));
    let reason = closed.reason.unwrap();
    assert!(reason.contains(&next.to_string()) && reason.contains("the gateway's list does not show it"), "{reason}");
}

#[test]
fn a_busy_second_at_the_end_of_a_slice_is_read_to_its_end() {
    let mut house = House::new();
    let rules = ReconciliationRules { page_items: 3, slice_items: 21, ..ReconciliationRules::default() };
    house.reconciler = Reconciler::new(house.desk.clone(), house.store.clone(), house.store.clone(), rules);
    let make = |number: u32, after: Duration| {
        house.pass(after);
        let stranger = house.gateway.stranger(&format!("f{number}"));
        house.gateway.items.lock().push(stranger);
    };
    (0..6).for_each(|number| make(number, SECOND));
    house.pass(SECOND);
    (6..21).for_each(|number| make(number, Duration::ZERO));
    (21..27).for_each(|number| make(number, SECOND));
    let run = house.order();
    let run = house.carry_out(run);
    assert_eq!((run.state, run.progress.items, run.failure), (RunState::Completed, 27, None));
    let slices: BTreeSet<_> =
        house.gateway.lists.lock().iter().map(|path| path.split_once("created.lt=").unwrap().1.to_owned()).collect();
    assert!(slices.len() > 1, "{slices:?}");
    assert_eq!(house.kinds(), [(BreakKind::MissingHere, BreakState::Open); 27]);
}

#[test]
fn an_item_that_cannot_be_read_makes_no_comparison_of_it() {
    let house = House::new();
    house.take_paid("order-1");
    house.gateway.items.lock().push(json!({ "id": 7, "state": "COMPLETED" }));
    let run = house.order();
    let run = house.carry_out(run);
    assert_eq!((run.state, run.progress.unreadable, run.progress.items), (RunState::Failed, 1, 1));
    assert_eq!(run.failure.as_deref(), Some("items of the gateway's list that cannot be read: 1"));
}

#[test]
fn a_page_that_fails_is_read_again_by_another_process_and_none_before_it_is() {
    let house = House::new();
    for number in 0..8 {
        house.take_paid(&format!("order-{number}"));
    }
    house.gateway.failing.lock().push(3);
    let run = house.order();
    assert!(house.turn());
    let stumbled = house.run_of(run);
    assert_eq!((stumbled.state, stumbled.failures, stumbled.progress.items), (RunState::Running, 1, 5));
    assert_eq!(stumbled.failure.as_deref(), Some("the gateway's list cannot be read"));
    assert!(!house.turn(), "it is left alone for a moment");
    house.pass(2 * SECOND);

    let (_, other) = process(&house.store, &house.gateway, &house.clock, RequestRate::default(), 2);
    assert!(block_on(other.take_turn(&shop())).unwrap());
    let done = house.run_of(run);
    assert_eq!((done.state, done.failures, done.failure, done.progress.items), (RunState::Completed, 0, None, 8));
    let lists = house.gateway.lists.lock();
    let offsets: Vec<_> =
        lists.iter().map(|path| path.split("offset=").nth(1).unwrap().split('&').next().unwrap()).collect();
    assert_eq!(offsets, ["0", "2", "4", "4", "6"], "each page begins with the last item of the one before");
}

#[test]
fn a_gateway_that_is_away_for_good_is_a_failure_that_says_so() {
    let house = House::new();
    house.gateway.failing.lock().extend(1..1_000);
    let run = house.order();
    for _ in 0..2_000 {
        house.turn();
        house.pass(SECOND);
    }
    let run = house.run_of(run);
    assert_eq!((run.state, run.failures), (RunState::Failed, 8));
    assert_eq!(run.failure.as_deref(), Some("the gateway's list cannot be read"));
    assert_eq!(house.gateway.lists.lock().len(), 8);
}

#[test]
fn whoever_died_in_the_middle_is_followed_by_another_once_its_lease_is_over() {
    let house = House::new();
    for number in 0..8 {
        house.take_paid(&format!("order-{number}"));
    }
    let run = house.order();
    // It took the run, and nothing more is heard of it.
    let claim = store::RunClaim {
        shop: shop(),
        now: house.clock.now(),
        owner: OwnerId(Uuid::from_u128(1)),
        until: house.clock.now().plus(MINUTE),
    };
    block_on(house.store.claim_run(&claim)).unwrap().unwrap();
    assert!(!house.turn(), "somebody is on it");
    house.pass(MINUTE);
    let (_, other) = process(&house.store, &house.gateway, &house.clock, RequestRate::default(), 2);
    assert!(block_on(other.take_turn(&shop())).unwrap());
    assert_eq!((house.run_of(run).state, house.run_of(run).epoch), (RunState::Completed, 2));
}

#[test]
fn it_waits_for_tokens_and_loses_nothing_meanwhile() {
    let rate = RequestRate { per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN };
    let house = House::with(rate);
    for number in 0..8 {
        house.take_paid(&format!("order-{number}"));
    }
    // Every one of them is told otherwise, and asked for.
    for number in 0..8 {
        house.gateway.change(&format!("order-{number}"), "amount", json!(9));
    }
    house.pass(MINUTE);
    let before = *house.gateway.reads.lock();
    let run = house.order();
    house.pass(MINUTE);
    let begun = house.clock.uptime();
    let run = house.carry_out(run);
    assert_eq!(run.state, RunState::Completed);
    assert_eq!(house.kinds(), [(BreakKind::AmountDiffers, BreakState::Open); 8]);
    assert_eq!(*house.gateway.reads.lock() - before, 8, "each once, however often it had to stop");
    assert!(house.clock.uptime() >= begun + 10 * SECOND, "a request a second");
}

#[test]
fn schedules_order_each_window_once_whoever_asks() {
    let house = House::new();
    let (_, other) = process(&house.store, &house.gateway, &house.clock, RequestRate::default(), 2);
    let all = || {
        let page = RunsPage { shops: [].into(), state: None, before: None, limit: 100 };
        block_on(house.store.runs(&page)).unwrap()
    };
    for _ in 0..4 * 60 {
        block_on(house.reconciler.reconcile_due()).unwrap();
        block_on(other.reconcile_due()).unwrap();
        house.pass(MINUTE);
    }
    let of = |cause| all().into_iter().filter(|run| run.cause == cause).collect::<Vec<_>>();
    // The hours at a quarter past which it looks, and the one before the beginning.
    let days = of(Cause::LastDay);
    assert_eq!(days.len(), 5, "{days:?}");
    assert!(days.iter().all(|run| run.to.since(run.from) == 24 * HOUR && run.state == RunState::Completed));
    let weeks = of(Cause::LastWeek);
    assert!(!weeks.is_empty() && weeks.len() <= 2, "{weeks:?}");
    assert!(
        weeks
            .iter()
            .all(|run| run.to.since(run.from) == 7 * 24 * HOUR && run.to.utc().format("%H:%M").to_string() == "02:00")
    );
}
