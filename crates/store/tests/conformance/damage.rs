//! What was written past the store is noticed.

use domain::GatewayState;
use store::{Birth, Opened, Outcome};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

/// How each rule is broken, how that is undone, and the rule.
const DAMAGES: [(&str, &str, &str); 11] = [
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

on_both_databases! {
    async fn each_damage_is_noticed_by_its_rule(store: &TestStore) {
        furnish(store).await;
        let violations = async || store.reads().violations().await.unwrap();
        assert_eq!(violations().await, []);
        for (damage, repair, rule) in DAMAGES {
            store.execute(damage).await;
            let found = violations().await;
            assert!(found.iter().any(|violation| violation.rule == rule && !violation.of.is_empty()), "{rule}: {found:?}");
            store.execute(repair).await;
            assert_eq!(violations().await, [], "after the repair of {rule}");
        }
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

/// One payment of unknown outcome whose request is kept, and one on the checkout page.
async fn furnish(store: &TestStore) {
    let births = [Birth { kept_request: Some(vec![1]), ..birth(1, "order-1") }, birth(2, "order-2")];
    assert_eq!(store.open(&births).await, [Opened::New, Opened::New]);
    let two = store.load_id(id(2)).await;
    let adopting = write(&two, &accepted(&two.payment, "gw2", GatewayState::Checkout, at(1)));
    assert_eq!(store.commit(&[adopting]).await, [Outcome::Won]);
}
