//! A JSON object read field by field, so that everything that is wrong with it is told at once, each field by its name.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Display};
use std::str::FromStr;

use domain::parse_amount;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::problem::{FieldError, Kind, Problem};

/// One object of a request's body. Fields are taken out of it; what is left at the end is unknown, and an error:
/// a typo must not silently drop a limit.
pub(super) struct Form<'a> {
    pointer: String,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

const NO_OBJECT: &str = "must be an object without repeated names";

impl<'a> Form<'a> {
    /// Reads the body as one object.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Problem> {
        let members: Members<'a> = serde_json::from_slice(body).map_err(|error| {
            Problem::new(Kind::MalformedBody, format!("the body is not a JSON object: {}", place(&error)))
        })?;
        Ok(Self { pointer: String::new(), members: members.0 })
    }

    /// Whether there is such a field, and it is not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(member, raw)| member == name && raw.get() != "null")
    }

    /// Whether there is a field of this name that is true.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.members.iter().any(|(member, raw)| member == name && raw.get() == "true")
    }

    /// A text that proves itself.
    pub(super) fn text<T>(&mut self, name: &str, errors: &mut Vec<FieldError>) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text: String = self.value(name, "must be a string", errors)?;
        text.parse().map_err(|error: T::Err| errors.push(self.error(name, error.to_string()))).ok()
    }

    /// A secret that proves itself; whatever is made of it on the way is wiped from memory.
    pub(super) fn secret<T>(&mut self, name: &str, errors: &mut Vec<FieldError>) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text: String = self.value(name, "must be a string", errors)?;
        let text = Zeroizing::new(text);
        text.parse().map_err(|error: T::Err| errors.push(self.error(name, error.to_string()))).ok()
    }

    /// A value of a plain JSON type.
    pub(super) fn value<T: DeserializeOwned>(
        &mut self,
        name: &str,
        otherwise: &str,
        errors: &mut Vec<FieldError>,
    ) -> Option<T> {
        let raw = self.take(name)?;
        serde_json::from_str(raw.get()).map_err(|_| errors.push(self.error(name, otherwise))).ok()
    }

    /// An amount, from the digits of a JSON number or of a string.
    pub(super) fn amount(&mut self, name: &str, errors: &mut Vec<FieldError>) -> Option<Decimal> {
        let raw = self.take(name)?.get();
        let digits = if raw.starts_with('"') { serde_json::from_str::<String>(raw).ok() } else { Some(raw.to_owned()) };
        let amount = parse_amount(digits.as_deref().unwrap_or_default());
        amount.map_err(|error| errors.push(self.error(name, error.to_string()))).ok()
    }

    /// An object within this one.
    pub(super) fn form(&mut self, name: &str, errors: &mut Vec<FieldError>) -> Option<Form<'a>> {
        let raw = self.take(name)?;
        let members: Option<Members<'a>> = serde_json::from_str(raw.get()).ok();
        if members.is_none() {
            errors.push(self.error(name, NO_OBJECT));
        }
        members.map(|members| Form { pointer: self.at(name), members: members.0 })
    }

    /// An object within this one that is passed on as it is, as JSON text.
    pub(super) fn object(&mut self, name: &str, errors: &mut Vec<FieldError>) -> Option<&'a str> {
        let raw = self.take(name)?;
        if serde_json::from_str::<Members<'a>>(raw.get()).is_err() {
            errors.push(self.error(name, NO_OBJECT));
            return None;
        }
        Some(raw.get())
    }

    /// An object of string pairs, at most `pairs_max` of them.
    pub(super) fn pairs<K, V>(&mut self, name: &str, pairs_max: usize, errors: &mut Vec<FieldError>) -> BTreeMap<K, V>
    where
        K: FromStr + Ord,
        K::Err: Display,
        V: FromStr,
        V::Err: Display,
    {
        let Some(mut form) = self.form(name, errors) else { return BTreeMap::new() };
        if form.members.len() > pairs_max {
            errors.push(self.error(name, format!("must not have more than {pairs_max} members")));
            return BTreeMap::new();
        }
        let names: Vec<String> = form.members.iter().map(|(name, _)| name.to_string()).collect();
        let mut pairs = BTreeMap::new();
        for name in names {
            let key = name.parse().map_err(|error: K::Err| errors.push(form.error(&name, format!("name {error}"))));
            if let (Ok(key), Some(value)) = (key, form.text(&name, errors)) {
                pairs.insert(key, value);
            }
        }
        pairs
    }

    /// The end: whatever was not taken is not a field of this object.
    pub(super) fn finish(self, errors: &mut Vec<FieldError>) {
        for (name, _) in &self.members {
            errors.push(self.error(name, "is not a field of this request"));
        }
    }

    /// An error about one of its fields.
    pub(super) fn error(&self, name: &str, detail: impl Into<String>) -> FieldError {
        FieldError { pointer: self.at(name), detail: detail.into() }
    }

    /// A field that must be there and is not, unless something is wrong with it already.
    pub(super) fn require<T>(&self, name: &str, value: Option<T>, errors: &mut Vec<FieldError>) -> Option<T> {
        let pointer = self.at(name);
        if value.is_none() && errors.iter().all(|error| error.pointer != pointer) {
            errors.push(self.error(name, "is missing"));
        }
        value
    }

    fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let index = self.members.iter().position(|(member, _)| member == name)?;
        let (_, raw) = self.members.swap_remove(index);
        // Absent and null are one.
        (raw.get() != "null").then_some(raw)
    }

    fn at(&self, name: &str) -> String {
        pointer(&self.pointer, name)
    }
}

/// A member's pointer (RFC 6901). Names come from the caller: bounded, so that an error is never larger than it must be.
pub(super) fn pointer(parent: &str, name: &str) -> String {
    let name: String = name.chars().take(80).collect();
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Where a body stops being JSON; the parser's own words would repeat the caller's text.
fn place(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

/// The members of an object in their order, unread. A name that comes twice is an error: one of the two would be lost.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Self::Value = Vec::new();
        let mut names = HashSet::new();
        while let Some(Name(name)) = map.next_key()? {
            if !names.insert(name.clone()) {
                return Err(serde::de::Error::custom("a name comes twice"));
            }
            members.push((name, map.next_value()?));
        }
        Ok(members)
    }
}

/// A member's name, borrowed where it holds no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
