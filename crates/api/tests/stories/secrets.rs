//! Card numbers, security codes, what wallets gave, and tokens: after every kind of order, with everything that goes
//! wrong, they are in no table, no log line, no answer and no metric (protocols, invariant I12).

use fault_catalogue::struck;
use std::time::Duration;

use gateway_simulator::Fault;
use serde_json::{Value, json};
use store::Scope;

use crate::app::{Answer, CALLER_KEY, admit, on_every_store, order};
use crate::bad_input::{post_bytes, with};
use crate::orders::{
    CARD, CARD_TOKEN, HOLDER, MOVING, Made, RECURRING_TOKEN, SECURITY_CODE, WALLET, by_apple_pay, by_card,
    by_google_pay, payout, payout_to_card, recurring,
};

/// What must be nowhere, in small letters: as it is written, as it may be written too, and as bytes are shown. A security
/// code has too few digits to be told from other numbers where it does not stand alone: that is [`shows_the_code`]'s.
pub(crate) fn secrets() -> Vec<String> {
    let groups: Vec<&str> = [0, 4, 8, 12].map(|at| &CARD[at..at + 4]).to_vec();
    let texts = [CARD, HOLDER, CARD_TOKEN, WALLET, RECURRING_TOKEN];
    let mut secrets = texts.map(str::to_lowercase).to_vec();
    secrets.extend([groups.join(" "), groups.join("-")]);
    secrets.extend(texts.map(hex_digits));
    secrets
}

fn hex_digits(text: &str) -> String {
    text.bytes()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// Whether the code stands somewhere by itself: not within a word, a number with a point, or an id.
pub(crate) fn shows_the_code(text: &str) -> bool {
    let within = |beside: char| beside.is_alphanumeric() || beside == '-';
    text.match_indices(SECURITY_CODE).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + SECURITY_CODE.len()..].chars().next();
        !before.is_some_and(|before| within(before) || before == '.') && !behind.is_some_and(within)
    })
}

#[track_caller]
fn assert_silent(place: &str, text: &str) {
    let small = text.to_lowercase();
    let told = secrets().into_iter().find(|secret| small.contains(secret));
    assert_eq!(told, None, "in {place}: {text}");
    assert!(!shows_the_code(text), "the security code is in {place}: {text}");
}

/// Bodies that are not taken, each with secrets in it.
pub(crate) fn broken_bodies() -> Vec<String> {
    let mut bodies = Vec::new();
    for made in [by_card as Made, by_google_pay, by_apple_pay, recurring, payout_to_card] {
        let order = made("never-taken");
        let text = order.to_string();
        bodies.extend([text[..text.len() - 1].to_owned(), format!("{text}{text}"), format!("[{text}]")]);
        for (pointer, value) in [("/amount", "\"a\""), ("/typo", "1"), ("/card/cardNumber", "\"4000000000000003\"")] {
            bodies.push(with(&order, pointer, value));
        }
        // Secrets where they do not belong: a caller's slip must not cost them.
        for field in ["flow", "currency", "paymentType", "shop", "paymentMethod", CARD, SECURITY_CODE] {
            let mut slipped = order.clone();
            slipped[field] = json!({ CARD: SECURITY_CODE });
            bodies.push(slipped.to_string());
        }
    }
    bodies
}

/// Where a card number may be typed, and as what.
const SLIPS: [(&str, &str); 20] = [
    ("/referenceId", r#""PAN""#),
    ("/referenceId", r#""order PAN""#),
    ("/description", r#""PAN""#),
    ("/metadata", r#"{"note":"PAN"}"#),
    ("/metadata", r#"{"PAN":"note"}"#),
    ("/returnUrl", r#""https://shop.example/?card=PAN""#),
    ("/checkoutStyle", r#""PAN""#),
    ("/additionalParameters", r#"{"note":"PAN"}"#),
    ("/additionalParameters", r#"{"PAN":"note"}"#),
    ("/paymentMethod", r#""PAN""#),
    ("/flow", r#""PAN""#),
    ("/shop", r#""PAN""#),
    ("/customer/referenceId", r#""PAN""#),
    ("/customer/firstName", r#""PAN""#),
    ("/customer/accountNumber", r#""PAN""#),
    ("/customer/email", r#""PAN@shop.example""#),
    ("/billingAddress", r#"{"addressLine1":"PAN"}"#),
    ("/parentPaymentId", r#""PAN""#),
    ("/parentGatewayPaymentId", r#""PAN""#),
    ("/PAN", r#""PAN""#),
];

fn deposit_of(reference: &str) -> Value {
    let mut order = order(reference);
    order["customer"] = json!({ "firstName": "Marta" });
    order
}

on_every_store! {
    async fn no_secret_is_in_any_table_answer_or_metric_after_all_that_can_happen(app: TestApp) {
        let mut told: Vec<Answer> = Vec::new();
        admit(app.serving().keys(), "pk_reader", &[Scope::PaymentsRead], &[]).await;
        for (kind, made, _) in MOVING {
            told.push(app.post("/v1/payments", &made(kind)).await);
            told.push(app.post("/v1/payments", &made(kind)).await);
            let mut other = made(kind);
            other["amount"] = json!("11.13");
            told.push(app.post("/v1/payments", &other).await);
        }
        // Each of what the simulated gateway does to references with a telling beginning.
        for (prefix, fault) in Fault::well_known() {
            for (kind, made, _) in MOVING {
                // Held answers and seconds of waiting are told elsewhere, and would take minutes here.
                if !matches!(fault, Fault::Slow { .. } | Fault::HookEarly { .. }) {
                    told.push(app.post("/v1/payments", &made(&format!("{prefix}{kind}"))).await);
                }
            }
            // A gateway that failed often is left alone for a moment.
            app.pass(Duration::from_secs(10), Duration::from_secs(5)).await;
        }
        for (kind, ..) in MOVING {
            app.customer(kind, "pay", &[]).await;
        }
        app.pass(Duration::from_mins(30), Duration::from_secs(30)).await;
        for body in broken_bodies() {
            let answer = post_bytes(&app, body.into_bytes()).await;
            assert!(matches!(answer.status, 400 | 422), "{answer:?}");
            // The name of an unknown field is the caller's own word, and is told back.
            if !answer.body.to_string().contains("is not a field of this request") {
                told.push(answer);
            }
        }
        for (kind, ..) in MOVING {
            let payment = app.payment(kind).await;
            let id = payment["id"].as_str().unwrap();
            // The gateway's own tokens are for those who may charge: `recurring` tells that story.
            let alone = app.http.get(app.at(&format!("/v1/payments/{id}"))).bearer_auth("pk_reader");
            told.push(app.send(alone).await);
            told.push(app.get(&format!("/v1/payments/{id}/events?limit=200")).await);
        }
        told.push(app.get("/v1/payments?limit=200").await);
        let taken = told.iter().filter(|answer| answer.status < 300).count();
        assert!(taken > 100, "{taken} answers tell of payments");
        for answer in &told {
            assert_silent("an answer", &format!("{:?} {}", answer.headers, answer.body));
        }
        assert_silent("the metrics", &app.metrics().await);

        let rows = app.data.everything().await;
        let of = |table: &str| rows.iter().filter(|(name, _)| name == table).count();
        assert!(of("payments") > 150 && of("payment_events") > 400 && of("webhook_notices") > 10, "there is something to find");
        for (table, row) in &rows {
            assert_silent(table, row);
        }
        assert!(rows.iter().any(|(_, row)| row.contains("bank")), "the looking itself finds what is there");
        app.prove_the_books().await;
        struck(64, told.len());
    }

    /// Typed where it does not belong: into any text of an order, a refund or a command, a header, a path, a query.
    async fn a_card_number_that_is_typed_into_any_field_is_kept_nowhere(app: TestApp) {
        let mut typed = 0_u64;
        for (number, (pointer, value)) in SLIPS.iter().enumerate() {
            let order = with(&deposit_of(&format!("slip-{number}")), pointer, &value.replace("PAN", CARD));
            let answer = post_bytes(&app, order.into_bytes()).await;
            assert!(matches!(answer.status, 201 | 202 | 422), "{pointer}: {answer:?}");
            typed += 1;
        }
        app.take("paid").await;
        app.pay("paid").await;
        let paid = app.end_of("paid").await;
        let refunds = format!("/v1/payments/{}/refunds", paid["id"].as_str().unwrap());
        for body in [
            json!({ "referenceId": CARD, "amount": "1" }),
            json!({ "referenceId": "refund-1", "amount": "1", "metadata": { "note": CARD } }),
            json!({ "referenceId": "refund-2", "amount": "1", "metadata": { CARD: "note" } }),
        ] {
            app.post(&refunds, &body).await.assert_problem("invalid-request");
            typed += 1;
        }
        app.fault("held", Fault::Held);
        let held = app.post("/v1/payments", &payout("held")).await.body;
        let reject = format!("/v1/payments/{}/reject", held["id"].as_str().unwrap());
        app.post(&reject, &json!({ "reason": format!("card {CARD} is stolen") })).await.assert_problem("invalid-request");
        typed += 1;
        for path in [format!("/v1/payments/{CARD}"), format!("/v1/payments?referenceId={CARD}"), format!("/{CARD}")] {
            app.get(&path).await;
            typed += 1;
        }
        let request = app.http.get(app.at("/v1/payments")).bearer_auth(CALLER_KEY);
        app.send(request.header("x-request-id", CARD).header("idempotency-key", CARD).header("user-agent", CARD)).await;
        app.pass(Duration::from_mins(5), Duration::from_secs(10)).await;

        for (table, row) in app.data.everything().await {
            assert!(!row.contains(CARD), "in {table}: {row}");
        }
        let metrics = app.metrics().await;
        assert!(!metrics.contains(CARD), "{metrics}");
        struck(64, typed);
    }

    /// What is encrypted cannot be read by looking: nothing is kept at all of what was paid with by card or wallet.
    async fn no_request_with_a_card_or_a_wallet_in_it_is_kept_not_even_encrypted(app: TestApp) {
        for (kind, made, _) in MOVING {
            app.fault(kind, Fault::LostBefore);
            app.post("/v1/payments", &made(kind)).await;
        }
        let kept = app.count("select count(*) from kept_requests").await;
        assert_eq!(kept, 2, "of a payout to a bank and of a charge of a chain, and of nothing else");
    }
}

#[test]
fn looking_for_a_code_finds_it_where_it_stands_alone() {
    for shown in ["9371", "code 9371.", r#"{"cardSecurityCode":"9371"}"#, "[9371]", "a 9371"] {
        assert!(shows_the_code(shown), "{shown}");
    }
    for other in ["19371", "93712", "a9371", "00009371b", "717f-9371-4b60", "22:46:44.9371+00", ""] {
        assert!(!shows_the_code(other), "{other}");
    }
    let shown = format!("{:?}", Value::from(CARD)).to_lowercase();
    assert!(secrets().iter().any(|secret| shown.contains(secret)));
}
