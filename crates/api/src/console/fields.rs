use std::fmt::Display;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;
use domain::parse_amount;
use rust_decimal::Decimal;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::Trouble;
use super::session::Token;
use crate::http::problem::{FieldError, Kind, Problem};
use crate::http::take_payment::BODY_MAX;
use crate::http::{App, body};

/// The fields of a form, taken one by one; what is left at the end is unknown, and an error. What was left blank is not there.
pub(super) struct Fields {
    pairs: Vec<(String, Zeroizing<String>)>,
    errors: Vec<FieldError>,
}

/// The field in which a form says for whom it was made.
const FORM_MARK: &str = "form";

impl Fields {
    /// Reads a form, if it was made for whoever has this token.
    pub(super) async fn of(
        request: &HttpRequest,
        payload: Payload,
        token: Option<&Token>,
        app: &App,
    ) -> Result<Self, Trouble> {
        check_form(request)?;
        let body = body::read(payload, BODY_MAX, app.body_patience).await?;
        let pairs =
            form_urlencoded::parse(&body).map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned())));
        let mut fields = Self { pairs: pairs.collect(), errors: Vec::new() };
        let mark = fields.take(FORM_MARK).unwrap_or_default();
        if !token.is_some_and(|token| token.made(&mark)) {
            return Err(Trouble::Forged);
        }
        Ok(fields)
    }

    /// A text that proves itself, and must be there.
    pub(super) fn need<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.text(name);
        if value.is_none() && self.errors.iter().all(|error| error.pointer != name) {
            self.refuse(name, "is missing");
        }
        value
    }

    /// A text that proves itself.
    pub(super) fn text<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.take(name).filter(|text| !text.trim().is_empty())?;
        text.trim().parse().map_err(|error: T::Err| self.refuse(name, error.to_string())).ok()
    }

    /// One of the words that a list offers.
    pub(super) fn word<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let word = self.take(name).and_then(|text| text.parse().ok());
        if word.is_none() {
            self.refuse(name, "must be one of those that the list offers");
        }
        word
    }

    /// An amount, from its digits.
    pub(super) fn amount(&mut self, name: &str) -> Option<Decimal> {
        let text = self.take(name).filter(|text| !text.trim().is_empty())?;
        parse_amount(text.trim()).map_err(|error| self.refuse(name, error.to_string())).ok()
    }

    /// What is wrong so far, for those who find out more.
    pub(super) fn errors(&mut self) -> &mut Vec<FieldError> {
        &mut self.errors
    }

    /// The end: whatever was not taken is not a field of this form.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        self.refuse_the_rest();
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::fields(self.errors)) }
    }

    /// The end, for those who go on to look for what is wrong.
    pub(super) fn into_errors(mut self) -> Vec<FieldError> {
        self.refuse_the_rest();
        self.errors
    }

    fn refuse_the_rest(&mut self) {
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.refuse(&name.chars().take(80).collect::<String>(), "is not a field of this form");
        }
    }

    fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError { pointer: name.to_owned(), detail: detail.into() });
    }

    fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        let index = self.pairs.iter().position(|(known, _)| known == name)?;
        Some(self.pairs.swap_remove(index).1)
    }
}

fn check_form(request: &HttpRequest) -> Result<(), Problem> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(Problem::new(Kind::UnsupportedMediaType, "this is a form: send application/x-www-form-urlencoded"))
}
