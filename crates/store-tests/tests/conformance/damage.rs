//! What was written past the store is noticed.

use domain::{Actor, Command, Evidence, GatewayState, Payment, Seen, Source};
use store::{Birth, Opened, Outcome, Write};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

/// How each rule is broken, how that is undone, and the rule.
const DAMAGES: [(&str, &str, &str); 15] = [
    (
        "update payments set version = version + 1",
        "update payments set version = version - 1",
        "I9 version is not its entries",
    ),
    (
        "update payments set payment_id = '00000000-0000-0000-0000-0000000000ff' where reference_id = 'order-1'",
        "update payments set payment_id = '00000000-0000-0000-0000-000000000001' where reference_id = 'order-1'",
        "I9 entries of no payment",
    ),
    (
        "update payments set state = 'PENDING' where reference_id = 'order-2'",
        "update payments set state = 'CHECKOUT' where reference_id = 'order-2'",
        "I9 state is not that of its entries",
    ),
    (
        "update payments set gateway_payment_id = null",
        "update payments set gateway_payment_id = 'gw2' where reference_id = 'order-2'",
        "I5 state without gateway payment",
    ),
    (
        "update payment_checks set next_check_at = checked_at, checked_at = next_check_at",
        "update payment_checks set next_check_at = checked_at, checked_at = next_check_at",
        "I7 open without next check",
    ),
    (
        "update payment_checks set open_state = 'PENDING' where open_state = 'CHECKOUT'",
        "update payment_checks set open_state = 'CHECKOUT' where open_state = 'PENDING'",
        "I7 open state differs",
    ),
    (
        "update gateway_payments set gateway_payment_id = 'gone'",
        "update gateway_payments set gateway_payment_id = 'gw2'",
        "I8 adopted id not claimed",
    ),
    (
        "update payments set gateway_payment_id = 'gw2' where reference_id = 'order-1'",
        "update payments set gateway_payment_id = null where reference_id = 'order-1'",
        "I2 gateway payment adopted twice",
    ),
    (
        "update outbox set sequence = 9 where sequence = 1",
        "update outbox set sequence = 1 where sequence = 9",
        "I9 outbox has gaps",
    ),
    (
        "insert into outbox (payment_id, sequence, version, state, occurred_at, position) \
         select '00000000-0000-0000-0000-0000000000fe', 1, 1, state, occurred_at, 1 from outbox limit 1",
        "delete from outbox where payment_id = '00000000-0000-0000-0000-0000000000fe'",
        "I6 acknowledged and gone",
    ),
    (
        "update payments set metadata = '{\"a\": \"x\", \"b\": \"x\", \"c\": \"x\", \"d\": \"x\", \"e\": \"x\", \"f\": \"x\", \"g\": \"x\", \"h\": \"x\", \"i\": \"x\", \"j\": \"x\", \"k\": \"x\", \"l\": \"x\", \"m\": \"x\", \"n\": \"x\", \"o\": \"x\", \"p\": \"x\"}' where reference_id = 'order-1'",
        "update payments set metadata = '{}' where reference_id = 'order-1'",
        "I14 beyond its bound",
    ),
    (
        "update event_feed set last_position = last_position + 1",
        "update event_feed set last_position = last_position - 1",
        "I9 feed has gaps",
    ),
    (
        "insert into webhook_deliveries (endpoint_id, payment_id, sequence, state, attempts, parked_at) \
         select payment_id, payment_id, 1, 'waiting', 0, occurred_at from outbox limit 1",
        "delete from webhook_deliveries",
        "I7 delivery without next",
    ),
    (
        "update payments set state_changes = state_changes + 1",
        "update payments set state_changes = state_changes - 1",
        "I9 outbox misses a change",
    ),
    (
        "update payments set state = 'REJECTED' where reference_id = 'order-1'",
        "update payments set state = 'SUBMITTED' where reference_id = 'order-1'",
        "I12 request kept too long",
    ),
];

/// The same for a deposit of 100, of which refunds of 60 and 40 hold all.
const DAMAGES_OF_REFUNDS: [(&str, &str, &str); 3] = [
    (
        "update payments set payment_type = 'REFUND', parent_payment_id = '00000000-0000-0000-0000-000000000001' where reference_id = 'held'",
        "update payments set payment_type = 'DEPOSIT', parent_payment_id = null where reference_id = 'held'",
        "I10 refunded more than captured",
    ),
    (
        "update payments set refunds = '[]' where reference_id = 'deposit'",
        "update payments set refunds = '[{\"id\": \"00000000-0000-0000-0000-000000000002\", \"money\": {\"amount\": \"60\", \"currency\": \"EUR\"}, \"standing\": \"reserved\"}, {\"id\": \"00000000-0000-0000-0000-000000000003\", \"money\": {\"amount\": \"40\", \"currency\": \"EUR\"}, \"standing\": \"reserved\"}]' where reference_id = 'deposit'",
        "I10 refund unknown to its deposit",
    ),
    (
        "update payments set commands = '[{\"command\": {\"kind\": \"void\"}, \"outcome\": {\"kind\": \"unknown\"}}]' where reference_id = 'deposit'",
        "update payments set commands = '[]' where reference_id = 'deposit'",
        "I7 open command without next check",
    ),
];

async fn each_is_noticed(store: &TestStore, damages: &[(&str, &str, &str)]) {
    let violations = async || store.reads().violations().await.unwrap();
    assert_eq!(violations().await, []);
    for (damage, repair, rule) in damages {
        store.execute(damage).await;
        let found = violations().await;
        assert!(found.iter().any(|violation| violation.rule == *rule && !violation.of.is_empty()), "{rule}: {found:?}");
        store.execute(repair).await;
        assert_eq!(violations().await, [], "after the repair of {rule}");
    }
}

on_both_databases! {
    async fn each_damage_is_noticed_by_its_rule(store: &TestStore) {
        furnish(store).await;
        each_is_noticed(store, &DAMAGES).await;
    }

    async fn each_damage_to_a_refunded_deposit_is_noticed_by_its_rule(store: &TestStore) {
        refund(store).await;
        each_is_noticed(store, &DAMAGES_OF_REFUNDS).await;
    }

    async fn what_commands_and_refunds_made_of_a_payment_is_read_as_it_was_written(store: &TestStore) {
        refund(store).await;
        let deposit = store.load_id(id(1)).await.payment;
        assert_eq!(deposit.refunds.all().iter().map(|refund| refund.id).collect::<Vec<_>>(), [id(2), id(3)]);
        assert_eq!(store.load_id(id(2)).await.payment.opening.ordered_by, Some(actor()));
        let mut held = store.load_id(id(4)).await;
        for evidence in [
            accepted(&held.payment, "gw4", GatewayState::Authorized, at(1)),
            issued(1, Command::Capture { amount: Some(money("12.5", "EUR")) }, at(3)),
        ] {
            assert_eq!(store.commit(&[write(&held, &evidence)]).await, [Outcome::Won]);
            held = store.load_id(id(4)).await;
            // A capture is allowed once the authorization was read by its id.
            let read = Evidence { source: Source::Poll, begun_at: Some(at(2)), ..reported(&held.payment, "gw4", GatewayState::Authorized, at(2)) };
            if held.payment.commands.issued().is_empty() {
                assert_eq!(store.commit(&[write(&held, &read)]).await, [Outcome::Won]);
                held = store.load_id(id(4)).await;
            }
        }
        let audited = store.audited(id(4)).await;
        assert_eq!(Payment::fold(&audited.ledger).as_ref(), Ok(&held.payment));
        assert_eq!(held.payment.commands.issued().len(), 1);
    }

    async fn a_ledger_is_only_added_to(store: &TestStore) {
        furnish(store).await;
        for change in ["update payment_events set verdict = 'stale'", "delete from payment_events"] {
            let refused = store.try_execute(change).await.expect_err(change);
            assert!(refused.to_string().contains("only added"), "{refused}");
        }
        assert_eq!(store.audited(id(2)).await.ledger.len(), 2);
    }
}

/// What cannot be undone, since a ledger is only added to: each statement, and the rule that it breaks.
const FOR_EVER: [(&str, &str); 5] = [
    (
        "update payments set attempts = '[{\"outcome\": \"unknown\"}, {\"outcome\": \"in-flight\"}, {\"outcome\": \"accepted\"}]'
         where reference_id = 'order-1'",
        "I1 more requests than allowed",
    ),
    (
        "insert into payment_events
         select payment_id, sequence + 100, at, 'poll', 'moves', 'reported', 'COMPLETED', seen, '{\"state\": \"COMPLETED\"}'
         from payment_events where sequence = 1;
         insert into payment_events
         select payment_id, sequence + 101, at, 'poll', 'moves', 'reported', 'DECLINED', seen, '{\"state\": \"DECLINED\"}'
         from payment_events where sequence = 1",
        "I4 end that changed",
    ),
    (
        "insert into payment_events
         select payment_id, sequence + 200, at, 'request', 'moves', 'outcome-unknown', 'DECLINED', seen, '{\"state\": \"DECLINED\"}'
         from payment_events where sequence = 1",
        "I5 state without evidence",
    ),
    (
        "insert into payment_events
         select payment_id, sequence + 300, at, 'webhook', 'confirms', 'reported', 'CHECKOUT',
                '{\"kind\": \"reported\", \"sighting\": {\"id\": \"gw9\"}}', '{}'
         from payment_events where sequence = 1",
        "I13 notice that never came",
    ),
    ("update books set last_position = 7", "I11 books have gaps"),
];

async fn each_is_noticed_for_ever(store: TestStore) {
    furnish(&store).await;
    for (damage, rule) in FOR_EVER {
        let found = async || store.reads().violations().await.unwrap().into_iter().any(|found| found.rule == rule);
        assert!(!found().await, "{rule} before");
        store.execute(damage).await;
        assert!(found().await, "{rule}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_added_past_the_store_is_noticed_on_sqlite() {
    each_is_noticed_for_ever(TestStore::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_added_past_the_store_is_noticed_on_postgres() {
    each_is_noticed_for_ever(TestStore::on_postgres().await).await;
}

fn actor() -> Actor {
    Actor { key: uuid::Uuid::from_u128(77), name: "back office".to_owned() }
}

fn issued(number: usize, command: Command, at: domain::Time) -> Evidence {
    let seen = Seen::CommandIssued { number, id: Some(uuid::Uuid::from_u128(8)), command, by: Some(actor()) };
    Evidence { source: Source::Request, at, begun_at: None, seen }
}

/// A deposit of 100 that was paid, with two refunds on their way, and another deposit of 100.
async fn refund(store: &TestStore) {
    assert_eq!(store.open(&[birth(1, "deposit"), birth(4, "held")]).await, [Opened::New, Opened::New]);
    let mut deposit = store.load_id(id(1)).await;
    let paid = accepted(&deposit.payment, "gw1", GatewayState::Completed, at(1));
    assert_eq!(store.commit(&[write(&deposit, &paid)]).await, [Outcome::Won]);
    deposit = store.load_id(id(1)).await;
    let read = Evidence {
        source: Source::Poll,
        begun_at: Some(at(2)),
        ..reported(&deposit.payment, "gw1", GatewayState::Completed, at(2))
    };
    let confirmed = moves(store::Move { progress: domain::Progress::default(), ..decided(&deposit, &read) });
    assert_eq!(store.commit(&[confirmed]).await, [Outcome::Won]);
    for (number, amount) in [(2, "60"), (3, "40")] {
        deposit = store.load_id(id(1)).await;
        let seen = Seen::RefundOpened { refund: id(number), money: money(amount, "EUR"), by: Some(actor()) };
        let reserve = Evidence { source: Source::Request, at: at(3), begun_at: None, seen };
        let child = domain::Opening {
            payment_type: domain::PaymentType::Refund,
            requested: money(amount, "EUR"),
            parent: Some(id(1)),
            ordered_by: Some(actor()),
            ..opening(number, &format!("refund-{number}"))
        };
        let reserved = store::Move { progress: domain::Progress::default(), ..decided(&deposit, &reserve) };
        let unit = Write { birth: Some(birth_of(child)), ..moves(reserved) };
        assert_eq!(store.commit(&[unit]).await, [Outcome::Won]);
    }
}

/// One payment of unknown outcome whose request is kept, and one on the checkout page.
async fn furnish(store: &TestStore) {
    let births = [Birth { kept_request: Some(vec![1]), ..birth(1, "order-1") }, birth(2, "order-2")];
    assert_eq!(store.open(&births).await, [Opened::New, Opened::New]);
    let two = store.load_id(id(2)).await;
    let adopting = write(&two, &accepted(&two.payment, "gw2", GatewayState::Checkout, at(1)));
    assert_eq!(store.commit(&[adopting]).await, [Outcome::Won]);
}
