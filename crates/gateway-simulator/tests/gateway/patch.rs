//! PATCH: a deposit without the checkout page (section 6.4).

use chrono::TimeDelta;
use gateway_simulator::{Answer, ErrorCode, PatchBehaviour, PaymentId, Request, Switches, Which, WrongState};
use serde_json::{Value, json};

use crate::shop_floor::{AUTH, ShopFloor, deposit, read, with};

fn patch(floor: &mut ShopFloor, id: PaymentId, body: &Value) -> (u16, Value) {
    floor.ask(&Request::patch(&format!("/api/v1/payments/{id}"), AUTH, body.to_string().as_bytes()))
}

fn customer() -> Value {
    json!({ "customerIp": "81.4.178.167" })
}

#[test]
fn it_gives_the_payer_instructions_and_waits_for_them_to_be_followed() {
    let mut floor = ShopFloor::open();
    floor.post(&with(deposit("order-1"), json!({ "paymentMethod": "PIX" })));
    let id = floor.engine.payments()[0].id();
    let (status, answer) = patch(&mut floor, id, &customer());
    assert_eq!((status, &answer["result"]["state"]), (200, &json!("PENDING")));
    assert!(answer["result"]["externalRefs"]["qrCode"].is_string());
    assert!(answer["result"].get("redirectUrl").is_none());
    assert!(floor.engine.take_due_deliveries(floor.now).is_empty());

    floor.engine.pay(floor.now, Which::Id(id), None).unwrap();
    let read = floor.read(id);
    assert_eq!(read["state"], "COMPLETED");
    assert!(read.get("paymentMethodDetails").is_none(), "no card was involved");
}

#[test]
fn instructions_that_nobody_follows_run_out() {
    let mut floor = ShopFloor::open();
    let id = floor.deposit("order-1");
    patch(&mut floor, id, &customer());
    floor.wait(60 * 60);
    assert_eq!(floor.read(id)["errorCode"], "1.04");
}

#[test]
fn it_is_refused_without_the_address_twice_and_for_payouts() {
    let mut floor = ShopFloor::open();
    let id = floor.deposit("order-1");
    let (status, answer) = patch(&mut floor, id, &json!({}));
    assert_eq!((status, &answer["errors"][0]["field"]), (400, &json!("customerIp")));
    assert_eq!(floor.state(id), "CHECKOUT");

    assert_eq!(patch(&mut floor, id, &customer()).0, 200);
    let (status, answer) = patch(&mut floor, id, &customer());
    assert_eq!((status, &answer["message"]), (400, &json!("Illegal Workflow State")));

    let (_, payout) = floor.post(&json!({ "paymentType": "WITHDRAWAL", "currency": "EUR", "amount": 1 }));
    let payout = payout["result"]["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(patch(&mut floor, payout, &customer()).0, 400);
    assert_eq!(patch(&mut floor, "0".repeat(32).parse().unwrap(), &customer()).0, 404);
}

#[test]
fn a_refusal_can_come_inside_a_200() {
    let code = ErrorCode::named("3.24").unwrap();
    let by_switch = ShopFloor::with(Switches { patch: PatchBehaviour::Declined(code), ..Switches::default() });
    for (mut floor, reference, code) in
        [(by_switch, "order-1", "3.24"), (ShopFloor::open(), "patch-declined-1", "4.00")]
    {
        let id = floor.deposit(reference);
        let (status, answer) = patch(&mut floor, id, &customer());
        let result = &answer["result"];
        assert_eq!((status, &result["state"], &result["errorCode"]), (200, &json!("DECLINED"), &json!(code)));
        assert_eq!(floor.engine.take_due_deliveries(floor.now).len(), 1);
    }
}

#[test]
fn in_the_wrong_state_it_is_409_by_switch_and_by_prefix() {
    let mut by_switch = ShopFloor::with(Switches { wrong_state: WrongState::Conflict, ..Switches::default() });
    for (floor, reference) in [(&mut by_switch, "order-1"), (&mut ShopFloor::open(), "wrong-state-409-1")] {
        let id = floor.deposit(reference);
        assert_eq!(patch(floor, id, &customer()).0, 200);
        let (status, answer) = patch(floor, id, &customer());
        assert_eq!((status, &answer["message"]), (409, &json!("Illegal Workflow State")));
        let payout = json!({ "paymentType": "WITHDRAWAL", "currency": "EUR", "amount": 1, "referenceId": reference });
        let payout = floor.post(&payout).1["result"]["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(patch(floor, payout, &customer()).0, 409, "it is for deposits only");
    }
}

#[test]
fn a_provider_that_does_not_answer_leaves_the_payment_pending_behind_a_late_504() {
    let behaviour = PatchBehaviour::ProviderTimeout { millis: 30_000 };
    let by_switch = ShopFloor::with(Switches { patch: behaviour, ..Switches::default() });
    for (mut floor, reference, late) in [(by_switch, "order-1", 30), (ShopFloor::open(), "patch-timeout-1", 5)] {
        let id = floor.deposit(reference);
        let body = customer().to_string();
        let handled = floor.handle(&Request::patch(&format!("/api/v1/payments/{id}"), AUTH, body.as_bytes()));
        assert_eq!(handled.effect, Some(id));
        let Answer::Delayed { by, response } = handled.answer else { panic!("at once") };
        assert_eq!((by, read(&response).0), (TimeDelta::seconds(late), 504));
        assert_eq!(floor.state(id), "PENDING");
    }
}
