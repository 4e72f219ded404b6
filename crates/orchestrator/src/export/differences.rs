//! `breaks`: the differences that were open at any time of the window.

use std::time::Duration;

use domain::{Finding, Time};
use export::{Cell, NotWritten};
use store::{Break, BreakFilter, BreakState, BreaksPage, Export};
use uuid::Uuid;

use super::{Exporter, Halt, PAGE, Page};

const DAY: Duration = Duration::from_hours(24);

impl Exporter {
    pub(super) async fn write_differences(&self, export: &mut Export, mut page: Page) -> Result<Page, Halt> {
        let filter = BreakFilter { shops: export.shops.clone(), ..BreakFilter::default() };
        // Nothing has a smaller id.
        let mut before = (export.to, Uuid::nil());
        loop {
            let asked = BreaksPage { filter: filter.clone(), before: Some(before), limit: PAGE };
            let breaks = self.differences.breaks(&asked).await?;
            let Some(last) = breaks.last() else { return Ok(page) };
            before = (last.first_seen_at, last.id);
            let gone_through = breaks.len() as u64;
            for one in breaks.iter().filter(|one| one.ended_at.is_none_or(|ended_at| ended_at >= export.from)) {
                page.rows.push(row(one, export.ordered_at)?);
            }
            page = self.write_page(export, page, gone_through).await?;
        }
    }
}

/// As it stood when the export was ordered: what ended later was open.
fn row(one: &Break, ordered_at: Time) -> Result<Vec<Cell>, Halt> {
    let finding = &one.finding;
    let ended_at = one.ended_at.filter(|ended_at| *ended_at <= ordered_at);
    let (ours, theirs) = (&finding.ours, &finding.theirs);
    let difference = Finding::difference(ours, theirs);
    let more = difference.map(|(total, _)| Cell::total(total)).transpose().map_err(NotWritten::from)?;
    let age = ended_at.unwrap_or(ordered_at).since(one.first_seen_at);
    let by = one.resolved_by.as_ref().filter(|_| ended_at.is_some());
    Ok(vec![
        Cell::Text(one.id.to_string()),
        Cell::Text(finding.kind.to_string()),
        Cell::Text(one.shop.to_string()),
        Cell::text(finding.payment.map(|id| id.to_string())),
        Cell::text(finding.gateway_payment.as_ref().map(ToString::to_string)),
        Cell::text(finding.reference.clone()),
        Cell::text(ours.state.clone()),
        Cell::amount(ours.money.map(|money| money.amount())),
        Cell::text(ours.money.map(|money| money.currency().to_string())),
        Cell::text(theirs.state.clone()),
        Cell::amount(theirs.money.map(|money| money.amount())),
        Cell::text(theirs.money.map(|money| money.currency().to_string())),
        more.unwrap_or(Cell::Empty),
        Cell::text(difference.map(|(_, currency)| currency.to_string())),
        Cell::Count(age.as_secs() / DAY.as_secs()),
        Cell::Moment(one.first_seen_at),
        Cell::Moment(one.last_seen_at),
        Cell::text(one.owner.clone()),
        Cell::Text(if ended_at.is_some() { one.state } else { BreakState::Open }.to_string()),
        Cell::moment(ended_at),
        Cell::text(by.map(|by| by.name.clone())),
        Cell::text(one.reason.clone().filter(|_| ended_at.is_some())),
    ])
}
