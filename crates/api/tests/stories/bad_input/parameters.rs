use crate::app::{Kind, TestApp, on_every_store, order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_that_are_wrong_unknown_or_doubled_are_named() {
    let app = TestApp::start(Kind::Sqlite).await;
    let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
    let gateway_id = app.payment("order-1").await["gatewayPaymentId"].as_str().unwrap().to_owned();
    let one = [
        format!("/v1/payments/{id}"),
        "/v1/payments/by-reference/order-1".to_owned(),
        format!("/v1/payments/by-gateway-id/{gateway_id}"),
    ];
    for path in &one {
        refused(&app, path, "wait", &["", "-1", "61", "1.5", "x", "99999999999999999999", "1&wait=1", "%00"]).await;
        refused(
            &app,
            path,
            "after",
            &["-1&wait=1", "x&wait=1", "1", "1&after=1&wait=1", "18446744073709551616&wait=1"],
        )
        .await;
        refused(&app, path, "shop", &["", "MAIN", "a%20b", "main&shop=main", "%00", &"s".repeat(65)]).await;
        refused(&app, path, "typo", &["", "1"]).await;
        refused(&app, path, "limit", &["1"]).await;
    }
    let list = "/v1/payments";
    let events = format!("/v1/payments/{id}/events");
    for path in [list, &events] {
        refused(&app, path, "limit", &["0", "201", "-1", "", "x", "1e1", "99999999999999999999", "1&limit=1"]).await;
        refused(&app, path, "wait", &["1"]).await;
        refused(&app, path, "%00", &["1"]).await;
        refused(&app, path, "Limit", &["1"]).await;
    }
    refused(&app, &events, "cursor", &["", "x", "-1", "1&cursor=1", "18446744073709551616", "%FF"]).await;
    refused(&app, list, "cursor", &["", "x", "AAAA", "====", "%00", "..", &"A".repeat(2000)]).await;
    refused(&app, list, "referenceId", &["", "a%00b", "a%0Ab", "x&referenceId=y", &"r".repeat(257)]).await;
    refused(&app, list, "gatewayPaymentId", &["", "..", "a b", &"a".repeat(33), "a&gatewayPaymentId=b"]).await;
    refused(&app, list, "state", &["", "checkout", "CHECKOUT,", "CHECKOUT,,PENDING", "CHECKOUT&state=x"]).await;
    refused(&app, list, "paymentType", &["", "deposit", "DEPOSIT,REFUND", "DEPOSIT&paymentType=DEPOSIT"]).await;
    refused(&app, list, "paymentMethod", &["", "basic_card", "a b"]).await;
    refused(&app, list, "currency", &["", "eur", "E", "EUR&currency=EUR"]).await;
    refused(&app, list, "shop", &["", "MAIN", "main,,x", &many_shops()]).await;
    refused(&app, list, "parentPaymentId", &["", "x", "00000000-0000-0000-0000-00000000000"]).await;
    refused(&app, list, "flag", &["", "Surplus", "x"]).await;
    for name in ["createdFrom", "createdTo", "updatedFrom", "updatedTo"] {
        refused(&app, list, name, &["", "yesterday", "2026-02-30T00:00:00Z", "2026-01-01", "1", "2026-01-01T00:00:00"])
            .await;
    }
    let pairs = |count: usize| (0..count).map(|n| format!("metadata.k{n}=v")).collect::<Vec<_>>().join("&");
    let too_many = app.get(&format!("{list}?{}", pairs(2_000))).await;
    too_many.assert_problem("invalid-request");
    assert_eq!(too_many.pointers(), ["metadata"]);
    assert_eq!(app.get(&format!("{list}?{}", pairs(15))).await.status, 200);
    let many: Vec<String> = (0..9_000).map(|n| format!("p{n}=")).collect();
    let unknown = app.get(&format!("{list}?{}", many.join("&"))).await;
    unknown.assert_problem("invalid-request");
    assert!(unknown.pointers().len() <= 50);
    for path in ["/v1/payments?typo=1".to_owned(), format!("/v1/payments/{id}/check?typo=1")] {
        let answer = app.post(&path, &order("order-2")).await;
        answer.assert_problem("invalid-request");
        assert_eq!(answer.pointers(), ["typo"]);
    }
    assert_eq!(app.posts_of("order-2"), 0);
}

on_every_store! {
    async fn whatever_a_list_is_asked_for_the_database_takes_it(app: TestApp) {
        app.take("order-1").await;
        for query in [
            // Cursors of nobody, at both ends of what eight bytes of time can say.
            format!("cursor={}", cursor(i64::MIN)),
            format!("cursor={}", cursor(i64::MAX)),
            format!("cursor={}", cursor(-62_135_596_800_000_000)),
            format!("cursor={}", cursor(-220_000_000_000_000_000)),
            format!("cursor={}", cursor(8_000_000_000_000_000_000)),
            format!("cursor={}", cursor(0)),
            "createdFrom=0000-01-01T00:00:00Z".to_owned(),
            "createdFrom=0000-01-01T00:00:00%2B23:59".to_owned(),
            "createdTo=9999-12-31T23:59:59.999999999-23:59".to_owned(),
            "updatedFrom=0001-01-01T00:00:00Z&updatedTo=9999-12-31T23:59:60Z".to_owned(),
            "metadata.%00=x".to_owned(),
            "metadata.=".to_owned(),
            "metadata.x=%FF".to_owned(),
            "metadata.a=1&metadata.a=2".to_owned(),
            format!("metadata.{}={}", "k".repeat(5_000), "v".repeat(5_000)),
            "metadata.%22%5D%7D=%27%3B--".to_owned(),
            "referenceId=%27%3B%20drop%20table%20payments--".to_owned(),
            "parentPaymentId=00000000-0000-0000-0000-000000000000".to_owned(),
            "state=SUBMITTED,CHECKOUT,PENDING,AWAITING_APPROVAL,AUTHORIZED,COMPLETED,DECLINED,CANCELLED,REJECTED".to_owned(),
            format!("shop={}", many_shops()),
        ] {
            let answer = app.get(&format!("/v1/payments?{query}")).await;
            if answer.status != 200 {
                answer.assert_problem("invalid-request");
            }
        }
        for after in ["0", "9223372036854775807", "9223372036854775808", "18446744073709551615"] {
            let id = app.payment("order-1").await["id"].as_str().unwrap().to_owned();
            assert_eq!(app.get(&format!("/v1/payments/{id}/events?cursor={after}")).await.status, 200, "{after}");
        }
        assert_eq!(app.get("/v1/payments").await.body["data"].as_array().unwrap().len(), 1);
    }
}

async fn refused(app: &TestApp, path: &str, name: &str, values: &[&str]) {
    let plain = percent_decoded(name);
    for value in values {
        let answer = app.get(&format!("{path}?{name}={value}")).await;
        answer.assert_problem("invalid-request");
        assert_eq!(answer.pointers(), [plain.as_str()], "{path}?{name}={value}");
    }
}

fn percent_decoded(name: &str) -> String {
    url::form_urlencoded::parse(format!("{name}=").as_bytes()).next().unwrap().0.into_owned()
}

/// A cursor as the list makes them, for a moment of our choice.
fn cursor(micros: i64) -> String {
    use base64::Engine as _;
    let bytes = [micros.to_be_bytes().as_slice(), &[0; 16]].concat();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn many_shops() -> String {
    (0..30_000).map(|count| format!("{count:x}")).collect::<Vec<_>>().join(",")[..60_000]
        .trim_end_matches(',')
        .to_owned()
}
