//! Capture, void, approval, rejection, chargebacks (sections 6.5 to 6.9).

use gateway_simulator::{
    ApproveBehaviour, CaptureBehaviour, ChargebackAnswer, PaymentId, ReleaseBehaviour, Request, Switches,
    UnknownPayment, WrongState,
};
use serde_json::{Value, json};

use crate::shop_floor::{AUTH, OTHER_AUTH, ShopFloor, deposit, with};

fn act(floor: &mut ShopFloor, id: PaymentId, action: &str, body: &str) -> (u16, Value) {
    floor.ask(&Request::post(&format!("/api/v1/payments/{id}/{action}"), AUTH, body.as_bytes()))
}

fn authorized(floor: &mut ShopFloor) -> PaymentId {
    authorized_as(floor, "rent-551")
}

fn authorized_as(floor: &mut ShopFloor, reference: &str) -> PaymentId {
    let (_, answer) = floor.post(&with(deposit(reference), json!({ "preAuth": true })));
    let id = answer["result"]["id"].as_str().unwrap().parse().unwrap();
    floor.engine.pay(floor.now, gateway_simulator::Which::Id(id), None).unwrap();
    assert_eq!(floor.state(id), "AUTHORIZED");
    floor.engine.take_all_deliveries();
    id
}

fn withdrawal(floor: &mut ShopFloor, reference: &str) -> PaymentId {
    let body = json!({ "paymentType": "WITHDRAWAL", "currency": "EUR", "amount": 9000, "referenceId": reference });
    let (status, answer) = floor.post(&body);
    assert_eq!(status, 200, "{answer}");
    answer["result"]["id"].as_str().unwrap().parse().unwrap()
}

fn assert_refused((status, answer): (u16, Value), message: &str) {
    assert_eq!((status, answer["message"].as_str()), (400, Some(message)));
}

#[test]
fn a_capture_takes_all_of_it_or_a_part_and_is_told_again() {
    for (body, captured) in [("", json!(120)), ("{}", json!(120)), (r#"{"amount":80.5}"#, json!(80.5))] {
        let mut floor = ShopFloor::open();
        let id = authorized(&mut floor);
        let (status, answer) = act(&mut floor, id, "capture", body);
        assert_eq!((status, &answer["result"]["state"]), (200, &json!("COMPLETED")), "{answer}");
        assert_eq!(answer["result"]["amount"], captured);
        let told = floor.engine.take_all_deliveries();
        let told: Value = serde_json::from_slice(&told[0].body).unwrap();
        assert_eq!((&told["state"], &told["amount"]), (&json!("COMPLETED"), &captured));
        assert_refused(act(&mut floor, id, "capture", ""), "Illegal Workflow State");
        assert_refused(act(&mut floor, id, "void", ""), "Illegal Workflow State");
    }
}

#[test]
fn a_capture_out_of_bounds_is_refused_and_changes_nothing() {
    let mut floor = ShopFloor::open();
    let id = authorized(&mut floor);
    for body in [r#"{"amount":120.01}"#, r#"{"amount":0}"#, r#"{"amount":-1}"#, r#"{"amount":"1"}"#] {
        let (status, answer) = act(&mut floor, id, "capture", body);
        assert_eq!((status, &answer["errors"][0]["field"]), (400, &json!("amount")), "{body}");
    }
    assert_refused(act(&mut floor, id, "capture", "{"), "JSON parse error");
    assert_eq!(floor.state(id), "AUTHORIZED");
}

#[test]
fn a_capture_can_be_pending_first_by_switch_and_by_prefix() {
    let late = CaptureBehaviour::PendingFirst { millis: 2_000 };
    let mut by_switch = ShopFloor::with(Switches { capture: late, ..Switches::default() });
    let mut by_prefix = ShopFloor::open();
    let mut planned = ShopFloor::open();
    planned.engine.faults_mut().add("rent-", gateway_simulator::Fault::CaptureLate { millis: 2_000 }, None);
    for (floor, reference, seconds) in
        [(&mut by_switch, "rent-551", 2), (&mut planned, "rent-551", 2), (&mut by_prefix, "capture-late-1", 5)]
    {
        let id = authorized_as(floor, reference);
        let (status, answer) = act(floor, id, "capture", r#"{"amount":80}"#);
        assert_eq!((status, &answer["result"]["state"]), (200, &json!("PENDING")));
        floor.wait(seconds - 1);
        assert!(floor.engine.take_all_deliveries().is_empty());
        floor.wait(1);
        let read = floor.read(id);
        assert_eq!((&read["state"], &read["amount"]), (&json!("COMPLETED"), &json!(80)));
    }
}

#[test]
fn a_void_releases_it_and_nothing_went_wrong() {
    let mut floor = ShopFloor::open();
    let id = authorized(&mut floor);
    let (status, answer) = act(&mut floor, id, "void", "");
    assert_eq!((status, &answer["result"]["state"]), (200, &json!("CANCELLED")));
    assert!(answer["result"].get("errorCode").is_none());
    assert_eq!(floor.engine.take_all_deliveries().len(), 1);
    assert_refused(act(&mut floor, id, "capture", ""), "Illegal Workflow State");
}

#[test]
fn a_void_and_a_rejection_can_be_pending_first_by_switch_and_by_prefix() {
    let late = ReleaseBehaviour::PendingFirst { millis: 5_000 };
    let mut by_switch = ShopFloor::with(Switches { release: late, ..Switches::default() });
    for (floor, reference) in [(&mut by_switch, "rent-551"), (&mut ShopFloor::open(), "release-late-1")] {
        let id = authorized_as(floor, reference);
        let (status, answer) = act(floor, id, "void", "");
        assert_eq!((status, &answer["result"]["state"]), (200, &json!("PENDING")));
        floor.wait(4);
        assert!(floor.engine.take_all_deliveries().is_empty());
        floor.wait(1);
        assert_eq!((floor.state(id), floor.read(id).get("errorCode")), ("CANCELLED", None));
        assert_eq!(floor.engine.take_all_deliveries().len(), 1);
        assert_refused(act(floor, id, "capture", ""), "Illegal Workflow State");

        floor.engine.switches_mut().hold_withdrawals = true;
        let id = withdrawal(floor, reference);
        let (_, answer) = act(floor, id, "reject", r#"{"rejectReason":"not confirmed"}"#);
        assert_eq!(answer["result"]["state"], "PENDING");
        floor.wait(5);
        let read = floor.read(id);
        assert_eq!((&read["state"], &read["errorCode"]), (&json!("CANCELLED"), &json!("8.00")));
        assert_eq!(read["externalResultCode"], "not confirmed");
    }
}

#[test]
fn an_approved_withdrawal_can_be_final_at_once_by_switch_and_by_prefix() {
    let at_once = ApproveBehaviour::AtOnce;
    let mut by_switch = ShopFloor::with(Switches { approve: at_once, hold_withdrawals: true, ..Switches::default() });
    for (floor, reference) in [(&mut by_switch, "pay-out-1"), (&mut ShopFloor::open(), "held-final-1")] {
        let id = withdrawal(floor, reference);
        assert_eq!(floor.state(id), "AWAITING_APPROVAL");
        let (status, answer) = act(floor, id, "approve", "");
        assert_eq!((status, &answer["result"]["state"]), (200, &json!("COMPLETED")));
        assert_eq!(floor.engine.take_all_deliveries().len(), 1);
    }
}

#[test]
fn an_action_in_the_wrong_state_is_409_by_switch_and_by_prefix() {
    let mut by_switch = ShopFloor::with(Switches { wrong_state: WrongState::Conflict, ..Switches::default() });
    for (floor, reference) in [(&mut by_switch, "order-1"), (&mut ShopFloor::open(), "wrong-state-409-1")] {
        let id = floor.deposit(reference);
        for (action, body) in [("capture", ""), ("void", ""), ("approve", ""), ("reject", ""), ("chargebacks", "{}")] {
            let (status, answer) = act(floor, id, action, body);
            assert_eq!((status, &answer["message"]), (409, &json!("Illegal Workflow State")), "{action}");
        }
        assert_eq!(floor.state(id), "CHECKOUT");
    }
}

#[test]
fn a_chargeback_can_answer_itself_by_switch_and_by_prefix() {
    let record = ChargebackAnswer::Record;
    let mut by_switch = ShopFloor::with(Switches { chargeback: record, ..Switches::default() });
    for (floor, reference) in [(&mut by_switch, "order-1"), (&mut ShopFloor::open(), "chargeback-record-1")] {
        let id = floor.paid_deposit(reference);
        floor.engine.take_all_deliveries();
        let body = json!({ "state": "DECLINED", "webhookUrl": "https://shop.example/disputes" }).to_string();
        let (status, answer) = act(floor, id, "chargebacks", &body);
        let answered = &answer["result"];
        assert_eq!(
            (status, &answered["paymentType"], &answered["state"]),
            (200, &json!("CHARGEBACK"), &json!("DECLINED"))
        );
        assert_eq!((&answered["parentPaymentId"], floor.state(id)), (&json!(id), "COMPLETED"));
        let told = floor.engine.take_all_deliveries();
        assert_eq!(*answered, serde_json::from_slice::<Value>(&told[0].body).unwrap(), "the webhook tells the same");
        assert_refused(act(floor, id, "chargebacks", "{}"), "Transaction has chargeback already");

        let quiet = floor.paid_deposit(reference);
        floor.engine.take_all_deliveries();
        assert_eq!(act(floor, quiet, "chargebacks", "{}").1["result"]["state"], "PENDING");
        assert!(floor.engine.take_all_deliveries().is_empty());
    }
}

#[test]
fn an_id_that_is_not_there_is_404_or_by_switch_400() {
    let nobody: PaymentId = "0".repeat(32).parse().unwrap();
    let mut floor = ShopFloor::open();
    for action in ["capture", "void", "approve", "reject"] {
        assert_eq!(act(&mut floor, nobody, action, "").0, 404, "{action}");
    }
    assert_eq!(act(&mut floor, nobody, "chargebacks", "{}").0, 404);
    let mut floor = ShopFloor::with(Switches { unknown_payment: UnknownPayment::BadRequest, ..Switches::default() });
    assert_refused(act(&mut floor, nobody, "capture", ""), "Payment not found");
    assert_refused(act(&mut floor, nobody, "void", ""), "Payment not found");
    assert_eq!(act(&mut floor, nobody, "approve", "").0, 404);

    let id = authorized(&mut floor);
    let other = floor.ask(&Request::post(&format!("/api/v1/payments/{id}/approve"), OTHER_AUTH, b""));
    assert_eq!(other.0, 404, "it is another shop's");
}

#[test]
fn a_withdrawal_that_is_held_waits_for_the_merchant() {
    let mut by_switch = ShopFloor::with(Switches { hold_withdrawals: true, ..Switches::default() });
    let mut by_prefix = ShopFloor::open();
    for floor in [&mut by_switch, &mut by_prefix] {
        let (approved, rejected) = (withdrawal(floor, "held-1"), withdrawal(floor, "held-2"));
        floor.wait(3_600);
        assert_eq!((floor.state(approved), floor.state(rejected)), ("AWAITING_APPROVAL", "AWAITING_APPROVAL"));
        assert!(floor.engine.take_all_deliveries().is_empty(), "that is told nobody");

        let (status, answer) = act(floor, approved, "approve", "");
        assert_eq!((status, &answer["result"]["state"]), (200, &json!("PENDING")));
        assert_refused(act(floor, approved, "approve", ""), "Illegal Workflow State");
        floor.wait(1);
        assert_eq!(floor.state(approved), "COMPLETED");

        let (status, answer) = act(floor, rejected, "reject", r#"{"rejectReason":"not confirmed"}"#);
        let result = &answer["result"];
        assert_eq!((status, &result["state"], &result["errorCode"]), (200, &json!("CANCELLED"), &json!("8.00")));
        assert_eq!(result["externalResultCode"], "not confirmed");
        assert_refused(act(floor, rejected, "reject", ""), "Illegal Workflow State");
        assert_eq!(floor.engine.take_all_deliveries().len(), 2);
    }
    let mut floor = ShopFloor::open();
    let deposit = floor.deposit("held-3");
    assert_eq!(floor.state(deposit), "CHECKOUT", "only withdrawals are held");
    assert_refused(act(&mut floor, deposit, "approve", ""), "Illegal Workflow State");
}

#[test]
fn a_chargeback_leaves_the_deposit_and_is_told_as_a_payment_of_its_own() {
    let mut floor = ShopFloor::open();
    let id = floor.paid_deposit("order-1");
    floor.engine.take_all_deliveries();
    let body = json!({ "state": "COMPLETED", "webhookUrl": "https://shop.example/disputes" }).to_string();
    let (status, answer) = act(&mut floor, id, "chargebacks", &body);
    assert_eq!((status, &answer["result"]["state"]), (200, &json!("COMPLETED")));
    let told = floor.engine.take_all_deliveries();
    assert_eq!((told.len(), told[0].url.as_str()), (1, "https://shop.example/disputes"));
    let told: Value = serde_json::from_slice(&told[0].body).unwrap();
    assert_eq!((&told["paymentType"], &told["state"]), (&json!("CHARGEBACK"), &json!("COMPLETED")));
    assert_eq!((&told["parentPaymentId"], &told["amount"]), (&json!(id), &json!(120)));
    assert_ne!(told["id"], json!(id));
    assert_refused(act(&mut floor, id, "chargebacks", "{}"), "Transaction has chargeback already");

    let open = floor.deposit("order-2");
    assert_refused(act(&mut floor, open, "chargebacks", "{}"), "Illegal Workflow State");
    let (status, answer) = act(&mut floor, open, "chargebacks", r#"{"state":"OPENED"}"#);
    assert_eq!((status, &answer["errors"][0]["field"]), (400, &json!("state")));
    assert_refused(act(&mut floor, open, "chargebacks", ""), "JSON parse error");
}
