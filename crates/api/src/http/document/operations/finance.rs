use domain::{BreakKind, PaymentId, ShopName, Text};
use export::{Format, Report};
use serde_json::{Value, json};
use store::{BreakState, RunState, Scope};

use super::super::fields::{may, needed, object};
use super::super::operation::{Operation, Tag};
use super::super::wire::Wire;
use crate::http::breaks::{BreakView, BreaksView};
use crate::http::cursor::Cursor;
use crate::http::exports::{ExportView, ExportsView};
use crate::http::problem::Kind;
use crate::http::reconciliations::{RunView, RunsView};
use crate::http::settlements::SettlementView;

type Run = RunView<'static>;
type Break = BreakView<'static>;
type Export = ExportView<'static>;
type Settlement = SettlementView<'static>;

/// A moment, or a day in a zone.
struct MomentOrDay;

impl Wire for MomentOrDay {
    fn schema() -> Value {
        json!({ "anyOf": [{ "type": "string", "format": "date-time" }, { "type": "string", "format": "date" }] })
    }
}

pub(super) fn operation(deed: (&str, &str)) -> Option<Operation> {
    Some(match deed {
        ("POST", "/v1/reconciliations") => {
            writing("orderReconciliation", "Hold our payments against the gateway's list")
                .body(object([from(), to(), zone(), may::<ShopName>("shop").told("the default one if it is left out")]))
                .answers::<Run>(202, "ordered")
                .saying(202, "Location", "where the run is read")
                .problems(&[Kind::NotFound])
        }
        ("GET", "/v1/reconciliations") => {
            reading("listReconciliations", "List the runs, the one that was ordered last first")
                .paged::<Cursor>()
                .several::<ShopName>("shop", "of these shops")
                .query::<RunState>("state", "in this state")
                .answers::<RunsView<'static>>(200, "a page of them")
        }
        ("GET", "/v1/reconciliations/{id}") => reading("readReconciliation", "Read a run")
            .of("the run")
            .answers::<Run>(200, "how far it is, and what it found"),
        ("POST", "/v1/settlements") => settlement(),
        ("GET", "/v1/settlements/{id}") => {
            reading("readSettlement", "Read a settlement file, and how its comparison stands")
                .of("the file")
                .answers::<Settlement>(200, "the file")
        }
        ("POST", "/v1/exports") => reading("orderExport", "Have a file written")
            .body(object([
                needed::<Report>("report"),
                needed::<Format>("format"),
                from(),
                to(),
                zone(),
                may::<Vec<ShopName>>("shops").told("of these shops; of all that the key may see if it is left out"),
            ]))
            .answers::<Export>(202, "ordered")
            .saying(202, "Location", "where the export is read")
            .problems(&[Kind::NotFound]),
        ("GET", "/v1/exports") => reading("listExports", "List the exports, the one that was ordered last first")
            .paged::<Cursor>()
            .several::<ShopName>("shop", "of these shops")
            .answers::<ExportsView<'static>>(200, "a page of them"),
        ("GET", "/v1/exports/{id}") => reading("readExport", "Read an export")
            .of("the export")
            .answers::<Export>(200, "how far it is, its manifest, and who took the file"),
        ("GET", "/v1/exports/{id}/file") => file(),
        ("GET", "/v1/breaks") => reading("listBreaks", "List the differences, the one that was seen last first")
            .paged::<Cursor>()
            .query::<BreakKind>("kind", "of this kind")
            .query::<BreakState>("state", "in this state")
            .several::<ShopName>("shop", "of these shops")
            .query::<Text<100>>("owner", "of this person")
            .query::<PaymentId>("payment", "of this payment")
            .answers::<BreaksView<'static>>(200, "a page of them"),
        ("GET", "/v1/breaks/{id}") => {
            reading("readBreak", "Read a difference").of("the difference").answers::<Break>(200, "the difference")
        }
        ("POST", "/v1/breaks/{id}/assign") => {
            of_a_break("assignBreak", "Give a difference to somebody").body(object([needed::<Text<100>>("owner")]))
        }
        ("POST", "/v1/breaks/{id}/resolve") => {
            of_a_break("resolveBreak", "Say what became of a difference").body(object([needed::<Text<500>>("reason")]))
        }
        _ => return None,
    })
}

fn settlement() -> Operation {
    let text = json!({ "schema": { "type": "string" } });
    writing("uploadSettlement", "Hold our payments against a settlement file")
        .about("CSV of the provider, or camt.053 of the bank. The same file again is the same settlement.")
        .query::<ShopName>("shop", "whose it is; the default one's if it is left out")
        .content(true, json!({ "text/csv": text, "application/xml": text, "text/xml": text }))
        .answers::<Settlement>(200, "the same file came before")
        .answers::<Settlement>(202, "taken; it is compared in its turn")
        .saying(200, "Idempotent-Replayed", "`true`")
        .saying(202, "Location", "where the settlement is read")
        .problems(&[Kind::NotFound])
}

fn file() -> Operation {
    let file = reading("readExportFile", "Fetch the file of an export")
        .of("the export")
        .answers_as(essence(Format::Csv), 200, "the bytes that the manifest names")
        .saying(200, "Content-Disposition", "the name of the file")
        .saying(200, "Repr-Digest", "its SHA-256 (RFC 9530)")
        .problems(&[Kind::NotInThisState, Kind::FileGone, Kind::FileNotHere]);
    [Format::Xlsx, Format::Parquet, Format::Ndjson]
        .into_iter()
        .fold(file, |file, format| file.answers_also_as(essence(format), 200))
}

/// A media type without its parameters.
fn essence(format: Format) -> &'static str {
    format.media_type().split(';').next().unwrap_or_default()
}

fn of_a_break(id: &'static str, summary: &'static str) -> Operation {
    writing(id, summary)
        .of("the difference")
        .answers::<Break>(200, "the difference as it then is")
        .problems(&[Kind::NotInThisState])
}

fn from() -> super::super::fields::Field {
    needed::<MomentOrDay>("from").told("the first moment, or day, that is in it")
}

fn to() -> super::super::fields::Field {
    needed::<MomentOrDay>("to").told("the first that is not in it; no later than now")
}

fn zone() -> super::super::fields::Field {
    may::<String>("zone").told("of days, as IANA names it: `Europe/Berlin`; UTC if it is left out")
}

fn reading(id: &'static str, summary: &'static str) -> Operation {
    Operation::with_key(id, Tag::Finance, &[Scope::FinanceRead], summary)
}

fn writing(id: &'static str, summary: &'static str) -> Operation {
    Operation::with_key(id, Tag::Finance, &[Scope::FinanceWrite], summary)
}
