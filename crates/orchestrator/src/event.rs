//! The names of events: what others are told by.

use std::fmt;
use std::str::FromStr;

use domain::{PaymentId, PaymentState, PaymentType};
use store::Event;
use uuid::Uuid;

/// What happened, in two words: `deposit.completed`, `withdrawal.awaiting_approval` (Standard Webhooks, "Event types").
pub fn event_type(event: &Event) -> String {
    format!("{}.{}", event.payment_type.to_string().to_lowercase(), event.state.to_string().to_lowercase())
}

/// The name of an event, the same whenever and however often it is told: `evt_`, the payment, and the event's sequence.
pub fn event_id(event: &Event) -> String {
    format!("evt_{}_{}", event.payment.uuid().simple(), event.sequence)
}

/// The payment and the sequence that the name of an event names.
pub fn read_event_id(id: &str) -> Option<(PaymentId, u64)> {
    let (payment, sequence) = id.strip_prefix("evt_")?.split_once('_')?;
    let payment = Uuid::try_parse(payment).ok().filter(|uuid| uuid.simple().to_string() == payment)?;
    let number: u64 = sequence.parse().ok()?;
    (number.to_string() == sequence).then_some((payment.into(), number))
}

/// Which events somebody wants to hear of: a type, where `*` stands for any word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPattern(String);

/// No event has such a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the type of an event such as deposit.completed; * stands for any word, as in *.completed")]
pub struct InvalidEventPattern;

impl FromStr for EventPattern {
    type Err = InvalidEventPattern;

    fn from_str(text: &str) -> Result<Self, InvalidEventPattern> {
        let (payment_type, state) = text.split_once('.').ok_or(InvalidEventPattern)?;
        let is_lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
        let is_type = payment_type == "*" || payment_type.to_uppercase().parse::<PaymentType>().is_ok();
        let is_state = state == "*" || state.to_uppercase().parse::<PaymentState>().is_ok();
        (is_lower && is_type && is_state).then(|| Self(text.to_owned())).ok_or(InvalidEventPattern)
    }
}

impl EventPattern {
    /// Whether an event of this type fits.
    pub fn fits(&self, event_type: &str) -> bool {
        fits(&self.0, event_type)
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether an event of this type fits one of the patterns; any does where there is none.
pub(crate) fn fits_any<'a>(patterns: impl Iterator<Item = &'a str>, event_type: &str) -> bool {
    let mut patterns = patterns.peekable();
    patterns.peek().is_none() || patterns.any(|pattern| fits(pattern, event_type))
}

fn fits(pattern: &str, event_type: &str) -> bool {
    pattern.split('.').zip(event_type.split('.')).all(|(wanted, word)| wanted == "*" || wanted == word)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_type_in_which_a_star_stands_for_any_word() {
        for known in ["deposit.completed", "*.completed", "refund.*", "*.*", "withdrawal.awaiting_approval"] {
            assert_eq!(known.parse::<EventPattern>().unwrap().to_string(), known);
        }
        for unknown in ["", "*", "deposit", "deposit.", "Deposit.completed", "deposit.paid", "x.completed", "a.b.c"] {
            assert_eq!(unknown.parse::<EventPattern>(), Err(InvalidEventPattern), "{unknown}");
        }
        let fits = |patterns: &[&str]| fits_any(patterns.iter().copied(), "deposit.completed");
        assert!(fits(&[]) && fits(&["*.completed"]) && fits(&["refund.*", "deposit.completed"]));
        assert!(!fits(&["refund.*"]) && !fits(&["*.declined", "refund.completed"]));
    }

    #[test]
    fn only_the_name_that_an_event_has_names_it() {
        let payment = PaymentId::from(Uuid::from_u128(7));
        let simple = payment.uuid().simple();
        assert_eq!(read_event_id(&format!("evt_{simple}_3")), Some((payment, 3)));
        for other in [
            format!("evt_{simple}_03"),
            format!("evt_{simple}_+3"),
            format!("evt_{}_3", payment.uuid()),
            format!("evt_{simple}"),
            format!("{simple}_3"),
        ] {
            assert_eq!(read_event_id(&other), None, "{other}");
        }
    }
}
