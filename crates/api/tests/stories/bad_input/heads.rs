use crate::app::{CALLER_KEY, Kind, TestApp};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_are_none_are_refused_or_closed() {
    let app = TestApp::start(Kind::Sqlite).await;
    let get = "GET /v1/payments HTTP/1.1\r\nhost: test\r\n";
    let key = format!("authorization: Bearer {CALLER_KEY}\r\n");
    let heads: Vec<Vec<u8>> = vec![
        format!("{get}{key}x: {}\r\n\r\n", "h".repeat(200_000)).into_bytes(),
        format!("{get}{key}{}\r\n", "a: b\r\n".repeat(1_000)).into_bytes(),
        format!("{get}authorization: Bearer {}\r\n\r\n", "k".repeat(60_000)).into_bytes(),
        format!("{get}{key}content-length: -1\r\n\r\n").into_bytes(),
        format!("{get}{key}content-length: 1\r\ncontent-length: 2\r\n\r\nab").into_bytes(),
        format!("{get}{key}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").into_bytes(),
        format!("{get}{key}transfer-encoding: chunked\r\n\r\nzz\r\n\r\n").into_bytes(),
        format!("{get}{key}x: a\0b\r\n\r\n").into_bytes(),
        b"GET /v1/payments HTTP/1.1\r\n\xff\xfe: 1\r\n\r\n".to_vec(),
        b"GET /v1/payments HTTP/9.9\r\n\r\n".to_vec(),
        b"GET  /v1/payments HTTP/1.1\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\r\n\r\n\r\n".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"CONNECT elsewhere:443 HTTP/1.1\r\nhost: elsewhere\r\n\r\n".to_vec(),
    ];
    for head in heads {
        let shown = String::from_utf8_lossy(&head[..head.len().min(120)]).into_owned();
        if let Some(answer) = app.by_hand(&head).await {
            assert!(answer.status < 500, "{shown}: {answer:?}");
        }
    }
    assert_eq!(app.take("neighbour").await.status, 201);
}
