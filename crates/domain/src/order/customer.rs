use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;

use crate::text::check_text;
use crate::{CountryCode, InvalidText, PersonalText};

/// Who pays or is paid (gateway contract, section 6.1.1). Passed on, never stored in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Customer {
    /// The merchant's own name for the customer.
    pub reference_id: Option<PersonalText<128>>,
    /// Citizenship.
    pub citizenship_country_code: Option<CountryCode>,
    /// Given name.
    pub first_name: Option<PersonalText<128>>,
    /// Family name.
    pub last_name: Option<PersonalText<128>>,
    /// Birth date.
    pub date_of_birth: Option<DateText>,
    /// E-mail address.
    pub email: Option<Email>,
    /// Phone number.
    pub phone: Option<Phone>,
    /// Language of the checkout page.
    pub locale: Option<Locale>,
    /// Payout destination for some methods.
    pub account_number: Option<PersonalText<256>>,
    /// Name on the account.
    pub account_name: Option<PersonalText<64>>,
    /// `SAVINGS` or `CHECKING`; the gateway's own check decides.
    pub account_type: Option<PersonalText<16>>,
    /// Bank name.
    pub bank: Option<PersonalText<64>>,
    /// Bank code.
    pub bank_code: Option<PersonalText<64>>,
    /// Branch name.
    pub bank_branch: Option<PersonalText<64>>,
    /// Branch code.
    pub bank_branch_code: Option<PersonalText<64>>,
    /// Kind of identity document.
    pub document_type: Option<PersonalText<16>>,
    /// Number of the identity document.
    pub document_number: Option<PersonalText<64>>,
    /// The gateway's routing group.
    pub routing_group: Option<PersonalText<64>>,
    /// Whether the customer's identity was checked.
    pub kyc_status: Option<bool>,
    /// Whether the payment instrument was checked.
    pub payment_instrument_kyc_status: Option<bool>,
    /// When the customer first paid.
    pub date_of_first_deposit: Option<DateText>,
    /// Sum of earlier deposits, in the merchant's base currency, whole units.
    pub deposits_amount: Option<u64>,
    /// Sum of earlier withdrawals, likewise.
    pub withdrawals_amount: Option<u64>,
    /// Number of earlier deposits.
    pub deposits_count: Option<u64>,
    /// Number of earlier withdrawals.
    pub withdrawals_count: Option<u64>,
    /// The customer's address, IPv4 or IPv6.
    pub ip: Option<std::net::IpAddr>,
}

/// A day of the calendar, `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DateText(NaiveDate);

impl FromStr for DateText {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        // The parser alone would take `2001-1-3`, which the gateway refuses: exactly ten characters.
        let well_formed = text.len() == 10;
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| well_formed);
        date.map(Self).ok_or(InvalidText::Form("a date of the form YYYY-MM-DD"))
    }
}

impl fmt::Display for DateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

/// An e-mail address, checked no further than it must be: one `@` with something on both sides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Email(PersonalText<256>);

impl Email {
    /// The address, for the request to the gateway.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for Email {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let address: PersonalText<256> = text.parse()?;
        let parts: Vec<&str> = text.split('@').collect();
        let well_formed = matches!(parts[..], [local, host] if !local.is_empty() && !host.is_empty());
        if well_formed && !text.contains(char::is_whitespace) {
            Ok(Self(address))
        } else {
            Err(InvalidText::Form("an e-mail address"))
        }
    }
}

/// International, without `+`, one space between dialling code and number: `357 123123123`
/// (gateway contract, section 3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Phone(PersonalText<18>);

impl Phone {
    /// The number, for the request to the gateway.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for Phone {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let well_formed = text.split_once(' ').is_some_and(|(code, number)| digits(code) && digits(number));
        match text.parse() {
            Ok(number) if well_formed => Ok(Self(number)),
            _ => Err(InvalidText::Form("dialling code, one space and number, at most 18 characters: 357 123123123")),
        }
    }
}

/// A language of exactly two letters; five-character tags fail at the gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Locale(String);

impl Locale {
    /// The language.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Locale {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        check_text(text, 2, 2)?;
        if text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidText::Form("a language of two letters, such as en"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_gateway_would_refuse_is_refused_here() {
        assert!("357 123123123".parse::<Phone>().is_ok());
        for wrong in ["+357 123", "357123123", "357  123", "357 123 123", "35712 12345678901234", ""] {
            assert!(wrong.parse::<Phone>().is_err(), "{wrong:?}");
        }
        assert!("2001-12-03".parse::<DateText>().is_ok_and(|date| date.to_string() == "2001-12-03"));
        for wrong in ["2001-1-3", "2001-02-30", "03-12-2001", "2001-12-03T00:00:00", ""] {
            assert!(wrong.parse::<DateText>().is_err(), "{wrong:?}");
        }
        assert!("my@email.com".parse::<Email>().is_ok());
        for wrong in ["my", "@email.com", "my@", "a@b@c", "a b@c", ""] {
            assert!(wrong.parse::<Email>().is_err(), "{wrong:?}");
        }
        assert!("ru".parse::<Locale>().is_ok());
        assert!("en-GB".parse::<Locale>().is_err());
        assert!("CY".parse::<CountryCode>().is_ok());
        assert!("cy".parse::<CountryCode>().is_err());
    }

    #[test]
    fn debug_shows_nothing_of_a_person() {
        let customer = Customer {
            first_name: "Marta".parse().ok(),
            email: "marta.keller@shop.example".parse().ok(),
            date_of_birth: "2001-12-03".parse().ok(),
            phone: "49 3055501234".parse().ok(),
            ..Customer::default()
        };
        let shown = format!("{customer:?}");
        for secret in ["Marta", "keller", "2001", "3055501234"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
