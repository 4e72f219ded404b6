//! Whatever the gateway answers, under whatever status: every reader reads it, and it means no more than it proves.
#![no_main]

use std::time::Duration;

use gateway_client::answer::{
    self, CommandOutcome, CreateOutcome, Failure, Items, ListOutcome, NotSentReason, Payment, RawAnswer, ReadOutcome,
    Refusal, UnknownReason,
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;

/// Around the input's beginning, so that it stands where it matters without being found there by chance.
const FRAMES: [(u16, &str, &str); 6] = [
    (400, r#"{"status": 400, "path": "/", "message": ""#, r#""}"#),
    (400, r#"{"status": 400, "errors": [{"field": "x", "defaultMessage": ""#, r#""}]}"#),
    (200, r#"{"result": {"id": "a1", "description": ""#, r#""}}"#),
    (200, r#"{"result": {"id": "a1", "externalRefs": {"x": "#, "}}}"),
    (200, r#"{"result": {"id": "a1", "created": "2026", "amount": "#, "}}"),
    (200, r#"{"hasMore": false, "result": [{"id": ""#, r#""}]}"#),
];
const FRAMED_MAX: usize = 256;

fuzz_target!(|body: &[u8]| {
    for status in [200, 400, 401, 404, any_status(body)] {
        check(status, body);
    }
    let beginning = &body[..body.len().min(FRAMED_MAX)];
    for (status, before, behind) in FRAMES {
        check(status, &[before.as_bytes(), beginning, behind.as_bytes()].concat());
    }
    check_cuts(body);
    check_headers(body);
});

fn check(status: u16, body: &[u8]) {
    let answer = RawAnswer::new(status, body.to_vec());
    let proof = Proof::of(status, body);
    check_create(&answer, &proof);
    check_commands(&answer, &proof);
    check_reads(&answer, &proof);
    check_lists(&answer, &proof);
}

/// The last two bytes choose it.
fn any_status(body: &[u8]) -> u16 {
    body.last_chunk().map_or(0, |last| u16::from_le_bytes(*last) % 1000)
}

/// What an answer proves, read once more in the plainest way.
struct Proof {
    success: bool,
    /// The status of a declared refusal in the gateway's own envelope.
    refusal: Option<u16>,
    /// The id of the one result, if there is one that can be an id.
    id: Option<String>,
    /// The entries of a list, an explicit `null` being an empty one.
    entries: Option<Vec<Value>>,
    /// The plain reader is stricter: it fails on a lone surrogate or on a number beyond every float, also where the
    /// client does not look. Its silence then says nothing.
    certain: bool,
}

impl Proof {
    fn of(status: u16, body: &[u8]) -> Self {
        let json = serde_json::from_str::<Value>(&String::from_utf8_lossy(body));
        let certain = json.is_ok();
        let json = json.unwrap_or_default();
        let success = (200..300).contains(&status);
        let result = json.get("result").filter(|_| success);
        Self {
            success,
            refusal: (matches!(status, 400 | 401 | 404) && is_envelope(status, &json)).then_some(status),
            id: result.and_then(id).map(str::to_owned),
            entries: result.and_then(|result| match result {
                Value::Null => Some(Vec::new()),
                result => result.as_array().cloned(),
            }),
            certain,
        }
    }
}

fn is_envelope(status: u16, json: &Value) -> bool {
    let is = |name: &str, kind: fn(&Value) -> bool| json.get(name).is_some_and(kind);
    json.is_object()
        && json.get("status").and_then(Value::as_u64) == Some(status.into())
        && (is("path", Value::is_string) || is("errors", Value::is_array))
}

fn id(thing: &Value) -> Option<&str> {
    let legal = |id: &&str| (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    thing.as_object()?.get("id")?.as_str().filter(legal)
}

fn check_create(answer: &RawAnswer, proof: &Proof) {
    match answer::classify_create(Ok(answer.clone())) {
        CreateOutcome::Accepted { payment, .. } => check_accepted(payment.id.as_str(), proof, Some(&payment)),
        CreateOutcome::Refused(refusal) => check_refused(&refusal, &[400], proof),
        CreateOutcome::NotSent(NotSentReason::Misconfigured(refusal)) => check_refused(&refusal, &[401, 404], proof),
        CreateOutcome::NotSent(reason) => panic!("an answer came, so something was sent: {reason}"),
        CreateOutcome::Unknown(reason) => {
            assert!(!proof.certain || (proof.id.is_none() && proof.refusal.is_none()), "{reason}");
            check_unknown(&reason, answer.status);
        }
    }
}

fn check_commands(answer: &RawAnswer, proof: &Proof) {
    match answer::classify_command(Ok(answer.clone())) {
        CommandOutcome::Accepted { result, .. } => check_accepted(result.id.as_str(), proof, Some(&result)),
        CommandOutcome::NotSent(NotSentReason::Misconfigured(refusal)) => check_refused(&refusal, &[401], proof),
        CommandOutcome::NotSent(reason) => panic!("an answer came, so something was sent: {reason}"),
        CommandOutcome::Unknown(UnknownReason::Refused(refusal)) => check_refused(&refusal, &[400, 404], proof),
        CommandOutcome::Unknown(reason) => {
            assert!(!proof.certain || (proof.id.is_none() && proof.refusal.is_none()), "{reason}");
            check_unknown(&reason, answer.status);
        }
    }
    if let CommandOutcome::Accepted { result, .. } = answer::classify_subscription_command(Ok(answer.clone())) {
        check_accepted(result.id.as_str(), proof, None);
    }
}

fn check_reads(answer: &RawAnswer, proof: &Proof) {
    match answer::read_payment(Ok(answer.clone())) {
        ReadOutcome::Found { result, .. } => check_accepted(result.id.as_str(), proof, Some(&result)),
        outcome => check_not_found(&outcome, proof),
    }
    match answer::read_subscription(Ok(answer.clone())) {
        ReadOutcome::Found { result, .. } => check_accepted(result.id.as_str(), proof, None),
        outcome => check_not_found(&outcome, proof),
    }
}

fn check_lists(answer: &RawAnswer, proof: &Proof) {
    check_items(&answer::read_operations(Ok(answer.clone())), proof);
    check_items(&answer::read_card_tokens(Ok(answer.clone())), proof);
    check_items(&answer::read_terminal_tokens(Ok(answer.clone())), proof);
    check_items(&answer::read_balances(Ok(answer.clone())), proof);
    check_items(&answer::read_withdrawal_balances(Ok(answer.clone())), proof);
    match answer::read_list(Ok(answer.clone())) {
        ListOutcome::Page { payments, unreadable, has_more, .. } => {
            assert!(proof.success);
            if proof.certain {
                let entries = proof.entries.as_ref().expect("a page needs a list");
                let ids: Vec<_> = entries.iter().filter_map(id).collect();
                assert_eq!(payments.iter().map(|payment| payment.id.as_str()).collect::<Vec<_>>(), ids);
                assert_eq!(payments.len() + unreadable, entries.len(), "an entry was overlooked");
            }
            payments.iter().for_each(check_bounds);
            assert!(has_more || payments.is_empty() || proof.certain, "nobody said that this was all");
        }
        ListOutcome::Refused(refusal) => check_refused(&refusal, &[400], proof),
        ListOutcome::Misconfigured(refusal) => check_refused(&refusal, &[401, 404], proof),
        ListOutcome::Unavailable(_) => {
            assert!(!proof.certain || (proof.entries.is_none() && proof.refusal.is_none()));
        }
    }
}

fn check_items<T>(outcome: &ReadOutcome<Items<T>>, proof: &Proof) {
    match outcome {
        ReadOutcome::Found { result, .. } => {
            assert!(proof.success);
            if proof.certain {
                let entries = proof.entries.as_ref().expect("items need a list");
                assert_eq!(result.items.len() + result.unreadable, entries.len(), "an entry was overlooked");
            }
        }
        outcome => check_not_found(outcome, proof),
    }
}

fn check_accepted(id: &str, proof: &Proof, payment: Option<&Payment>) {
    assert!(proof.success);
    assert!((1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert!(!proof.certain || proof.id.as_deref() == Some(id), "{id} is not what was answered: {:?}", proof.id);
    payment.into_iter().for_each(check_bounds);
}

fn check_not_found<T>(outcome: &ReadOutcome<T>, proof: &Proof) {
    match outcome {
        ReadOutcome::Found { .. } => {}
        ReadOutcome::NotFound => assert!(!proof.certain || proof.refusal == Some(404)),
        ReadOutcome::Misconfigured(refusal) => check_refused(refusal, &[401], proof),
        ReadOutcome::Unavailable(Failure::NotSent(reason)) => panic!("an answer came: {reason}"),
        ReadOutcome::Unavailable(Failure::Unknown(_)) => {
            assert!(!proof.certain || !matches!(proof.refusal, Some(401 | 404)));
        }
    }
}

fn check_refused(refusal: &Refusal, statuses: &[u16], proof: &Proof) {
    assert!(statuses.contains(&refusal.status));
    assert!(!proof.certain || proof.refusal == Some(refusal.status), "nobody refused: {refusal}");
    assert!(refusal.errors.len() <= 32);
    let words = refusal.errors.iter().flat_map(|error| [&error.field, &error.message, &error.code]);
    for words in words.chain([&refusal.message]).flatten() {
        assert!(words.chars().count() <= 512 && !words.contains(char::is_control), "{words:?}");
    }
}

/// Whoever got an answer knows of no failure on the way.
fn check_unknown(reason: &UnknownReason, answered: u16) {
    match reason {
        UnknownReason::Conflict => assert_eq!(answered, 409),
        UnknownReason::Unreadable { status } => assert!(*status == answered && (200..300).contains(status)),
        UnknownReason::Status { status, .. } => assert!(*status == answered && !(200..300).contains(status)),
        reason => panic!("{reason}"),
    }
}

/// What is kept of a payment has a size, and can be stored.
fn check_bounds(payment: &Payment) {
    let texts = [&payment.reference_id, &payment.description, &payment.redirect_url, &payment.error_message];
    let maps = [&payment.external_refs, &payment.additional_parameters];
    let entries = maps.iter().flat_map(|map| map.iter()).flat_map(|(key, value)| [key, value]);
    for text in texts.into_iter().flatten().chain(entries) {
        assert!(text.chars().count() <= 4096 && !text.contains('\0'));
    }
    assert!(maps.iter().all(|map| map.len() <= 256));
}

/// The connection may end anywhere in an answer, and what came until then is no success.
fn check_cuts(body: &[u8]) {
    let whole = body.trim_ascii_end();
    if serde_json::from_str::<&RawValue>(&String::from_utf8_lossy(whole)).is_err() {
        return;
    }
    let somewhere = usize::from(any_status(body)) % whole.len().max(1);
    for length in [whole.len().saturating_sub(1), somewhere] {
        let cut = RawAnswer::new(200, whole[..length].to_vec());
        assert!(matches!(answer::classify_create(Ok(cut.clone())), CreateOutcome::Unknown(_)));
        assert!(matches!(answer::read_list(Ok(cut)), ListOutcome::Unavailable(_)));
        let cut = RawAnswer::new(400, whole[..length].to_vec());
        assert!(matches!(answer::classify_create(Ok(cut)), CreateOutcome::Unknown(_)));
    }
}

fn check_headers(header: &[u8]) {
    let Ok(header) = std::str::from_utf8(header) else { return };
    let date = answer::read_date(header);
    for date in [None, date, answer::read_date("Mon, 02 Mar 2026 09:15:30 GMT")] {
        let wait = answer::read_retry_after(header, date);
        assert!(wait.is_none_or(|wait| wait <= Duration::from_hours(24)));
    }
}
