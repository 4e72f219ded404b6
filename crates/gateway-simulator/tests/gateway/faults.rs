//! Everything that goes wrong on purpose, each with what happened and what the caller saw.

use chrono::TimeDelta;
use gateway_simulator::{
    Answer, Endpoint, Fault, FaultRule, Request, SignatureMode, Switches, WebhookDelivery, Which, sign,
};
use serde_json::json;

use crate::shop_floor::{AUTH, SIGNING_KEY, ShopFloor, deposit, read, with};

/// Posts one deposit under a reserved prefix: whether it was made, and the answer.
fn post_under(prefix: &str) -> (bool, Answer) {
    let mut floor = ShopFloor::open();
    let reference = format!("{prefix}1");
    let handled = floor.post_handled(&deposit(&reference));
    let made = floor.engine.payments_of(&reference).count() == 1;
    assert_eq!(handled.effect.is_some(), made, "{prefix} says what it did");
    assert_eq!(floor.engine.counters().posts_of(&reference), 1, "{prefix} is counted either way");
    (made, handled.answer)
}

#[test]
fn lost_answers_are_lost_before_or_after_the_effect() {
    assert_eq!(post_under("lost-before-"), (false, Answer::Lost { after_effect: false }));
    assert_eq!(post_under("lost-after-"), (true, Answer::Lost { after_effect: true }));
}

#[test]
fn server_errors_come_before_or_after_the_effect() {
    for status in [500, 502, 503] {
        for (suffix, made) in [("", false), ("after-", true)] {
            let (happened, answer) = post_under(&format!("http-{status}-{suffix}"));
            let (told, body) = read(answer.response().unwrap());
            assert_eq!((happened, told, &body["status"]), (made, status, &json!(status)));
        }
    }
    let (made, answer) = post_under("http-401-");
    assert_eq!((made, read(answer.response().unwrap()).0), (false, 401));
    let (made, answer) = post_under("http-429-");
    assert_eq!((made, read(answer.response().unwrap()).0), (false, 429));
}

#[test]
fn html_comes_from_a_proxy_or_from_the_edge() {
    for (prefix, made, status) in [("html-", false, 502), ("html-after-", true, 502), ("html-403-", false, 403)] {
        let (happened, answer) = post_under(prefix);
        let response = answer.response().unwrap();
        assert_eq!((happened, response.status), (made, status), "{prefix}");
        assert!(response.body.starts_with(b"<html>"));
        assert!(response.headers.iter().any(|(_, value)| value.starts_with("text/html")));
    }
}

#[test]
fn slow_and_truncated_answers_are_made_and_hard_to_get() {
    let (made, answer) = post_under("slow-");
    let Answer::Delayed { by, response } = answer else { panic!("not late") };
    assert_eq!((made, by, response.status), (true, TimeDelta::seconds(5), 200));

    let (made, answer) = post_under("truncated-");
    let Answer::Truncated { response, sent } = answer else { panic!("not cut short") };
    assert!(made && 0 < sent && sent < response.body.len());
    assert!(serde_json::from_slice::<serde_json::Value>(&response.body[..sent]).is_err());
}

#[test]
fn an_early_webhook_leaves_while_the_answer_that_says_checkout_is_held_back() {
    let mut floor = ShopFloor::open();
    let handled = floor.post_handled(&deposit("hook-early-1"));
    let told = floor.engine.take_due_deliveries(floor.now);
    assert_eq!(told.len(), 1);
    let Answer::Delayed { by, response } = handled.answer else { panic!("not late") };
    assert!(TimeDelta::zero() < by);
    assert_eq!(read(&response).1["result"]["state"], "CHECKOUT");
    assert_eq!(floor.state(handled.effect.unwrap()), "COMPLETED");

    let webhooks = WebhookDelivery::BeforeAnswer { millis: 300 };
    let mut floor = ShopFloor::with(Switches { webhooks, ..Switches::default() });
    let handled = floor.post_handled(&deposit("order-1"));
    assert!(matches!(handled.answer, Answer::Delayed { .. }));
    assert_eq!(floor.engine.take_due_deliveries(floor.now).len(), 1);
}

#[test]
fn webhooks_double_tarry_vanish_and_are_forged() {
    let sent = |prefix: &str| {
        let mut floor = ShopFloor::open();
        floor.paid_deposit(&format!("{prefix}1"));
        let all = floor.engine.take_all_deliveries();
        let after: Vec<_> = all.iter().map(|it| (it.due_at - floor.now).num_milliseconds()).collect();
        let good = all.iter().all(|it| it.signature == sign(SignatureMode::HexLower, SIGNING_KEY, &it.body));
        (after, good)
    };
    assert_eq!(sent("order-"), (vec![0], true));
    assert_eq!(sent("hook-twice-"), (vec![0, 200], true));
    assert_eq!(sent("hook-late-"), (vec![30_000], true));
    assert_eq!(sent("hook-never-"), (vec![], true));
    assert_eq!(sent("hook-forged-"), (vec![0], false));
}

#[test]
fn other_figures_are_settled() {
    let mut floor = ShopFloor::open();
    let id = floor.paid_deposit("other-amount-1");
    let settled = floor.engine.payment(id).unwrap().money();
    assert_eq!((settled.0.unwrap().to_string(), settled.1), ("118.5".to_owned(), "EUR"));

    let id = floor.paid_deposit("other-currency-1");
    let read = floor.read(id);
    assert_eq!((&read["currency"], &read["customerCurrency"]), (&json!("USDT"), &json!("EUR")));
    assert_eq!(read["customerAmount"], 120);
}

#[test]
fn a_list_lag_hides_one_payment() {
    let mut floor = ShopFloor::open();
    floor.deposit("order-1");
    floor.deposit("list-lag-1");
    assert_eq!(floor.listed(""), ["order-1"]);
    floor.wait(30);
    assert_eq!(floor.listed(""), ["list-lag-1", "order-1"]);
}

#[test]
fn a_reserved_prefix_strikes_the_first_post_only() {
    let mut floor = ShopFloor::open();
    assert!(matches!(floor.post_handled(&deposit("lost-before-1")).answer, Answer::Lost { .. }));
    assert_eq!(floor.post(&deposit("lost-before-1")).0, 200);
    assert!(matches!(floor.post_handled(&deposit("lost-before-2")).answer, Answer::Lost { .. }));

    floor.engine.switches_mut().well_known_prefixes = false;
    assert_eq!(floor.post(&deposit("lost-before-3")).0, 200);
}

#[test]
fn every_reserved_prefix_injects_the_fault_that_it_names() {
    for (prefix, fault) in Fault::well_known() {
        let mut floor = ShopFloor::open();
        let reference = format!("{prefix}1");
        live_through(&mut floor, &fault, &reference);
        assert_eq!(floor.engine.counters().injected(&fault), 1, "{prefix}");
        // Only what a shorter prefix adds that it begins with: `held-` to `held-final-`.
        let shorter = Fault::well_known().into_iter().filter(|(other, _)| prefix.starts_with(other));
        let names: Vec<_> = shorter.map(|(_, fault)| fault.name()).collect();
        let injected = floor.engine.counters().faults();
        assert!(injected.keys().all(|name| names.contains(&name.as_str())), "{prefix} injects {injected:?}");
    }
}

/// A payment's life as far as the fault can meet it.
fn live_through(floor: &mut ShopFloor, fault: &Fault, reference: &str) {
    let order = match fault {
        Fault::Held | Fault::ApprovedAtOnce => json!({ "paymentType": "WITHDRAWAL" }),
        Fault::CaptureLate { .. } | Fault::ReleaseLate { .. } => json!({ "preAuth": true }),
        Fault::RefundCapped => {
            let parent = floor.paid_deposit("order-1");
            json!({ "paymentType": "REFUND", "parentPaymentId": parent, "amount": 121 })
        }
        _ => json!({}),
    };
    floor.post_handled(&with(deposit(reference), order));
    match fault {
        Fault::PatchDeclined(_) | Fault::PatchTimeout { .. } => {
            let target = target_of(floor, reference);
            floor.handle(&Request::patch(&target, AUTH, br#"{"customerIp":"81.4.178.167"}"#));
        }
        Fault::WrongStateConflict => act(floor, reference, "capture"),
        Fault::ApprovedAtOnce => act(floor, reference, "approve"),
        Fault::DuplicateRefused => assert_eq!(floor.post(&deposit(reference)).0, 409),
        Fault::ListUnlimited => assert_eq!(floor.listed(&format!("referenceId.eq={reference}")), [reference]),
        _ => {
            // Those that are not yet made, or are paid already, have nothing left to do.
            let _ = floor.engine.pay(floor.now, Which::Reference(reference), None);
        }
    }
    match fault {
        Fault::CaptureLate { .. } => act(floor, reference, "capture"),
        Fault::ReleaseLate { .. } => act(floor, reference, "void"),
        Fault::ChargebackRecord => act(floor, reference, "chargebacks"),
        _ => {}
    }
}

fn target_of(floor: &ShopFloor, reference: &str) -> String {
    format!("/api/v1/payments/{}", floor.engine.payments_of(reference).next().unwrap().id())
}

fn act(floor: &mut ShopFloor, reference: &str, action: &str) {
    let target = format!("{}/{action}", target_of(floor, reference));
    floor.handle(&Request::post(&target, AUTH, b"{}"));
}

#[test]
fn a_planned_fault_strikes_as_often_as_it_was_planned() {
    let mut floor = ShopFloor::open();
    floor.engine.faults_mut().add("order-", Fault::StatusBefore(503), Some(2));
    let statuses: Vec<_> = (0..3).map(|n| floor.post(&deposit(&format!("order-{n}"))).0).collect();
    assert_eq!(statuses, [503, 503, 200]);
    assert_eq!(floor.engine.counters().injected(&Fault::StatusBefore(500)), 2);
    assert!(floor.engine.faults().rules().is_empty());

    floor.engine.faults_mut().add("always-", Fault::HtmlBefore, None);
    for _ in 0..3 {
        assert!(matches!(floor.post_handled(&deposit("always-1")).answer, Answer::Reply(it) if it.status == 502));
    }
    assert_eq!(floor.engine.faults_mut().remove("always-"), 1);
    assert_eq!(floor.post(&deposit("always-1")).0, 200);
    assert_eq!(floor.engine.counters().posts_of("always-1"), 4);
}

#[test]
fn reads_and_lists_can_be_struck_too() {
    let mut floor = ShopFloor::open();
    let id = floor.deposit("order-1");
    let rule = |on| FaultRule { prefix: "order-".to_owned(), fault: Fault::LostAfter, on, times: Some(1) };
    floor.engine.faults_mut().add_rule(rule(Endpoint::Read));
    floor.engine.faults_mut().add_rule(rule(Endpoint::List));
    let target = format!("/api/v1/payments/{id}");
    assert_eq!(floor.post(&deposit("order-2")).0, 200, "creations are not meant");
    assert_eq!(floor.get("/api/v1/payments").0, 200, "nor lists of other references");
    for target in [target.as_str(), "/api/v1/payments?referenceId.eq=order-1"] {
        assert!(matches!(floor.handle(&Request::get(target, AUTH)).answer, Answer::Lost { .. }), "{target}");
        assert_eq!(floor.get(target).0, 200);
    }
}

#[test]
fn a_caller_with_chance_of_its_own_chooses_the_fault() {
    let mut floor = ShopFloor::open();
    let body = deposit("order-1").to_string();
    let request = Request::post("/api/v1/payments", AUTH, body.as_bytes());
    let handled = floor.engine.handle_with(floor.now, &request, Some(Fault::LostAfter));
    assert!(matches!(handled.answer, Answer::Lost { after_effect: true }));
    assert_eq!(floor.engine.counters().injected(&Fault::LostAfter), 1);
    let handled = floor.engine.handle_with(floor.now, &request, Some(Fault::HookTwice));
    assert!(matches!(handled.answer, Answer::Reply(_)), "that one does not strike answers");
    assert_eq!(floor.engine.counters().injected(&Fault::HookTwice), 0);
}
