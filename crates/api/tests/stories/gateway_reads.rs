//! What is only passed on: balances, the gateway's own steps with a payment, a customer's saved cards.

use gateway_simulator::{Endpoint, Fault, FaultRule};
use serde_json::{Value, json};

use crate::app::{Answer, Kind, TestApp, admit, order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finance_reads_the_balances_as_the_gateway_tells_them() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.take("order-1").await;
    app.pay("order-1").await;
    let told = app.get("/v1/balances").await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!((&told.body["shop"], &told.body["balances"][1]["accountType"]), (&json!("main"), &json!("AVAILABLE")));
    assert_eq!(told.body["balances"][0]["amount"], "11.12", "exact, and a string");
    assert_eq!(told.body["availableForWithdrawal"], json!([{ "amount": "10011.12", "currency": "EUR" }]));
    assert!(told.body["asOf"].is_string());
    app.get("/v1/balances?shop=nowhere").await.assert_problem("not-found");
    assert_eq!(app.get("/v1/balances?shoop=main").await.pointers(), ["shoop"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateways_own_steps_are_shown_and_what_it_said_to_others_is_not() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.fault("never-there", Fault::LostBefore);
    let waiting = app.take("never-there").await.body["id"].as_str().unwrap().to_owned();
    let none = app.get(&format!("/v1/payments/{waiting}/operations")).await;
    assert_eq!((none.status, &none.body["data"]), (200, &json!([])), "it has no id at the gateway yet");

    let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
    app.pay("order-1").await;
    let told = app.get(&format!("/v1/payments/{id}/operations")).await;
    assert_eq!(told.status, 200, "{told:?}");
    let steps: Vec<&Value> = told.body["data"].as_array().unwrap().iter().map(|step| &step["operation"]).collect();
    assert_eq!(steps, ["TRIGGER_WEBHOOK", "DEPOSIT", "CREATE_PAYMENT"]);
    assert_eq!(told.body["data"][1]["outgoingMessages"], "[7 characters]");
    assert!(!told.body.to_string().contains("execute"), "{told:?}");
    app.get("/v1/payments/01938d2c-7c1e-7b0a-9d55-3f0c7a9e1b42/operations").await.assert_problem("not-found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_saved_cards_of_a_customer_are_for_those_who_take_deposits() {
    let app = TestApp::start(Kind::Sqlite).await;
    let mut body = order("order-1");
    body["customer"] = json!({ "referenceId": "cust-9" });
    app.post("/v1/payments", &body).await;
    app.pay("order-1").await;
    let told = app.get("/v1/customers/cust-9/card-tokens").await;
    assert_eq!((told.status, told.headers["cache-control"].to_str().unwrap()), (200, "no-store"), "{told:?}");
    let card = &told.body["data"][0];
    assert_eq!((&card["maskedNumber"], &card["brand"]), (&json!("400000***0002"), &json!("VISA")));
    assert_eq!(card["cardToken"].as_str().unwrap().len(), 32);
    for nothing in ["nobody/card-tokens", "cust-9/card-tokens?savedByCustomer=false"] {
        assert_eq!(app.get(&format!("/v1/customers/{nothing}")).await.body["data"], json!([]));
    }
    app.get("/v1/customers/cust%209/card-tokens").await.assert_problem("not-found");
    assert_eq!(app.get("/v1/customers/cust-9/card-tokens?savedByCustomer=yes").await.pointers(), ["savedByCustomer"]);

    // Another shop's key learns of nothing.
    admit(app.serving().keys(), "pk_of-another-shop", &[store::Scope::Admin], &["second"]).await;
    for path in ["/v1/customers/cust-9/card-tokens", "/v1/balances"] {
        let asked = Answer::of(app.http.get(app.at(path)).bearer_auth("pk_of-another-shop")).await;
        asked.assert_problem("not-found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_cannot_be_asked_is_said_to_be_that() {
    let app = TestApp::start(Kind::Sqlite).await;
    for (fault, problem) in [
        (Fault::HtmlBefore, "gateway-unavailable"),
        (Fault::Truncated, "gateway-unavailable"),
        (Fault::Unauthorized, "gateway-misconfigured"),
    ] {
        let rule = FaultRule { prefix: String::new(), fault, on: Endpoint::Balances, times: Some(1) };
        app.gateway.with(|engine, _| engine.faults_mut().add_rule(rule));
        let told = app.get("/v1/balances").await;
        told.assert_problem(problem);
        assert!(told.headers.contains_key("retry-after"));
    }
}
