use fault_catalogue::struck;
use std::time::Duration;

use gateway_client::answer::{
    self, CommandOutcome, CreateOutcome, Failure, FieldError, ListOutcome, NotSentReason, Payment, RawAnswer,
    ReadOutcome, Refusal, UnknownReason, read_date, read_retry_after,
};

use crate::examples;

const ID: &str = "3f6c1f0e5b7a4c0d9a5e7d2b81c4f6a0";

fn envelope(status: u16) -> String {
    format!(r#"{{"status": {status}, "error": "x", "message": "no", "path": "/api/v1/payments"}}"#)
}

fn refusal(status: u16) -> Refusal {
    Refusal { status, message: Some("no".to_owned()), errors: Vec::new() }
}

fn success() -> String {
    format!(r#"{{"status": 200, "result": {{"id": "{ID}"}}}}"#)
}

fn create(status: u16, body: &str) -> CreateOutcome {
    answer::classify_create(Ok(RawAnswer::new(status, body.to_owned())))
}

fn command(status: u16, body: &str) -> CommandOutcome<Payment> {
    answer::classify_command(Ok(RawAnswer::new(status, body.to_owned())))
}

fn get(status: u16, body: &str) -> ReadOutcome<Payment> {
    answer::read_payment(Ok(RawAnswer::new(status, body.to_owned())))
}

fn list(status: u16, body: &str) -> ListOutcome {
    answer::read_list(Ok(RawAnswer::new(status, body.to_owned())))
}

fn unknown_status(status: u16) -> UnknownReason {
    UnknownReason::Status { status, retry_after: None }
}

#[test]
fn only_a_success_with_a_readable_id_is_accepted() {
    for status in [200, 201, 202, 299] {
        let outcome = create(status, &success());
        assert!(matches!(outcome, CreateOutcome::Accepted { ref payment, .. } if payment.id.as_str() == ID));
    }
    // The HTTP line counts, not what the body repeats.
    let misquoted = success().replace("200", "500");
    assert!(matches!(create(200, &misquoted), CreateOutcome::Accepted { .. }));

    for body in [
        "",
        "{}",
        "OK",
        "<html></html>",
        r#"{"result": null}"#,
        r#"{"result": []}"#,
        r#"{"result": {"state": "CHECKOUT"}}"#,
        r#"{"result": {"id": "not an id"}}"#,
        r#"{"id": "3f6c1f0e5b7a4c0d9a5e7d2b81c4f6a0"}"#,
        &success()[..success().len() - 1],
        &envelope(400),
    ] {
        assert_eq!(create(200, body), CreateOutcome::Unknown(UnknownReason::Unreadable { status: 200 }), "{body}");
    }
    assert_eq!(create(204, ""), CreateOutcome::Unknown(UnknownReason::Unreadable { status: 204 }));
}

#[test]
fn only_the_gateways_own_words_refuse_an_order() {
    assert_eq!(create(400, &envelope(400)), CreateOutcome::Refused(refusal(400)));
    assert_eq!(
        create(400, r#"{"status": 400, "errors": []}"#),
        CreateOutcome::Refused(Refusal { status: 400, message: None, errors: vec![] })
    );
    for body in [
        "",
        "<html>400 Bad Request</html>",
        "{}",
        r#"{"message": "no", "path": "/api/v1/payments"}"#,
        r#"{"status": 400, "message": "no"}"#,
        r#"{"status": 400, "path": null, "errors": null}"#,
        r#"{"status": 400, "path": 7, "errors": {}}"#,
        r#"{"status": "400", "path": "/api/v1/payments"}"#,
        &envelope(404),
        &success(),
    ] {
        assert_eq!(create(400, body), CreateOutcome::Unknown(unknown_status(400)), "{body}");
    }
}

#[test]
fn a_gateway_that_does_not_know_us_took_nothing() {
    for status in [401, 404] {
        let misconfigured = NotSentReason::Misconfigured(refusal(status));
        assert_eq!(create(status, &envelope(status)), CreateOutcome::NotSent(misconfigured));
        assert_eq!(create(status, "<html>"), CreateOutcome::Unknown(unknown_status(status)));
    }
}

#[test]
fn everything_else_is_unknown_even_in_the_gateways_envelope() {
    let mut injected = 0_u64;
    for status in [100, 199, 300, 301, 302, 307, 308, 402, 403, 408, 422, 425, 429, 500, 502, 503, 504, 599, 999] {
        for body in [envelope(status), success(), "<html></html>".to_owned(), String::new()] {
            injected += 1;
            assert_eq!(create(status, &body), CreateOutcome::Unknown(unknown_status(status)));
            assert_eq!(command(status, &body), CommandOutcome::Unknown(unknown_status(status)));
            let failure = Failure::Unknown(unknown_status(status));
            assert_eq!(get(status, &body), ReadOutcome::Unavailable(failure.clone()));
            assert_eq!(list(status, &body), ListOutcome::Unavailable(failure));
        }
    }
    // Told apart, since the reference is looked up at once.
    assert_eq!(create(409, &envelope(409)), CreateOutcome::Unknown(UnknownReason::Conflict));
    struck(21, injected);
    struck(22, injected);
}

#[test]
fn a_failure_on_the_way_keeps_its_reason() {
    let lost = Failure::Unknown(UnknownReason::ConnectionLost);
    assert_eq!(answer::classify_create(Err(lost.clone())), CreateOutcome::Unknown(UnknownReason::ConnectionLost));
    assert_eq!(answer::classify_command(Err(lost.clone())), CommandOutcome::Unknown(UnknownReason::ConnectionLost));
    assert_eq!(answer::read_payment(Err(lost.clone())), ReadOutcome::Unavailable(lost.clone()));
    assert_eq!(answer::read_list(Err(lost.clone())), ListOutcome::Unavailable(lost));

    let unsent = Failure::NotSent(NotSentReason::ConnectionRefused);
    let reason = NotSentReason::ConnectionRefused;
    assert_eq!(answer::classify_create(Err(unsent.clone())), CreateOutcome::NotSent(reason.clone()));
    assert_eq!(answer::classify_command(Err(unsent.clone())), CommandOutcome::NotSent(reason));
    assert_eq!(answer::read_payment(Err(unsent.clone())), ReadOutcome::Unavailable(unsent.clone()));
    assert_eq!(answer::read_list(Err(unsent.clone())), ListOutcome::Unavailable(unsent));
}

#[test]
fn a_command_that_was_refused_is_not_called_unsent() {
    assert!(matches!(command(200, &success()), CommandOutcome::Accepted { .. }));
    assert_eq!(command(400, &envelope(400)), CommandOutcome::Unknown(UnknownReason::Refused(refusal(400))));
    assert_eq!(command(404, &envelope(404)), CommandOutcome::Unknown(UnknownReason::Refused(refusal(404))));
    assert_eq!(command(401, &envelope(401)), CommandOutcome::NotSent(NotSentReason::Misconfigured(refusal(401))));
    for status in [400, 401, 404] {
        assert_eq!(command(status, ""), CommandOutcome::Unknown(unknown_status(status)));
    }
    assert_eq!(command(200, "{}"), CommandOutcome::Unknown(UnknownReason::Unreadable { status: 200 }));
}

#[test]
fn a_payment_is_missing_only_if_the_gateway_says_so() {
    assert_eq!(get(404, &envelope(404)), ReadOutcome::NotFound);
    assert_eq!(get(401, &envelope(401)), ReadOutcome::Misconfigured(refusal(401)));
    for (status, body) in [(404, "<html>".to_owned()), (404, envelope(400)), (400, envelope(400)), (401, String::new())]
    {
        assert_eq!(get(status, &body), ReadOutcome::Unavailable(Failure::Unknown(unknown_status(status))));
    }
    let unreadable = Failure::Unknown(UnknownReason::Unreadable { status: 200 });
    assert_eq!(get(200, r#"{"result": null}"#), ReadOutcome::Unavailable(unreadable));
}

fn page(body: &str) -> (usize, usize, bool) {
    match list(200, body) {
        ListOutcome::Page { payments, unreadable, has_more, .. } => (payments.len(), unreadable, has_more),
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn an_empty_page_is_one_that_says_so() {
    assert_eq!(page(r#"{"result": [], "hasMore": false}"#), (0, 0, false));
    assert_eq!(page(r#"{"result": null}"#), (0, 0, false));
    let unreadable = ListOutcome::Unavailable(Failure::Unknown(UnknownReason::Unreadable { status: 200 }));
    for body in ["", "{}", "[]", r#"{"hasMore": false}"#, r#"{"result": {}}"#, r#"{"result": "none"}"#, "<html>"] {
        assert_eq!(list(200, body), unreadable, "{body}");
    }
}

#[test]
fn a_page_never_hides_what_it_cannot_read() {
    assert_eq!(page(r#"{"result": [{"id": "a1"}, {"id": 7}, null, 5], "hasMore": false}"#), (1, 3, false));
    assert_eq!(page(r#"{"result": [{"id": "a1"}]}"#), (1, 0, true));
    assert_eq!(page(r#"{"result": [{"id": "a1"}], "hasMore": "no"}"#), (1, 0, true));
    assert_eq!(page(r#"{"result": [{"id": null}]}"#), (0, 1, true));
    assert_eq!(list(400, &envelope(400)), ListOutcome::Refused(refusal(400)));
    assert_eq!(list(401, &envelope(401)), ListOutcome::Misconfigured(refusal(401)));
    assert_eq!(list(404, &envelope(404)), ListOutcome::Misconfigured(refusal(404)));
}

#[test]
fn the_contracts_errors_are_read() {
    let text = |value: &str| Some(value.to_owned());
    let refused = answer::classify_create(Ok(examples::answer(400, "13-error-400-validation.json")));
    let expected = Refusal {
        status: 400,
        message: text("Validation failed for object='paymentRequest'. Error count: 2"),
        errors: vec![
            FieldError { field: text("currency"), message: text("must not be null"), code: text("NotNull") },
            FieldError {
                field: text("customer.locale"),
                message: text("size must be between 2 and 2"),
                code: text("Size"),
            },
        ],
    };
    assert_eq!(
        expected.to_string(),
        "HTTP 400, Validation failed for object='paymentRequest'. Error count: 2; \
         currency: must not be null; customer.locale: size must be between 2 and 2"
    );
    assert_eq!(refused, CreateOutcome::Refused(expected));

    let stranger = Refusal { status: 401, message: text("Invalid token"), errors: vec![] };
    let outcome = answer::classify_create(Ok(examples::answer(401, "14-error-401.json")));
    assert_eq!(outcome, CreateOutcome::NotSent(NotSentReason::Misconfigured(stranger)));
    let outcome = answer::read_payment(Ok(examples::answer(404, "15-error-404.json")));
    assert_eq!(outcome, ReadOutcome::NotFound);
}

#[test]
fn a_refusal_is_bounded_and_printable() {
    let long = "x".repeat(10_000);
    let one =
        format!(r#"{{"field": "a\u0000\n\u001bb", "defaultMessage": "{long}", "codes": [1, {{}}], "arguments": 7}}"#);
    let errors = [vec![one.as_str(); 1000], vec!["7", "null", "{}", "[]"]].concat().join(",");
    let body = format!(r#"{{"status": 400, "message": ["odd"], "error": "Bad Request", "errors": [{errors}]}}"#);
    let CreateOutcome::Refused(refusal) = create(400, &body) else { panic!("not refused") };
    assert_eq!(refusal.message.as_deref(), Some("Bad Request"));
    assert_eq!(refusal.errors.len(), 32);
    assert_eq!(refusal.errors[0].field.as_deref(), Some("a   b"));
    assert_eq!(refusal.errors[0].message.as_ref().map(String::len), Some(512));
    assert_eq!(refusal.errors[0].code, None);
}

#[test]
fn the_gateways_clock_is_its_timestamp_or_else_the_date_header() {
    let date = read_date("Mon, 02 Mar 2026 09:15:30 GMT");
    let at = |body: &str| {
        let answer = RawAnswer { date, ..RawAnswer::new(200, body.to_owned()) };
        match answer::classify_create(Ok(answer)) {
            CreateOutcome::Accepted { gateway_time, .. } => gateway_time.unwrap().to_rfc3339(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(at(r#"{"result": {"id": "a1"}}"#), "2026-03-02T09:15:30+00:00");
    assert_eq!(at(r#"{"timestamp": 7, "result": {"id": "a1"}}"#), "2026-03-02T09:15:30+00:00");
    let stamped = r#"{"timestamp": "2026-03-02T09:15:27.418+00:00", "result": {"id": "a1"}}"#;
    assert_eq!(at(stamped), "2026-03-02T09:15:27.418+00:00");
}

#[test]
fn retry_after_is_seconds_or_counts_from_the_answers_own_date() {
    let date = read_date("Mon, 02 Mar 2026 09:15:30 GMT");
    assert_eq!(read_retry_after("120", None), Some(Duration::from_mins(2)));
    assert_eq!(read_retry_after("Mon, 02 Mar 2026 09:16:00 GMT", date), Some(Duration::from_secs(30)));
    assert_eq!(read_retry_after("Mon, 02 Mar 2026 09:16:00 GMT", None), None);
    assert_eq!(read_retry_after("Mon, 02 Mar 2026 09:15:00 GMT", date), None);
    assert_eq!(read_retry_after("-5", date), None);
    assert_eq!(read_retry_after("soon", date), None);
}
