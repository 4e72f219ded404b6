//! `daily-summary`: what the lines of a day add up to, and the balance before and after it.

use std::collections::BTreeMap;

use domain::{MovementKind, Total, TotalOverflow};
use export::{Cell, NotWritten, Zone};
use jiff::civil::Date;
use store::{Export, Line};

use super::{Exporter, Halt, Page, Snapshot};

/// A shop, a currency and a kind of money.
type Account = (String, String, String);

/// A day of an account.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    count: u64,
    gross: Total,
    fee: Total,
    opening: Total,
    closing: Total,
}

/// The days of all accounts, one day after the other. An account has a row for each day from its first line on, so that each
/// opening stands beside the closing before it.
struct Days {
    today: Date,
    accounts: BTreeMap<Account, Day>,
}

impl Exporter {
    pub(super) async fn write_summary(
        &self,
        export: &mut Export,
        snapshot: &Snapshot,
        zone: &Zone,
        mut page: Page,
    ) -> Result<Page, Halt> {
        let mut days = Days { today: zone.business_date(export.from), accounts: BTreeMap::new() };
        for balance in self.exports.balances(snapshot.after).await? {
            if export.shops.contains(&balance.shop) {
                let account = (balance.shop.to_string(), balance.currency.to_string(), balance.kind.to_string());
                let day = Day { opening: balance.sum, closing: balance.sum, ..Day::default() };
                days.accounts.insert(account, day);
            }
        }
        for span in snapshot.spans() {
            for line in &self.read_lines(export, span).await? {
                days.end_those_before(zone.business_date(line.posted_at), &mut page.rows)?;
                days.add(line).map_err(NotWritten::from)?;
            }
            page = self.write_page(export, page, span.lines()).await?;
        }
        // The last moment of the window is the one before its end.
        let last = zone.business_date(export.to.minus(std::time::Duration::from_micros(1)));
        days.end_those_before(last, &mut page.rows)?;
        days.end(&mut page.rows)?;
        self.write_page(export, page, 0).await
    }
}

impl Days {
    fn add(&mut self, line: &Line) -> Result<(), TotalOverflow> {
        let movement = &line.movement;
        let account = (line.payment.shop.to_string(), movement.currency.to_string(), movement.kind.to_string());
        let day = self.accounts.entry(account).or_default();
        day.count += 1;
        let sum = if movement.kind == MovementKind::Fee { &mut day.fee } else { &mut day.gross };
        *sum = sum.plus(movement.amount)?;
        day.closing = day.closing.plus(movement.amount)?;
        Ok(())
    }

    fn end_those_before(&mut self, date: Date, rows: &mut Vec<Vec<Cell>>) -> Result<(), Halt> {
        while self.today < date {
            self.end(rows)?;
        }
        Ok(())
    }

    /// Ends a day: a row for each account, and the next day opens where this one has closed.
    fn end(&mut self, rows: &mut Vec<Vec<Cell>>) -> Result<(), Halt> {
        for ((shop, currency, kind), day) in &mut self.accounts {
            // Of gross and fee an account has the one or the other.
            let net = day.closing.less(day.opening).map_err(NotWritten::from)?;
            rows.push(vec![
                Cell::Date(self.today),
                Cell::Text(shop.clone()),
                Cell::Text(currency.clone()),
                Cell::Text(kind.clone()),
                Cell::Count(day.count),
                amount(day.gross)?,
                amount(day.fee)?,
                amount(net)?,
                amount(day.opening)?,
                amount(day.closing)?,
            ]);
            *day = Day { opening: day.closing, closing: day.closing, ..Day::default() };
        }
        self.today = self.today.tomorrow().map_err(|_| Halt::Nonsense("there is no such day"))?;
        Ok(())
    }
}

fn amount(total: Total) -> Result<Cell, Halt> {
    Ok(Cell::total(total).map_err(NotWritten::from)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    #[test]
    fn days_without_lines_carry_the_balance_over() {
        let opening = Total::ZERO.plus(Decimal::TEN).unwrap();
        let account = ("main".to_owned(), "EUR".to_owned(), "deposit".to_owned());
        let day = Day { opening, closing: opening, ..Day::default() };
        let mut days = Days { today: "2026-11-01".parse().unwrap(), accounts: BTreeMap::from([(account, day)]) };
        let mut rows = Vec::new();
        assert!(days.end_those_before("2026-11-03".parse().unwrap(), &mut rows).is_ok());
        let ten = Cell::Amount(Decimal::TEN);
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|row| row[8] == ten && row[9] == ten && row[4] == Cell::Count(0)), "{rows:?}");
    }
}
