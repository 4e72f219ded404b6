//! What may leave, and what forbids it: a gateway and clocks that do as a test says, over the store in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Flow, Money, Order, Payment, PaymentId, PaymentState, PaymentType, ShopName, Time};
use futures::executor::block_on;
use gateway_client::answer::{Failure, RawAnswer, Received, UnknownReason};
use gateway_client::request::{Method, Request};
use gateway_client::signature::{Encoding, SigningKeys};
use orchestrator::{Clock, Desk, Gateway, Parts, Rules, Vault};
use parking_lot::Mutex;
use rust_decimal::Decimal;
use store::{Coalescer, MemoryStore, OwnerId};
use uuid::Uuid;

/// Answers every POST and every list alike.
struct Scripted {
    post: Script,
    list: Script,
    posts: Mutex<u32>,
}

#[async_trait]
impl Gateway for Scripted {
    async fn exchange(&self, _: &ShopName, request: Request) -> Received {
        if request.method == Method::Post {
            *self.posts.lock() += 1;
            return self.post.received();
        }
        self.list.received()
    }
}

/// Time that a test moves. With every look at the uptime it may move by itself, as if the machine were slow.
#[derive(Default)]
struct Hand {
    passed: Mutex<Duration>,
    slowness: Mutex<Duration>,
}

impl Hand {
    fn pass(&self, by: Duration) {
        *self.passed.lock() += by;
    }
}

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::EPOCH.plus(*self.passed.lock())
    }

    fn uptime(&self) -> Duration {
        let uptime = *self.passed.lock();
        self.pass(*self.slowness.lock());
        uptime
    }
}

struct House {
    desk: Desk,
    gateway: Arc<Scripted>,
    clock: Arc<Hand>,
}

impl House {
    fn new(post: Script, list: Script) -> Self {
        Self::with(Rules::default(), post, list)
    }

    fn with(rules: Rules, post: Script, list: Script) -> Self {
        let gateway = Arc::new(Scripted { post, list, posts: Mutex::default() });
        let clock = Arc::new(Hand::default());
        let keys = SigningKeys::new("a-signing-key".to_owned().into(), [], Encoding::Hex).unwrap();
        let desk = Desk::new(Parts {
            store: Arc::new(Coalescer::new(Arc::new(MemoryStore::new()), 1)),
            gateway: gateway.clone(),
            clock: clock.clone(),
            vault: Vault::new(&"a-master-key-of-32-characters-at-least".to_owned().into()).unwrap(),
            signing_keys: BTreeMap::from([(shop(), keys)]),
            owner: OwnerId(Uuid::from_u128(1)),
            rules,
        });
        Self { desk, gateway, clock }
    }

    fn take(&self) -> Payment {
        block_on(self.desk.take(PaymentId::from(Uuid::from_u128(7)), deposit(), None)).unwrap().stored.payment
    }

    /// Lets the hours go by, a worker looking after what is due.
    fn pass(&self, total: Duration, step: Duration) {
        let end = self.clock.now().plus(total);
        while self.clock.now() < end {
            self.clock.pass(step);
            block_on(self.desk.probe_gateways());
            block_on(self.desk.check_due(10)).unwrap();
        }
    }

    fn payment(&self) -> Payment {
        let name = store::Name::Id(PaymentId::from(Uuid::from_u128(7)));
        block_on(self.desk.find(name)).unwrap().unwrap().payment
    }

    fn posts(&self) -> u32 {
        *self.gateway.posts.lock()
    }
}

fn shop() -> ShopName {
    "main".parse().unwrap()
}

fn deposit() -> Order {
    Order {
        shop: shop(),
        reference_id: "order-1001".parse().unwrap(),
        payment_type: PaymentType::Deposit,
        money: Money::requested(Decimal::new(1112, 2), "EUR".parse().unwrap()).unwrap(),
        payment_method: None,
        flow: Flow::Redirect,
        flow_asked: None,
        pre_auth: false,
        start_recurring: false,
        description: None,
        return_url: None,
        checkout_style: None,
        customer: None,
        billing_address: None,
        additional_parameters: BTreeMap::new(),
        metadata: BTreeMap::new(),
    }
}

/// What the gateway answers with 200, or nothing at all.
#[derive(Clone, Copy)]
enum Script {
    Lost,
    Body(&'static str),
}

impl Script {
    fn received(self) -> Received {
        match self {
            Self::Lost => Err(Failure::Unknown(UnknownReason::ConnectionLost)),
            Self::Body(body) => Ok(RawAnswer::new(200, body)),
        }
    }
}

const ACCEPTED: Script = Script::Body(
    r#"{"status":200,"result":{"id":"91d27876e87f4b22b3ecd53924bf973d","paymentType":"DEPOSIT",
        "state":"CHECKOUT","currency":"EUR","redirectUrl":"https://checkout.example/1"}}"#,
);
const EMPTY_LIST: Script = Script::Body(r#"{"status":200,"hasMore":false,"result":[]}"#);
const LIST_WITH_AN_ITEM_WITHOUT_ID: Script =
    Script::Body(r#"{"status":200,"hasMore":false,"result":[{"referenceId":"order-1001"}]}"#);

/// Nobody else may be on it while its request is on its way: a lease that has grown too old is given up unsent.
#[test]
fn a_request_whose_entry_took_too_long_to_be_durable_does_not_leave() {
    let house = House::new(ACCEPTED, EMPTY_LIST);
    *house.clock.slowness.lock() = Duration::from_secs(21);
    let taken = house.take();
    assert_eq!((taken.state, house.posts()), (PaymentState::Submitted, 0));

    *house.clock.slowness.lock() = Duration::ZERO;
    house.pass(Duration::from_mins(1), Duration::from_secs(1));
    assert_eq!((house.payment().state, house.posts()), (PaymentState::Checkout, 1), "it leaves under a new lease");
}

#[test]
fn a_request_that_was_never_found_leaves_once_more() {
    let house = House::new(Script::Lost, EMPTY_LIST);
    house.take();
    house.pass(Duration::from_hours(2), Duration::from_secs(10));
    assert_eq!((house.payment().state, house.posts()), (PaymentState::Submitted, 2), "and never a third time");
}

/// The item that cannot be read may be the very payment that is looked for.
#[test]
fn a_list_that_cannot_be_read_wholly_proves_no_absence() {
    let house = House::new(Script::Lost, LIST_WITH_AN_ITEM_WITHOUT_ID);
    house.take();
    house.pass(Duration::from_hours(80), Duration::from_mins(1));
    assert_eq!((house.payment().state, house.posts()), (PaymentState::Submitted, 1));
}

#[test]
fn a_method_that_moves_money_by_itself_is_never_sent_twice() {
    let rules = Rules { moving_methods: BTreeSet::from(["PIX".parse().unwrap()]), ..Rules::default() };
    let house = House::with(rules, Script::Lost, EMPTY_LIST);
    let order = Order { payment_method: "PIX".parse().ok(), ..deposit() };
    block_on(house.desk.take(PaymentId::from(Uuid::from_u128(7)), order, None)).unwrap();
    house.pass(Duration::from_hours(80), Duration::from_mins(1));
    assert_eq!((house.payment().state, house.posts()), (PaymentState::Submitted, 1));
}
