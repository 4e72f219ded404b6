//! The customer, the cards, the limits, the clock (sections 8, 10, 12 and 15).

use gateway_simulator::{Amount, CardOutcome, DeedRefused, ErrorCode, PaymentState, SANDBOX_CARDS, Switches, Which};
use serde_json::json;

use crate::shop_floor::{ShopFloor, deposit, with};

#[test]
fn every_sandbox_card_does_what_the_table_says() {
    for card in SANDBOX_CARDS {
        let mut floor = ShopFloor::open();
        let id = floor.deposit("order-1");
        floor.engine.pay(floor.now, Which::Id(id), Some(card.number)).unwrap();
        let read = floor.read(id);
        match card.outcome {
            CardOutcome::Success => assert_eq!((&read["state"], read.get("errorCode")), (&json!("COMPLETED"), None)),
            CardOutcome::Declined => {
                assert_eq!((&read["state"], &read["errorCode"]), (&json!("DECLINED"), &json!("4.00")));
            }
        }
        assert_eq!(read["paymentMethodDetails"]["cardBrand"], card.brand);
        let (first, last) = (&card.number[..6], &card.number[12..]);
        assert_eq!(read["paymentMethodDetails"]["customerAccountNumber"], format!("{first}***{last}"));
        assert_eq!(read["paymentMethod"], "BASIC_CARD");
    }
}

#[test]
fn a_card_may_be_typed_with_spaces_and_a_strange_one_is_declined() {
    let mut floor = ShopFloor::open();
    let spaced = floor.deposit("order-1");
    floor.engine.pay(floor.now, Which::Id(spaced), Some("4000 0000 0000 0002")).unwrap();
    assert_eq!(floor.state(spaced), "COMPLETED");

    let strange = floor.deposit("order-2");
    floor.engine.pay(floor.now, Which::Id(strange), Some("6011000990139424")).unwrap();
    assert_eq!(floor.read(strange)["errorCode"], "4.13");
}

#[test]
fn the_card_that_the_merchant_sent_is_used_and_its_number_kept_nowhere() {
    let mut floor = ShopFloor::open();
    let card = json!({ "cardNumber": "4000000000000416", "cardholderName": "Lee Tan", "cardSecurityCode": "123",
                       "expiryMonth": "07", "expiryYear": "2031" });
    floor.post(&with(deposit("order-1"), json!({ "card": card })));
    floor.engine.pay(floor.now, Which::Reference("order-1"), None).unwrap();
    let id = floor.engine.payments()[0].id();
    let read = floor.read(id);
    assert_eq!(read["state"], "DECLINED");
    assert_eq!(read["paymentMethodDetails"]["cardholderName"], "Lee Tan");
    let records = String::from_utf8(floor.engine.records().unwrap()).unwrap();
    assert!(!records.contains("4000000000000416"));
    assert!(!records.contains("123\""));
}

#[test]
fn a_deposit_at_the_ceiling_is_declined_and_one_below_it_is_not() {
    for (amount, state) in [("9999999.99", "COMPLETED"), ("10000000", "DECLINED"), ("10000000.01", "DECLINED")] {
        let mut floor = ShopFloor::open();
        let amount: serde_json::Value = serde_json::from_str(amount).unwrap();
        floor.post(&with(deposit("order-1"), json!({ "amount": amount })));
        let paid = floor.engine.pay(floor.now, Which::Reference("order-1"), None).unwrap();
        assert_eq!(paid.state().name(), state, "{amount}");
        assert_eq!(paid.error_code().map(ErrorCode::code), (state == "DECLINED").then_some("3.28"));
    }
}

#[test]
fn cancelling_and_timing_out_have_codes_of_their_own() {
    let mut floor = ShopFloor::open();
    let (cancelled, left) = (floor.deposit("order-1"), floor.deposit("order-2"));
    floor.engine.cancel(floor.now, Which::Id(cancelled)).unwrap();
    assert_eq!(floor.read(cancelled)["errorCode"], "2.00");

    floor.wait(60 * 60 - 1);
    assert_eq!(floor.state(left), "CHECKOUT");
    floor.wait(1);
    let read = floor.read(left);
    assert_eq!((&read["state"], &read["errorCode"]), (&json!("CANCELLED"), &json!("1.04")));
    assert_eq!(read["errorMessage"], "Cancelled by Timeout");
    assert!(read.get("redirectUrl").is_none(), "there is no page any more");
}

#[test]
fn a_decline_can_carry_any_code_of_the_contract() {
    let mut floor = ShopFloor::open();
    let id = floor.deposit("order-1");
    floor.engine.decline(floor.now, Which::Id(id), ErrorCode::named("1.10").unwrap()).unwrap();
    let read = floor.read(id);
    assert_eq!((&read["errorCode"], &read["errorMessage"]), (&json!("1.10"), &json!("Insufficient Balance")));
    assert_eq!(ErrorCode::named("6.16"), None, "the contract has no such code");
}

#[test]
fn what_has_ended_is_not_moved_by_a_second_deed() {
    let mut floor = ShopFloor::open();
    let id = floor.paid_deposit("order-1");
    let refused = DeedRefused::NotOpen(PaymentState::Completed);
    assert_eq!(floor.engine.pay(floor.now, Which::Id(id), None).unwrap_err(), refused);
    assert_eq!(floor.engine.cancel(floor.now, Which::Id(id)).unwrap_err(), refused);
    assert_eq!(floor.engine.time_out(floor.now, Which::Id(id)).unwrap_err(), refused);
    floor.wait(24 * 60 * 60);
    assert_eq!(floor.state(id), "COMPLETED");
    assert_eq!(floor.engine.pay(floor.now, Which::Reference("?"), None).unwrap_err(), DeedRefused::NotFound);
}

#[test]
fn a_deed_by_reference_means_the_payment_that_still_waits() {
    let mut floor = ShopFloor::open();
    let (first, second) = (floor.deposit("order-1"), floor.deposit("order-1"));
    floor.engine.cancel(floor.now, Which::Id(second)).unwrap();
    let paid = floor.engine.pay(floor.now, Which::Reference("order-1"), None).unwrap();
    assert_eq!(paid.id(), first);
}

#[test]
fn processing_takes_as_long_as_the_switch_says() {
    let mut floor = ShopFloor::with(Switches { deposit_processing_millis: 3_000, ..Switches::default() });
    let id = floor.paid_deposit("order-1");
    assert_eq!(floor.state(id), "PENDING");
    assert_eq!(floor.engine.take_due_deliveries(floor.now).len(), 0, "PENDING is not told");
    floor.wait(2);
    assert_eq!(floor.state(id), "PENDING");
    floor.wait(1);
    assert_eq!(floor.state(id), "COMPLETED");
    assert_eq!(floor.engine.take_due_deliveries(floor.now).len(), 1);

    let mut floor = ShopFloor::open();
    let id = floor.paid_deposit("processing-1");
    floor.wait(9);
    assert_eq!(floor.state(id), "PENDING");
    floor.wait(1);
    assert_eq!(floor.state(id), "COMPLETED");
}

#[test]
fn a_pre_authorized_deposit_is_authorized_and_told() {
    let mut floor = ShopFloor::open();
    floor.post(&with(deposit("order-1"), json!({ "preAuth": true })));
    floor.engine.pay(floor.now, Which::Reference("order-1"), None).unwrap();
    let told = floor.engine.take_due_deliveries(floor.now);
    assert_eq!(told.iter().map(|it| it.state).collect::<Vec<_>>(), [PaymentState::Authorized]);
}

#[test]
fn an_untouched_checkout_runs_out_when_the_switch_says() {
    let mut floor = ShopFloor::with(Switches { checkout_timeout_seconds: 10, ..Switches::default() });
    let id = floor.deposit("order-1");
    floor.wait(9);
    assert_eq!(floor.state(id), "CHECKOUT");
    floor.wait(1);
    assert_eq!((floor.state(id), floor.read(id)["errorCode"].as_str()), ("CANCELLED", Some("1.04")));

    let id = floor.deposit("times-out-1");
    floor.wait(4);
    assert_eq!(floor.state(id), "CHECKOUT");
    floor.wait(1);
    assert_eq!((floor.state(id), floor.read(id)["errorCode"].as_str()), ("CANCELLED", Some("1.04")));
}

#[test]
fn limits_and_the_code_of_a_declining_card_are_switches() {
    let euros = |euros: u32| Amount::new(euros.into());
    let code = ErrorCode::named("4.02").unwrap();
    let lower = || {
        let limits = Switches { deposit_ceiling: euros(120), ..Switches::default() };
        let limits = Switches { payout_limit: euros(50), ..limits };
        ShopFloor::with(Switches { card_decline_code: code, ..limits })
    };
    let paid = |card: &str, amount: u32| {
        let mut floor = lower();
        floor.post(&with(deposit("order-1"), json!({ "amount": amount })));
        let payment = floor.engine.pay(floor.now, Which::Reference("order-1"), Some(card)).unwrap();
        payment.error_code().map(ErrorCode::code)
    };
    assert_eq!(paid("4000000000000002", 119), None);
    assert_eq!(paid("4000000000000002", 120), Some("3.28"));
    assert_eq!(paid("4242424242424242", 1), Some("4.02"));
    for (amount, code) in [(50, None), (51, Some("3.28"))] {
        let mut floor = lower();
        floor.post(&json!({ "paymentType": "WITHDRAWAL", "currency": "EUR", "amount": amount }));
        floor.wait(1);
        assert_eq!(floor.engine.payments()[0].error_code().map(ErrorCode::code), code, "{amount}");
    }
}

#[test]
fn a_prefix_declines_whatever_the_card_and_the_amount() {
    for (reference, code) in [("declined-1", "4.01"), ("above-limit-1", "3.28")] {
        let mut floor = ShopFloor::open();
        let id = floor.paid_deposit(reference);
        assert_eq!(floor.read(id)["errorCode"], code);
        floor.post(&json!({ "paymentType": "WITHDRAWAL", "currency": "EUR", "amount": 1, "referenceId": reference }));
        floor.wait(1);
        assert_eq!(floor.engine.payments()[1].error_code().map(ErrorCode::code), Some(code));
    }
}
