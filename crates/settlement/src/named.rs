use std::collections::BTreeMap;

use domain::{Currency, GatewayPaymentId, Money, ReferenceId, SettlementLine, Time, Total};
use rust_decimal::Decimal;

use crate::malformed::Malformed;

/// One entry of a file, its amounts with their signs.
pub(crate) struct Entry {
    pub(crate) line: u64,
    pub(crate) names: Names,
    pub(crate) amount: Decimal,
    pub(crate) fee: Option<Decimal>,
    pub(crate) currency: Currency,
    pub(crate) at: Time,
}

/// By what an entry may be known here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Names {
    pub(crate) ids: Vec<GatewayPaymentId>,
    pub(crate) references: Vec<ReferenceId>,
}

impl Names {
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.references.is_empty()
    }
}

/// Adds up what a file says of the same payment in several entries: a payment that was taken in parts, or a fee that is told
/// apart. What then stands there is compared by its size, since whether it came or went is known from the payment.
#[derive(Default)]
pub(crate) struct ByName(BTreeMap<(Names, Currency), Sum>);

struct Sum {
    line: u64,
    amount: Total,
    fee: Option<Total>,
    at: Time,
}

impl ByName {
    pub(crate) fn add(&mut self, entry: Entry) -> Result<(), Malformed> {
        let Entry { line, names, amount, fee, currency, at } = entry;
        let too_much = |_| Malformed::at(line, "what this payment adds up to is more than can be counted");
        let sum = self.0.entry((names, currency)).or_insert(Sum { line, amount: Total::ZERO, fee: None, at });
        sum.amount = sum.amount.plus(amount).map_err(too_much)?;
        if let Some(fee) = fee {
            sum.fee = Some(sum.fee.unwrap_or_default().plus(fee).map_err(too_much)?);
        }
        sum.at = sum.at.min(at);
        Ok(())
    }

    /// The lines, in the order in which they begin.
    pub(crate) fn lines(self) -> Result<Vec<SettlementLine>, Malformed> {
        let line = |((names, currency), sum): ((Names, Currency), Sum)| {
            let money = |of, total| money(sum.line, of, total, currency);
            Ok(SettlementLine {
                number: sum.line,
                ids: names.ids,
                references: names.references,
                money: money("the amount", sum.amount)?,
                fee: sum.fee.map(|fee| money("the fee", fee)).transpose()?,
                at: sum.at,
            })
        };
        let mut lines = self.0.into_iter().map(line).collect::<Result<Vec<_>, Malformed>>()?;
        lines.sort_by_key(|line| line.number);
        Ok(lines)
    }
}

fn money(line: u64, of: &str, total: Total, currency: Currency) -> Result<Money, Malformed> {
    let size = total.amount().or_else(|| Total::ZERO.less(total).ok().and_then(Total::amount));
    let size = size.ok_or_else(|| Malformed::at(line, format!("{of} has more digits than can be held")))?;
    Money::evidenced(size, currency).map_err(|why| Malformed::amount(line, of, why))
}
