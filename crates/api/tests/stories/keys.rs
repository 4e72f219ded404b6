//! Who may do what: by a key's scopes, and by its shops.

use std::time::Duration;

use actix_web::http::Method;
use api::http::{KnownKeys, ROUTES};
use fault_catalogue::struck;
use serde_json::{Value, json};
use store::Scope;
use strum::VariantArray as _;

use crate::app::{Answer, CALLER_KEY, Kind, TestApp, admit, order};

/// The scope that a route asks for; none for those that ask for no key. A route without a row has none who thought
/// about it.
fn scope_of(method: &Method, path: &str) -> Option<Scope> {
    match (method.as_str(), path) {
        // With a token somebody can pay.
        ("POST", "/v1/payments" | "/v1/payments/{id}/capture" | "/v1/payments/{id}/void")
        | ("GET", "/v1/customers/{customer}/card-tokens") => Some(Scope::DepositsWrite),
        ("POST", "/v1/payments/{id}/refunds") => Some(Scope::RefundsWrite),
        ("POST", "/v1/payments/{id}/approve" | "/v1/payments/{id}/reject") => Some(Scope::PayoutsApprove),
        (
            "GET",
            "/v1/payments"
            | "/v1/events"
            | "/v1/events/{id}"
            | "/v1/payments/{id}"
            | "/v1/payments/{id}/events"
            | "/v1/payments/by-reference/{reference}"
            | "/v1/payments/by-gateway-id/{id}",
        ) => Some(Scope::PaymentsRead),
        (
            "POST",
            "/v1/payments/{id}/check"
            | "/v1/payments/{id}/assign"
            | "/v1/payments/{id}/note"
            | "/v1/payments/{id}/snooze"
            | "/v1/payments/{id}/settle"
            | "/v1/payments/{id}/resolve"
            | "/v1/proposals/{id}/approve"
            | "/v1/proposals/{id}/decline"
            | "/v1/switches/{name}"
            | "/v1/bulk-actions"
            | "/v1/bulk-actions/{id}/stop"
            | "/v1/webhooks-in/{id}/rerun"
            | "/v1/webhooks-in/{id}/dismiss"
            | "/v1/webhooks-in/{id}/restore",
        ) => Some(Scope::OpsWrite),
        (
            "GET",
            "/v1/payments/{id}/operations"
            | "/v1/stuck"
            | "/v1/bulk-actions"
            | "/v1/bulk-actions/{id}"
            | "/v1/proposals"
            | "/v1/switches"
            | "/v1/switches/{name}"
            | "/v1/webhooks-in"
            | "/v1/webhooks-in/{id}",
        ) => Some(Scope::OpsRead),
        ("POST", "/v1/exports")
        | (
            "GET",
            "/v1/balances"
            | "/v1/reconciliations"
            | "/v1/reconciliations/{id}"
            | "/v1/breaks"
            | "/v1/breaks/{id}"
            | "/v1/exports"
            | "/v1/exports/{id}"
            | "/v1/exports/{id}/file"
            | "/v1/settlements/{id}",
        ) => Some(Scope::FinanceRead),
        ("POST", "/v1/reconciliations" | "/v1/settlements" | "/v1/breaks/{id}/assign" | "/v1/breaks/{id}/resolve") => {
            Some(Scope::FinanceWrite)
        }
        ("POST", "/v1/events/{id}/resend") => Some(Scope::WebhooksWrite),
        (_, path) if path.starts_with("/v1/webhook-endpoints") => Some(Scope::WebhooksWrite),
        (_, path) if path.starts_with("/v1/keys") => Some(Scope::Admin),
        // Notices are signed with a key of another kind; the others tell nothing of anybody.
        ("POST", "/webhooks/paytech/{shop}")
        | (
            "GET",
            "/openapi.json" | "/docs" | "/docs/{file}" | "/problems" | "/problems/{code}" | "/livez" | "/readyz"
            | "/metrics",
        ) => None,
        (method, path) => panic!("nobody has decided who may {method} {path}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_asks_for_its_scope_and_no_other_opens_it() {
    let app = TestApp::start(Kind::Sqlite).await;
    for scope in Scope::VARIANTS {
        admit(app.serving().keys(), &format!("pk_{scope}"), &[*scope], &[]).await;
    }
    for route in &ROUTES {
        let needed = scope_of(&route.method, route.path);
        for scope in Scope::VARIANTS {
            let answer = knock(&app, route.method.clone(), route.path, Some(&format!("Bearer pk_{scope}"))).await;
            // The body says which of two is needed: `payouts` tells that story.
            let by_type = route.method == Method::POST && route.path == "/v1/payments" && *scope == Scope::PayoutsWrite;
            let opens = by_type || needed.is_none_or(|needed| *scope == needed || *scope == Scope::Admin);
            let refused = answer.body["code"] == "missing-scope";
            assert_eq!(refused, !opens, "{} {} with {scope}: {answer:?}", route.method, route.path);
            if refused {
                answer.assert_problem("missing-scope");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_that_is_known_and_live_nothing_is_told() {
    let app = TestApp::start(Kind::Sqlite).await;
    let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
    let long = format!("Bearer {}", "k".repeat(5_000));
    let wrong = [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer pk_nobody"),
        Some("Basic cGs6cGs="),
        Some(CALLER_KEY),
        Some("Bearer  "),
        Some(long.as_str()),
        Some("Bearer \u{ff}"),
    ];
    for route in ROUTES.iter().filter(|route| scope_of(&route.method, route.path).is_some()) {
        for authorization in wrong {
            let path = route.path.replace("{id}", &id);
            let answer = knock(&app, route.method.clone(), &path, authorization).await;
            answer.assert_problem("unauthorized");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    let padded = format!("bearer   {CALLER_KEY}");
    assert_eq!(knock(&app, Method::GET, "/v1/payments", Some(&padded)).await.status, 200, "schemes have no case");
    let with_more = format!("Bearer {CALLER_KEY}x");
    assert_eq!(knock(&app, Method::GET, "/v1/payments", Some(&with_more)).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_good_for_nothing_once_it_is_forgotten() {
    let app = TestApp::start(Kind::Sqlite).await;
    let list = || knock(&app, Method::GET, "/v1/payments", Some("Bearer pk_second"));
    assert_eq!(list().await.status, 401);
    let keys = app.serving().keys();
    admit(keys, "pk_second", &[Scope::PaymentsRead], &[]).await;
    assert_eq!(list().await.status, 200, "that a key is unknown is not remembered");

    let made = keys.key_by_digest(&api::http::digest("pk_second")).await.unwrap().unwrap();
    assert!(keys.revoke_key(made.id, domain::Time::EPOCH).await.unwrap());
    let moment = Duration::from_millis(1);
    app.advance(KnownKeys::MEMORY.saturating_sub(moment));
    assert_eq!(list().await.status, 200, "for a moment it is still remembered");
    app.advance(moment);
    list().await.assert_problem("unauthorized");
    assert_eq!(app.get("/v1/payments").await.status, 200, "the other key lives");
}

const TWO_SHOPS: [(&str, &str); 3] = [
    ("SHOPS__SECOND__API_KEY", crate::app::SECOND_API_KEY),
    ("SHOPS__SECOND__SIGNING_KEY", crate::app::SECOND_SIGNING_KEY),
    ("DEFAULT_SHOP", "main"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_bound_to_a_shop_sees_nothing_of_the_others() {
    let app = TestApp::start_with(Kind::Sqlite, &TWO_SHOPS).await;
    admit(app.serving().keys(), "pk_main", Scope::VARIANTS, &["main"]).await;
    admit(app.serving().keys(), "pk_second", Scope::VARIANTS, &["second"]).await;
    // The same reference in both shops: two payments.
    let ours = app.take("order-1").await.body;
    let mut order = order("order-1");
    order["shop"] = json!("second");
    let theirs = app.post("/v1/payments", &order).await;
    assert_eq!(theirs.status, 201, "{theirs:?}");
    let theirs = theirs.body;
    assert_ne!(ours["id"], theirs["id"]);

    let get = |key: &'static str, path: String| {
        let app = &app;
        async move { knock(app, Method::GET, &path, Some(&format!("Bearer {key}"))).await }
    };
    let text = |payment: &Value, name: &str| payment[name].as_str().unwrap().to_owned();
    for (key, own, other) in [("pk_main", &ours, &theirs), ("pk_second", &theirs, &ours)] {
        let (id, shop) = (text(other, "id"), text(other, "shop"));
        let hidden = [
            format!("/v1/payments/{id}"),
            format!("/v1/payments/{id}?wait=1"),
            format!("/v1/payments/{id}/events"),
            format!("/v1/payments/by-reference/order-1?shop={shop}"),
            format!("/v1/payments/by-gateway-id/{}?shop={shop}", text(other, "gatewayPaymentId")),
            format!("/v1/payments/by-gateway-id/{}", text(other, "gatewayPaymentId")),
        ];
        for path in hidden {
            get(key, path).await.assert_problem("not-found");
        }
        let check = format!("/v1/payments/{id}/check");
        knock(&app, Method::POST, &check, Some(&format!("Bearer {key}"))).await.assert_problem("not-found");

        let seen = |list: &Answer| -> Vec<Value> {
            list.body["data"].as_array().unwrap().iter().map(|payment| payment["id"].clone()).collect()
        };
        assert_eq!(seen(&get(key, "/v1/payments".to_owned()).await), [own["id"].clone()]);
        assert_eq!(seen(&get(key, "/v1/payments?shop=main&shop=second".to_owned()).await), [own["id"].clone()]);
        assert_eq!(seen(&get(key, format!("/v1/payments?shop={shop}")).await), [Value::Null; 0]);
        assert_eq!(
            seen(&get(key, format!("/v1/payments?gatewayPaymentId={}", text(other, "gatewayPaymentId"))).await),
            [Value::Null; 0]
        );
        assert_eq!(get(key, format!("/v1/payments/{}", text(own, "id"))).await.status, 200);
    }
    assert_eq!(app.get("/v1/payments").await.body["data"].as_array().unwrap().len(), 2, "a key of no shop sees all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_takes_payments_for_its_own_shops_only_and_learns_of_no_others() {
    let app = TestApp::start_with(Kind::Sqlite, &TWO_SHOPS).await;
    admit(app.serving().keys(), "pk_second", Scope::VARIANTS, &["second"]).await;
    let post = |shop: Option<&'static str>| {
        let mut order = order("order-1");
        order["shop"] = json!(shop);
        app.send(app.http.post(app.at("/v1/payments")).json(&order).bearer_auth("pk_second"))
    };
    let (foreign, unknown) = (post(Some("main")).await, post(Some("nowhere")).await);
    for refused in [&foreign, &unknown] {
        refused.assert_problem("invalid-request");
        assert_eq!(refused.pointers(), ["/shop"]);
    }
    assert_eq!(foreign.body["errors"], unknown.body["errors"], "whether there is such a shop is not told");
    assert_eq!(post(None).await.pointers(), ["/shop"], "the default shop is another one");
    assert_eq!(post(Some("second")).await.status, 201);
    assert_eq!(app.posts_of("order-1"), 1);
}

async fn knock(app: &TestApp, method: Method, path: &str, authorization: Option<&str>) -> Answer {
    let method = reqwest::Method::from_bytes(method.as_str().as_bytes()).unwrap();
    let mut request = app.http.request(method.clone(), app.at(path));
    if let Some(authorization) = authorization {
        request = request
            .header("authorization", reqwest::header::HeaderValue::from_bytes(authorization.as_bytes()).unwrap());
    }
    if method == reqwest::Method::POST {
        request = request.json(&json!({}));
    }
    app.send(request).await
}

/// A caller changes its key over: for a while some of its machines have the new one and some the old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callers_key_is_changed_under_load_and_no_request_is_refused() {
    let app = TestApp::start(Kind::Sqlite).await;
    let keys = app.serving().keys();
    let ask = async |key: &'static str, count: usize| {
        let asked = (0..count).map(|_| knock(&app, Method::GET, "/v1/payments", Some(key)));
        futures::future::join_all(asked).await.iter().map(|answer| answer.status).collect::<Vec<_>>()
    };
    admit(keys, "pk_old", &[Scope::PaymentsRead], &[]).await;
    let mut answered = ask("Bearer pk_old", 50).await;
    let (old, ()) = tokio::join!(ask("Bearer pk_old", 50), admit(keys, "pk_new", &[Scope::PaymentsRead], &[]));
    let (also_old, new) = tokio::join!(ask("Bearer pk_old", 50), ask("Bearer pk_new", 50));
    answered.extend(old.into_iter().chain(also_old).chain(new));

    let retired = keys.key_by_digest(&api::http::digest("pk_old")).await.unwrap().unwrap();
    assert!(keys.revoke_key(retired.id, domain::Time::EPOCH).await.unwrap());
    app.advance(KnownKeys::MEMORY);
    let (refused, new) = tokio::join!(ask("Bearer pk_old", 50), ask("Bearer pk_new", 50));
    answered.extend(new);
    assert!(answered.iter().all(|status| *status == 200), "{answered:?}");
    assert!(refused.iter().all(|status| *status == 401), "{refused:?}");
    struck(60, answered.len());
}
