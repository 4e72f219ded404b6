use serde_json::json;

use super::{post_bytes, with};
use crate::app::{Kind, TestApp, order};

/// Amounts that are none, by currency: as they stand in the JSON.
const AMOUNTS: [(&str, &[&str]); 5] = [
    (
        "EUR",
        &[
            "-1",
            "-0.01",
            r#""-11.12""#,
            "0",
            "0.00",
            "1.001",
            r#""0.001""#,
            "1000000000.01",
            "1e10",
            "1e400",
            "1e-400",
            "1e99999999999",
            "true",
            "[]",
            "{}",
            r#""""#,
            r#"" 1""#,
            r#""1 ""#,
            r#""1,5""#,
            r#""+1""#,
            r#"".5""#,
            r#""5.""#,
            r#""NaN""#,
            r#""Infinity""#,
            r#""0x10""#,
            r#""１""#,
            r#""1_000""#,
            r#""1e""#,
            r#""11.12 EUR""#,
            r#""1\u0000""#,
            r#""99999999999999999999999999999999999999999999999999""#,
        ],
    ),
    ("CLP", &["0.5", "1.01", r#""1000.1""#]),
    ("KWD", &["1.2345", r#""0.0001""#]),
    ("USDT", &["0.0000000000000000001", r#""1.1234567890123456789""#, "0.000001", "1e-6"]),
    ("BTC", &["1e-19", "0.000000000000000001"]),
];

/// Amounts that are taken, and how they are told.
const TAKEN: [(&str, &str, &str); 12] = [
    ("EUR", "11", "11.00"),
    ("EUR", r#""11.1""#, "11.10"),
    ("EUR", "11.120", "11.12"),
    ("EUR", "1112e-2", "11.12"),
    ("EUR", "1.112E+1", "11.12"),
    ("EUR", r#""1.112e1""#, "11.12"),
    ("EUR", "0.01", "0.01"),
    ("EUR", "1000000000", "1000000000.00"),
    ("CLP", "2000", "2000"),
    ("CLP", "2000.00", "2000"),
    ("USDT", "0.00001", "0.00001"),
    ("USDT", r#""12.123456789012345678""#, "12.123456789012345678"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amount_is_taken_from_its_digits_or_refused_and_never_rounded() {
    let app = TestApp::start(Kind::Sqlite).await;
    for (currency, values) in AMOUNTS {
        let mut order = order("never-taken");
        order["currency"] = json!(currency);
        for value in values {
            let answer = post_bytes(&app, with(&order, "/amount", value).into_bytes()).await;
            answer.assert_problem("invalid-request");
            assert_eq!(answer.pointers(), ["/amount"], "{value} {currency}");
        }
    }
    // No JSON at all, however much it looks like a number.
    for value in ["NaN", "Infinity", "-Infinity", "+1", ".5", "5.", "01", "0x10", "1_000", "1e", "--1"] {
        let answer = post_bytes(&app, with(&order("never-taken"), "/amount", value).into_bytes()).await;
        answer.assert_problem("malformed-body");
    }
    for (count, (currency, value, told)) in TAKEN.into_iter().enumerate() {
        let mut order = order(&format!("amount-{count}"));
        order["currency"] = json!(currency);
        let answer = post_bytes(&app, with(&order, "/amount", value).into_bytes()).await;
        assert_eq!((answer.status, &answer.body["amount"]), (201, &json!(told)), "{value} {currency}: {answer:?}");
    }
    let mut held = order("nothing-but-held");
    held["amount"] = json!(0);
    held["preAuth"] = json!(true);
    assert_eq!(app.post("/v1/payments", &held).await.status, 201, "with preAuth nothing may be held");
}
