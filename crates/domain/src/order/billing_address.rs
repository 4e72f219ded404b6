use std::str::FromStr;

use crate::{InvalidText, PersonalText};

/// Where the payer's bills go (gateway contract, section 6.1.2). Passed on, never stored in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BillingAddress {
    /// Street and number.
    pub address_line1: Option<PersonalText<300>>,
    /// Flat, office.
    pub address_line2: Option<PersonalText<300>>,
    /// City.
    pub city: Option<PersonalText<50>>,
    /// Country.
    pub country_code: Option<CountryCode>,
    /// Post code.
    pub postal_code: Option<PersonalText<12>>,
    /// State, province.
    pub state: Option<PersonalText<40>>,
}

/// An ISO 3166-1 alpha-2 code: two upper-case letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountryCode([u8; 2]);

impl CountryCode {
    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for CountryCode {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        match text.as_bytes() {
            [first, second] if first.is_ascii_uppercase() && second.is_ascii_uppercase() => Ok(Self([*first, *second])),
            _ => Err(InvalidText::Form("an ISO 3166-1 country code of two upper-case letters")),
        }
    }
}
