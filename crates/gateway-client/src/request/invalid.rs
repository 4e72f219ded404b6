use std::fmt;

use rust_decimal::Decimal;

/// What the gateway would refuse, found before it was asked: nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidRequest {
    /// Every field with a flaw, in the order of the contract. Never empty.
    pub fields: Vec<InvalidField>,
}

/// What is wrong with one field. Its value is left out: it may be about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidField {
    /// The field's path in the request, as the gateway would name it: `customer.email`.
    pub field: &'static str,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What can be wrong with a field (gateway contract, sections 3 and 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It must be there.
    #[error("is required")]
    Missing,
    /// Its number of characters.
    #[error("must have {least} to {most} characters")]
    Length {
        /// The fewest that are allowed.
        least: usize,
        /// The most that are allowed.
        most: usize,
    },
    /// Its value, where a number is asked for.
    #[error("must be {least} to {most}")]
    Range {
        /// The smallest that is allowed.
        least: Decimal,
        /// The largest that is allowed.
        most: Decimal,
    },
    /// More decimal places than the gateway can keep.
    #[error("must have at most {} decimal places", AMOUNT_PLACES_MAX)]
    Precision,
    /// Its form, in words.
    #[error("must be {0}")]
    Form(&'static str),
    /// It makes sense only together with something else.
    #[error("is allowed only with {0}")]
    OnlyWith(&'static str),
}

/// The most decimal places of an amount.
const AMOUNT_PLACES_MAX: u32 = 18;
const AMOUNT_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// The smallest amount that is not nothing: 0.00001.
const AMOUNT_MIN: Decimal = Decimal::from_parts(1, 0, 0, false, 5);

/// Collects the flaws of one request, as the gateway does, so that all of them are told at once.
#[derive(Default)]
pub(super) struct Check {
    fields: Vec<InvalidField>,
}

impl Check {
    /// Texts with a greatest length, in characters.
    pub(super) fn at_most<'a>(&mut self, texts: impl IntoIterator<Item = (&'static str, &'a Option<String>, usize)>) {
        for (field, text, most) in texts {
            self.length(field, text.as_deref(), 0, most);
        }
    }

    pub(super) fn length(&mut self, field: &'static str, text: Option<&str>, least: usize, most: usize) {
        let fits = |text: &str| (least..=most).contains(&text.chars().count());
        self.that(text.is_none_or(fits), field, Flaw::Length { least, most });
    }

    /// A text of a certain form, which is told in words.
    pub(super) fn form(
        &mut self,
        field: &'static str,
        text: Option<&str>,
        form: &'static str,
        fits: impl FnOnce(&str) -> bool,
    ) {
        self.that(text.is_none_or(fits), field, Flaw::Form(form));
    }

    /// `zero` says whether nothing is an amount too.
    pub(super) fn amount(&mut self, field: &'static str, amount: Option<Decimal>, zero: bool) {
        let Some(amount) = amount else { return };
        let free = zero && amount.is_zero();
        let in_range = free || (AMOUNT_MIN..=AMOUNT_MAX).contains(&amount);
        let least = if zero { Decimal::ZERO } else { AMOUNT_MIN };
        self.that(in_range, field, Flaw::Range { least, most: AMOUNT_MAX });
        self.that(amount.normalize().scale() <= AMOUNT_PLACES_MAX, field, Flaw::Precision);
    }

    pub(super) fn number(&mut self, field: &'static str, number: Option<u32>, least: u32, most: u32) {
        let fits = number.is_none_or(|number| (least..=most).contains(&number));
        self.that(fits, field, Flaw::Range { least: least.into(), most: most.into() });
    }

    pub(super) fn that(&mut self, fits: bool, field: &'static str, flaw: Flaw) {
        if !fits {
            self.fields.push(InvalidField { field, flaw });
        }
    }

    pub(super) fn result(self) -> Result<(), InvalidRequest> {
        if self.fields.is_empty() { Ok(()) } else { Err(InvalidRequest { fields: self.fields }) }
    }
}

impl fmt::Display for InvalidField {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.field, self.flaw)
    }
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, field) in self.fields.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(out, "{separator}{field}")?;
        }
        Ok(())
    }
}
