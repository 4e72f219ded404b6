use fault_catalogue::struck;
use std::time::Duration;

use super::{post_bytes, with};
use crate::app::{CALLER_KEY, Kind, TestApp, order};
use crate::wire::{Wire, read_answer, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_json_object_is_refused_with_the_place_where_it_ends_to_be_one() {
    let app = TestApp::start(Kind::Sqlite).await;
    let valid = order("never-taken").to_string();
    let deep = |levels: usize| [b"[".repeat(levels), b"]".repeat(levels)].concat();
    let raw = |text: &[u8]| [&br#"{"referenceId":""#[..], text, &br#""}"#[..]].concat();
    let bodies: [Vec<u8>; 24] = [
        b"".to_vec(),
        b" ".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"1".to_vec(),
        b"\"text\"".to_vec(),
        b"{".to_vec(),
        b"}".to_vec(),
        b"{]".to_vec(),
        b"{\"a\"}".to_vec(),
        b"{\"a\":}".to_vec(),
        b"{a:1}".to_vec(),
        b"{'a':1}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        format!("{valid},").into_bytes(),
        format!("{valid}{valid}").into_bytes(),
        format!("{valid}\0").into_bytes(),
        valid.replace("\"referenceId\"", "\"amount\":1,\"referenceId\"").into_bytes(),
        valid.replace("\"referenceId\"", "\"\\ud800\":1,\"referenceId\"").into_bytes(),
        raw(b"a\0b"),
        raw(b"a\nb"),
        raw(b"\xff\xfe"),
        raw(b"\xed\xa0\x80"),
        deep(30_000),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = post_bytes(&app, body).await;
        assert_eq!(answer.status, 400, "{shown}: {answer:?}");
        answer.assert_problem("malformed-body");
        assert!(answer.body["detail"].as_str().unwrap().contains("line 1, column "), "{answer:?}");
    }
    // Nested as deeply as a body can be, in a field of another type and in one that does not exist.
    for pointer in ["/description", "/metadata/x", "/typo", "/amount", "/preAuth"] {
        let value = String::from_utf8(deep(30_000)).unwrap();
        let answer = post_bytes(&app, with(&order("never-taken"), pointer, &value).into_bytes()).await;
        answer.assert_problem("invalid-request");
        assert_eq!(answer.pointers(), [pointer]);
    }
    let objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let answer = post_bytes(&app, with(&order("never-taken"), "/customer", &objects).into_bytes()).await;
    assert_eq!(answer.pointers(), ["/customer/a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_beyond_the_limit_is_refused_or_cut_off_whatever_it_announces() {
    let app = TestApp::start(Kind::Sqlite).await;
    let padded = |size: usize| {
        let body = order("padded").to_string();
        format!("{body}{}", " ".repeat(size - body.len())).into_bytes()
    };
    assert_eq!(post_bytes(&app, padded(64 * 1024)).await.status, 201, "64 KiB are taken");
    post_bytes(&app, padded(64 * 1024 + 1)).await.assert_problem("body-too-large");

    let json = "content-type: application/json\r\n";
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    let mut injected = 0_u64;
    for body in [deep, padded(10 * 1024 * 1024)] {
        injected += 1;
        if let Some(answer) = app.by_hand(&request("POST", "/v1/payments", json, &body)).await {
            answer.assert_problem("body-too-large");
        }
        let head = format!(
            "POST /v1/payments HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {CALLER_KEY}\r\n{json}\
             transfer-encoding: chunked\r\n\r\n"
        );
        let chunks =
            body.chunks(30_000).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        let chunked = [vec![head.into_bytes()], chunks.collect(), vec![b"0\r\n\r\n".to_vec()]].concat().concat();
        if let Some(answer) = app.by_hand(&chunked).await {
            answer.assert_problem("body-too-large");
        }
    }
    // It promises more than it sends, and goes.
    let mut promise = request("POST", "/v1/payments", json, &padded(1000));
    promise.truncate(promise.len() - 10);
    if let Some(answer) = app.by_hand(&promise).await {
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(app.take("neighbour").await.status, 201);
    assert_eq!(app.payment("padded").await["state"], "CHECKOUT");
    struck(39, injected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_json_is_taken_and_other_content_types_are_refused() {
    let app = TestApp::start(Kind::Sqlite).await;
    let post = |content_type: Option<&'static str>| {
        let request = app.http.post(app.at("/v1/payments")).bearer_auth(CALLER_KEY).body(order("typed").to_string());
        app.send(match content_type {
            Some(content_type) => request.header("content-type", content_type),
            None => request,
        })
    };
    for wrong in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/jsonx"),
        Some("application/json-patch+json"),
        Some("text/json"),
        Some(";application/json"),
    ] {
        post(wrong).await.assert_problem("unsupported-media-type");
    }
    for right in ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"] {
        assert!(matches!(post(Some(right)).await.status, 200 | 201), "{right}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_drips_a_head_or_a_body_is_cut_off_while_neighbours_go_on() {
    let pairs = [("HTTP__HEAD_SECONDS", "1"), ("HTTP__BODY_SECONDS", "1")];
    let app = TestApp::start_with(Kind::Sqlite, &pairs).await;
    let body = order("dripped").to_string();
    let whole = request("POST", "/v1/payments", "content-type: application/json\r\n", body.as_bytes());
    let body_at = whole.len() - body.len();
    let pause = Duration::from_millis(50);

    let head = async {
        let mut wire = Wire::to(&app).await;
        let taken = wire.drip(&whole[..body_at], pause).await;
        (taken, wire.read_to_the_end().await)
    };
    let slow_body = async {
        let mut wire = Wire::to(&app).await;
        wire.send(&whole[..body_at]).await;
        let taken = wire.drip(&whole[body_at..], pause).await;
        (taken, wire.read_to_the_end().await)
    };
    let silent = async {
        let mut wire = Wire::to(&app).await;
        wire.send(&whole[..body_at + 10]).await;
        wire.read_to_the_end().await
    };
    let notice = async {
        let mut wire = Wire::to(&app).await;
        wire.send(b"POST /webhooks/paytech/main HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\n{").await;
        wire.read_to_the_end().await
    };
    let neighbours = async {
        for count in 0..20 {
            assert_eq!(app.take(&format!("neighbour-{count}")).await.status, 201);
        }
    };
    let (head, slow_body, silent, notice, ()) = tokio::join!(head, slow_body, silent, notice, neighbours);

    let (taken, answer) = head;
    assert!(taken < body_at, "a head that takes longer than its time was read to its end");
    if let Some(answer) = answer.as_deref().and_then(read_answer) {
        assert_eq!(answer.status, 408, "{answer:?}");
    }
    let (taken, answer) = slow_body;
    assert!(taken < body.len(), "a body that takes longer than its time was read to its end");
    for answer in [answer, silent, notice] {
        read_answer(&answer.unwrap()).unwrap().assert_problem("body-too-slow");
    }
    assert_eq!(app.get("/v1/payments/by-reference/dripped").await.status, 404);
}
