//! Ends that somebody who tries things out asks for, and prefixes of their own.

use gateway_simulator::{Fault, Outcome, OutcomeRefused, PaymentId, PaymentState};
use serde_json::{Value, json};

use crate::shop_floor::{ShopFloor, deposit, with};

/// A payment that is open; its id.
fn made(floor: &mut ShopFloor, order: &Value) -> PaymentId {
    let (status, body) = floor.post(order);
    assert_eq!(status, 200, "{body}");
    body["result"]["id"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_payment_ends_as_it_is_told_whatever_its_card_or_reference_would_bring_about() {
    let mut floor = ShopFloor::open();
    let payout = |reference| with(deposit(reference), json!({ "paymentType": "WITHDRAWAL" }));
    let held = |reference| with(deposit(reference), json!({ "preAuth": true }));
    for (order, outcome, state) in [
        (deposit("declined-1"), Outcome::Completed, "COMPLETED"),
        (deposit("order-1"), Outcome::Declined, "DECLINED"),
        (deposit("order-2"), Outcome::Cancelled, "CANCELLED"),
        (held("order-3"), Outcome::Authorized, "AUTHORIZED"),
        (payout("payout-1"), Outcome::Completed, "COMPLETED"),
        (payout("payout-2"), Outcome::Declined, "DECLINED"),
    ] {
        let id = made(&mut floor, &order);
        assert_eq!(floor.engine.conclude(floor.now, id, outcome).unwrap().state().name(), state);
        let told = floor.engine.take_due_deliveries(floor.now);
        assert_eq!(told.iter().map(|it| (it.payment_id, it.state.name())).collect::<Vec<_>>(), [(id, state)]);
        floor.wait(60);
        assert_eq!(floor.state(id), state, "and stays so");
    }
}

#[test]
fn what_is_over_or_never_ends_so_is_refused() {
    let mut floor = ShopFloor::open();
    let over = floor.paid_deposit("order-1");
    let open = floor.deposit("order-2");
    let pre_authorized = made(&mut floor, &with(deposit("order-3"), json!({ "preAuth": true })));
    let payout = made(&mut floor, &with(deposit("payout-1"), json!({ "paymentType": "WITHDRAWAL" })));
    let held = made(&mut floor, &with(deposit("held-1"), json!({ "paymentType": "WITHDRAWAL" })));
    let unknown: PaymentId = "00000000000000000000000000000000".parse().unwrap();
    let mut refused = |id, outcome| floor.engine.conclude(floor.now, id, outcome).map(|_| ()).unwrap_err();
    assert_eq!(refused(unknown, Outcome::Completed), OutcomeRefused::NotFound);
    assert_eq!(refused(over, Outcome::Declined), OutcomeRefused::NotOpen(PaymentState::Completed));
    assert_eq!(refused(held, Outcome::Completed), OutcomeRefused::NotOpen(PaymentState::AwaitingApproval));
    for (id, outcome) in
        [(open, Outcome::Authorized), (pre_authorized, Outcome::Completed), (payout, Outcome::Cancelled)]
    {
        assert!(matches!(refused(id, outcome), OutcomeRefused::NotOfThis(_)), "{outcome:?}");
    }
}

#[test]
fn prefixes_of_ones_own_strike_like_the_well_known_ones_and_replace_what_they_meant_before() {
    let mut floor = ShopFloor::open();
    let mine = |fault| ("mine-".to_owned(), fault);
    floor.engine.reserve([mine(Fault::StatusBefore(503)), mine(Fault::HookTwice)]);
    assert_eq!(floor.post(&deposit("mine-1")).0, 503);
    let id = floor.deposit("mine-1");
    floor.engine.conclude(floor.now, id, Outcome::Completed).unwrap();
    assert_eq!(floor.engine.take_all_deliveries().len(), 2);

    floor.engine.reserve([mine(Fault::StatusBefore(500))]);
    assert_eq!(floor.post(&deposit("mine-2")).0, 500);
    assert_eq!(floor.engine.reserved().iter().filter(|(prefix, _)| prefix == "mine-").count(), 1);
}

#[test]
fn an_end_can_be_contradicted_by_a_second_webhook_that_is_not_true() {
    let mut floor = ShopFloor::open();
    let id = floor.paid_deposit("hook-contradicted-1");
    let told = floor.engine.take_all_deliveries();
    let states: Vec<_> = told.iter().map(|it| it.state.name()).collect();
    assert_eq!((states.as_slice(), floor.state(id)), (&["COMPLETED", "DECLINED"][..], "COMPLETED"));
    let second: Value = serde_json::from_slice(&told[1].body).unwrap();
    assert_eq!((&second["state"], &second["id"]), (&json!("DECLINED"), &json!(id.to_string())));
    assert_ne!(told[0].signature, told[1].signature, "each is signed over its own bytes");
}
