//! What no store takes, whatever its neighbours in a batch do.
//!
//! Found before anything reaches a database, so that all three give the same answer, and a batch does not have to
//! fail before its poison is known.

use std::borrow::Cow;

use domain::Entry;
use serde_json::Value;

use crate::{Birth, Move, Write};

const NUL: char = '\u{0}';

/// Why this birth can never be stored, if so.
pub(crate) fn flaw_of_birth(birth: &Birth) -> Option<&'static str> {
    if birth.entry.sequence != 1 || birth.payment.version != 1 {
        return Some("a birth must be the first entry of its ledger");
    }
    flaw_of_entry(&birth.entry)
}

/// Why this write can never be stored, if so.
pub(crate) fn flaw_of_write(write: &Write) -> Option<&'static str> {
    let moved = write.moves.as_ref();
    if let (Some(moved), Some(birth)) = (moved, &write.birth) {
        // One statement can undo one insert that conflicts, and not two.
        if moved.claim.is_some() {
            return Some("a write must not hold both a birth and a claim");
        }
        if moved.payment.id() == birth.payment.id() {
            return Some("a write must not move the payment that it gives birth to");
        }
    }
    if write.notice.as_ref().is_some_and(|filed| filed.verdict.contains(NUL)) {
        return Some("a text must not hold U+0000");
    }
    moved.and_then(flaw_of_move).or_else(|| write.birth.as_ref().and_then(flaw_of_birth))
}

/// `text` with U+0000 replaced, for what must be kept and cannot be refused: PostgreSQL takes no such text.
pub(crate) fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains(NUL) { Cow::Owned(text.replace(NUL, "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

/// The same for a JSON text.
pub(crate) fn json_without_nul(json: String) -> String {
    fn clean(value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => *text = without_nul(text).into_owned(),
            Value::Array(values) => values.iter_mut().for_each(clean),
            Value::Object(pairs) => pairs.values_mut().for_each(clean),
        }
    }
    if !holds_nul(&json) {
        return json;
    }
    let Ok(mut value) = serde_json::from_str(&json) else { return json };
    clean(&mut value);
    value.to_string()
}

fn flaw_of_move(moved: &Move) -> Option<&'static str> {
    match &moved.entry {
        None if moved.payment.version != moved.expected_version => Some("a version must not rise without an entry"),
        None if !moved.movements.is_empty() => Some("money must not be booked without an entry"),
        None => None,
        Some(entry) => {
            let next = moved.expected_version.checked_add(1);
            if next != Some(entry.sequence) || next != Some(moved.payment.version) {
                return Some("an entry must follow the version that it was decided on");
            }
            flaw_of_entry(entry)
        }
    }
}

/// The payment's row holds nothing that its entries do not, so that they alone are looked through.
fn flaw_of_entry(entry: &Entry) -> Option<&'static str> {
    match serde_json::to_string(entry) {
        Ok(json) if holds_nul(&json) => Some("a text must not hold U+0000"),
        Ok(_) => None,
        Err(_) => Some("an entry must be writable as JSON"),
    }
}

/// The escape alone proves nothing: `\\u0000` is a backslash and five characters.
fn holds_nul(json: &str) -> bool {
    json.contains("\\u0000") && serde_json::from_str(json).is_ok_and(|value| value_holds_nul(&value))
}

fn value_holds_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains(NUL),
        Value::Array(values) => values.iter().any(value_holds_nul),
        Value::Object(pairs) => pairs.iter().any(|(key, value)| key.contains(NUL) || value_holds_nul(value)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_character_itself_is_a_nul() {
        let holds = |value: Value| holds_nul(&value.to_string());
        assert!(holds(json!({"reason": "a\u{0}b"})));
        assert!(holds(json!([{"a\u{0}": 1}])));
        assert!(!holds(json!({"reason": "a\\u0000b"})));
        assert!(!holds(json!({"reason": "0000"})));
    }

    #[test]
    fn a_json_text_that_must_be_kept_has_no_nul_either() {
        let kept = |value: Value| json_without_nul(value.to_string());
        assert_eq!(kept(json!({"a": ["x\u{0}y"]})), json!({"a": ["x\u{FFFD}y"]}).to_string());
        assert_eq!(kept(json!({"a": "x\\u0000y"})), json!({"a": "x\\u0000y"}).to_string());
    }

    #[test]
    fn a_text_that_must_be_kept_keeps_everything_else() {
        assert_eq!(without_nul("a\u{0}b"), "a\u{FFFD}b");
        assert_eq!(without_nul("žλ🙂"), "žλ🙂");
    }
}
