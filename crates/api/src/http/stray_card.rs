use std::collections::BTreeMap;

use domain::Text;
use orchestrator::holds_card_number;

use super::form::pointer;
use super::problem::FieldError;

/// What is kept or shown as it is must hold no card (protocols, invariant I12): nobody else would notice it there. A text by
/// its pointer; one that is not there holds none.
pub(crate) fn refuse_in_text(pointer: &str, text: Option<&str>, errors: &mut Vec<FieldError>) {
    if text.is_some_and(holds_card_number) {
        let detail = "looks like a card number, which belongs into card.cardNumber alone".to_owned();
        errors.push(FieldError { pointer: pointer.to_owned(), detail });
    }
}

/// The same in each name and value of pairs.
pub(super) fn refuse_in_pairs<const N: usize, const V: usize>(
    field: &str,
    pairs: &BTreeMap<Text<N>, Text<V>>,
    errors: &mut Vec<FieldError>,
) {
    refuse_in_names(field, pairs, errors);
    for (name, value) in pairs.iter().filter(|(name, _)| !holds_card_number(name.as_str())) {
        refuse_in_text(&pointer(field, name.as_str()), Some(value.as_str()), errors);
    }
}

/// The same in the names alone, where the values are not kept. A name that holds a card is not repeated.
pub(super) fn refuse_in_names<const N: usize, V>(
    field: &str,
    pairs: &BTreeMap<Text<N>, V>,
    errors: &mut Vec<FieldError>,
) {
    for name in pairs.keys() {
        refuse_in_text(field, Some(name.as_str()), errors);
    }
}
