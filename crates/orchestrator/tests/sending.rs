//! What may leave, and what forbids it: a gateway and clocks that do as a test says, over the store in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use fault_catalogue::struck;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{
    Card, CardSource, Expiry, Instrument, Kind, Money, Order, Parent, Payment, PaymentId, PaymentMethod, PaymentState,
    PaymentType, ShopName, Time,
};
use futures::executor::block_on;
use gateway_client::answer::{Failure, NotSentReason, RawAnswer, Received, UnknownReason};
use gateway_client::request::{Method, Request};
use gateway_client::signature::{Encoding, SigningKeys};
use orchestrator::{Clock, DeedError, Desk, Gateway, Parts, Rules, Vault, kind_of};
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
    store: Arc<MemoryStore>,
}

impl House {
    fn new(post: Script, list: Script) -> Self {
        Self::with(Rules::default(), post, list)
    }

    fn with(rules: Rules, post: Script, list: Script) -> Self {
        let gateway = Arc::new(Scripted { post, list, posts: Mutex::default() });
        let clock = Arc::new(Hand::default());
        let keys = SigningKeys::new("a-signing-key".to_owned().into(), [], Encoding::Hex).unwrap();
        let store = Arc::new(MemoryStore::new());
        let desk = Desk::new(Parts {
            store: Arc::new(Coalescer::new(store.clone(), 1)),
            means: store.clone(),
            gateway: gateway.clone(),
            clock: clock.clone(),
            vault: Vault::new(&"a-master-key-of-32-characters-at-least".to_owned().into()).unwrap(),
            signing_keys: BTreeMap::from([(shop(), keys)]),
            owner: OwnerId(Uuid::from_u128(1)),
            rules,
        });
        Self { desk, gateway, clock, store }
    }

    fn take(&self) -> Payment {
        self.order(deposit()).unwrap()
    }

    fn order(&self, order: Order) -> Result<Payment, DeedError> {
        block_on(self.desk.take(PaymentId::from(Uuid::from_u128(7)), order, None, None))
            .map(|taken| taken.stored.payment)
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
    let money = Money::requested(Decimal::new(1112, 2), "EUR".parse().unwrap()).unwrap();
    Order::new(shop(), "order-1001".parse().unwrap(), PaymentType::Deposit, money)
}

/// What the gateway answers with 200, or nothing at all.
#[derive(Clone, Copy)]
enum Script {
    NotSent,
    Lost,
    Body(&'static str),
    Refusal(u16, &'static str),
}

impl Script {
    fn received(self) -> Received {
        match self {
            Self::NotSent => Err(Failure::NotSent(NotSentReason::ConnectionRefused)),
            Self::Lost => Err(Failure::Unknown(UnknownReason::ConnectionLost)),
            Self::Body(body) => Ok(RawAnswer::new(200, body)),
            Self::Refusal(status, body) => Ok(RawAnswer::new(status, body)),
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
    struck(43, house.posts());
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
    struck(28, house.posts());
}

#[test]
fn a_method_that_moves_money_by_itself_is_never_sent_twice() {
    let rules = Rules { moving_methods: BTreeSet::from(["PIX".parse().unwrap()]), ..Rules::default() };
    let house = House::with(rules, Script::Lost, EMPTY_LIST);
    house.order(Order { payment_method: "PIX".parse().ok(), ..deposit() }).unwrap();
    house.pass(Duration::from_hours(80), Duration::from_mins(1));
    assert_eq!((house.payment().state, house.posts()), (PaymentState::Submitted, 1));
}

/// Each instrument that an order can have, or none.
fn instruments() -> Vec<Option<Box<Instrument>>> {
    let card = |source| {
        Some(Box::new(Instrument::Card(Card { source, holder_name: None, security_code: None, expiry: None })))
    };
    let wallet = |made: fn(_) -> Instrument| Some(Box::new(made("{}".parse().unwrap())));
    vec![
        None,
        card(CardSource::Number("4000000000000002".parse().unwrap())),
        card(CardSource::Token("a-token".parse().unwrap())),
        wallet(Instrument::GooglePay),
        wallet(Instrument::ApplePay),
    ]
}

/// Protocols, section 1: inert is a deposit with none of card, token, wallet, recurring token and parent, by a method
/// that is not listed. Whether it only holds the money or begins a chain does not matter.
#[test]
fn an_order_is_inert_by_exactly_the_rule_and_moving_in_every_other_combination() {
    let listed: BTreeSet<PaymentMethod> = BTreeSet::from(["PIX".parse().unwrap()]);
    let (mut inert, mut moving) = (0, 0);
    for payment_type in [PaymentType::Deposit, PaymentType::Withdrawal, PaymentType::Refund] {
        for method in [None, Some("BASIC_CARD"), Some("PIX")] {
            for instrument in instruments() {
                for recurring_token in [None, "rt-1".parse().ok()] {
                    for parent in [
                        None,
                        Some(Parent::Ours(PaymentId::from(Uuid::from_u128(1)))),
                        Some(Parent::AtGateway("91d27876e87f4b22b3ecd53924bf973d".parse().unwrap())),
                    ] {
                        for switches in 0..4 {
                            let order = Order {
                                payment_type,
                                payment_method: method.map(|method| method.parse().unwrap()),
                                instrument: instrument.clone(),
                                recurring_token: recurring_token.clone(),
                                parent: parent.clone(),
                                pre_auth: switches & 1 == 1,
                                start_recurring: switches & 2 == 2,
                                ..deposit()
                            };
                            let is_inert = payment_type == PaymentType::Deposit
                                && method != Some("PIX")
                                && instrument.is_none()
                                && recurring_token.is_none()
                                && parent.is_none();
                            let expected = if is_inert { Kind::Inert } else { Kind::Moving };
                            assert_eq!(kind_of(&order, &listed), expected, "{order:?}");
                            if is_inert { inert += 1 } else { moving += 1 }
                        }
                    }
                }
            }
        }
    }
    assert_eq!((inert, moving), (2 * 4, 3 * 3 * 5 * 2 * 3 * 4 - 2 * 4));
}

fn by_card() -> Order {
    let card = Card {
        source: CardSource::Number("4000 0000 0000 0002".parse().unwrap()),
        holder_name: "Marta Keller".parse().ok(),
        security_code: "9371".parse().ok(),
        expiry: Some(Expiry::new("06".parse().unwrap(), "2031".parse().unwrap())),
    };
    Order { instrument: Some(Box::new(Instrument::Card(card))), ..deposit() }
}

/// Nothing is kept that it could be sent from again, so what is proven unsent is over.
#[test]
fn a_card_whose_request_did_not_get_through_ends_as_not_sent_and_nothing_of_it_is_kept() {
    let house = House::new(Script::NotSent, EMPTY_LIST);
    assert_eq!(house.order(by_card()).unwrap().state, PaymentState::Submitted);
    assert!(house.store.kept_requests().is_empty());
    house.pass(Duration::from_mins(1), Duration::from_secs(1));
    let payment = house.payment();
    assert_eq!((payment.state, house.posts()), (PaymentState::Rejected, 1));
    assert_eq!(payment.error.unwrap().code, "not-sent");
}

#[test]
fn what_pays_by_itself_is_never_sent_twice_when_its_answer_is_lost() {
    let payout = Order { payment_type: PaymentType::Withdrawal, ..deposit() };
    let charge = Order { recurring_token: "rt-1".parse().ok(), ..deposit() };
    let mut orders = vec![payout, charge];
    orders.extend(instruments().into_iter().flatten().map(|one| Order { instrument: Some(one), ..deposit() }));
    let mut lost = 0;
    for order in orders {
        let house = House::new(Script::Lost, EMPTY_LIST);
        house.order(order.clone()).unwrap();
        house.pass(Duration::from_hours(80), Duration::from_mins(1));
        assert_eq!((house.payment().state, house.posts()), (PaymentState::Submitted, 1), "{order:?}");
        lost += house.posts();
    }
    struck(57, lost);
}

#[test]
fn a_payout_that_did_not_get_through_is_sent_again_from_what_was_kept() {
    let house = House::new(Script::NotSent, EMPTY_LIST);
    house.order(Order { payment_type: PaymentType::Withdrawal, ..deposit() }).unwrap();
    assert_eq!(house.store.kept_requests().len(), 1);
    house.pass(Duration::from_hours(1), Duration::from_secs(5));
    let payment = house.payment();
    assert!(house.posts() > 1, "{}", house.posts());
    assert_eq!(payment.error.unwrap().code, "not-sent");
}

const TOKEN: &str = r#"{"paymentData":{"data":"a-payload-of-a-wallet"}}"#;
const ECHO: &str = r#"{"status":400,"path":"/",
        "message":"cannot read 4000000000000002 9371 a-payload-of-a-wallet rt-of-somebody",
    "errors":[{"field":"card.cardSecurityCode","defaultMessage":"9371 is not valid"},
              {"field":"applePay","defaultMessage":"a-payload-of-a-wallet"},
              {"field":"recurringToken","defaultMessage":"rt-of-somebody","code":"typeMismatch.rt-of-somebody"},
              {"defaultMessage":"9371"},
              {"field":"customer.email","defaultMessage":"must be an e-mail address"}]}"#;

/// What the gateway, or whatever stands before it, says may repeat what it was sent.
#[test]
fn an_answer_that_repeats_a_secret_leaves_it_nowhere() {
    let wallet = Order { instrument: Some(Box::new(Instrument::ApplePay(TOKEN.parse().unwrap()))), ..deposit() };
    let charge = Order { recurring_token: "rt-of-somebody".parse().ok(), ..deposit() };
    for order in [by_card(), wallet, charge] {
        for status in [400, 401] {
            let echo = if status == 400 { ECHO } else { &*ECHO.replace("400,", "401,").leak() };
            let house = House::new(Script::Refusal(status, echo), EMPTY_LIST);
            let payment = house.order(order.clone()).unwrap();
            let ledger = house.store.audited(payment.id()).unwrap().ledger;
            let written = serde_json::to_string(&ledger).unwrap();
            let shown = format!("{payment:?} {written} {}", payment.why(&domain::Progress::default()));
            for secret in ["4000000000000002", "9371", "a-payload", "rt-of"] {
                assert!(!shown.contains(secret), "{secret}: {shown}");
            }
            assert!(shown.contains("must be an e-mail address"), "what holds no secret is told: {shown}");
        }
    }
}

#[test]
fn a_card_that_is_no_longer_good_is_not_sent_and_what_was_taken_with_it_is_still_answered() {
    let house = House::new(ACCEPTED, EMPTY_LIST);
    let taken = house.order(by_card()).unwrap();
    // Sixty-two years.
    house.clock.pass(Duration::from_hours(24 * 366 * 62));
    assert_eq!(house.order(by_card()).unwrap().id(), taken.id());
    let another = Order { reference_id: "order-1002".parse().unwrap(), ..by_card() };
    let refused = house.order(another).unwrap_err();
    assert!(matches!(refused, DeedError::InvalidOrder { errors } if errors[0].0 == "/card/expiryYear"));
    assert_eq!(house.posts(), 1);
}
