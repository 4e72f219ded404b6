use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An ISO 4217 code or a crypto symbol such as `USDT` (gateway contract, section 3), so not limited to
/// three letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency {
    // Padded with spaces: small, and free to copy into every amount.
    letters: [u8; Self::LENGTH_MAX],
}

/// The text is not a currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 code or a crypto symbol: 3 to 12 upper-case letters or digits")]
pub struct InvalidCurrency;

impl Currency {
    const LENGTH_MAX: usize = 12;
    /// The finest fraction that the gateway takes for any currency (gateway contract, section 3).
    pub const DIGITS_MAX: u32 = 18;

    /// The code.
    pub fn as_str(&self) -> &str {
        let length = self.letters.iter().position(|byte| *byte == b' ').unwrap_or(Self::LENGTH_MAX);
        std::str::from_utf8(&self.letters[..length]).unwrap_or_default()
    }

    /// The digits of its minor unit by ISO 4217, `None` for a symbol that ISO does not know or gives none.
    pub fn exponent(&self) -> Option<u32> {
        iso_currency::Currency::from_code(self.as_str()).and_then(iso_currency::Currency::exponent).map(u32::from)
    }

    /// How many fraction digits a request in this currency may have.
    pub fn digits_max(&self) -> u32 {
        self.exponent().unwrap_or(Self::DIGITS_MAX)
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if !(3..=Self::LENGTH_MAX).contains(&text.len()) || !text.bytes().all(legal) {
            return Err(InvalidCurrency);
        }
        let mut letters = [b' '; Self::LENGTH_MAX];
        letters[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { letters })
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_from_iso_4217_and_crypto_symbols_have_up_to_18() {
        let digits = |code: &str| code.parse::<Currency>().map(|currency| currency.digits_max());
        assert_eq!(digits("EUR"), Ok(2));
        assert_eq!(digits("CLP"), Ok(0));
        assert_eq!(digits("KWD"), Ok(3));
        assert_eq!(digits("USDT"), Ok(18));
        assert_eq!(digits("BTC"), Ok(18));
        for wrong in ["", "E", "EU", "eur", "EUR ", "EÜR", "ABCDEFGHIJKLM", "E\u{0}R"] {
            assert_eq!(digits(wrong), Err(InvalidCurrency), "{wrong:?}");
        }
    }
}
