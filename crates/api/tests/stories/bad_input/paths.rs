use serde_json::json;

use crate::app::{Kind, TestApp, on_every_store};
use crate::wire::request;

on_every_store! {
    async fn a_reference_may_hold_anything_that_a_path_can_carry(app: TestApp) {
        for (reference, encoded) in [
            ("a/b", "a%2Fb"),
            ("50% off", "50%25%20off"),
            ("?#&=+;", "%3F%23%26%3D%2B%3B"),
            ("..", "%2E%2E"),
            ("events", "events"),
            ("ž🙂", "%C5%BE%F0%9F%99%82"),
            ("'; drop table payments; --", "'%3B%20drop%20table%20payments%3B%20--"),
            ("%00", "%2500"),
        ] {
            assert_eq!(app.take(reference).await.status, 201);
            let request = request("GET", &format!("/v1/payments/by-reference/{encoded}"), "connection: close\r\n", b"");
            let found = app.by_hand(&request).await.unwrap();
            assert_eq!((found.status, &found.body["referenceId"]), (200, &json!(reference)), "{encoded}: {found:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_paths_lead_nowhere() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.take("order-1").await;
    for target in [
        "/",
        "//",
        "/v1",
        "/v1/",
        "/v1/payments/",
        "/v1//payments",
        "/V1/payments",
        "/v1/payments%2F",
        "/v1/payments/%00",
        "/v1/payments/..",
        "/v1/payments/../payments",
        "/v1/payments/%2e%2e/payments",
        "/v1/payments/%",
        "/v1/payments/%zz",
        "/v1/payments/%ff%fe",
        "/v1/payments/%F0%9F%99%82",
        "/v1/payments/by-reference/%00",
        "/v1/payments/by-reference/%ff",
        "/v1/payments/by-reference/",
        "/v1/payments/by-reference/order-1/",
        "/v1/payments/by-reference/order-1%0A",
        "/v1/payments/by-gateway-id/..%2f..%2fetc%2fpasswd",
        "/v1/payments/00000000-0000-0000-0000-000000000000",
        "/v1/payments/1/events",
        "/v1/payments/%27%20or%201=1/events",
        "/webhooks/paytech",
        "/console.",
        "/consoles",
        "/openapi.json.",
        "http://elsewhere/v1/payments/x",
        "/.env",
        "/metrics/",
        "/livez/x",
    ] {
        let answer = app.by_hand(&request("GET", target, "connection: close\r\n", b"")).await;
        if let Some(answer) = answer {
            assert!(matches!(answer.status, 400 | 404), "{target}: {answer:?}");
            if answer.status == 404 {
                answer.assert_problem("not-found");
            }
        }
    }
    let long = format!("/v1/payments/by-reference/{}", "a".repeat(100_000));
    if let Some(answer) = app.by_hand(&request("GET", &long, "connection: close\r\n", b"")).await {
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    let check = app.post("/v1/payments/00000000-0000-0000-0000-000000000000/check", &json!({})).await;
    check.assert_problem("not-found");
}
