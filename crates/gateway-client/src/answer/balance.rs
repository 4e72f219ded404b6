use rust_decimal::Decimal;

use super::fields::Fields;
use super::outcome::Answer;
use crate::vocabulary::{BalanceType, Open};

/// One of the merchant's balances, as the shop sees it (gateway contract, section 6.14). Nothing in it
/// is certain. The gateway's `id` is left out: it numbers the rows of one answer, and means another
/// balance in the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    /// What the money is there for.
    pub account_type: Option<Open<BalanceType>>,
    /// For people.
    pub name: Option<String>,
    /// The currency of `amount`.
    pub currency: Option<String>,
    /// May be nothing, and may be below it.
    pub amount: Option<Decimal>,
    /// The names of the fields that were there and could not be read.
    pub oddities: Vec<&'static str>,
}

/// What can be paid out now in one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WithdrawalBalance {
    /// The currency of `amount`.
    pub currency: Option<String>,
    /// In major units.
    pub amount: Option<Decimal>,
    /// The names of the fields that were there and could not be read.
    pub oddities: Vec<&'static str>,
}

impl Answer for Balance {
    fn read(json: &str) -> Option<Self> {
        let mut fields = Fields::read(json)?;
        Some(Self {
            account_type: fields.word("accountType"),
            name: fields.text("name"),
            currency: fields.text("currency"),
            amount: fields.amount("amount"),
            oddities: fields.into_oddities(),
        })
    }
}

impl Answer for WithdrawalBalance {
    fn read(json: &str) -> Option<Self> {
        let mut fields = Fields::read(json)?;
        Some(Self {
            currency: fields.text("currency"),
            amount: fields.amount("amount"),
            oddities: fields.into_oddities(),
        })
    }
}
