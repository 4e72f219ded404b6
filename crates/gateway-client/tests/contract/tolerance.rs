//! What the contract leaves open (section 14), row by row: what the gateway may do, and what the client makes of it.

use gateway_client::answer::{
    self, CommandOutcome, CreateOutcome, ListOutcome, Payment, RawAnswer, ReadOutcome, UnknownReason, read_webhook,
};
use gateway_client::client::Settings;
use gateway_client::error_code::{ErrorCode, Refuser};
use gateway_client::signature::{Encoding, SignatureError, SigningKeys};
use gateway_client::vocabulary::{Open, PaymentState};

use crate::examples;

/// Row of the section, its title, and the check of it.
const ROWS: [(usize, &str, fn()); 25] = [
    (1, "any missing field, and null anywhere", missing_and_null_are_one),
    (2, "unknown extra fields at any depth", extra_fields_change_nothing),
    (3, "unknown words and codes", unknown_words_are_kept),
    (4, "created with a fraction, with and without a zone", times_are_read_in_every_form),
    (5, "references that are no texts", references_are_kept_as_they_are),
    (6, "amounts in every notation", amounts_are_read_in_every_notation),
    (7, "a customer's amount equal to the amount", both_amounts_are_shown),
    (8, "a final amount that differs", the_amount_is_the_gateways),
    (9, "late and repeated webhooks", a_webhook_is_read_alike_each_time),
    (10, "a webhook without a reference", a_webhook_needs_an_id_only),
    (11, "a webhook with another state", unknown_words_are_kept),
    (12, "signatures absent, or in another encoding", signatures_are_read_in_every_encoding),
    (13, "statuses that nobody declared", undeclared_statuses_are_unknown),
    (14, "a success that is not the envelope", an_unreadable_success_is_unknown),
    (15, "a 400 without errors, or with odd arguments", a_bare_refusal_is_one),
    (16, "another status in the body", the_http_line_counts),
    (17, "several hits for one reference", several_hits_are_all_shown),
    (18, "an empty page as null", null_is_an_empty_page),
    (19, "a slow PATCH", commands_wait_long),
    (20, "a redirect on a withdrawal, none on a deposit", a_redirect_is_optional),
    (21, "a creation that is already final", a_final_creation_is_accepted),
    (22, "the correction of a final state", a_webhook_is_read_alike_each_time),
    (23, "completed without an amount", completed_may_lack_its_amount),
    (24, "a capture that is pending, or of less", a_capture_is_what_the_answer_says),
    (25, "404 for an id of the other environment", missing_is_only_missing_here),
];

#[test]
fn every_row_of_the_contract_has_its_check() {
    for (position, (row, title, check)) in ROWS.iter().enumerate() {
        assert_eq!(*row, position + 1, "{title}");
        check();
    }
}

fn read(fields: &str) -> Payment {
    read_webhook(format!(r#"{{"id": "a1"{fields}}}"#).as_bytes()).unwrap()
}

fn success(result: &str) -> RawAnswer {
    RawAnswer::new(200, format!(r#"{{"status": 200, "result": {result}}}"#))
}

fn missing_and_null_are_one() {
    let nothing = read("");
    for name in ["state", "amount", "created", "externalRefs", "paymentMethodDetails", "preAuth", "parentPaymentId"] {
        assert_eq!(read(&format!(r#", "{name}": null"#)), nothing, "{name}");
    }
}

fn extra_fields_change_nothing() {
    let plain = read(r#", "paymentMethodDetails": {"cardBrand": "VISA"}"#);
    let more =
        read(r#", "internalState": {"a": [1]}, "paymentMethodDetails": {"cardBrand": "VISA", "cardBank": [{}]}"#);
    assert_eq!(more, plain);
}

fn unknown_words_are_kept() {
    let odd = read(r#", "state": "OPENED", "paymentType": "CHARGEBACK", "paymentMethod": "PEN", "errorCode": "9.99""#);
    assert_eq!(odd.state, Some(Open::Unknown("OPENED".to_owned())));
    assert_eq!(odd.payment_type.unwrap().as_str(), "CHARGEBACK");
    assert_eq!(odd.payment_method.unwrap().as_str(), "PEN");
    assert_eq!(odd.error_code.as_deref(), Some("9.99"));
    assert_eq!((ErrorCode::find("9.99"), Refuser::of("9.99")), (None, None));
}

fn times_are_read_in_every_form() {
    for (text, expected) in [
        ("2026-03-08T21:04:22", "2026-03-08T21:04:22Z"),
        ("2026-03-08T21:04:22.552859857", "2026-03-08T21:04:22.552859857Z"),
        ("2026-03-08T21:04:22.5+02:00", "2026-03-08T19:04:22.5Z"),
        ("2026-03-08T21:04:22Z", "2026-03-08T21:04:22Z"),
    ] {
        assert_eq!(read(&format!(r#", "created": "{text}""#)).created, expected.parse().ok(), "{text}");
    }
}

fn references_are_kept_as_they_are() {
    let odd = read(r#", "externalRefs": {"n": 7, "b": true, "o": {"x": 1}}, "additionalParameters": ["x", 2]"#);
    let refs: Vec<_> = odd.external_refs.values().map(String::as_str).collect();
    assert_eq!(refs, ["true", "7", r#"{"x": 1}"#]);
    assert_eq!(odd.additional_parameters.len(), 2);
}

fn amounts_are_read_in_every_notation() {
    for text in ["15", "15.0", "1.5E1", "150e-1", "\"15\"", "\"15.00\""] {
        assert_eq!(read(&format!(r#", "amount": {text}"#)).amount, "15".parse().ok(), "{text}");
    }
}

fn both_amounts_are_shown() {
    let payment = read_webhook(&examples::bytes("20-tolerance-odd.webhook.json")).unwrap();
    assert!(payment.amount.is_some() && payment.amount == payment.customer_amount);
}

fn the_amount_is_the_gateways() {
    let payment = read_webhook(&examples::bytes("11-completed-amount-drift.webhook.json")).unwrap();
    assert_eq!((payment.amount, payment.customer_amount), ("118.5".parse().ok(), None));
}

fn a_webhook_is_read_alike_each_time() {
    let authorized = examples::bytes("07-preauth-authorized.webhook.json");
    let before = read_webhook(&authorized).unwrap();
    read(r#", "state": "COMPLETED""#);
    assert_eq!(read_webhook(&authorized).unwrap(), before, "reading keeps no memory of what came before");
    assert_eq!(before.state, Some(Open::Known(PaymentState::Authorized)));
}

fn a_webhook_needs_an_id_only() {
    assert_eq!(read_webhook(&examples::bytes("09-cancelled-timeout.webhook.json")).unwrap().reference_id, None);
}

fn signatures_are_read_in_every_encoding() {
    let keys = SigningKeys::new("key".into(), [], Encoding::Auto).unwrap();
    let base64 = SigningKeys::new("key".into(), [], Encoding::Base64).unwrap().sign(b"{}");
    let hex = keys.sign(b"{}");
    for header in [hex.to_uppercase(), hex, base64] {
        assert!(keys.verify(Some(header.as_bytes()), b"{}").is_ok(), "{header}");
    }
    assert_eq!(keys.verify(None, b"{}"), Err(SignatureError::Missing));
}

fn undeclared_statuses_are_unknown() {
    for status in [403, 409, 422, 425, 429, 500, 502, 503, 504] {
        for body in ["", "error code: 1010", "<html></html>", r#"{"result": {"id": "a1"}}"#] {
            let outcome = answer::classify_create(Ok(RawAnswer::new(status, body)));
            assert!(matches!(outcome, CreateOutcome::Unknown(_)), "{status}: {body}");
        }
    }
}

fn an_unreadable_success_is_unknown() {
    for body in ["", "OK", "[]", "{}", r#"{"id": "a1"}"#] {
        let unreadable = UnknownReason::Unreadable { status: 200 };
        let answer = || Ok(RawAnswer::new(200, body));
        assert_eq!(answer::classify_create(answer()), CreateOutcome::Unknown(unreadable.clone()), "{body}");
        assert_eq!(answer::classify_command(answer()), CommandOutcome::Unknown(unreadable), "{body}");
    }
}

fn a_bare_refusal_is_one() {
    for body in [
        r#"{"status": 400, "path": "/api/v1/payments", "message": "unreadable"}"#,
        r#"{"status": 400, "errors": [{"field": "x", "arguments": [1, "two", {"codes": 3}]}]}"#,
    ] {
        let outcome = answer::classify_create(Ok(RawAnswer::new(400, body)));
        assert!(matches!(outcome, CreateOutcome::Refused(_)), "{body}");
        let outcome = answer::classify_command(Ok(RawAnswer::new(400, body)));
        assert!(matches!(outcome, CommandOutcome::Unknown(UnknownReason::Refused(_))), "{body}");
    }
}

fn the_http_line_counts() {
    let body = r#"{"status": 500, "result": {"id": "a1"}}"#;
    assert!(matches!(answer::classify_create(Ok(RawAnswer::new(200, body))), CreateOutcome::Accepted { .. }));
    let body = body.replace("500", "200");
    assert!(matches!(answer::classify_create(Ok(RawAnswer::new(500, body))), CreateOutcome::Unknown(_)));
}

fn several_hits_are_all_shown() {
    let page = answer::read_list(Ok(examples::answer(200, "12-list-page.response.json")));
    let ListOutcome::Page { payments, .. } = page else { panic!("{page:?}") };
    assert_eq!(payments.len(), 2);
    assert_eq!(payments[0].reference_id, payments[1].reference_id);
}

fn null_is_an_empty_page() {
    let page = answer::read_list(Ok(success("null")));
    assert!(
        matches!(page, ListOutcome::Page { ref payments, has_more: false, unreadable: 0, .. } if payments.is_empty())
    );
}

fn commands_wait_long() {
    let settings = Settings::new("https://gateway.example", "key".into());
    assert!(settings.command_timeout.as_secs() >= 60 && settings.command_timeout > settings.post_timeout);
}

fn a_redirect_is_optional() {
    assert_eq!(read(r#", "paymentType": "DEPOSIT""#).redirect_url, None);
    let odd = read(r#", "paymentType": "WITHDRAWAL", "redirectUrl": "https://x.example""#);
    assert_eq!(odd.redirect_url.as_deref(), Some("https://x.example"));
}

fn a_final_creation_is_accepted() {
    let outcome = answer::classify_create(Ok(success(r#"{"id": "a1", "state": "DECLINED", "errorCode": "4.01"}"#)));
    let CreateOutcome::Accepted { payment, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(payment.state, Some(Open::Known(PaymentState::Declined)));
}

fn completed_may_lack_its_amount() {
    let payment = read(r#", "state": "COMPLETED""#);
    assert_eq!((payment.amount, payment.oddities), (None, vec![]));
}

fn a_capture_is_what_the_answer_says() {
    for (state, amount) in [("PENDING", "180.5"), ("COMPLETED", "0.01")] {
        let answer = success(&format!(r#"{{"id": "a1", "state": "{state}", "amount": {amount}}}"#));
        let outcome = answer::classify_command(Ok(answer));
        let CommandOutcome::Accepted { result, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((result.state.unwrap().as_str(), result.amount), (state, amount.parse().ok()));
    }
}

fn missing_is_only_missing_here() {
    let missing = || Ok(examples::answer(404, "15-error-404.json"));
    assert_eq!(answer::read_payment(missing()), ReadOutcome::NotFound);
    let outcome = answer::classify_command(missing());
    assert!(matches!(outcome, CommandOutcome::Unknown(UnknownReason::Refused(_))), "no proof for a command");
}
