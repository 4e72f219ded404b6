use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::vocabulary::Open;
use crate::{GatewayId, Secret, amount, time};

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

    /// A word of an enumeration, known or not.
    pub(super) fn word<Word: FromStr>(&mut self, name: &'static str) -> Option<Open<Word>> {
        self.text(name).map(Open::from)
    }

    pub(super) fn secret(&mut self, name: &'static str) -> Option<Secret> {
        self.text(name).map(Secret::from)
    }

    pub(super) fn id(&mut self, name: &'static str) -> Option<GatewayId> {
        self.parsed(name, |id| id.try_into().ok())
    }

    pub(super) fn count(&mut self, name: &'static str) -> Option<u64> {
        self.field(name, |raw| serde_json::from_str(raw).ok())
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.field(name, |raw| serde_json::from_str(raw).ok())
    }

    /// A number, or a quoted one.
    pub(super) fn amount(&mut self, name: &'static str) -> Option<Decimal> {
        self.field(name, |raw| if raw.starts_with('"') { amount::read(text(raw)?.trim()) } else { amount::read(raw) })
    }

    pub(super) fn time(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        self.field(name, |raw| time::read(&text(raw)?))
    }

    /// An object inside this one; what cannot be read in it is noted here.
    pub(super) fn part<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Fields<'a>) -> T) -> Option<T> {
        let mut part = self.field(name, Fields::read)?;
        let value = read(&mut part);
        self.oddities.extend(part.oddities);
        Some(value)
    }

    /// A list of objects inside this one. An item that is none makes the list an oddity, and so does
    /// what cannot be read in an item.
    pub(super) fn parts<T>(&mut self, name: &'static str, read: impl Fn(&mut Fields<'a>) -> T) -> Vec<T> {
        let mut odd = false;
        let parts = self.items(name, |raw| {
            let mut part = Fields::read(raw)?;
            let value = read(&mut part);
            odd |= !part.oddities.is_empty();
            Some(value)
        });
        if odd {
            self.oddities.push(name);
        }
        parts
    }

    /// Things of one kind. One that cannot be read is left out and makes the field an oddity.
    pub(super) fn items<T>(&mut self, name: &'static str, mut read: impl FnMut(&'a str) -> Option<T>) -> Vec<T> {
        let Some(items) = self.field(name, |raw| serde_json::from_str::<Vec<&'a RawValue>>(raw).ok()) else {
            return Vec::new();
        };
        let kept: Vec<_> = items.iter().filter_map(|item| read(item.get())).take(ENTRIES_MAX).collect();
        if kept.len() < items.len() {
            self.oddities.push(name);
        }
        kept
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
