use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::Card;
use crate::InvalidText;

/// What a payment is paid with, or paid out to, where the merchant has collected it. It moves money by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instrument {
    /// A card, or the token of one.
    Card(Card),
    /// What Google Pay gave the merchant's page.
    GooglePay(WalletData),
    /// What Apple Pay gave the merchant's page.
    ApplePay(WalletData),
}

/// The JSON object that a wallet gave, as it stood in the caller's request: passed on as it is, once. The gateway's
/// client knows what must be in it.
#[derive(Clone, PartialEq, Eq)]
pub struct WalletData(Zeroizing<String>);

impl WalletData {
    /// The JSON text, for the request to the gateway.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for WalletData {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let is_object = text.starts_with('{') && text.ends_with('}');
        if is_object { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(InvalidText::Form("an object")) }
    }
}

impl fmt::Debug for WalletData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
