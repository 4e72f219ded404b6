//! What a problem tells beside its code: which request, which payment, what to do next.

use gateway_simulator::Fault;
use serde_json::json;

use crate::app::{CALLER_KEY, Kind, TestApp, order};
use crate::problem_shape::KINDS;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_keeps_its_callers_name_or_gets_one_in_answers_and_in_problems() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.take("order-1").await;
    for path in
        ["/v1/payments/by-reference/order-1", "/v1/payments?typo=1", "/nowhere", "/livez", "/v1/payments/x/check"]
    {
        for (given, kept) in [
            ("checkout-4711", true),
            ("!#$%&'*+-.^_`|~", true),
            (&"n".repeat(128), true),
            (&"n".repeat(129), false),
            ("two words", false),
            ("", false),
        ] {
            let request = app.http.get(app.at(path)).bearer_auth(CALLER_KEY).header("x-request-id", given);
            let answer = app.send(request).await;
            let named = answer.headers["x-request-id"].to_str().unwrap();
            assert_eq!(named == given, kept, "{path}: {given} became {named}");
            assert!((1..=128).contains(&named.len()));
            if answer.status >= 400 {
                answer.assert_is_problem();
            }
        }
    }
    let one = app.get("/nowhere").await;
    let other = app.get("/nowhere").await;
    assert_ne!(one.body["requestId"], other.body["requestId"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_problem_names_its_path_and_never_its_query() {
    let app = TestApp::start(Kind::Sqlite).await;
    let answer = app.get("/v1/payments/by-reference/nobody?wait=1&shop=main").await;
    answer.assert_problem("not-found");
    assert_eq!(answer.body["instance"], "/v1/payments/by-reference/nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_a_resource_does_not_take_is_refused_with_those_that_it_takes() {
    let app = TestApp::start(Kind::Sqlite).await;
    for (path, allowed) in [
        ("/v1/payments", "POST, GET"),
        ("/v1/payments/x", "GET"),
        ("/v1/payments/x/events", "GET"),
        ("/v1/payments/x/check", "POST"),
        ("/v1/payments/by-reference/x", "GET"),
        ("/webhooks/paytech/main", "POST"),
        ("/livez", "GET"),
        ("/metrics", "GET"),
    ] {
        for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = app.send(app.http.request(method, app.at(path)).bearer_auth(CALLER_KEY)).await;
            answer.assert_problem("method-not-allowed");
            assert_eq!(answer.headers["allow"], allowed, "{path}");
        }
    }
    app.get("/v1/nothing").await.assert_problem("not-found");
    app.post("/v1/payments/x/refundss", &json!({})).await.assert_problem("not-found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_problem_about_a_payment_names_it() {
    let app = TestApp::start(Kind::Sqlite).await;
    let id = app.take("order-1").await.body["id"].clone();
    let mut other = order("order-1");
    other["currency"] = json!("USD");
    other["customer"] = json!({ "email": "marta@shop.example" });
    let taken = app.post("/v1/payments", &other).await;
    taken.assert_problem("reference-taken");
    assert_eq!(taken.body["paymentId"], id);
    assert_eq!(taken.pointers(), ["/currency", "/customer/email"]);
    assert!(!taken.body.to_string().contains("marta"), "{taken:?}");

    app.fault("order-2", Fault::StatusBefore(400));
    let refused = app.take("order-2").await;
    refused.assert_problem("gateway-refused");
    assert_eq!(refused.body["paymentId"], app.payment("order-2").await["id"]);
    assert_eq!(refused.headers["location"], format!("/v1/payments/{}", refused.body["paymentId"].as_str().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_gateway_refuses_is_told_by_the_callers_field_and_without_its_value() {
    let app = TestApp::start_with(Kind::Sqlite, &[("PAYMENTS__UNKNOWN_METHODS", "true")]).await;
    let asked = json!(["customer.lastName", "billingAddress.city"]);
    let asked = serde_json::from_value(json!({ "requiredForDeposits": asked })).unwrap();
    app.gateway.with(|engine, _| *engine.switches_mut() = asked);
    let mut order = order("order-1");
    order["paymentMethod"] = json!("XK7CANARY");
    order["customer"] = json!({ "firstName": "Xk7Marta" });
    let refused = app.post("/v1/payments", &order).await;
    refused.assert_problem("gateway-refused");
    let mut pointers = refused.pointers();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/billingAddress/city", "/customer/lastName", "/paymentMethod"]);
    assert!(!refused.body.to_string().to_lowercase().contains("xk7"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_type_of_a_problem_leads_to_a_page_that_says_what_to_do() {
    let app = TestApp::start(Kind::Sqlite).await;
    let problem = app.get("/v1/payments?limit=0").await;
    problem.assert_problem("invalid-request");
    let page = app.get(problem.body["type"].as_str().unwrap()).await;
    assert!(page.body.as_str().unwrap().contains(problem.body["title"].as_str().unwrap()), "{page:?}");

    let list = app.get("/problems").await.body;
    for (code, status, retry) in KINDS {
        let path = format!("/problems/{code}");
        assert!(list.as_str().unwrap().contains(&format!("href=\"{path}\"")), "{code} is not in the list");
        let page = app.send(app.http.get(app.at(&path))).await;
        assert_eq!((page.status, &page.headers["content-type"]), (200, &"text/html; charset=utf-8".parse().unwrap()));
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        for said in [code, &status.to_string(), retry, "When it comes", "What to do"] {
            assert!(page.body.as_str().unwrap().contains(said), "{said} is not on the page of {code}");
        }
    }
    app.get("/problems/no-such-code").await.assert_problem("not-found");
}
