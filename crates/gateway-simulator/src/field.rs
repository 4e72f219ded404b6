//! What a request field may hold, and what is said about one that holds something else.

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::contract::amount::{Amount, NotAnAmount};
use crate::json_object::{JsonObject, Text};
use crate::switches::UnknownFields;

/// One line of the contract's request tables (section 6).
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) rule: Rule,
    pub(crate) required: bool,
}

/// What a value may be.
pub(crate) enum Rule {
    /// A text of so many characters.
    Text {
        min: usize,
        max: usize,
    },
    /// A text with an `@` between two parts, and a longest length.
    Email {
        max: usize,
    },
    /// Two letters A to Z.
    CountryCode,
    /// One of these names, sorted.
    OneOf(&'static [&'static str]),
    Flag,
    /// A whole number, at least this.
    Whole {
        min: i64,
    },
    /// A number from 0 to 1 000 000 000 with at most 18 decimals.
    Amount,
    Object(&'static [Field]),
    /// An object of texts.
    TextMap,
    /// Taken as it is: the simulator does not look inside.
    Opaque,
}

impl Field {
    pub(crate) const fn optional(name: &'static str, rule: Rule) -> Self {
        Self { name, rule, required: false }
    }

    pub(crate) const fn required(name: &'static str, rule: Rule) -> Self {
        Self { name, rule, required: true }
    }

    pub(crate) const fn text(name: &'static str, max: usize) -> Self {
        Self::optional(name, Rule::Text { min: 0, max })
    }

    pub(crate) const fn exactly(name: &'static str, length: usize) -> Self {
        Self::optional(name, Rule::Text { min: length, max: length })
    }
}

/// One complaint about one field.
#[derive(Debug)]
pub(crate) struct FieldError {
    /// The name of the broken rule: `NotNull`, `Size`, `typeMismatch`.
    pub(crate) code: &'static str,
    /// With dots where it is nested.
    pub(crate) field: String,
    pub(crate) message: String,
    /// Limits, which the framework puts among the arguments as bare values.
    pub(crate) limits: Vec<String>,
    /// What could not even be converted to the field's type; the framework repeats it.
    pub(crate) rejected: Option<Box<RawValue>>,
}

impl FieldError {
    pub(crate) fn new(code: &'static str, field: String, message: impl Into<String>) -> Self {
        Self { code, field, message: message.into(), limits: Vec::new(), rejected: None }
    }

    pub(crate) fn mismatch(field: String, wanted: &str, value: &RawValue) -> Self {
        let message = format!("Failed to convert value {value} to required type '{wanted}'");
        Self { rejected: Some(value.to_owned()), ..Self::new("typeMismatch", field, message) }
    }

    /// The same for a value that came in a query and not in a body.
    pub(crate) fn mismatch_in_query(field: &str, wanted: &str, value: &str) -> Self {
        // A text can always be written.
        Self::mismatch(field.to_owned(), wanted, &serde_json::value::to_raw_value(value).unwrap_or_default())
    }

    fn size(field: String, min: usize, max: usize) -> Self {
        let message = format!("size must be between {min} and {max}");
        Self { limits: vec![max.to_string(), min.to_string()], ..Self::new("Size", field, message) }
    }
}

/// Checks an object against its table and collects every complaint, as the gateway's framework does.
pub(crate) fn check(object: &JsonObject<'_>, fields: &[Field], unknown: UnknownFields) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check_object(object, fields, unknown, "", &mut errors);
    errors
}

fn check_object(
    object: &JsonObject<'_>,
    fields: &[Field],
    unknown: UnknownFields,
    prefix: &str,
    errors: &mut Vec<FieldError>,
) {
    for field in fields {
        match object.get(field.name) {
            Some(value) => check_value(value, field, unknown, prefix, errors),
            None if field.required => {
                errors.push(FieldError::new("NotNull", path(prefix, field.name), "must not be null"));
            }
            None => {}
        }
    }
    if unknown == UnknownFields::Refused {
        let strangers = object.names().filter(|name| !fields.iter().any(|field| field.name == *name));
        errors.extend(strangers.map(|name| FieldError::new("unknown", path(prefix, name), "is not a known field")));
    }
}

fn check_value(value: &RawValue, field: &Field, unknown: UnknownFields, prefix: &str, errors: &mut Vec<FieldError>) {
    let at = || path(prefix, field.name);
    let error = match &field.rule {
        Rule::Text { min, max } => check_text(value, at, *min, *max),
        Rule::Email { max } => check_text(value, at, 0, *max).or_else(|| check_email(value, at)),
        Rule::CountryCode => check_text(value, at, 2, 2).or_else(|| check_country(value, at)),
        Rule::OneOf(names) => check_name(value, at, names),
        Rule::Flag => {
            (!matches!(value.get(), "true" | "false")).then(|| FieldError::mismatch(at(), "java.lang.Boolean", value))
        }
        Rule::Whole { min } => check_whole(value, at, *min),
        Rule::Amount => check_amount(value, at),
        Rule::TextMap => check_text_map(value, at),
        Rule::Opaque => None,
        Rule::Object(nested) => match serde_json::from_str::<JsonObject<'_>>(value.get()) {
            Ok(object) => {
                check_object(&object, nested, unknown, &at(), errors);
                None
            }
            Err(_) => Some(FieldError::mismatch(at(), "object", value)),
        },
    };
    errors.extend(error);
}

fn check_text(value: &RawValue, at: impl Fn() -> String, min: usize, max: usize) -> Option<FieldError> {
    match text_of(value) {
        Some(text) => {
            let length = text.chars().count();
            (length < min || max < length).then(|| FieldError::size(at(), min, max))
        }
        None => Some(FieldError::mismatch(at(), "java.lang.String", value)),
    }
}

fn check_email(value: &RawValue, at: impl Fn() -> String) -> Option<FieldError> {
    let text = text_of(value)?;
    let well_formed =
        text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    (!well_formed).then(|| FieldError::new("Email", at(), "must be a well-formed email address"))
}

fn check_country(value: &RawValue, at: impl Fn() -> String) -> Option<FieldError> {
    let well_formed = text_of(value)?.bytes().all(|b| b.is_ascii_uppercase());
    (!well_formed).then(|| FieldError::new("Pattern", at(), "must match \"[A-Z]{2}\""))
}

fn check_name(value: &RawValue, at: impl Fn() -> String, names: &[&str]) -> Option<FieldError> {
    let known = text_of(value).is_some_and(|name| names.binary_search(&name.as_ref()).is_ok());
    (!known).then(|| FieldError::mismatch(at(), "enum", value))
}

fn check_whole(value: &RawValue, at: impl Fn() -> String, min: i64) -> Option<FieldError> {
    match value.get().parse::<i64>() {
        Ok(number) if number < min => {
            let message = format!("must be greater than or equal to {min}");
            Some(FieldError { limits: vec![min.to_string()], ..FieldError::new("Min", at(), message) })
        }
        Ok(_) => None,
        Err(_) => Some(FieldError::mismatch(at(), "java.lang.Integer", value)),
    }
}

fn check_amount(value: &RawValue, at: impl Fn() -> String) -> Option<FieldError> {
    match Amount::from_json_number(value.get()) {
        Ok(amount) if amount.value() < Decimal::ZERO => {
            Some(FieldError::new("DecimalMin", at(), "must be greater than or equal to 0"))
        }
        Ok(amount) if amount.value() > Decimal::from(1_000_000_000) => {
            Some(FieldError::new("DecimalMax", at(), "must be less than or equal to 1000000000"))
        }
        Ok(_) => None,
        Err(NotAnAmount::NotANumber) => Some(FieldError::mismatch(at(), "java.math.BigDecimal", value)),
        Err(NotAnAmount::TooManyDigits) => {
            Some(FieldError::new("Digits", at(), "numeric value out of bounds (<10 digits>.<18 digits> expected)"))
        }
    }
}

fn check_text_map(value: &RawValue, at: impl Fn() -> String) -> Option<FieldError> {
    let of_texts = serde_json::from_str::<JsonObject<'_>>(value.get())
        .is_ok_and(|map| map.values().all(|(_, value)| text_of(value).is_some()));
    (!of_texts).then(|| FieldError::mismatch(at(), "java.util.Map", value))
}

fn text_of(value: &RawValue) -> Option<std::borrow::Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

fn path(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
