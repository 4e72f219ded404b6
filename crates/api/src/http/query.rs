use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use actix_web::HttpRequest;
use domain::{ShopName, Time};
use url::form_urlencoded;

use super::Caller;
use super::problem::{FieldError, Problem};

/// The parameters of a request, taken one by one; what is left at the end is unknown, and an error.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Query {
    /// The most items on a page, and how many there are unless asked otherwise (REST contract).
    pub(crate) const LIMIT_MAX: u32 = 200;
    pub(crate) const LIMIT: u32 = 50;
    /// A database takes only so many conditions in one statement.
    const VALUES_MAX: usize = 50;

    /// The parameters of a request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        Self::of_text(request.query_string())
    }

    /// The parameters of a query.
    pub(crate) fn of_text(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { pairs, errors: Vec::new() }
    }

    /// The parameters of a page: a form sends along what was left blank, and days where there could be moments.
    pub(crate) fn of_page(request: &HttpRequest) -> Self {
        let mut query = Self::of(request);
        query.pairs.retain(|(_, value)| !value.is_empty());
        for (name, value) in &mut query.pairs {
            let is_day = (name.ends_with("From") || name.ends_with("To")) && value.len() == "2026-11-23".len();
            if is_day {
                value.push_str("T00:00:00Z");
            }
        }
        query
    }

    /// A parameter that comes at most once.
    pub(crate) fn one<T: FromStr>(&mut self, name: &str, otherwise: &str) -> Option<T> {
        let text = self.text(name)?;
        let value = text.parse().ok();
        self.check(value.is_some(), name, otherwise);
        value
    }

    /// A parameter that proves itself and says what is wrong with it.
    pub(crate) fn proven<T: FromStr>(&mut self, name: &str) -> Option<T>
    where
        T::Err: Display,
    {
        match self.text(name)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, error.to_string());
                None
            }
        }
    }

    /// A parameter that may come several times, or hold several values with commas between them.
    pub(crate) fn several<T: FromStr>(&mut self, name: &str, otherwise: &str) -> Vec<T> {
        let texts: Vec<String> = self.take(name).iter().flat_map(|text| text.split(',')).map(str::to_owned).collect();
        self.check(texts.len() <= Self::VALUES_MAX, name, "must not have more than 50 values");
        let values: Vec<T> = texts.iter().filter_map(|text| text.parse().ok()).collect();
        self.check(values.len() == texts.len(), name, otherwise);
        values
    }

    /// A moment.
    pub(crate) fn time(&mut self, name: &str) -> Option<Time> {
        let text = self.text(name)?;
        let time = chrono::DateTime::parse_from_rfc3339(&text).ok().map(|time| Time::new(time.to_utc()));
        self.check(time.is_some(), name, "must be a moment such as 2026-11-23T10:11:12Z (RFC 3339)");
        time
    }

    /// The shops that are asked for and that the caller may see, empty for all; none if it may see none of them.
    pub(crate) fn shops(&mut self, caller: &Caller) -> Option<BTreeSet<ShopName>> {
        let named: BTreeSet<ShopName> = self.several("shop", "must be the name of a shop").into_iter().collect();
        match (named.is_empty(), caller.shops().is_empty()) {
            (true, _) => Some(caller.shops().clone()),
            (false, true) => Some(named),
            (false, false) => {
                let both: BTreeSet<ShopName> = named.intersection(caller.shops()).cloned().collect();
                (!both.is_empty()).then_some(both)
            }
        }
    }

    /// How many items a page may have.
    pub(crate) fn limit(&mut self) -> u32 {
        let limit = self.one("limit", "must be a whole number from 1 to 200").unwrap_or(Self::LIMIT);
        self.check((1..=Self::LIMIT_MAX).contains(&limit), "limit", "must be a whole number from 1 to 200");
        limit
    }

    /// Parameters whose name begins with `prefix`, without it.
    pub(crate) fn prefixed(&mut self, prefix: &str) -> Vec<(String, String)> {
        let (found, rest) = std::mem::take(&mut self.pairs).into_iter().partition(|(name, _)| name.starts_with(prefix));
        self.pairs = rest;
        let found: Vec<(String, String)> = found;
        found.into_iter().map(|(name, value)| (name[prefix.len()..].to_owned(), value)).collect()
    }

    /// Something that must hold of a parameter.
    pub(crate) fn check(&mut self, holds: bool, name: &str, otherwise: &str) {
        if !holds && self.errors.iter().all(|error| error.pointer != name) {
            self.refuse(name, otherwise);
        }
    }

    /// The end: whatever was not taken is not a parameter of this request.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.refuse(&name.chars().take(80).collect::<String>(), "is not a parameter of this request");
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }

    fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError { pointer: name.to_owned(), detail: detail.into() });
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let texts = self.take(name);
        self.check(texts.len() <= 1, name, "must come only once");
        texts.into_iter().next()
    }

    fn take(&mut self, name: &str) -> Vec<String> {
        let (found, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pairs).into_iter().partition(|(known, _)| known == name);
        self.pairs = rest;
        found.into_iter().map(|(_, value)| value).collect()
    }
}
