//! What an order is paid with, what it follows from and what follows from it: each field that is wrong is named, and
//! nothing of a card, a wallet or a token comes back.

use serde_json::{Value, json};

use super::{CANARY, post_bytes, with};
use crate::app::{Kind, TestApp, on_every_store, order};
use crate::orders::{
    CARD, Made, SECURITY_CODE, WALLET, by_apple_pay, by_card, by_google_pay, by_token, payout, payout_to_card,
    recurring,
};
use crate::secrets::shows_the_code;

fn subscribed(reference: &str) -> Value {
    let mut order = order(reference);
    order["startRecurring"] = json!(true);
    order["subscription"] = json!({ "frequency": 1, "retryStrategy": { "frequency": 1, "numberOfCycles": 1 } });
    order
}

fn in_a_browser(reference: &str) -> Value {
    let mut order = order(reference);
    order["browser"] = json!({ "browserWindowWidth": 1200 });
    order
}

/// Texts and the most characters that each may have (gateway contract, sections 6.1, 6.1.3, 6.1.4 and 6.4).
const TEXTS: [(Made, &str, usize); 6] = [
    (by_card, "/card/cardholderName", 128),
    (by_token, "/card/cardToken", 32),
    (recurring, "/recurringToken", 512),
    (subscribed, "/subscription/description", 512),
    (in_a_browser, "/browser/customerUserAgent", 512),
    (in_a_browser, "/browser/browserLanguage", 32),
];

const COUNTS: &[&str] = &["0", "-1", "1.5", "1e2", "4294967296", r#""1""#, "[]", "true"];
const SIZES: &[&str] = &["-1", "0.5", "4294967296", r#""1""#, "{}", "true"];
const OBJECTS: &[&str] = &["[]", r#""Xk7CanaryXk7""#, "1", "true", r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":1}"#];
const IDS: &[&str] = &[r#""""#, r#""Xk7CanaryXk7-""#, r#""..""#, "1", "{}", r#""91d27876e87f4b22b3ecd53924bf973d0""#];

/// Fields with a form of their own, and what does not fit.
const FORMS: [(Made, &str, &[&str]); 44] = [
    (order, "/card", OBJECTS),
    (order, "/googlePay", OBJECTS),
    (order, "/applePay", OBJECTS),
    (order, "/browser", OBJECTS),
    (
        by_card,
        "/card/cardNumber",
        &[
            r#""""#,
            "4000000000000002",
            r#""4000000000000003""#,
            r#""4000 0000 0000 0020""#,
            r#""40000000000""#,
            r#""40000000000000000002""#,
            r#""4000 0000 0000 0002          ""#,
            r#""4000.0000.0000.0002""#,
            r#""４０００００００００００００００２""#,
            r#""4000000000000002\u0000""#,
            r#""Xk7CanaryXk7""#,
            "[]",
        ],
    ),
    (by_card, "/card/cardSecurityCode", &[r#""""#, r#""12""#, r#""12345""#, r#""12a""#, "9371", r#""Xk7CanaryXk7""#]),
    (by_card, "/card/expiryMonth", &[r#""""#, r#""6""#, r#""00""#, r#""13""#, r#""006""#, "6", r#""1e""#, "[]"]),
    (by_card, "/card/expiryYear", &[r#""""#, r#""71""#, r#""1999""#, r#""2100""#, "2071", r#""02071""#, r#""2001""#]),
    (by_card, "/card/cardToken", &["1", r#""""#, r#""a\u0000b""#]),
    (order, "/parentPaymentId", &[r#""""#, r#""Xk7CanaryXk7""#, "1", "[]", r#""01a20e77-5156-724b-9903-41490f448b6""#]),
    (order, "/gatewayParentPaymentId", IDS),
    (recurring, "/recurringToken", &["1", "[]", r#"{"a":1}"#]),
    (subscribed, "/subscription/frequency", COUNTS),
    (subscribed, "/subscription/numberOfCycles", COUNTS),
    (subscribed, "/subscription/retryStrategy/frequency", COUNTS),
    (subscribed, "/subscription/retryStrategy/numberOfCycles", COUNTS),
    (subscribed, "/subscription/frequencyUnit", &[r#""YEAR""#, r#""day""#, r#""""#, "1", r#""Xk7CanaryXk7""#]),
    (subscribed, "/subscription/retryStrategy/frequencyUnit", &[r#""HOUR""#, r#""""#, "{}"]),
    (subscribed, "/subscription/retryStrategy", &["[]", r#""Xk7CanaryXk7""#, "1", r#"{"a":1,"a":1}"#]),
    (
        subscribed,
        "/subscription/retryStrategy/amountAdjustments",
        &["1", "{}", "[0]", "[1,-1]", "[1.5]", r#"["1"]"#, "[null]", "[4294967296]"],
    ),
    (
        subscribed,
        "/subscription/amount",
        &["0", "-1", "1.001", "1000000000.01", r#""1,5""#, "[]", "1e400", r#""Xk7CanaryXk7""#],
    ),
    (
        subscribed,
        "/subscription/startTime",
        &[
            r#""""#,
            r#""tomorrow""#,
            r#""2071-01-01""#,
            r#""2071-01-01T00:00:00""#,
            r#""2071-02-30T00:00:00Z""#,
            "3187296000",
            r#""0000-01-01T00:00:00+23:59""#,
            r#""9999-12-31T23:59:59-23:59""#,
        ],
    ),
    (in_a_browser, "/browser/ipCountryCode", &[r#""cy""#, r#""CYP""#, r#""""#, "1"]),
    (in_a_browser, "/browser/browserWindowWidth", SIZES),
    (in_a_browser, "/browser/browserWindowHeight", SIZES),
    (in_a_browser, "/browser/browserScreenWidth", SIZES),
    (in_a_browser, "/browser/browserScreenHeight", SIZES),
    (in_a_browser, "/browser/browserScreenColorDepth", SIZES),
    (in_a_browser, "/browser/browserJavaEnabled", &["0", "1", r#""true""#, "[]"]),
    (in_a_browser, "/browser/browserTimezoneOffset", &["0.5", "2147483648", r#""-60""#, "[]"]),
    // Of wallets only the types of what the contract names are looked at.
    (by_google_pay, "/googlePay/apiVersion", &["1.5", r#""2""#, "true", "[]", "99999999999999999999"]),
    (by_google_pay, "/googlePay/apiVersionMinor", &[r#""0""#, "{}"]),
    (by_google_pay, "/googlePay/paymentMethodData", &["[]", "1", r#""Xk7CanaryXk7""#]),
    (by_google_pay, "/googlePay/paymentMethodData/info", &["[]", "true"]),
    (by_google_pay, "/googlePay/paymentMethodData/info/billingAddress/countryCode", &["1", "{}"]),
    (by_google_pay, "/googlePay/paymentMethodData/tokenizationData/token", &["1", "{}", "[]"]),
    (
        by_google_pay,
        "/googlePay/paymentMethodData/tokenizationData/decryptedToken/paymentMethodDetails/pan",
        &["4000000000000002", "[]"],
    ),
    (
        by_google_pay,
        "/googlePay/paymentMethodData/tokenizationData/decryptedToken/paymentMethodDetails/expirationYear",
        &[r#""2071""#, "1.5"],
    ),
    (by_apple_pay, "/applePay/transactionIdentifier", &["1", "[]"]),
    (by_apple_pay, "/applePay/paymentData", &["[]", r#""Xk7CanaryXk7""#]),
    (by_apple_pay, "/applePay/paymentData/header/transactionId", &["1"]),
    (by_apple_pay, "/applePay/paymentData/decryptedData/transactionAmount", &[r#""1112""#, "11.12"]),
    (by_apple_pay, "/applePay/paymentData/decryptedData/applicationPrimaryAccountNumber", &["4000000000000002"]),
    (by_apple_pay, "/applePay/billingContact/addressLines", &[r#""x""#, "[1]", "{}"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_that_is_wrong_is_named_and_nothing_secret_is_told() {
    let app = TestApp::start(Kind::Sqlite).await;
    let mut cases: Vec<(Made, &str, String)> = Vec::new();
    for (made, pointer, most) in TEXTS {
        let long = format!("{CANARY}{}", "ž".repeat(most + 1 - CANARY.len()));
        let texts = [json!(long), json!(""), json!(format!("{CANARY}\0")), json!(format!("{CANARY}\n")), json!(1)];
        cases.extend(texts.iter().map(|text| (made, pointer, text.to_string())));
    }
    for (made, pointer, values) in FORMS {
        cases.extend(values.iter().map(|value| (made, pointer, (*value).to_owned())));
    }
    for (made, pointer, value) in cases {
        let body = with(&made("never-taken"), pointer, &value);
        let answer = post_bytes(&app, body.into_bytes()).await;
        answer.assert_problem("invalid-request");
        // A name that comes twice spoils its object as a whole.
        assert_eq!(answer.pointers(), [pointer], "{pointer} = {value}");
        for secret in [CANARY, CARD, "40000000", WALLET, "Xk7"] {
            assert!(!answer.body.to_string().contains(secret), "{secret} is told: {answer:?}");
        }
        // Four digits may stand in the name of any request.
        assert!(!shows_the_code(&answer.body.to_string()), "the code is told: {answer:?}");
    }
    assert_eq!(app.get("/v1/payments").await.body["data"], json!([]));
    assert_eq!(app.posts_of("never-taken"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_beside_another_field_is_named() {
    let app = TestApp::start(Kind::Sqlite).await;
    for (made, absent, named) in [
        (by_card as Made, "/card/cardNumber", "/card/cardNumber"),
        (by_card, "/card/expiryMonth", "/card/expiryMonth"),
        (by_card, "/card/expiryYear", "/card/expiryYear"),
        (subscribed, "/subscription/frequency", "/subscription/frequency"),
        (subscribed, "/subscription/retryStrategy/frequency", "/subscription/retryStrategy/frequency"),
        (subscribed, "/subscription/retryStrategy/numberOfCycles", "/subscription/retryStrategy/numberOfCycles"),
        (subscribed, "/startRecurring", "/subscription"),
    ] {
        for null in [true, false] {
            let mut order = made("never-taken");
            let (object, name) = absent.rsplit_once('/').unwrap();
            let members = order.pointer_mut(object).unwrap().as_object_mut().unwrap();
            members.remove(name);
            if null {
                members.insert(name.to_owned(), Value::Null);
            }
            let answer = app.post("/v1/payments", &order).await;
            answer.assert_problem("invalid-request");
            assert_eq!(answer.pointers(), [named], "without {absent}");
        }
    }
    let mut empty = order("never-taken");
    empty["card"] = json!({});
    assert_eq!(app.post("/v1/payments", &empty).await.pointers(), ["/card/cardNumber"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_go_together_is_named() {
    let app = TestApp::start(Kind::Sqlite).await;
    let gateway_id = json!("91d27876e87f4b22b3ecd53924bf973d");
    let our_id = json!("01a20e77-5156-724b-9903-41490f448b66");
    let google = by_google_pay("x")["googlePay"].clone();
    let apple = by_apple_pay("x")["applePay"].clone();
    for (made, pointer, value, named) in [
        (by_card as Made, "/card/cardToken", json!("a-token"), "/card/cardToken"),
        (by_card, "/googlePay", google.clone(), "/googlePay"),
        (by_card, "/applePay", apple.clone(), "/applePay"),
        (by_google_pay, "/applePay", apple.clone(), "/applePay"),
        (recurring, "/parentPaymentId", our_id.clone(), "/gatewayParentPaymentId"),
        (payout_to_card, "/card/cardSecurityCode", json!(SECURITY_CODE), "/card/cardSecurityCode"),
        (payout, "/preAuth", json!(true), "/preAuth"),
        (payout, "/startRecurring", json!(true), "/startRecurring"),
        (payout, "/recurringToken", json!("a-token"), "/recurringToken"),
        (payout, "/parentPaymentId", our_id, "/parentPaymentId"),
        (payout, "/gatewayParentPaymentId", gateway_id, "/gatewayParentPaymentId"),
        (payout, "/googlePay", google, "/googlePay"),
        (payout, "/applePay", apple, "/applePay"),
        (payout, "/amount", json!("0"), "/amount"),
        (payout, "/flow", json!("H2H"), "/flow"),
    ] {
        let body = with(&made("never-taken"), pointer, &value.to_string());
        let answer = post_bytes(&app, body.into_bytes()).await;
        answer.assert_problem("invalid-request");
        assert_eq!(answer.pointers(), [named], "with {pointer}");
        assert!(!shows_the_code(&answer.body.to_string()), "{answer:?}");
    }
    assert_eq!(app.get("/v1/payments").await.body["data"], json!([]));
    // A switch that is off is none.
    let mut off = payout("off");
    off["preAuth"] = json!(false);
    off["startRecurring"] = json!(false);
    assert_eq!(app.post("/v1/payments", &off).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_does_not_exist_is_refused_by_name_and_a_wallets_own_are_passed_on() {
    let app = TestApp::start(Kind::Sqlite).await;
    for (made, pointer) in [
        (by_card as Made, "/card/pan"),
        (by_card, "/card/CardNumber"),
        (by_card, "/card/cvv"),
        (by_token, "/card/token"),
        (subscribed, "/subscription/period"),
        (subscribed, "/subscription/retryStrategy/times"),
        (in_a_browser, "/browser/customerIp"),
        (in_a_browser, "/browser/userAgent"),
    ] {
        for value in ["1", "null", r#""Xk7CanaryXk7""#, r#"{"deep":[{"Xk7CanaryXk7":1}]}"#] {
            let body = with(&made("never-taken"), pointer, value);
            let answer = post_bytes(&app, body.into_bytes()).await;
            answer.assert_problem("invalid-request");
            assert_eq!(answer.pointers(), [pointer], "{value}");
            assert!(!answer.body.to_string().contains(CANARY), "{answer:?}");
        }
    }
    for (count, (made, pointer)) in
        [(by_google_pay as Made, "/googlePay/newField"), (by_apple_pay, "/applePay/paymentData/newField")]
            .into_iter()
            .enumerate()
    {
        let deep = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
        let body = with(&made(&format!("wallet-{count}")), pointer, &deep);
        let first = post_bytes(&app, body.clone().into_bytes()).await;
        assert_eq!(first.status, 201, "{first:?}");
        assert_eq!(post_bytes(&app, body.into_bytes()).await.status, 200);
    }
}

on_every_store! {
    async fn every_text_may_have_exactly_as_many_characters_as_the_contract_says_here_too(app: TestApp) {
        for (count, (made, pointer, most)) in TEXTS.into_iter().enumerate() {
            let reference = format!("text-{count}");
            let body = with(&made(&reference), pointer, &json!("ž".repeat(most)).to_string());
            let taken = post_bytes(&app, body.into_bytes()).await;
            assert_eq!(taken.status, 201, "{pointer}: {taken:?}");
        }
        let mut spaced = by_card("spaced");
        spaced["card"]["cardNumber"] = json!("4000  0000  0000  0002 ");
        assert_eq!(spaced["card"]["cardNumber"].as_str().unwrap().len(), 23);
        assert_eq!(app.post("/v1/payments", &spaced).await.status, 201);
        app.prove_the_books().await;
    }
}
