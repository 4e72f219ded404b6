//! Exports: files for finance, written from the books.
//!
//! What a file looks at is fixed when it is first taken up: places in the books, between which nothing ever changes, and what
//! was open then. A file is written where nobody looks and put in its place when it is whole, so that whoever takes over from
//! a process that died begins anew and comes to the same bytes.

mod differences;
mod lines;
mod shelf;
mod summary;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use std::{io, iter};

use domain::{Actor, ShopName, Time};
use export::{Cell, ExportFile, Format, Heading, Manifest, NotWritten, Report, Unresolved, Zone};
use serde::{Deserialize, Serialize};
use store::{
    Books, Download, Export, ExportClaim, ExportState, Exports, Line, OpenAmount, Reconciliations, StoreError,
};
use uuid::Uuid;

use crate::{DeedError, Desk};
pub use shelf::{Bucket, BucketAccess, InvalidBucket, KeptFile, Shelf};

/// When files are written, and for how long they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRules {
    /// How long a file is kept once it is whole.
    pub retention: Duration,
    /// For how long a process has an export to itself; renewed as it goes on.
    pub lease: Duration,
    /// How long after a window's end it is looked at: the clocks of processes differ, and a line that was posted late by one of
    /// them must be in.
    pub margin: Duration,
    /// How often in a row one may come to no end before it has failed.
    pub failures_max: u32,
    /// The pause before it is tried again.
    pub retry_pause: Duration,
}

/// What somebody orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOrder {
    /// Its name.
    pub id: Uuid,
    /// What it tells.
    pub report: Report,
    /// How it is written.
    pub format: Format,
    /// The shops that it is about.
    pub shops: BTreeSet<ShopName>,
    /// From when, and until when.
    pub window: [Time; 2],
    /// The zone of its business days.
    pub zone: Zone,
    /// Who orders it.
    pub by: Option<Actor>,
}

/// Where exports are ordered and written.
pub struct Exporter {
    desk: Arc<Desk>,
    exports: Arc<dyn Exports>,
    books: Arc<dyn Books>,
    differences: Arc<dyn Reconciliations>,
    shelf: Shelf,
    rules: ExportRules,
    program_version: &'static str,
}

/// What an export looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Snapshot {
    /// The place in the books behind which its lines begin.
    after: u64,
    /// The place of its last line.
    through: u64,
    /// What had not ended.
    open: Vec<Unresolved>,
    /// The name of an upload into a bucket that has begun and is not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload: Option<String>,
}

impl Snapshot {
    /// The books that it looks at, in parts that are read at once.
    fn spans(&self) -> impl Iterator<Item = Span> + use<> {
        let (first, last) = (self.after, self.through);
        let begins = iter::successors(Some(first), |after| Some(after + u64::from(PAGE)));
        begins
            .take_while(move |after| *after < last)
            .map(move |after| Span { after, through: last.min(after + u64::from(PAGE)) })
    }
}

/// Places of the books one behind the other, which have no gaps.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// The place behind which it begins.
    after: u64,
    /// Its last place.
    through: u64,
}

impl Span {
    fn lines(self) -> u64 {
        self.through - self.after
    }
}

/// Why a file came to no end.
enum Halt {
    /// Somebody else has it by now.
    Overslept,
    /// What it is about cannot be read, or that cannot be recorded.
    Store(StoreError),
    /// The file cannot be written.
    NotWritten(NotWritten),
    /// What was ordered makes no sense to this version of the program.
    Nonsense(&'static str),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NotWritten> for Halt {
    fn from(error: NotWritten) -> Self {
        Self::NotWritten(error)
    }
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Self::NotWritten(error.into())
    }
}

/// Rows that are read at once.
const PAGE: u32 = 1_000;

/// What a row may take when a workbook is packed: far more than it does.
const ROW_PACKED: Duration = Duration::from_millis(1);

/// Files that are removed at once.
const EXPIRED: u32 = 20;

impl Exporter {
    /// Over a desk, the records of exports, what they tell, and where files are kept.
    pub fn new(
        desk: Arc<Desk>,
        exports: Arc<dyn Exports>,
        books: Arc<dyn Books>,
        differences: Arc<dyn Reconciliations>,
        shelf: Shelf,
        rules: ExportRules,
        program_version: &'static str,
    ) -> Self {
        Self { desk, exports, books, differences, shelf, rules, program_version }
    }

    /// The records of exports.
    pub fn records(&self) -> &Arc<dyn Exports> {
        &self.exports
    }

    /// Orders one. An order that is repeated under its name is one order.
    pub async fn order(&self, order: &ExportOrder) -> Result<Export, DeedError> {
        let (now, [from, to]) = (self.desk.clock.now(), order.window);
        let export = Export {
            id: order.id,
            report: order.report.to_string(),
            format: order.format.to_string(),
            shops: order.shops.clone(),
            from,
            to,
            zone: order.zone.to_string(),
            ordered_by: order.by.clone(),
            ordered_at: now,
            state: ExportState::Waiting,
            failure: None,
            failures: 0,
            rows_done: 0,
            rows_expected: None,
            snapshot: None,
            manifest: None,
            begun_at: None,
            finished_at: None,
            next_at: now.max(to.plus(self.rules.margin)),
            epoch: 0,
        };
        Ok(self.exports.order_export(&export).await?)
    }

    /// Writes the export whose turn it is, if there is one, or removes files that are not kept any longer. Answers whether there
    /// was anything to do.
    pub async fn export_due(&self) -> Result<bool, DeedError> {
        let now = self.desk.clock.now();
        let claim = ExportClaim { now, owner: self.desk.owner, until: now.plus(self.rules.lease) };
        let Some(mut export) = self.exports.claim_export(&claim).await? else { return self.expire().await };
        match self.write(&mut export).await {
            Ok(manifest) => {
                export.manifest = serde_json::to_string(&manifest).ok();
                let (rows, bytes) = (manifest.control.rows, manifest.bytes);
                tracing::info!(export = %export.id, report = %export.report, rows, bytes, "export written");
                (export.failures, export.failure) = (0, None);
                self.end(&mut export, ExportState::Completed).await?;
            }
            Err(Halt::Overslept) => {
                tracing::warn!(export = %export.id, "somebody else goes on with the export");
            }
            // What makes no sense to the database does not get better by itself: it must not be tried for ever.
            Err(Halt::Store(error @ (StoreError::Refused(_) | StoreError::Unreadable { .. }))) => {
                self.stumble(&mut export, &error.to_string()).await?;
            }
            Err(Halt::Store(error)) => return Err(error.into()),
            Err(Halt::NotWritten(error)) => {
                // What is half written takes room that others may need.
                if let Some(name) = file_name(&export) {
                    let _ = self.clear(&mut export, &name).await;
                }
                self.stumble(&mut export, &error.to_string()).await?;
            }
            Err(Halt::Nonsense(why)) => {
                export.failure = Some(why.to_owned());
                self.end(&mut export, ExportState::Failed).await?;
            }
        }
        Ok(true)
    }

    /// Where the file of a completed export is, for people.
    pub fn place(&self, export: &Export) -> Option<String> {
        file_name(export).map(|name| self.shelf.place(&name))
    }

    /// Opens the file of a completed export.
    pub async fn open(&self, export: &Export) -> io::Result<KeptFile> {
        let name = file_name(export).ok_or(io::ErrorKind::NotFound)?;
        self.shelf.open(&name).await
    }

    /// Notes that somebody takes the file.
    pub async fn note_download(&self, export: Uuid, by: Actor) -> Result<(), DeedError> {
        let download = Download { by, at: self.desk.clock.now() };
        Ok(self.exports.record_download(export, &download).await?)
    }

    async fn write(&self, export: &mut Export) -> Result<Manifest, Halt> {
        let (Ok(report), Ok(format)) = (export.report.parse(), export.format.parse()) else {
            return Err(Halt::Nonsense("this version of the program does not know the report or the format"));
        };
        let zone = Zone::named(&export.zone).map_err(|_| Halt::Nonsense("the zone is not known here"))?;
        let snapshot = self.look(export, report).await?;
        let heading = Heading {
            export_id: export.id.to_string(),
            report,
            format,
            shops: export.shops.iter().map(ToString::to_string).collect(),
            from: export.from,
            to: export.to,
            zone: zone.to_string(),
            as_of: snapshot.through,
            ordered_at: export.ordered_at,
            program_version: self.program_version.to_owned(),
        };
        let kept_as = file_name(export).ok_or(Halt::Nonsense("the format is not known here"))?;
        export.rows_done = 0;
        self.shelf.prepare().await?;
        self.clear(export, &kept_as).await?;
        let part = self.shelf.part(export);
        let open = snapshot.open.clone();
        let path = part.clone();
        let page = Page { file: blocking(move || ExportFile::begin(&path, heading, open)).await?, rows: Vec::new() };
        let page = match report {
            Report::Transactions => self.write_lines(export, &snapshot, &zone, page).await?,
            Report::DailySummary => self.write_summary(export, &snapshot, &zone, page).await?,
            Report::Breaks => self.write_differences(export, page).await?,
        };
        let name = format!("{report}_{}_{}.{}", zone.business_date(export.from), export.id, format.extension());
        // Whoever overslept must not put its file in the place of another one's. A workbook is packed at its end, which takes
        // the longer the more rows it has, and nobody may take over meanwhile.
        let packing = self
            .rules
            .lease
            .saturating_add(ROW_PACKED.saturating_mul(u32::try_from(export.rows_done).unwrap_or(u32::MAX)));
        self.keep(export, packing).await?;
        let manifest = blocking(move || page.file.end(name)).await?;
        self.put_away(export, part, &kept_as).await?;
        Ok(manifest)
    }

    /// What it looks at: as it was looked at first.
    async fn look(&self, export: &mut Export, report: Report) -> Result<Snapshot, Halt> {
        if let Some(text) = &export.snapshot {
            return serde_json::from_str(text).map_err(|_| Halt::Nonsense("what it looks at cannot be read"));
        }
        let after = self.books.place_before(export.from).await?;
        let through = self.books.place_before(export.to).await?.max(after);
        let open = self.exports.open_amounts().await?;
        let open = open.iter().filter(|open| export.shops.contains(&open.shop)).map(unresolved).collect();
        let snapshot = Snapshot { after, through, open, upload: None };
        export.snapshot = serde_json::to_string(&snapshot).ok();
        export.rows_expected = (report != Report::Breaks).then(|| through - after);
        self.go_on(export).await?;
        Ok(snapshot)
    }

    /// Says how far it is, and keeps it for a while longer.
    async fn go_on(&self, export: &Export) -> Result<(), Halt> {
        self.keep(export, self.rules.lease).await
    }

    async fn keep(&self, export: &Export, lease: Duration) -> Result<(), Halt> {
        let until = self.desk.clock.now().plus(lease);
        if self.exports.record_export(export, Some(until)).await? { Ok(()) } else { Err(Halt::Overslept) }
    }

    /// It came to no end this time; after too many of these in a row there will be no file, and it is said why.
    async fn stumble(&self, export: &mut Export, why: &str) -> Result<(), DeedError> {
        export.failures = export.failures.saturating_add(1);
        export.failure = Some(why.to_owned());
        tracing::warn!(export = %export.id, failures = export.failures, why, "export stumbled");
        if export.failures >= self.rules.failures_max {
            return self.end(export, ExportState::Failed).await;
        }
        export.next_at = self.desk.clock.now().plus(self.rules.retry_pause);
        self.exports.record_export(export, None).await?;
        Ok(())
    }

    async fn end(&self, export: &mut Export, state: ExportState) -> Result<(), DeedError> {
        export.state = state;
        export.finished_at = Some(self.desk.clock.now());
        self.exports.record_export(export, None).await?;
        Ok(())
    }

    /// Removes files that have been kept for as long as files are.
    async fn expire(&self) -> Result<bool, DeedError> {
        let before = self.desk.clock.now().minus(self.rules.retention);
        let expired = self.exports.exports_completed_before(before, EXPIRED).await?;
        for mut export in expired.iter().cloned() {
            if let Some(name) = file_name(&export)
                && let Err(error) = self.shelf.remove(&name).await
            {
                tracing::warn!(export = %export.id, %error, "the file of an export could not be removed");
                continue;
            }
            export.state = ExportState::Expired;
            self.exports.record_export(&export, None).await?;
        }
        Ok(!expired.is_empty())
    }
}

/// A file, and rows on their way into it.
struct Page {
    file: ExportFile,
    rows: Vec<Vec<Cell>>,
}

impl Exporter {
    /// The lines of a span, of the shops that an export is about.
    async fn read_lines(&self, export: &Export, span: Span) -> Result<Vec<Line>, Halt> {
        let lines = self.books.lines(span.after, span.through, PAGE).await?;
        if lines.len() as u64 != span.lines() {
            return Err(Halt::Nonsense("the books have no line where they must have one"));
        }
        Ok(lines.into_iter().filter(|line| export.shops.contains(&line.payment.shop)).collect())
    }

    /// Writes the rows of a page, and says how far it is.
    async fn write_page(&self, export: &mut Export, mut page: Page, gone_through: u64) -> Result<Page, Halt> {
        let page = blocking(move || {
            for row in page.rows.drain(..) {
                page.file.row(&row)?;
            }
            Ok(page)
        })
        .await?;
        export.rows_done += gone_through;
        self.go_on(export).await?;
        Ok(page)
    }
}

/// Files are written where nobody waits for a thread.
#[allow(
    clippy::disallowed_methods,
    reason = "no seed of the simulation writes files, and a slow disk must hold up nobody"
)]
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, NotWritten> + Send + 'static) -> Result<T, Halt> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Halt::NotWritten(io::Error::other("the work ended without an outcome").into())),
    }
}

/// What the file of an export is called where it is kept.
fn file_name(export: &Export) -> Option<String> {
    let format: Format = export.format.parse().ok()?;
    Some(format!("{}.{}", export.id, format.extension()))
}

fn unresolved(open: &OpenAmount) -> Unresolved {
    Unresolved {
        shop: open.shop.to_string(),
        payment_type: open.payment_type.to_string(),
        state: open.state.to_string(),
        currency: open.currency.to_string(),
        count: open.payments,
        requested: open.requested.to_string(),
    }
}
