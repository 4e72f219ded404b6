use serde_json::{Value, json};

use super::{CANARY, post_bytes, with};
use crate::app::{Kind, TestApp, on_every_store, order};

/// Texts of an order and the most characters that each may have (gateway contract, sections 6.1, 6.1.1 and 6.1.2).
const TEXTS: [(&str, usize); 27] = [
    ("/referenceId", 256),
    ("/description", 512),
    ("/returnUrl", 512),
    ("/checkoutStyle", 64),
    ("/customer/referenceId", 128),
    ("/customer/firstName", 128),
    ("/customer/lastName", 128),
    ("/customer/email", 256),
    ("/customer/accountNumber", 256),
    ("/customer/accountName", 64),
    ("/customer/accountType", 16),
    ("/customer/bank", 64),
    ("/customer/bankCode", 64),
    ("/customer/bankBranch", 64),
    ("/customer/bankBranchCode", 64),
    ("/customer/documentType", 16),
    ("/customer/documentNumber", 64),
    ("/customer/routingGroup", 64),
    ("/billingAddress/addressLine1", 300),
    ("/billingAddress/addressLine2", 300),
    ("/billingAddress/city", 50),
    ("/billingAddress/postalCode", 12),
    ("/billingAddress/state", 40),
    ("/metadata/basket", 500),
    ("/additionalParameters/terminal", 1024),
    ("/paymentMethod", 64),
    ("/shop", 64),
];

/// Fields with a form of their own, and what does not fit.
const FORMS: [(&str, &[&str]); 27] = [
    ("/paymentType", &[r#""DEPOSITS""#, r#""deposit""#, r#""REFUND""#, r#""""#, "1", "[]"]),
    ("/currency", &[r#""EU""#, r#""eur""#, r#""EURO_""#, r#""E R""#, r#""ABCDEFGHIJKLM""#, r#""""#, "978", "{}"]),
    ("/paymentMethod", &[r#""CARRIER_PIGEON""#, r#""basic_card""#, r#""BASIC CARD""#, r#""""#]),
    ("/flow", &[r#""h2h""#, r#""auto""#, r#""SIDEWAYS""#, r#""""#, "0", "true"]),
    ("/shop", &[r#""nowhere""#, r#""MAIN""#, r#""second""#, r#""""#, r#""../main""#]),
    ("/preAuth", &["0", "1", r#""true""#, "[]", r#""""#]),
    ("/startRecurring", &["0", "2", r#""false""#, "{}", r#""""#]),
    ("/customer", &["[]", r#""x""#, "1", "true", r#"{"firstName":"a","firstName":"b"}"#]),
    ("/billingAddress", &["[]", r#""x""#, "1", r#"{"city":"a","city":"a"}"#]),
    ("/metadata", &["[]", r#""x""#, "1", r#"{"a":"b","a":"c"}"#, r#"{"a":"b","\u0061":"c"}"#]),
    ("/additionalParameters", &["[]", r#""x""#, "1", r#"{"a":"b","a":"c"}"#]),
    ("/customer/citizenshipCountryCode", &[r#""cy""#, r#""CYP""#, r#""C1""#, r#""""#, "1"]),
    ("/customer/dateOfBirth", &[r#""2001-1-3""#, r#""2001-02-30""#, r#""03-12-2001""#, r#""""#, "20011203"]),
    ("/customer/dateOfFirstDeposit", &[r#""2001-13-01""#, r#""yesterday""#, "0"]),
    ("/customer/phone", &[r#""+357 123""#, r#""357123123""#, r#""357  123""#, r#""35712 12345678901234""#, "357"]),
    ("/customer/locale", &[r#""en-GB""#, r#""e""#, r#""12""#, r#""""#, "1"]),
    ("/customer/email", &[r#""my""#, r#""@a.b""#, r#""my@""#, r#""a@b@c""#, r#""a b@c""#, r#""""#]),
    ("/customer/accountType", &[r#""savings""#, r#""CURRENT""#, r#""""#]),
    ("/customer/documentType", &[r#""PASSPORT_OF_X""#, r#""uk_pp""#, r#""""#]),
    ("/customer/kycStatus", &["1", r#""true""#, "[]"]),
    ("/customer/paymentInstrumentKycStatus", &["0", r#""false""#, "{}"]),
    ("/billingAddress/countryCode", &[r#""cy""#, r#""CYP""#, r#""C1""#, r#""""#, "1"]),
    ("/customer/withdrawalsAmount", &["-1", "0.5", "4294967296", r#""7""#]),
    ("/customer/depositsCnt", &["-1", "1.0", "99999999999999999999", "[]"]),
    ("/customer/withdrawalsCnt", &["-1", "1e400", "{}", "false"]),
    ("/customer/depositsAmount", &["-1", "1.5", "4294967296", "1e2", r#""1""#, "true"]),
    ("/customer/ip", &[r#""81.4.178""#, r#""81.4.178.256""#, r#""::g""#, r#""localhost""#, r#""""#, "81"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_that_is_wrong_is_named_and_its_value_is_not_told() {
    let app = TestApp::start(Kind::Sqlite).await;
    let mut cases: Vec<(String, String)> = Vec::new();
    for (pointer, most) in TEXTS {
        let long = format!("{CANARY}{}", "ž".repeat(most + 1 - CANARY.len()));
        let texts = [json!(long), json!(""), json!(format!("{CANARY}\0")), json!(format!("{CANARY}\n{CANARY}"))];
        let others = ["1", "true", "[]", "{}", "1e400", r#""\ud800""#, r#""\udc00Xk7CanaryXk7""#];
        cases.extend(texts.map(|text| (pointer.to_owned(), text.to_string())));
        cases.extend(others.map(|other| (pointer.to_owned(), other.to_owned())));
    }
    for (pointer, values) in FORMS {
        cases.extend(values.iter().map(|value| (pointer.to_owned(), (*value).to_owned())));
    }
    for (pointer, value) in cases {
        let body = with(&order("never-taken"), &pointer, &value);
        let answer = post_bytes(&app, body.into_bytes()).await;
        answer.assert_problem("invalid-request");
        assert_eq!(answer.pointers(), [pointer.as_str()], "{pointer} = {value}");
        assert!(!answer.body.to_string().contains(CANARY), "the value is told: {answer:?}");
    }
    assert_eq!(app.get("/v1/payments").await.body["data"], json!([]));
    assert_eq!(app.posts_of("never-taken"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_or_null_is_named_or_left_out() {
    let app = TestApp::start(Kind::Sqlite).await;
    for name in ["referenceId", "paymentType", "amount", "currency"] {
        for absent in [true, false] {
            let mut body = order("never-taken");
            if absent {
                body.as_object_mut().unwrap().remove(name);
            } else {
                body[name] = Value::Null;
            }
            let answer = app.post("/v1/payments", &body).await;
            answer.assert_problem("invalid-request");
            assert_eq!(answer.pointers(), [format!("/{name}")]);
        }
    }
    let nothing = app.post("/v1/payments", &json!({})).await;
    assert_eq!(nothing.pointers(), ["/amount", "/currency", "/paymentType", "/referenceId"]);

    let mut sparse = order("all-null");
    let optional = TEXTS.map(|(pointer, _)| pointer).into_iter().chain(FORMS.map(|(pointer, _)| pointer));
    for pointer in optional.filter(|pointer| !["/referenceId", "/paymentType", "/currency"].contains(pointer)) {
        sparse = serde_json::from_str(&with(&sparse, pointer, "null")).unwrap();
    }
    assert_eq!(app.post("/v1/payments", &sparse).await.status, 201);
    let mut absent = order("all-null");
    absent.as_object_mut().unwrap().remove("paymentMethod");
    assert_eq!(app.post("/v1/payments", &absent).await.status, 200, "null and absent are one");
}

on_every_store! {
    async fn every_text_may_have_exactly_as_many_characters_as_the_contract_says(app: TestApp) {
        let mut body = order("");
        for (pointer, most) in TEXTS {
            let text = match pointer {
                "/paymentMethod" => "BASIC_CARD".to_owned(),
                "/shop" => "main".to_owned(),
                "/returnUrl" => format!("https://shop.example/{}", "r".repeat(most - "https://shop.example/".len())),
                "/customer/email" => format!("{}@shop.example", "e".repeat(most - "@shop.example".len())),
                // Words of the gateway, which it checks itself.
                "/customer/accountType" => "CHECKING".to_owned(),
                "/customer/documentType" => "UK_PP".to_owned(),
                // Characters are counted, not bytes.
                _ => "ž".repeat(most),
            };
            body = serde_json::from_str(&with(&body, pointer, &json!(text).to_string())).unwrap();
        }
        let metadata: serde_json::Map<String, Value> =
            (0..15).map(|count| (format!("{count:0>40}"), json!("🙂".repeat(500)))).collect();
        body["metadata"] = Value::Object(metadata.clone());
        let taken = app.post("/v1/payments", &body).await;
        assert_eq!(taken.status, 201, "{taken:?}");
        assert_eq!(taken.body["metadata"], Value::Object(metadata));
        assert_eq!(taken.body["referenceId"], "ž".repeat(256));
        app.prove_the_books().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_does_not_exist_is_refused_by_name_at_every_level() {
    let app = TestApp::start(Kind::Sqlite).await;
    for pointer in [
        "/amountLimit",
        "/cardToken",
        "/cardNumber",
        "/token",
        "/gatewayPaymentId",
        "/webhookUrl",
        "/Amount",
        "/amount ",
        "/reference_id",
        "/customer/name",
        "/customer/card",
        "/billingAddress/zip",
        "/x~1y",
        "/x~0y",
        "/~1",
        "/customer/~0~1",
        "/",
        "/customer/",
    ] {
        for value in ["1", "null", r#""Xk7CanaryXk7""#, r#"{"deep":[{"Xk7CanaryXk7":1}]}"#] {
            let body = with(&order("never-taken"), pointer, value);
            let answer = post_bytes(&app, body.clone().into_bytes()).await;
            answer.assert_problem("invalid-request");
            assert_eq!(answer.pointers(), [pointer], "{body}");
            assert!(!answer.body.to_string().contains(CANARY), "{answer:?}");
        }
    }
    let mut wrong_everywhere = order("never-taken");
    wrong_everywhere["amount"] = json!("a");
    wrong_everywhere["description"] = json!("");
    wrong_everywhere["typo"] = json!(1);
    wrong_everywhere["customer"] = json!({ "email": "x", "typo": 1 });
    let answer = app.post("/v1/payments", &wrong_everywhere).await;
    assert_eq!(answer.pointers(), ["/amount", "/customer/email", "/customer/typo", "/description", "/typo"]);
    assert_eq!(answer.body["detail"], "5 fields are not valid");

    // As many as fit into a body: all are refused, and the answer stays smaller than the request.
    let many: Vec<String> = (0..5_000).map(|count| format!(r#""f{count}":1"#)).collect();
    let body = format!("{{{}}}", many.join(","));
    let answer = post_bytes(&app, body.clone().into_bytes()).await;
    answer.assert_problem("invalid-request");
    assert!(answer.body.to_string().len() < body.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pairs_have_bounds_and_their_names_too() {
    let app = TestApp::start(Kind::Sqlite).await;
    let pairs = |count: usize| -> Value { (0..count).map(|n| (format!("k{n}"), json!("v"))).collect() };
    for (field, most, longest) in [("metadata", 15, 40), ("additionalParameters", 50, 128)] {
        let mut body = order(&format!("pairs-{field}"));
        body[field] = pairs(most + 1);
        assert_eq!(app.post("/v1/payments", &body).await.pointers(), [format!("/{field}")]);
        for name in [String::new(), "n".repeat(longest + 1), "a\0b".to_owned()] {
            body[field] = json!({ "fine": "v" });
            body[field][&name] = json!("v");
            let answer = app.post("/v1/payments", &body).await;
            answer.assert_problem("invalid-request");
            assert!(answer.pointers()[0].starts_with(&format!("/{field}/")), "{answer:?}");
            assert!(answer.pointers()[0].len() <= field.len() + 90, "{answer:?}");
        }
        for value in [json!(1), json!({}), json!(["v"]), json!(true)] {
            body[field] = json!({ "fine": "v", "wrong": value });
            assert_eq!(app.post("/v1/payments", &body).await.pointers(), [format!("/{field}/wrong")]);
        }
        body[field] = pairs(most);
        assert_eq!(app.post("/v1/payments", &body).await.status, 201);
    }
}
