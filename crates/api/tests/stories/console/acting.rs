//! What a person has the gateway do: shown first, done once, with who and why in the ledger.

use std::time::Duration;

use gateway_simulator::{Endpoint, Fault};
use serde_json::{Value, json};
use store::Scope;
use strum::VariantArray as _;

use super::person::{Page, Person};
use crate::app::{CALLER_KEY, Kind, TestApp, on_every_store, order};
use crate::orders::payout;

const SECOND: Duration = Duration::from_secs(1);

/// 11.12 EUR are held.
async fn authorized(app: &TestApp, reference: &str) -> String {
    let mut order = order(reference);
    order["preAuth"] = json!(true);
    assert_eq!(app.post("/v1/payments", &order).await.status, 201);
    app.pay(reference).await;
    let mut payment = app.payment(reference).await;
    while payment["state"] != "AUTHORIZED" {
        let path = format!("/v1/payments/by-reference/{reference}?wait=20&after={}", payment["version"]);
        payment = app.get(&path).await.body;
    }
    payment["id"].as_str().unwrap().to_owned()
}

fn calls(app: &TestApp, endpoint: Endpoint) -> u64 {
    app.gateway.with(|engine, _| engine.counters().requests_to(endpoint))
}

/// Asks what would happen, and has it done.
async fn act(person: &mut Person<'_>, id: &str, action: &str, fields: &[(&str, &str)]) -> Page {
    let path = format!("/console/payments/{id}/{action}");
    let page = person.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.words());
    person.submit(&page, &path, fields).await
}

async fn ledger(app: &TestApp, id: &str) -> String {
    let events: Value = app.get(&format!("/v1/payments/{id}/events")).await.body;
    events["data"].to_string()
}

on_every_store! {
    async fn held_money_is_let_go_by_a_person_who_says_why(app: TestApp) {
        let id = authorized(&app, "rent-1").await;
        let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
        let path = format!("/console/payments/{id}/void");
        let page = person.get(&path).await;
        let words = page.words();
        assert!(words.contains("Lets the held money go") && words.contains("CANCELLED"), "{words}");
        assert!(words.contains("POST /api/v1/payments/") && words.contains("/void"), "what would be sent: {words}");
        assert_eq!(calls(&app, Endpoint::Void), 0, "and was not");

        let without = person.submit(&page, &path, &[]).await;
        assert_eq!(without.status, 422, "a reason is needed: {without:?}");
        assert_eq!(calls(&app, Endpoint::Void), 0);
        let done = person.submit(&page, &path, &[("reason", "the flat is gone"), ("ticket", "OPS-7")]).await;
        let after = person.follow(&done).await;
        assert!(after.words().contains("It is done"), "{}", after.words());
        assert_eq!(app.payment("rent-1").await["state"], "CANCELLED");
        assert_eq!(calls(&app, Endpoint::Void), 1);
        let ledger = ledger(&app, &id).await;
        for told in ["void: the flat is gone", "OPS-7", "\"via\":\"console\"", "\"name\":\"test\""] {
            assert!(ledger.contains(told), "{told}: {ledger}");
        }
        app.prove_the_books().await;
    }

    async fn a_page_that_is_out_of_date_does_nothing_and_shows_what_is_new(app: TestApp) {
        let id = authorized(&app, "rent-1").await;
        let mut first = Person::signed_in(&app, "pk_first", Scope::VARIANTS, &[]).await;
        let mut second = Person::signed_in(&app, "pk_second", Scope::VARIANTS, &[]).await;
        let path = format!("/console/payments/{id}/void");
        let (of_first, of_second) = (first.get(&path).await, second.get(&path).await);
        let noted = app.post(&format!("/v1/payments/{id}/note"), &json!({ "note": "wait, the customer called" })).await;
        assert_eq!(noted.status, 200);
        let stale = first.submit(&of_first, &path, &[("reason", "no longer wanted")]).await;
        assert_eq!(stale.status, 409);
        let words = stale.words();
        assert!(words.contains("is not what the page showed") && words.contains("wait, the customer called"), "{words}");
        assert_eq!(calls(&app, Endpoint::Void), 0);

        // The same question stands below, as things are now. Whoever is second then finds that it is done.
        let done = first.submit(&stale, &path, &[("reason", "no longer wanted, he says")]).await;
        assert_eq!(done.status, 303, "{done:?}");
        let late = second.submit(&of_second, &path, &[("reason", "me too")]).await;
        assert_eq!(late.status, 409);
        assert!(late.words().contains("It cannot be done now"), "{}", late.words());
        assert_eq!(calls(&app, Endpoint::Void), 1);
    }

    async fn a_part_is_taken_and_a_part_of_that_given_back(app: TestApp) {
        let id = authorized(&app, "rent-1").await;
        let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
        let done = act(&mut person, &id, "capture", &[("amount", "10"), ("reason", "two nights")]).await;
        assert_eq!(done.status, 303, "{}", done.words());
        assert_eq!(app.payment("rent-1").await["capturedAmount"], "10.00");
        app.pass(60 * SECOND, 10 * SECOND).await;

        let proposed = person.get(&format!("/console/payments/{id}/refund")).await;
        assert!(proposed.text.contains("value=\"rent-1-refund-1\""), "a name that nobody has to think of");
        assert!(proposed.text.contains("rent-1-refund-1&#34;,"), "which is in what is sent: {}", proposed.text);
        let name = ("reference", "rent-1-refund-1");
        let too_much = act(&mut person, &id, "refund", &[name, ("amount", "10.01"), ("reason", "too much")]).await;
        assert_eq!(too_much.status, 422, "{}", too_much.words());
        let done = act(&mut person, &id, "refund", &[name, ("amount", "4"), ("reason", "one night")]).await;
        let refund = person.follow(&done).await;
        assert!(refund.words().contains("rent-1-refund-1"), "{}", refund.words());
        assert!(refund.words().contains("4.00 EUR"), "{}", refund.words());
        let all = act(&mut person, &id, "refund", &[("reference", "the-rest"), ("reason", "all of it")]).await;
        assert_eq!(all.status, 303, "{}", all.words());
        app.pass(60 * SECOND, 10 * SECOND).await;
        assert_eq!(app.payment("rent-1").await["refundedAmount"], "10.00");
        let gone = person.get(&format!("/console/payments/{id}/refund")).await;
        assert_eq!(gone.status, 422, "nothing is left: {}", gone.words());
        app.prove_the_books().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_is_let_go_by_somebody_else_than_who_ordered_it() {
    let app = TestApp::start(Kind::Sqlite).await;
    for reference in ["payout-1", "payout-2"] {
        app.fault(reference, Fault::Held);
        app.post("/v1/payments", &payout(reference)).await;
    }
    let id = |payment: Value| payment["id"].as_str().unwrap().to_owned();
    let (first, second) = (id(app.payment("payout-1").await), id(app.payment("payout-2").await));
    let mut maker = Person::at(&app);
    assert_eq!(maker.sign_in(CALLER_KEY).await.status, 303);
    let refused = act(&mut maker, &first, "approve", &[("reason", "mine")]).await;
    assert_eq!(refused.status, 403);
    assert!(refused.words().contains("Somebody else must approve it"), "{}", refused.words());
    assert_eq!(calls(&app, Endpoint::Approve), 0);

    let mut checker = Person::signed_in(&app, "pk_checker", Scope::VARIANTS, &[]).await;
    assert_eq!(act(&mut checker, &first, "approve", &[("reason", "seen the contract")]).await.status, 303);
    assert_eq!(calls(&app, Endpoint::Approve), 1);
    let done = act(&mut checker, &second, "reject", &[("reason", "unknown account")]).await;
    assert_eq!(done.status, 303, "{}", done.words());
    let rejected = app.payment("payout-2").await;
    assert_eq!(
        (&rejected["state"], &rejected["error"]["externalResultCode"]),
        (&json!("CANCELLED"), &json!("unknown account"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_answer_is_lost_is_said_to_be_unknown() {
    let app = TestApp::start(Kind::Sqlite).await;
    let id = authorized(&app, "rent-1").await;
    let rule = gateway_simulator::FaultRule {
        prefix: "rent-1".to_owned(),
        fault: Fault::LostAfter,
        on: Endpoint::Void,
        times: Some(1),
    };
    app.gateway.with(|engine, _| {
        engine.faults_mut().add_rule(rule);
        // Nobody else tells what came of it.
        engine.switches_mut().webhooks = gateway_simulator::WebhookDelivery::Dropped;
    });
    let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
    let done = act(&mut person, &id, "void", &[("reason", "not wanted")]).await;
    let after = person.follow(&done).await;
    assert!(after.words().contains("its outcome is not known yet"), "{}", after.words());
    assert!(after.words().contains("The outcome of a void is not known since"), "{}", after.words());
    assert!(!after.words().contains("Void…"), "no other one is offered meanwhile: {}", after.words());
    let checked = person.submit(&after, &format!("/console/payments/{id}/check"), &[]).await;
    let words = person.follow(&checked).await.words();
    assert!(words.contains("The gateway was asked") && words.contains("CANCELLED"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_now_is_not_asked_about() {
    let app = TestApp::start(Kind::Sqlite).await;
    let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
    let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
    for (action, told) in [
        ("void", "needs a payment that is AUTHORIZED"),
        ("capture", "needs a payment that is AUTHORIZED"),
        ("approve", "is not for a payment of this type"),
        ("refund", "only a deposit that is COMPLETED"),
    ] {
        let refused = person.get(&format!("/console/payments/{id}/{action}")).await;
        assert_eq!(refused.status, 409, "{action}");
        assert!(refused.words().contains(told), "{action}: {}", refused.words());
    }
    assert_eq!(person.get(&format!("/console/payments/{id}/destroy")).await.status, 404);
}
