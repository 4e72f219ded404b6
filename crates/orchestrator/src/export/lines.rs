//! `transactions`: each line of the books is a row.

use std::collections::BTreeMap;
use std::pin::pin;

use domain::{MovementKind, PaymentId, Time};
use export::{Cell, Zone};
use futures::future::try_join;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use store::{Export, Line, LineName, Reconciled};

use super::{Exporter, Halt, Page, Snapshot, Span};

/// Spans that are read at once: the database is at one while another is made into rows.
const AHEAD: usize = 2;

impl Exporter {
    pub(super) async fn write_lines(
        &self,
        export: &mut Export,
        snapshot: &Snapshot,
        zone: &Zone,
        mut page: Page,
    ) -> Result<Page, Halt> {
        let order = export.clone();
        let reads = stream::iter(snapshot.spans()).map(|span| self.rows(&order, span, zone));
        let mut ahead = pin!(reads.buffered(AHEAD));
        let mut next = ahead.try_next().await?;
        while let Some((rows, gone_through)) = next {
            page.rows = rows;
            // The next rows are read while these are written.
            (page, next) = try_join(self.write_page(export, page, gone_through), ahead.try_next()).await?;
        }
        Ok(page)
    }

    /// The rows of a span of the books, and how many lines were gone through for them.
    async fn rows(&self, order: &Export, span: Span, zone: &Zone) -> Result<(Vec<Vec<Cell>>, u64), Halt> {
        let lines = self.read_lines(order, span).await?;
        let mut payments: Vec<PaymentId> = lines.iter().map(|line| line.payment.id).collect();
        payments.sort_unstable();
        payments.dedup();
        let proven = self.differences.reconciled(&payments).await?;
        let proven: BTreeMap<PaymentId, Reconciled> = proven.into_iter().map(|one| (one.payment, one)).collect();
        let rows = lines.iter().map(|line| {
            let proven_at = proven.get(&line.payment.id).map(|one| one.at);
            row(line, proven_at.filter(|at| is_proven(line, *at, order.ordered_at)), zone)
        });
        Ok((rows.collect::<Result<_, _>>()?, span.lines()))
    }
}

/// A comparison proves what was booked before it; one that came after the order is not told.
fn is_proven(line: &Line, at: Time, ordered_at: Time) -> bool {
    at >= line.entry.at && at <= ordered_at
}

fn row(line: &Line, proven_at: Option<Time>, zone: &Zone) -> Result<Vec<Cell>, Halt> {
    let (movement, payment) = (&line.movement, &line.payment);
    let amount = Cell::Amount(movement.amount);
    let (gross, fee) = match movement.kind {
        MovementKind::Fee => (Cell::Empty, amount.clone()),
        _ => (amount.clone(), Cell::Empty),
    };
    let restates = line.restates.map(|first: LineName| first.to_string());
    let metadata = serde_json::to_string(&payment.metadata);
    let metadata = metadata.map_err(|_| Halt::Nonsense("the metadata of a payment cannot be written"))?;
    let metadata = (!payment.metadata.is_empty()).then_some(metadata);
    Ok(vec![
        Cell::Text(line.name().to_string()),
        Cell::Date(zone.business_date(line.posted_at)),
        Cell::Moment(line.posted_at),
        Cell::Moment(line.entry.at),
        Cell::Text(movement.kind.to_string()),
        Cell::text(movement.relation.map(|relation| relation.to_string())),
        Cell::Text(payment.id.to_string()),
        Cell::text(payment.parent.map(|parent| parent.to_string())),
        Cell::Text(payment.reference_id.to_string()),
        Cell::Text(movement.gateway_payment_id.to_string()),
        Cell::Text(payment.shop.to_string()),
        Cell::text(payment.payment_method.as_ref().map(ToString::to_string)),
        Cell::Text(line.entry.state.to_string()),
        Cell::Text(line.entry.source.to_string()),
        Cell::Text(movement.currency.to_string()),
        gross,
        fee,
        amount,
        Cell::Amount(payment.requested.amount()),
        Cell::Text(payment.requested.currency().to_string()),
        Cell::Text(if proven_at.is_some() { "reconciled" } else { "unreconciled" }.to_owned()),
        Cell::moment(proven_at),
        Cell::text(restates),
        Cell::text(metadata),
    ])
}
