use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::amount;

/// The longest text that is kept, in characters.
pub(super) const TEXT_MAX: usize = 4096;
/// The most entries of a map or list of details that are kept.
pub(super) const ENTRIES_MAX: usize = 256;

/// A JSON object read field by field: nothing is required, `null` is the same as missing, unknown
/// fields do not matter, and a field that cannot be read costs only itself. Its name is then noted in
/// `oddities` (gateway contract, section 14).
pub(super) struct Fields<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    oddities: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// `None` if the text is not a JSON object.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let fields = serde_json::from_str(text).ok()?;
        Some(Self { fields, oddities: Vec::new() })
    }

    /// The field's JSON text, unless it is missing or `null`.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        self.fields.get(name).map(|raw| raw.get()).filter(|text| *text != "null")
    }

    pub(super) fn is_null(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|raw| raw.get() == "null")
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.field(name, text)
    }

    /// A text that becomes a value of its own.
    pub(super) fn parsed<T>(&mut self, name: &'static str, parse: impl FnOnce(String) -> Option<T>) -> Option<T> {
        self.field(name, |raw| parse(text(raw)?))
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.field(name, |raw| serde_json::from_str(raw).ok())
    }

    /// A number, or a quoted one.
    pub(super) fn amount(&mut self, name: &'static str) -> Option<Decimal> {
        self.field(name, |raw| if raw.starts_with('"') { amount::read(text(raw)?.trim()) } else { amount::read(raw) })
    }

    pub(super) fn time(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        self.field(name, |raw| time(&text(raw)?))
    }

    pub(super) fn object(&mut self, name: &'static str) -> Option<Fields<'a>> {
        self.field(name, Fields::read)
    }

    /// A map from name to text. The contract promises text, integrations see more: other values are
    /// kept as the JSON they are, and a list becomes a map from position to item. Entries that are too
    /// long or too many are left out and make the field an oddity, the others stay.
    pub(super) fn map(&mut self, name: &'static str) -> BTreeMap<String, String> {
        let Some(raw) = self.raw(name) else { return BTreeMap::new() };
        let Some(entries) = entries(raw) else {
            self.oddities.push(name);
            return BTreeMap::new();
        };
        let present: Vec<_> = entries.into_iter().filter(|(_, raw)| raw.get() != "null").collect();
        let count = present.len();
        let kept: BTreeMap<_, _> = present
            .into_iter()
            .filter_map(|(key, raw)| Some((storable(key)?, text_or_json(raw.get())?)))
            .take(ENTRIES_MAX)
            .collect();
        if kept.len() < count {
            self.oddities.push(name);
        }
        kept
    }

    /// The names of the fields that were there and could not be read.
    pub(super) fn into_oddities(self) -> Vec<&'static str> {
        self.oddities
    }

    pub(super) fn note(&mut self, oddities: Vec<&'static str>) {
        self.oddities.extend(oddities);
    }

    fn field<T>(&mut self, name: &'static str, read: impl FnOnce(&'a str) -> Option<T>) -> Option<T> {
        let value = read(self.raw(name)?);
        if value.is_none() {
            self.oddities.push(name);
        }
        value
    }
}

fn entries(raw: &str) -> Option<BTreeMap<String, &RawValue>> {
    if raw.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
        return Some(items.into_iter().enumerate().map(|(position, item)| (position.to_string(), item)).collect());
    }
    serde_json::from_str(raw).ok()
}

fn text(raw: &str) -> Option<String> {
    storable(serde_json::from_str(raw).ok()?)
}

fn text_or_json(raw: &str) -> Option<String> {
    if raw.starts_with('"') { text(raw) } else { storable(raw.to_owned()) }
}

/// Text that a database can hold: not too long, and without U+0000, which `PostgreSQL` refuses.
/// Never cut short, because half an id or half a URL is worse than none.
fn storable(text: String) -> Option<String> {
    let short = text.len() <= TEXT_MAX || text.chars().count() <= TEXT_MAX;
    (short && !text.contains('\0')).then_some(text)
}

/// ISO 8601 with or without a zone, and with any fraction up to nanoseconds. Without a zone it is UTC
/// (gateway contract, sections 3 and 14).
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    let with_zone = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .map(|time| time.with_timezone(&Utc));
    let without = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc());
    with_zone.or_else(|_| without()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_time_is_read_with_and_without_zone_and_fraction() {
        for (text, expected) in [
            ("2026-03-02T09:15:27", "2026-03-02T09:15:27Z"),
            ("2026-03-08T21:04:22.552859857", "2026-03-08T21:04:22.552859857Z"),
            ("2026-03-02T09:15:27.418+00:00", "2026-03-02T09:15:27.418Z"),
            ("2026-03-02T09:15:27Z", "2026-03-02T09:15:27Z"),
            ("2026-03-02T11:15:27+0200", "2026-03-02T09:15:27Z"),
        ] {
            assert_eq!(time(text), expected.parse().ok(), "{text}");
        }
        for text in ["", "2026-03-02", "yesterday", "2026-13-02T09:15:27", "2026-03-02T09:15:27 CET"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_field_that_cannot_be_read_costs_only_itself() {
        let mut fields = Fields::read(r#"{"a": 1, "b": "two", "c": null, "d": "\ud800", "e": "x\u0000y"}"#).unwrap();
        assert_eq!(fields.text("a"), None);
        assert_eq!(fields.text("b"), Some("two".to_owned()));
        assert_eq!(fields.text("c"), None);
        assert_eq!(fields.text("d"), None);
        assert_eq!(fields.text("e"), None);
        assert_eq!(fields.text("f"), None);
        assert_eq!(fields.into_oddities(), ["a", "d", "e"]);
    }

    #[test]
    fn a_text_is_kept_whole_or_not_at_all() {
        let longest = "ü".repeat(TEXT_MAX);
        let json = format!(r#"{{"fits": "{longest}", "long": "{longest}x"}}"#);
        let mut fields = Fields::read(&json).unwrap();
        assert_eq!(fields.text("fits"), Some(longest));
        assert_eq!(fields.text("long"), None);
        assert_eq!(fields.into_oddities(), ["long"]);
    }

    #[test]
    fn a_map_keeps_what_is_not_text_as_json() {
        let json =
            r#"{"refs": {"n": 123456, "b": true, "o": {"a": [1]}, "t": "x", "gone": null}, "list": ["x", 2], "no": 7}"#;
        let mut fields = Fields::read(json).unwrap();
        let refs: Vec<_> = fields.map("refs").into_iter().collect();
        let expected = [("b", "true"), ("n", "123456"), ("o", r#"{"a": [1]}"#), ("t", "x")];
        assert_eq!(refs, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(fields.map("list"), BTreeMap::from([("0".into(), "x".into()), ("1".into(), "2".into())]));
        assert!(fields.map("no").is_empty());
        assert_eq!(fields.into_oddities(), ["no"]);
    }

    #[test]
    fn a_map_is_bounded() {
        let entries: Vec<_> = (0..=ENTRIES_MAX).map(|n| format!(r#""k{n}": "v""#)).collect();
        let json = format!(r#"{{"refs": {{{}}}}}"#, entries.join(","));
        let mut fields = Fields::read(&json).unwrap();
        assert_eq!(fields.map("refs").len(), ENTRIES_MAX);
        assert_eq!(fields.into_oddities(), ["refs"]);
    }
}
