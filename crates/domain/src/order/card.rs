use std::fmt;
use std::str::FromStr;

use chrono::Datelike as _;
use zeroize::Zeroizing;

use crate::text::check_text;
use crate::{InvalidText, SecretText, Time};

/// A card that the merchant collected, or one that the gateway has saved (gateway contract, section 6.1.3). It passes
/// through memory to the gateway and is gone: nothing of it is stored, and `Debug` shows nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Which card.
    pub source: CardSource,
    /// The name on it.
    pub holder_name: Option<SecretText<128>>,
    /// What stands on its back; never for a withdrawal.
    pub security_code: Option<SecurityCode>,
    /// The last month in which it is good.
    pub expiry: Option<Expiry>,
}

/// Which card it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardSource {
    /// Its number.
    Number(CardNumber),
    /// The gateway's token of a card that was saved.
    Token(SecretText<32>),
}

/// The number of a card: 12 to 19 digits that pass the Luhn check. Written with blanks or dashes or without, it is the
/// same number.
#[derive(Clone, PartialEq, Eq)]
pub struct CardNumber(Zeroizing<String>);

impl CardNumber {
    /// With whatever stands between the digits (gateway contract, section 6.1.3).
    const LENGTH_MAX: usize = 23;

    /// Its digits, for the request to the gateway.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for CardNumber {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        check_text(text, 1, Self::LENGTH_MAX)?;
        if !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'-')) {
            return Err(InvalidText::Form(
                "the digits of a card number, with blanks or dashes between them or without",
            ));
        }
        // Room for all of them at once: a text that grows leaves pieces of itself behind.
        let mut digits = Zeroizing::new(String::with_capacity(Self::LENGTH_MAX));
        digits.extend(text.chars().filter(char::is_ascii_digit));
        if !(12..=19).contains(&digits.len()) {
            return Err(InvalidText::Form("a card number of 12 to 19 digits"));
        }
        if passes_luhn(digits.bytes().map(|byte| byte - b'0')) {
            Ok(Self(digits))
        } else {
            Err(InvalidText::Form("a card number; a digit of this one is wrong (Luhn check)"))
        }
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Whether the digits of a number pass the check that the numbers of cards are made to pass (ISO/IEC 7812-1).
pub fn passes_luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(digit) * 2) {
            (0, _) => u32::from(digit),
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The three or four digits that prove that somebody holds the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityCode(SecretText<4>);

impl SecurityCode {
    /// The code, for the request to the gateway.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for SecurityCode {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        if matches!(text.len(), 3 | 4) && text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().map(Self)
        } else {
            Err(InvalidText::Form("a security code of three or four digits"))
        }
    }
}

/// The last month in which a card is good.
#[derive(Clone, PartialEq, Eq)]
pub struct Expiry {
    year: ExpiryYear,
    month: ExpiryMonth,
}

/// Exactly two digits, `01` to `12`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExpiryMonth(u8);

/// Exactly four digits, of this century.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExpiryYear(u16);

impl Expiry {
    /// Of a month and a year.
    pub fn new(month: ExpiryMonth, year: ExpiryYear) -> Self {
        Self { year, month }
    }

    /// 1 to 12.
    pub fn month(&self) -> u8 {
        self.month.0
    }

    /// Four digits.
    pub fn year(&self) -> u16 {
        self.year.0
    }

    /// Whether the month is over wherever on Earth the card's bank may be.
    pub fn is_past(&self, now: Time) -> bool {
        /// The zone in which a month ends last.
        const LAST_ZONE: std::time::Duration = std::time::Duration::from_hours(12);
        let there = now.minus(LAST_ZONE).utc();
        (i32::from(self.year.0), u32::from(self.month.0)) < (there.year(), there.month())
    }
}

impl FromStr for ExpiryMonth {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let month = number(text, 2).filter(|month| (1..=12).contains(month));
        month
            .and_then(|month| u8::try_from(month).ok())
            .map(Self)
            .ok_or(InvalidText::Form("a month of two digits, 01 to 12"))
    }
}

impl FromStr for ExpiryYear {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let year = number(text, 4).filter(|year| (2000..=2099).contains(year));
        year.map(Self).ok_or(InvalidText::Form("a year of four digits, 2000 to 2099"))
    }
}

fn number(text: &str, digits: usize) -> Option<u16> {
    let well_formed = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| well_formed)
}

impl fmt::Debug for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_its_digits_however_it_is_written() {
        let number: CardNumber = "4000000000000002".parse().unwrap();
        for same in ["4000 0000 0000 0002", "4000-0000-0000-0002", "4000000000000002   "] {
            assert_eq!(same.parse(), Ok(number.clone()), "{same}");
        }
        for right in ["4242424242424242", "5555000000000107", "378282246310005", "6011000990139424", "676770000005"] {
            assert!(right.parse::<CardNumber>().is_ok(), "{right}");
        }
        for wrong in [
            "",
            "4000000000000003",
            "4000000000000020",
            "0000000000",
            "00000000000000000000",
            "4000 0000 0000 0002        ",
            "4000000000000002x",
            "４０００００００００００００００２",
            "4000.0000.0000.0002",
            "4000000000000002\n",
        ] {
            assert!(wrong.parse::<CardNumber>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_month_and_a_year_have_exactly_their_digits() {
        for wrong in ["", "0", "1", "00", "13", "001", "+1", " 1", "1 ", "1e", "１2"] {
            assert!(wrong.parse::<ExpiryMonth>().is_err(), "{wrong:?}");
        }
        for wrong in ["", "30", "230", "1999", "2100", "02030", "+203", "2O30"] {
            assert!(wrong.parse::<ExpiryYear>().is_err(), "{wrong:?}");
        }
        for wrong in ["", "12", "12345", "12a", "１２３", " 12", "+12"] {
            assert!(wrong.parse::<SecurityCode>().is_err(), "{wrong:?}");
        }
        assert!(["123", "0007"].iter().all(|code| code.parse::<SecurityCode>().is_ok()));
    }

    #[test]
    fn a_card_is_good_until_its_month_is_over_everywhere() {
        let expiry = Expiry::new("06".parse().unwrap(), "2026".parse().unwrap());
        for (now, past) in [
            ("2025-12-31T00:00:00Z", false),
            ("2026-06-30T23:59:59Z", false),
            ("2026-07-01T11:59:59Z", false),
            ("2026-07-01T12:00:00Z", true),
            ("2027-01-01T12:00:00Z", true),
        ] {
            assert_eq!(expiry.is_past(Time::new(now.parse().unwrap())), past, "{now}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_a_card() {
        let card = Card {
            source: CardSource::Number("4000 0000 0000 0002".parse().unwrap()),
            holder_name: "Marta Keller".parse().ok(),
            security_code: "9371".parse().ok(),
            expiry: Some(Expiry::new("06".parse().unwrap(), "2031".parse().unwrap())),
        };
        let shown = format!("{card:?} {:?}", CardSource::Token("token-of-a-card".parse().unwrap()));
        for secret in ["4000", "0002", "Marta", "9371", "06", "2031", "token-of"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
