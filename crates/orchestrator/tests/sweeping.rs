//! What a sweep reads, and what it does with it: a gateway that shows a list of the test's own, over the store in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use fault_catalogue::struck;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Elsewhere, Money, Order, Payment, PaymentId, PaymentState, PaymentType, ShopName, Time};
use futures::executor::block_on;
use gateway_client::answer::{Failure, RawAnswer, Received, UnknownReason};
use gateway_client::request::{Method, Request};
use gateway_client::signature::{Encoding, SigningKeys};
use orchestrator::{BreakerSettings, Clock, Desk, Gateway, Parts, RequestRate, Rules, SweepRules, Swept, Vault};
use parking_lot::Mutex;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use store::{Coalescer, MemoryStore, Name, OwnerId, Store as _, SweepClaim};
use uuid::Uuid;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// One payment as the gateway has it.
#[derive(Clone)]
struct Made {
    item: Value,
    created: Time,
    updated: Time,
}

/// A gateway with the filters of the contract (section 6.2), and what a test makes of its answers.
#[derive(Default)]
struct Lister {
    clock: Arc<Hand>,
    made: Mutex<Vec<Made>>,
    requests: Mutex<Vec<Request>>,
    /// Pages that fail, counted from 1 over all that are asked for.
    failing: Mutex<Vec<usize>>,
    /// More items than this make an answer that is too large.
    fits: Mutex<Option<usize>>,
    /// Done behind a page, as if the gateway had not waited for us.
    meanwhile: Mutex<BTreeMap<usize, Vec<Made>>>,
    /// How far its clock is ahead of ours.
    ahead: Mutex<Duration>,
    pages: Mutex<usize>,
}

#[async_trait]
impl Gateway for Lister {
    async fn exchange(&self, _: &ShopName, request: Request) -> Received {
        self.requests.lock().push(request.clone());
        match request.method {
            Method::Post => Ok(self.create(&request)),
            Method::Get if request.path.contains('?') => self.list(&request.path),
            Method::Get | Method::Patch => Ok(RawAnswer::new(200, self.one(&request.path))),
        }
    }
}

impl Lister {
    fn create(&self, request: &Request) -> RawAnswer {
        let order: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
        let id = format!("{:032x}", self.made.lock().len() + 1);
        let mut item = order.clone();
        (item["id"], item["state"]) = (json!(id), json!("CHECKOUT"));
        let now = self.clock.now();
        self.made.lock().push(Made { item: item.clone(), created: now, updated: now });
        RawAnswer::new(200, json!({ "status": 200, "result": item }).to_string())
    }

    fn one(&self, path: &str) -> String {
        let id = path.rsplit('/').next().unwrap();
        let found = self.made.lock().iter().find(|made| made.item["id"] == id).unwrap().item.clone();
        json!({ "status": 200, "result": found }).to_string()
    }

    fn list(&self, path: &str) -> Received {
        let page = {
            let mut pages = self.pages.lock();
            *pages += 1;
            *pages
        };
        if self.failing.lock().contains(&page) {
            return Err(Failure::Unknown(UnknownReason::ConnectionLost));
        }
        let query: BTreeMap<String, String> = url::form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let time = |name: &str| query.get(name).map(|text| format!("{text}Z").parse::<DateTime<Utc>>().unwrap());
        let number = |name: &str| query.get(name).map(|text| text.parse::<usize>().unwrap());
        let mut hits = self.made.lock().clone();
        hits.retain(|made| {
            time("created.gte").is_none_or(|from| made.created.utc() >= from)
                && time("created.lt").is_none_or(|until| made.created.utc() < until)
                && time("updated.gte").is_none_or(|from| made.updated.utc() >= from)
                && time("updated.lt").is_none_or(|until| made.updated.utc() < until)
                && query.get("referenceId.eq").is_none_or(|reference| made.item["referenceId"] == reference.as_str())
        });
        hits.sort_by_key(|made| std::cmp::Reverse(made.created));
        let (offset, limit) = (number("offset").unwrap_or(0), number("limit").unwrap_or(50));
        if self.fits.lock().is_some_and(|fits| hits.len().saturating_sub(offset).min(limit) > fits) {
            return Err(Failure::Unknown(UnknownReason::AnswerTooLarge));
        }
        let has_more = hits.len() > offset + limit;
        let items: Vec<Value> = hits.into_iter().skip(offset).take(limit).map(|made| shown(&made)).collect();
        let timestamp = self.clock.now().plus(*self.ahead.lock()).utc().to_rfc3339();
        self.made.lock().extend(self.meanwhile.lock().remove(&page).unwrap_or_default());
        let answer = json!({ "timestamp": timestamp, "status": 200, "hasMore": has_more, "result": items });
        Ok(RawAnswer::new(200, answer.to_string()))
    }

    /// Something that we did not order stands there from now on.
    fn make(&self, id: &str, fields: &Value) {
        let made = self.thing(id, fields);
        self.made.lock().push(made);
    }

    fn thing(&self, id: &str, fields: &Value) -> Made {
        let mut item =
            json!({ "id": id, "paymentType": "DEPOSIT", "state": "CHECKOUT", "amount": 5, "currency": "EUR" });
        item.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let now = self.clock.now();
        Made { item, created: now, updated: now }
    }

    fn change(&self, is_it: impl Fn(&Value) -> bool, state: &str) {
        let now = self.clock.now();
        let mut made = self.made.lock();
        let it = made.iter_mut().find(|made| is_it(&made.item)).unwrap();
        it.item["state"] = json!(state);
        it.updated = now;
    }

    fn pay(&self, reference: &str) {
        self.change(|item| item["referenceId"] == reference, "COMPLETED");
    }

    fn count(&self, is_one: impl Fn(&Request) -> bool) -> usize {
        self.requests.lock().iter().filter(|request| is_one(request)).count()
    }

    /// The lists that were asked for by the time of an update.
    fn swept(&self) -> Vec<String> {
        let requests = self.requests.lock();
        requests.iter().map(|request| request.path.clone()).filter(|path| path.contains("updated.gte")).collect()
    }
}

fn shown(made: &Made) -> Value {
    let mut item = made.item.clone();
    item["created"] = json!(made.created.utc().format("%Y-%m-%dT%H:%M:%S").to_string());
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
    desk: Desk,
    store: Arc<MemoryStore>,
    gateway: Arc<Lister>,
    clock: Arc<Hand>,
    next: Mutex<u128>,
}

impl House {
    fn new(sweep: SweepRules) -> Self {
        Self::with(Rules { sweep: Some(sweep), ..Rules::default() })
    }

    fn with(mut rules: Rules) -> Self {
        rules.intervals.polls = [10 * MINUTE, HOUR, 6 * HOUR].to_vec();
        let clock = Arc::new(Hand::default());
        let gateway = Arc::new(Lister { clock: clock.clone(), ..Lister::default() });
        let store = Arc::new(MemoryStore::new());
        let desk = desk(&store, &gateway, &clock, rules, 1);
        Self { desk, store, gateway, clock, next: Mutex::new(1) }
    }

    fn pass(&self, by: Duration) {
        *self.clock.0.lock() += by;
    }

    fn sweep(&self) -> Swept {
        self.pass(30 * SECOND);
        block_on(self.desk.sweep_due()).unwrap()
    }

    fn check(&self) {
        while block_on(self.desk.check_due(10)).unwrap().payments > 0 {}
    }

    fn take(&self, reference: &str) -> Payment {
        let id = {
            let mut next = self.next.lock();
            *next += 1;
            *next
        };
        block_on(self.desk.take(PaymentId::from(Uuid::from_u128(id)), deposit(reference), None, None))
            .unwrap()
            .stored
            .payment
    }

    fn payment(&self, reference: &str) -> Payment {
        let name = Name::Reference(shop(), reference.parse().unwrap());
        block_on(self.desk.find(name)).unwrap().unwrap().payment
    }
}

fn desk(store: &Arc<MemoryStore>, gateway: &Arc<Lister>, clock: &Arc<Hand>, rules: Rules, owner: u128) -> Desk {
    let keys = SigningKeys::new("a-signing-key".to_owned().into(), [], Encoding::Hex).unwrap();
    Desk::new(Parts {
        store: Arc::new(Coalescer::new(store.clone(), 10)),
        means: store.clone(),
        gateway: gateway.clone(),
        clock: clock.clone(),
        vault: Vault::new(&"a-master-key-of-32-characters-at-least".to_owned().into()).unwrap(),
        signing_keys: BTreeMap::from([(shop(), keys)]),
        owner: OwnerId(Uuid::from_u128(owner)),
        rules,
    })
}

fn shop() -> ShopName {
    "main".parse().unwrap()
}

fn deposit(reference: &str) -> Order {
    let money = Money::requested(Decimal::new(1112, 2), "EUR".parse().unwrap()).unwrap();
    Order::new(shop(), reference.parse().unwrap(), PaymentType::Deposit, money)
}

fn pages_of(page_items: u16) -> SweepRules {
    SweepRules { page_items, ..SweepRules::default() }
}

#[test]
fn what_changed_is_read_page_by_page_and_no_upper_bound_is_asked_for() {
    let house = House::new(pages_of(3));
    for number in 0..7 {
        house.take(&format!("order-{number}"));
        house.pass(2 * SECOND);
    }
    for number in [0, 3, 6] {
        house.gateway.pay(&format!("order-{number}"));
    }
    let swept = house.sweep();
    assert_eq!((swept.pages, swept.items, swept.passes), (3, 7, 1));
    for number in 0..7 {
        let state = if number % 3 == 0 { PaymentState::Completed } else { PaymentState::Checkout };
        assert_eq!(house.payment(&format!("order-{number}")).state, state, "{number}");
    }
    let asked = house.gateway.swept();
    assert!(asked.iter().all(|path| path.contains("created.gte=") && !path.contains("updated.lt=")), "{asked:?}");

    // Behind the first pass only what has changed is read, for as long as the overlap lasts.
    house.pass(20 * MINUTE);
    house.sweep();
    house.gateway.pay("order-1");
    assert_eq!(house.sweep().items, 1);
    assert_eq!(house.payment("order-1").state, PaymentState::Completed);
}

#[test]
fn nobody_is_asked_before_the_interval_is_over() {
    let house = House::new(pages_of(10));
    assert_eq!(house.sweep().passes, 1);
    house.pass(29 * SECOND);
    assert_eq!(block_on(house.desk.sweep_due()).unwrap(), Swept::default());
    house.pass(SECOND);
    assert_eq!(block_on(house.desk.sweep_due()).unwrap().passes, 1);
}

#[test]
fn an_item_that_comes_in_pushes_others_on_and_hides_none() {
    let house = House::new(pages_of(2));
    for number in 0..6 {
        house.take(&format!("order-{number}"));
        house.pass(2 * SECOND);
    }
    for number in 0..6 {
        house.gateway.pay(&format!("order-{number}"));
    }
    // A stranger's new payment arrives behind the first page, and one more behind the second.
    for (page, id) in [(1, "f1"), (2, "f2")] {
        house.gateway.meanwhile.lock().insert(page, vec![house.gateway.thing(id, &json!({}))]);
    }
    let swept = house.sweep();
    assert_eq!((swept.items, swept.passes), (6, 1), "each once, although two stood on two pages");
    for number in 0..6 {
        assert_eq!(house.payment(&format!("order-{number}")).state, PaymentState::Completed, "{number}");
    }
    assert_eq!(house.sweep().items, 8, "the next pass begins before the end of this one");
    assert_eq!(house.store.unmatched().len(), 2);
}

#[test]
fn a_page_that_fails_ends_the_turn_and_the_next_one_goes_on_from_there() {
    let house = House::new(pages_of(2));
    for number in 0..6 {
        house.take(&format!("order-{number}"));
        house.pass(2 * SECOND);
    }
    house.gateway.pay("order-0");
    house.gateway.failing.lock().push(3);
    let swept = house.sweep();
    assert_eq!((swept.pages, swept.passes, swept.failed), (2, 0, 1));
    let [sweep] = <[_; 1]>::try_from(block_on(house.store.sweeps()).unwrap()).unwrap();
    let first_cursor = sweep.cursor.unwrap();
    assert_eq!((sweep.swept_at, sweep.pass.map(|pass| pass.offset)), (None, Some(4)));

    // Another process takes over; it knows nothing but what is stored.
    let other = desk(&house.store, &house.gateway, &house.clock, house.desk.rules().clone(), 2);
    house.pass(30 * SECOND);
    let swept = block_on(other.sweep_due()).unwrap();
    assert_eq!((swept.pages, swept.items, swept.passes), (1, 2, 1));
    assert_eq!(house.payment("order-0").state, PaymentState::Completed, "the oldest stood on the last page");
    let [sweep] = <[_; 1]>::try_from(block_on(house.store.sweeps()).unwrap()).unwrap();
    assert!(sweep.cursor.unwrap() > first_cursor && sweep.swept_at.is_some() && sweep.pass.is_none());
    let asked = house.gateway.swept();
    let cursor_of = |path: &String| path.split('&').find(|pair| pair.starts_with("updated.gte")).unwrap().to_owned();
    assert!(asked.iter().all(|path| cursor_of(path) == cursor_of(&asked[0])), "one pass, one cursor: {asked:?}");
}

#[test]
fn the_cursor_is_the_gateways_time_at_the_beginning_of_a_complete_pass_and_never_ahead_of_ours() {
    let house = House::new(pages_of(10));
    let cursor = || block_on(house.store.sweeps()).unwrap()[0].cursor.unwrap();
    house.sweep();
    assert_eq!(cursor(), house.clock.now().minus(15 * MINUTE));
    *house.gateway.ahead.lock() = 2 * HOUR;
    house.sweep();
    assert_eq!(cursor(), house.clock.now().minus(15 * MINUTE), "a clock that runs ahead hides nothing");
}

#[test]
fn a_process_that_overslept_stores_no_cursor() {
    let house = House::new(pages_of(2));
    house.sweep();
    house.pass(30 * SECOND);
    let now = house.clock.now();
    let claim = |owner: u128, now: Time| SweepClaim {
        shop: shop(),
        now,
        owner: OwnerId(Uuid::from_u128(owner)),
        until: now.plus(MINUTE),
    };
    let mut late = block_on(house.store.claim_sweep(&claim(8, now))).unwrap().unwrap();
    assert_eq!(block_on(house.desk.sweep_due()).unwrap(), Swept::default(), "somebody is on it");
    house.pass(MINUTE);
    assert_eq!(block_on(house.desk.sweep_due()).unwrap().passes, 1, "its lease is over");
    let stored = block_on(house.store.sweeps()).unwrap();
    late.cursor = Some(house.clock.now().plus(HOUR));
    assert!(!block_on(house.store.record_sweep(&late)).unwrap());
    assert_eq!(block_on(house.store.sweeps()).unwrap(), stored);
    struck(43, stored.len());
}

#[test]
fn an_answer_that_is_too_large_is_asked_for_in_smaller_pages() {
    let house = House::new(pages_of(100));
    for number in 0..20 {
        house.take(&format!("order-{number}"));
        house.pass(SECOND);
    }
    house.gateway.pay("order-0");
    *house.gateway.fits.lock() = Some(7);
    let swept = house.sweep();
    assert_eq!((swept.items, swept.passes), (20, 1));
    assert_eq!(house.payment("order-0").state, PaymentState::Completed);
    let asked = house.gateway.swept();
    let limits = |limit: &str| asked.iter().filter(|path| path.contains(limit)).count();
    assert_eq!((limits("limit=100&"), limits("limit=50&"), limits("limit=25&"), limits("limit=12&")), (1, 1, 1, 1));
    assert_eq!(limits("limit=6&"), 4, "what fits is asked for until the pass is complete");
}

#[test]
fn a_long_backlog_is_read_in_slices_of_the_time_of_creation() {
    let house = House::new(SweepRules { slice_items: 4, ..pages_of(2) });
    for number in 0..11 {
        house.take(&format!("order-{number}"));
        // Pairs are made in one second.
        house.pass(SECOND * (number % 2));
    }
    for number in 0..11 {
        house.gateway.pay(&format!("order-{number}"));
    }
    assert_eq!(house.sweep().passes, 1);
    for number in 0..11 {
        assert_eq!(house.payment(&format!("order-{number}")).state, PaymentState::Completed, "{number}");
    }
    let asked = house.gateway.swept();
    assert!(asked.iter().all(|path| !path.contains("offset=4&") && !path.contains("offset=6&")), "{asked:?}");
    assert!(asked.iter().any(|path| path.contains("created.lt=")), "{asked:?}");
}

/// A page of a slice is read, and that is not recorded; when it is read again, all that stands on it is met already.
#[test]
fn a_page_that_is_read_twice_leads_on_to_the_next_slice() {
    let house = House::new(SweepRules { slice_items: 2, pages_max: 1, ..pages_of(1) });
    for number in 0..5 {
        house.take(&format!("order-{number}"));
        house.gateway.pay(&format!("order-{number}"));
        house.pass(2 * SECOND);
    }
    let mut passes = 0;
    for turn in 0..12 {
        let before = block_on(house.store.sweeps()).unwrap().first().and_then(|sweep| sweep.pass);
        passes += house.sweep().passes;
        if turn == 3 {
            let now = house.clock.now();
            let claim =
                SweepClaim { shop: shop(), now: now.plus(MINUTE), owner: OwnerId(Uuid::from_u128(2)), until: now };
            let mut claimed = block_on(house.store.claim_sweep(&claim)).unwrap().unwrap();
            (claimed.pass, claimed.next_at) = (before, now);
            block_on(house.store.record_sweep(&claimed)).unwrap();
        }
    }
    assert!(passes > 0, "{:?}", block_on(house.store.sweeps()));
    for number in 0..5 {
        assert_eq!(house.payment(&format!("order-{number}")).state, PaymentState::Completed, "{number}");
    }
}

#[test]
fn a_pass_that_can_go_no_further_is_begun_anew() {
    let house = House::new(SweepRules { slice_items: 2, ..pages_of(1) });
    for number in 0..3 {
        house.take(&format!("order-{number}"));
    }
    let swept = house.sweep();
    assert_eq!((swept.pages, swept.passes, swept.failed), (4, 0, 1), "all were made in one second");
    let [sweep] = <[_; 1]>::try_from(block_on(house.store.sweeps()).unwrap()).unwrap();
    assert_eq!((sweep.pass, sweep.swept_at), (None, None));
}

#[test]
fn a_turn_ends_after_its_pages_and_the_next_one_goes_on_at_once() {
    let house = House::new(SweepRules { pages_max: 2, ..pages_of(1) });
    for number in 0..5 {
        house.take(&format!("order-{number}"));
        house.pass(SECOND);
    }
    let turns: Vec<_> = (0..3).map(|_| block_on(house.desk.sweep_due()).unwrap()).collect();
    assert_eq!(turns.iter().map(|swept| (swept.pages, swept.passes)).collect::<Vec<_>>(), [(2, 0), (2, 0), (1, 1)]);
}

#[test]
fn a_refund_that_we_did_not_make_stands_beside_its_deposit() {
    let house = House::new(pages_of(10));
    let deposit = house.take("order-1");
    house.gateway.pay("order-1");
    let parent = deposit.gateway_payment_id.unwrap();
    house.gateway.make("f1", &json!({ "paymentType": "REFUND", "state": "PENDING", "parentPaymentId": parent }));
    house.sweep();
    let seen = house.payment("order-1");
    assert_eq!(
        seen.others.iter().map(|other| (other.id.as_str(), other.relation)).collect::<Vec<_>>(),
        [("f1", Elsewhere::Foreign)]
    );
    house.gateway.change(|item| item["id"] == "f1", "COMPLETED");
    house.sweep();
    assert!(house.payment("order-1").others[0].is_paid());
    assert_eq!(house.store.unmatched(), []);
}

#[test]
fn what_belongs_to_nobody_is_filed_and_matched_once_its_parent_is_known() {
    let house = House::new(pages_of(10));
    house.gateway.make(
        "f1",
        &json!({ "paymentType": "REFUND", "state": "COMPLETED", "parentPaymentId": format!("{:032x}", 3) }),
    );
    house.gateway.make("f2", &json!({ "referenceId": "somebody-elses", "state": "COMPLETED" }));
    house.sweep();
    let filed = house.store.unmatched();
    let ids: Vec<_> = filed.iter().map(|unmatched| unmatched.sighting.id.as_str()).collect();
    assert_eq!((ids, filed[0].tries), (vec!["f1", "f2"], 0));

    // The third payment at the gateway becomes ours; the list does not show the refund again by then.
    house.pass(20 * MINUTE);
    house.sweep();
    let deposit = house.take("order-1");
    assert_eq!(deposit.gateway_payment_id.unwrap().as_str(), format!("{:032x}", 3));
    house.pass(HOUR);
    let before = house.gateway.swept().len();
    house.sweep();
    assert_eq!(house.gateway.swept().len(), before + 1);
    let others = house.payment("order-1").others;
    assert_eq!(
        others.iter().map(|other| (other.id.as_str(), other.relation)).collect::<Vec<_>>(),
        [("f1", Elsewhere::Foreign)]
    );
    let filed = house.store.unmatched();
    assert_eq!(filed.iter().map(|unmatched| unmatched.sighting.id.as_str()).collect::<Vec<_>>(), ["f2"]);

    // Somebody else's is tried less and less often, and stays where it can be seen.
    house.pass(100 * HOUR);
    for _ in 0..10 {
        house.sweep();
    }
    assert_eq!(house.store.unmatched()[0].next_try_at, None);
    house.gateway.change(|item| item["id"] == "f2", "DECLINED");
    house.sweep();
    assert!(house.store.unmatched()[0].next_try_at.is_some(), "news begins it anew");
}

#[test]
fn our_reference_without_an_id_of_ours_has_the_payment_looked_up() {
    let house = House::new(pages_of(10));
    *house.gateway.clock.0.lock() += SECOND;
    house.take("order-1");
    // A second one under the same reference, made elsewhere.
    house.gateway.make("f1", &json!({ "referenceId": "order-1", "amount": 11.12 }));
    house.sweep();
    let seen = house.payment("order-1");
    assert_eq!(
        seen.others.iter().map(|other| (other.id.as_str(), other.relation)).collect::<Vec<_>>(),
        [("f1", Elsewhere::Surplus)]
    );
    assert_eq!(house.store.unmatched(), []);
}

#[test]
fn a_complete_pass_spares_the_first_look_and_a_failed_one_does_not() {
    for works in [true, false] {
        let breaker = BreakerSettings { failures: 1_000, ..BreakerSettings::default() };
        let house = House::with(Rules { breaker, sweep: Some(pages_of(10)), ..Rules::default() });
        house.take("order-1");
        let reads =
            |house: &House| house.gateway.count(|request| request.method == Method::Get && !request.path.contains('?'));
        if !works {
            house.gateway.failing.lock().extend(1..100);
        }
        for _ in 0..25 {
            house.sweep();
            house.check();
        }
        assert_eq!(reads(&house), usize::from(!works), "works: {works}");
        for _ in 0..120 {
            house.sweep();
            house.check();
        }
        assert_eq!(reads(&house), 1 + usize::from(!works), "on the slow floor it is asked for all the same: {works}");
    }
}

#[test]
fn an_empty_bucket_puts_looks_off_and_never_an_order() {
    let one = NonZeroU32::MIN;
    let rules = Rules { rate: RequestRate { per_second: one, burst: one }, ..Rules::default() };
    let house = House::with(Rules { sweep: None, ..rules });
    let taken: Vec<_> = (0..5).map(|number| house.take(&format!("order-{number}"))).collect();
    assert!(taken.iter().all(|payment| payment.state == PaymentState::Checkout), "each left at once");
    let reads = || house.gateway.count(|request| request.method == Method::Get);
    house.pass(12 * MINUTE);
    let claimed = || block_on(house.desk.check_due(2)).unwrap().payments;
    assert_eq!((claimed(), reads()), (2, 1), "one token, one look");
    assert_eq!((claimed(), reads()), (0, 1), "nothing is claimed while it is empty, though three more are due");
    for _ in 0..8 {
        house.pass(2 * SECOND);
        house.check();
    }
    assert_eq!(reads(), 5, "each of them had its look");
    assert!((0..5).all(|number| house.payment(&format!("order-{number}")).state == PaymentState::Checkout));
    struck(55, reads());
}

#[test]
fn a_sweep_waits_for_its_tokens_and_goes_on_where_it_was() {
    let one = NonZeroU32::MIN;
    let rules =
        Rules { rate: RequestRate { per_second: one, burst: one }, sweep: Some(pages_of(1)), ..Rules::default() };
    let house = House::with(rules);
    for number in 0..4 {
        house.take(&format!("order-{number}"));
        house.pass(SECOND);
    }
    house.gateway.pay("order-0");
    let mut passes = 0;
    for _ in 0..5 {
        house.pass(SECOND);
        passes += block_on(house.desk.sweep_due()).unwrap().passes;
    }
    assert_eq!((passes, house.gateway.swept().len()), (1, 4));
    assert_eq!(house.payment("order-0").state, PaymentState::Completed);
}
