//! The gateway's notices: believed only when signed, durable before they are answered, applied whenever that may be.

use fault_catalogue::struck;
use std::time::Duration;

use gateway_simulator::{Amount, Exchange, Fault, SignatureMode, WebhookDelivery, sign};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::app::{
    Answer, Data, Kind, SECOND_API_KEY, SECOND_SIGNING_KEY, SIGNING_KEY, TestApp, eventually, on_every_store, order,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

on_every_store! {
    async fn a_forged_notice_is_refused_and_nothing_of_it_is_kept(app: TestApp) {
        app.take("order-1").await;
        app.run_workers_until_idle().await;
        let taken = app.payment("order-1").await;
        let body = notice(&taken, "COMPLETED").to_string();
        let right = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes()).unwrap();
        let of = |key: &str, body: &str| sign(SignatureMode::HexLower, key, body.as_bytes()).unwrap();
        let forged: Vec<Option<String>> = vec![
            None,
            Some(String::new()),
            Some("0".repeat(64)),
            Some(right[..63].to_owned()),
            Some(right[..32].to_owned()),
            Some(format!("{right}0")),
            Some(format!("sha256={right}")),
            Some(format!("{right},{right}")),
            Some("none".to_owned()),
            Some(of("another-key", &body)),
            Some(of("", &body)),
            Some(of(SECOND_SIGNING_KEY, &body)),
            Some(of(SIGNING_KEY, &format!("{body} "))),
            Some(of(SIGNING_KEY, &body.replace("COMPLETED", "DECLINED"))),
            Some(of(SIGNING_KEY, "")),
            sign(SignatureMode::WrongKey, SIGNING_KEY, body.as_bytes()),
            Some(right.chars().rev().collect()),
        ];
        for signature in &forged {
            let answer = app.notify(&body, signature.as_deref()).await;
            answer.assert_problem("invalid-signature");
            assert!(!answer.body.to_string().contains(&right), "{answer:?}");
        }
        // Refused before anything is parsed, so that an unreadable one is no news to a forger.
        app.notify("no JSON", Some(&right)).await.assert_problem("invalid-signature");

        assert_eq!(app.inbox().await, 0);
        app.run_workers_until_idle().await;
        let after = app.payment("order-1").await;
        assert_eq!((&after["state"], &after["version"]), (&json!("CHECKOUT"), &taken["version"]));
        let counted = format!("gateway_notices_total{{verdict=\"forged\"}} {}", forged.len() + 1);
        assert!(app.metrics().await.contains(&counted), "{}", app.metrics().await);
        struck(33, forged.len());
    }

    async fn a_notice_that_comes_twice_counts_once(app: TestApp) {
        let taken = app.take_in_silence("order-1").await;
        let completed = notice(&taken, "COMPLETED");
        assert_eq!(deliver(&app, &completed).await.status, 200);
        let once = app.payment("order-1").await;
        assert_eq!(once["state"], "COMPLETED");
        for _ in 0..3 {
            assert_eq!(deliver(&app, &completed).await.status, 200);
        }
        assert_eq!(app.payment("order-1").await, once);
        // And fifty times at once.
        for again in futures::future::join_all((0..50).map(|_| deliver(&app, &completed))).await {
            assert_eq!(again.status, 200);
        }
        assert_eq!(app.payment("order-1").await, once);
        assert_eq!(app.inbox().await, 1);
        let deliveries = app.count("select cast(sum(deliveries) as bigint) from webhook_notices").await;
        assert_eq!(deliveries, 54);
        struck(30, deliveries - 1);
        app.prove_the_books().await;
    }

    async fn what_the_gateway_sends_twice_or_late_or_forged_ends_the_same(app: TestApp) {
        for (reference, fault) in [
            ("twice", Fault::HookTwice),
            ("late", Fault::HookLate { millis: 60_000 }),
            ("never", Fault::HookNever),
            ("forged", Fault::HookForged),
        ] {
            app.take(reference).await;
            app.fault(reference, fault);
            app.pay(reference).await;
        }
        app.pass(10 * MINUTE, 10 * SECOND).await;
        for reference in ["twice", "late", "never", "forged"] {
            let end = app.payment(reference).await;
            assert_eq!((&end["state"], &end["flags"]), (&json!("COMPLETED"), &json!([])), "{end}");
            assert_eq!(end["refundableAmount"], "11.12");
        }
        app.prove_the_books().await;
    }

    async fn a_notice_that_overtakes_the_answer_waits_for_it(app: TestApp) {
        app.fault("order-1", Fault::HookEarly { millis: 5_000 });
        let overtaken = async {
            let waiting = "gateway_notices_total{verdict=\"waiting\"} 1";
            eventually("the notice", async || app.metrics().await.contains(waiting)).await;
            let early = app.payment("order-1").await;
            assert_eq!((&early["state"], &early["gatewayPaymentId"]), (&json!("SUBMITTED"), &Value::Null));
            assert_eq!(app.waiting_notices().await, 1);
            app.advance(5 * SECOND);
        };
        let (taken, ()) = tokio::join!(app.take("order-1"), overtaken);
        assert_eq!(taken.status, 201, "{taken:?}");
        app.pass(10 * SECOND, SECOND).await;
        assert_eq!(app.payment("order-1").await["state"], "COMPLETED");
        assert_eq!(app.waiting_notices().await, 0);
        app.prove_the_books().await;
        struck(36, app.faults_struck());
    }

    async fn a_notice_for_an_unknown_outcome_has_it_looked_up_and_binds_nothing_itself(app: TestApp) {
        app.fault("order-1", Fault::LostAfter);
        app.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
        app.take("order-1").await;
        let id = app.gateway.with(|engine, _| engine.payments_of("order-1").next().unwrap().id().to_string());
        // A stranger's id under our reference, well signed all the same: the gateway may have made it for somebody else.
        let strange = json!({ "id": "f".repeat(32), "referenceId": "order-1", "state": "CANCELLED", "errorCode": "1.04" });
        assert_eq!(deliver(&app, &strange).await.status, 200);
        app.run_workers_until_idle().await;
        let found = app.payment("order-1").await;
        assert_eq!((&found["state"], &found["gatewayPaymentId"]), (&json!("CHECKOUT"), &json!(id)), "{found}");
        app.pass(10 * SECOND, SECOND).await;
        let told = app.payment("order-1").await;
        assert_eq!(told["state"], "CHECKOUT", "an unused twin cancels nothing: {told}");
        assert_eq!(told["surplus"][0]["gatewayPaymentId"], "f".repeat(32));
        assert_eq!(app.waiting_notices().await, 0);
        app.prove_the_books().await;
    }

    async fn a_notice_about_a_payment_that_nobody_knows_is_kept_and_filed_after_an_hour(app: TestApp) {
        // The guideline's own sample: it has no referenceId.
        let sample = json!({
            "id": "9e9003d7f3324fc6828481c665d8bab5", "paymentType": "DEPOSIT", "state": "CANCELLED",
            "paymentMethod": "BANKTRANSFER", "amount": 2000, "currency": "CLP", "errorCode": "1.04",
            "errorMessage": "Cancelled by Timeout",
        });
        assert_eq!(deliver(&app, &sample).await.status, 200);
        app.pass(59 * MINUTE, MINUTE).await;
        assert_eq!((app.inbox().await, app.waiting_notices().await), (1, 1));
        app.pass(2 * MINUTE, MINUTE).await;
        assert_eq!((app.inbox().await, app.waiting_notices().await), (1, 0));
        assert_eq!(app.count("select count(*) from webhook_notices where verdict = 'unmatched'").await, 1);
        struck(35, app.inbox().await);
    }

    async fn the_guidelines_sample_without_a_reference_finds_its_payment_by_id(app: TestApp) {
        let taken = app.take_in_silence("order-1").await;
        let mut sample = notice(&taken, "CANCELLED");
        sample.as_object_mut().unwrap().remove("referenceId");
        sample["errorCode"] = json!("1.04");
        sample["errorMessage"] = json!("Cancelled by Timeout");
        assert_eq!(deliver(&app, &sample).await.status, 200);
        let end = app.payment("order-1").await;
        assert_eq!(end["state"], "CANCELLED");
        assert_eq!(end["error"], json!({ "code": "1.04", "message": "Cancelled by Timeout", "externalResultCode": null }));
    }

    async fn what_moved_is_what_the_gateway_says(app: TestApp) {
        for (reference, fault) in [
            ("other-sum", Fault::OtherAmount(Amount::new(Decimal::new(5, 1)))),
            ("other-money", Fault::OtherCurrency(Exchange { currency: "USDT".to_owned(), rate: Amount::new(Decimal::new(125, 2)) })),
        ] {
            app.take(reference).await;
            app.fault(reference, fault);
            app.pay(reference).await;
            let end = app.end_of(reference).await;
            assert_eq!((&end["state"], &end["amount"], &end["currency"]), (&json!("COMPLETED"), &json!("11.12"), &json!("EUR")));
        }
        let less = app.payment("other-sum").await;
        assert_eq!((&less["settledAmount"], &less["settledCurrency"]), (&json!("5.56"), &json!("EUR")));
        assert_eq!(less["flags"], json!(["amount-differs"]));
        let converted = app.payment("other-money").await;
        assert_eq!((&converted["settledAmount"], &converted["settledCurrency"]), (&json!("13.9"), &json!("USDT")));
        assert_eq!(converted["flags"], json!(["converted"]));
        app.prove_the_books().await;
        struck(37, app.faults_struck());
    }

    async fn states_that_the_contract_does_not_know_are_shown_and_change_nothing(app: TestApp) {
        let mut injected = 0_u64;
        let taken = app.take_in_silence("order-1").await;
        for state in [json!("CASCADING"), json!("completed"), json!(""), json!(7), json!(null), json!({})] {
            injected += 1;
            let mut odd = notice(&taken, "");
            odd["state"] = state;
            assert_eq!(deliver(&app, &odd).await.status, 200);
        }
        let after = app.payment("order-1").await;
        assert_eq!((&after["state"], &after["flags"]), (&json!("CHECKOUT"), &json!(["unknown-state"])));
        assert_eq!(app.waiting_notices().await, 0);
        deliver(&app, &notice(&taken, "COMPLETED")).await;
        assert_eq!(app.payment("order-1").await["state"], "COMPLETED");
        struck(40, injected);
    }

    async fn states_move_forward_and_old_news_changes_nothing(app: TestApp) {
        let taken = app.take_in_silence("order-1").await;
        for (told, then) in [
            ("PENDING", "PENDING"),
            ("CHECKOUT", "PENDING"),
            ("AUTHORIZED", "AUTHORIZED"),
            ("PENDING", "AUTHORIZED"),
            ("COMPLETED", "COMPLETED"),
            ("AUTHORIZED", "COMPLETED"),
            ("CHECKOUT", "COMPLETED"),
        ] {
            assert_eq!(deliver(&app, &notice(&taken, told)).await.status, 200);
            assert_eq!(app.payment("order-1").await["state"], then, "after {told}");
        }
        assert_eq!(app.payment("order-1").await["flags"], json!([]));
        // All of it again and again, long since over: nothing is new.
        let before = app.payment("order-1").await;
        let mut replayed = 0_u64;
        for _ in 0..10 {
            for told in ["PENDING", "CHECKOUT", "AUTHORIZED", "COMPLETED"] {
                assert_eq!(deliver(&app, &notice(&taken, told)).await.status, 200);
                replayed += 1;
            }
        }
        let after = app.payment("order-1").await;
        assert_eq!((&after["version"], &after["state"]), (&before["version"], &json!("COMPLETED")));
        app.prove_the_books().await;
        struck(34, replayed);
    }

    async fn each_end_that_the_gateway_tells_becomes_ours(app: TestApp) {
        for state in ["AUTHORIZED", "COMPLETED", "DECLINED", "CANCELLED"] {
            let taken = app.take_in_silence(state).await;
            deliver(&app, &notice(&taken, state)).await;
            let after = app.payment(state).await;
            assert_eq!(after["state"], state);
            assert_eq!(after["final"], state != "AUTHORIZED");
            let settled = (state == "COMPLETED").then_some("11.12");
            assert_eq!(after["settledAmount"], json!(settled), "{after}");
        }
    }

    async fn two_ends_contradict_until_a_look_tells_which_is_true(app: TestApp) {
        let taken = app.take_in_silence("order-1").await;
        deliver(&app, &notice(&taken, "CANCELLED")).await;
        app.pay("order-1").await;
        assert_eq!(deliver(&app, &notice(&taken, "COMPLETED")).await.status, 200);
        let torn = app.payment("order-1").await;
        assert_eq!((&torn["state"], &torn["flags"]), (&json!("CANCELLED"), &json!(["contradiction"])));
        assert!(torn["why"].as_str().unwrap().contains("a person must look"), "{torn}");

        // A person asks the gateway: money that was received is not hidden.
        let checked = app.post(&format!("/v1/payments/{}/check", taken["id"].as_str().unwrap()), &json!({})).await;
        assert_eq!(checked.body["state"], "COMPLETED", "{checked:?}");
        assert_eq!(checked.body["flags"], json!(["contradiction", "gateway-correction"]));
        assert_eq!(checked.body["settledAmount"], "11.12");

        let taken = app.take_in_silence("order-2").await;
        deliver(&app, &notice(&taken, "COMPLETED")).await;
        deliver(&app, &notice(&taken, "DECLINED")).await;
        let kept = app.payment("order-2").await;
        assert_eq!((&kept["state"], &kept["flags"]), (&json!("COMPLETED"), &json!(["contradiction"])));
        app.prove_the_books().await;
        struck(38, app.inbox().await);
    }

    async fn a_notice_that_could_not_be_applied_when_it_came_is_applied_by_a_worker(app: TestApp) {
        let taken = app.take_in_silence("order-1").await;
        app.data.close_the_ledger().await;
        let heard = deliver(&app, &notice(&taken, "COMPLETED")).await;
        assert_eq!(heard.status, 200, "it is durable, and that is what 200 says: {heard:?}");
        assert_eq!(app.payment("order-1").await["state"], "CHECKOUT");
        assert_eq!((app.inbox().await, app.waiting_notices().await), (1, 1));

        app.data.open_the_ledger().await;
        app.run_workers_until_idle().await;
        assert_eq!(app.payment("order-1").await["state"], "CHECKOUT", "whoever received it may still be on it");
        app.advance(11 * SECOND);
        app.run_workers_until_idle().await;
        assert_eq!(app.payment("order-1").await["state"], "COMPLETED");
        assert_eq!(app.waiting_notices().await, 0);
        app.prove_the_books().await;
    }

    async fn a_shops_key_speaks_for_its_own_payments_only(app: TestApp) {
        app.restart_with(&[("SHOPS__SECOND__API_KEY", SECOND_API_KEY), ("SHOPS__SECOND__SIGNING_KEY", SECOND_SIGNING_KEY), ("DEFAULT_SHOP", "main")]).await;
        let taken = app.take_in_silence("order-1").await;
        let body = notice(&taken, "COMPLETED").to_string();
        let signature = sign(SignatureMode::HexLower, SECOND_SIGNING_KEY, body.as_bytes());
        let to = |shop: &str| {
            let request = app.http.post(app.at(&format!("/webhooks/paytech/{shop}"))).body(body.clone());
            app.send(request.header("Signature", signature.clone().unwrap()))
        };
        to("main").await.assert_problem("invalid-signature");
        to("nowhere").await.assert_problem("not-found");
        to("MAIN").await.assert_problem("not-found");
        assert_eq!(app.inbox().await, 0);
        assert_eq!(to("second").await.status, 200, "well signed for its own shop, which has no such payment");
        app.run_workers_until_idle().await;
        assert_eq!(app.payment("order-1").await["state"], "CHECKOUT");
        assert_eq!(app.waiting_notices().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_is_read_in_each_encoding_that_the_settings_allow() {
    use SignatureMode::{Base64, HexLower, HexUpper};
    for (setting, taken, refused) in [
        ("auto", &[HexLower, HexUpper, Base64][..], &[][..]),
        ("hex", &[HexLower, HexUpper], &[Base64]),
        ("base64", &[Base64], &[HexLower, HexUpper]),
    ] {
        let app = TestApp::start_with(Kind::Sqlite, &[("GATEWAY__SIGNATURE", setting)]).await;
        for (count, mode) in taken.iter().chain(refused).enumerate() {
            let body = json!({ "id": format!("a{count}"), "state": "COMPLETED" }).to_string();
            let signature = sign(*mode, SIGNING_KEY, body.as_bytes()).unwrap();
            let right = taken.contains(mode);
            for (signature, fits) in
                [(&signature, right), (&format!(" {signature} "), right), (&cut(&signature), false)]
            {
                let status = app.notify(&body, Some(signature)).await.status;
                assert_eq!(status, if fits { 200 } else { 401 }, "{mode:?} with {setting}: {signature:?}");
            }
        }
        assert_eq!(app.inbox().await, i64::try_from(taken.len()).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_previous_signing_key_is_taken_while_the_gateway_changes_over() {
    let pairs = [("SHOPS__MAIN__PREVIOUS_SIGNING_KEY", "the-key-before")];
    let app = TestApp::start_with(Kind::Sqlite, &pairs).await;
    for (count, (key, status)) in
        [(SIGNING_KEY, 200), ("the-key-before", 200), ("the-key-before-that", 401)].into_iter().enumerate()
    {
        let body = json!({ "id": format!("a{count}"), "state": "COMPLETED" }).to_string();
        let signature = sign(SignatureMode::HexLower, key, body.as_bytes());
        assert_eq!(app.notify(&body, signature.as_deref()).await.status, status, "{key}");
    }
    assert_eq!(app.inbox().await, 2);
    struck(60, app.inbox().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_well_signed_body_that_is_no_payment_is_refused_and_not_kept() {
    let app = TestApp::start(Kind::Sqlite).await;
    for body in [
        "",
        " ",
        "null",
        "[]",
        "7",
        "\"x\"",
        "{}",
        "{",
        "no JSON",
        r#"{"id":null}"#,
        r#"{"id":""}"#,
        r#"{"id":7}"#,
        r#"{"id":"../x"}"#,
        r#"{"id":"a b"}"#,
        r#"{"id":"a\u0000"}"#,
        r#"{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#,
        r#"[{"id":"a"}]"#,
        r#"{"result":{"id":"a"}}"#,
        "\u{0}",
        "{\"id\":\"\\ud800\"}",
    ] {
        let signature = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes());
        let answer = app.notify(body, signature.as_deref()).await;
        answer.assert_problem("unreadable-notice");
    }
    assert_eq!(app.inbox().await, 0);
    assert!(app.metrics().await.contains("gateway_notices_total{verdict=\"unreadable\"} 20"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_may_have_a_mebibyte_and_any_depth() {
    let app = TestApp::start(Kind::Sqlite).await;
    let padded = |size: usize| {
        let body = r#"{"id":"a1"}"#;
        format!("{body}{}", " ".repeat(size - body.len()))
    };
    let deep =
        format!(r#"{{"id":"a2","externalRefs":{{"x":{0}{1}}},"y":{0}{1}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for (body, status) in [(padded(1024 * 1024), 200), (padded(1024 * 1024 + 1), 413), (deep, 200)] {
        let signature = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes());
        let answer = app.notify(&body, signature.as_deref()).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert_eq!(app.inbox().await, 2);
    struck(39, app.inbox().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_card_no_person_and_no_key_is_found_in_the_database_file() {
    const CARD: &str = "4242424242424242";
    let mut app = TestApp::start(Kind::Sqlite).await;
    app.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
    let mut order = order("order-findable");
    order["description"] = json!("Xk7Description");
    order["customer"] = json!({
        "firstName": "Xk7Marta", "lastName": "Xk7Keller", "email": "xk7@person.example", "phone": "357 999777555",
        "accountNumber": "XK7IBAN00112233", "documentNumber": "Xk7Passport", "ip": "81.4.178.167",
        "dateOfBirth": "1971-03-07",
    });
    order["billingAddress"] = json!({ "addressLine1": "Xk7 Street", "city": "Xk7ville", "postalCode": "XK70" });
    let taken = app.post("/v1/payments", &order).await;
    assert_eq!(taken.status, 201, "{taken:?}");
    // One that is applied, one that waits, and an order whose request is kept for another attempt.
    let mut told = notice(&taken.body, "DECLINED");
    told["errorCode"] = json!("4.01");
    told["errorMessage"] = json!(format!("Card {CARD} was refused"));
    told["externalResultCode"] = json!(format!("05 {CARD}"));
    told["customer"] = json!({ "firstName": "Xk7Marta", "cvv": "Xk7Cvv" });
    told["paymentMethodDetails"] =
        json!({ "customerAccountNumber": CARD, "cardholderName": "Xk7Holder", "cardToken": "Xk7Token" });
    told["anythingElse"] = json!({ "pan": CARD, "spaced": "4242 4242 4242 4242" });
    assert_eq!(deliver(&app, &told).await.status, 200);
    told["id"] = json!("b".repeat(32));
    told["referenceId"] = json!("order-unknown");
    assert_eq!(deliver(&app, &told).await.status, 200);
    app.fault("order-kept", Fault::LostAfter);
    order["referenceId"] = json!("order-kept");
    assert_eq!(app.post("/v1/payments", &order).await.status, 202);

    let end = app.payment("order-findable").await;
    assert_eq!(end["error"]["message"], "Card 4242420000004242 was refused");
    let Data::Sqlite(folder) = &app.data else { unreachable!() };
    let path = folder.path().to_owned();
    for moment in ["while it serves", "after a stop"] {
        let bytes: Vec<u8> =
            std::fs::read_dir(&path).unwrap().flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()));
        assert!(holds("order-findable") && holds("order-kept"), "what is looked for is found, if it is there");
        for secret in [
            CARD,
            "4242 4242",
            "xk7",
            "999777555",
            "81.4.178.167",
            "1971-03-07",
            SIGNING_KEY,
            crate::app::API_KEY,
            crate::app::CALLER_KEY,
            "a-master-key-for-tests",
        ] {
            assert!(!holds(secret), "{secret} stands in the database {moment}");
        }
        app.restart().await;
    }
}

/// What the gateway would tell about a payment of ours.
fn notice(payment: &Value, state: &str) -> Value {
    json!({
        "id": payment["gatewayPaymentId"], "referenceId": payment["referenceId"], "paymentType": "DEPOSIT",
        "state": state, "paymentMethod": "BASIC_CARD", "amount": 11.12, "currency": "EUR",
    })
}

/// Delivers a notice with its right signature.
async fn deliver(app: &TestApp, notice: &Value) -> Answer {
    let body = notice.to_string();
    app.notify(&body, sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes()).as_deref()).await
}

fn cut(signature: &str) -> String {
    signature[..signature.len() - 2].to_owned()
}

impl TestApp {
    /// Orders a deposit about which the gateway itself will tell nothing.
    async fn take_in_silence(&self, reference: &str) -> Value {
        self.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
        let taken = self.take(reference).await;
        assert_eq!(taken.status, 201, "{taken:?}");
        taken.body
    }
}

/// While the gateway changes its key over, both sign what comes, many at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signing_key_is_changed_under_load_and_no_notice_is_refused() {
    const NOTICES: usize = 100;
    const NEW: &str = "the-next-signing-key-of-the-shop";
    let mut app = TestApp::start(Kind::Sqlite).await;
    app.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
    let mut taken = Vec::new();
    for number in 0..3 * NOTICES {
        taken.push(app.take(&format!("order-{number}")).await.body);
    }
    let send = async |app: &TestApp, range: std::ops::Range<usize>, keys: [&str; 2]| {
        let notices = taken[range].iter().enumerate().map(|(number, payment)| {
            let body = notice(payment, "COMPLETED").to_string();
            let signature = sign(SignatureMode::HexLower, keys[number % 2], body.as_bytes());
            async move { app.notify(&body, signature.as_deref()).await.status }
        });
        futures::future::join_all(notices).await
    };
    let mut heard = send(&app, 0..NOTICES, [SIGNING_KEY; 2]).await;
    app.restart_with(&[("SHOPS__MAIN__SIGNING_KEY", NEW), ("SHOPS__MAIN__PREVIOUS_SIGNING_KEY", SIGNING_KEY)]).await;
    heard.extend(send(&app, NOTICES..2 * NOTICES, [SIGNING_KEY, NEW]).await);
    app.restart_with(&[("SHOPS__MAIN__SIGNING_KEY", NEW)]).await;
    heard.extend(send(&app, 2 * NOTICES..3 * NOTICES, [NEW; 2]).await);
    assert!(heard.iter().all(|status| *status == 200), "{heard:?}");
    assert_eq!(app.count("select count(*) from payments where state = 'COMPLETED'").await, 300);
    let late = notice(&taken[0], "COMPLETED").to_string();
    let signature = sign(SignatureMode::HexLower, SIGNING_KEY, late.as_bytes());
    app.notify(&late, signature.as_deref()).await.assert_problem("invalid-signature");
    app.prove_the_books().await;
    struck(60, heard.len());
}
