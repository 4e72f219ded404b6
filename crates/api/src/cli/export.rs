use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;
use domain::ShopName;
use export::{Format, Report, Zone};
use indicatif::{ProgressBar, ProgressStyle};
use orchestrator::{Clock as _, ExportOrder, Exporter};
use store::{Export, ExportState};
use tokio_util::io::StreamReader;

use super::{CommandError, Ending, Output, connect};
use crate::application;
use crate::clock::SystemClock;
use crate::http::{ExportView, window_max};
use crate::ids::Ids;
use crate::settings::Settings;
use crate::window::Window;

/// `api export`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// transactions, breaks or daily-summary.
    report: Report,
    /// What was posted, or seen, then or later is in it: a moment (RFC 3339), or a date.
    #[arg(long)]
    from: String,
    /// What was posted, or seen, then or later is not.
    #[arg(long)]
    to: String,
    /// The zone of dates and of business days, such as Europe/Berlin.
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// csv, csv-bom, xlsx, parquet or ndjson.
    #[arg(long, default_value = "csv")]
    format: Format,
    /// Whose; all shops if none is named. Can be repeated.
    #[arg(long)]
    shop: Vec<ShopName>,
    /// Where a copy of the file goes; it is kept where the settings say as well.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// The pause while another process is on it.
const PAUSE: Duration = Duration::from_millis(200);

/// Writes it in this process. What was ordered before comes first.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    settings.check_for_serving()?;
    let window = Window { from: &args.from, to: &args.to, zone: Some(&args.zone) };
    let longest = window_max(settings.exports.window_days_max);
    let window = window.read(SystemClock.now(), longest).map_err(CommandError::of_window)?;
    let zone = Zone::named(&args.zone).map_err(|error| CommandError::Usage(format!("--zone {error}")))?;
    let shops: BTreeSet<ShopName> = if args.shop.is_empty() {
        settings.shops.keys().cloned().collect()
    } else {
        args.shop.iter().cloned().collect()
    };
    if !shops.iter().all(|shop| settings.shops.contains_key(shop)) {
        return Err(CommandError::Usage("--shop must name a shop of the settings".to_owned()));
    }
    let database = connect(settings).await?;
    let desk = Arc::new(application::desk(settings, &database, Arc::new(SystemClock))?);
    let exporter = application::exporter(settings, &database, desk)?;
    let (report, format) = (args.report, args.format);
    let order = ExportOrder { id: Ids.next(), report, format, shops, window, zone, by: None };
    let ordered = exporter.order(&order).await?;
    let export = carry_out(&exporter, ordered).await?;
    let is_written = export.state == ExportState::Completed;
    if let Some(out) = args.out.as_ref().filter(|_| is_written) {
        copy(&exporter, &export, out).await?;
    }
    let kept = exporter.place(&export).filter(|_| is_written);
    let place = args.out.as_ref().map(|out| out.display().to_string()).or(kept);
    output.write(&ExportView::of(&export, &[]), |_| text(&export, place))?;
    if is_written { Ok(Ending::Fine) } else { Err(CommandError::NotExported) }
}

async fn copy(exporter: &Exporter, export: &Export, out: &Path) -> Result<(), CommandError> {
    let mut kept = StreamReader::new(exporter.open(export).await?.bytes);
    let mut out = tokio::fs::File::create(out).await?;
    tokio::io::copy(&mut kept, &mut out).await?;
    Ok(out.sync_all().await?)
}

async fn carry_out(exporter: &Exporter, mut export: Export) -> Result<Export, CommandError> {
    // Hidden by itself where nobody watches.
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} rows {msg}") {
        bar.set_style(style);
    }
    while export.finished_at.is_none() {
        if export.next_at > SystemClock.now() {
            bar.set_message("; lines that are posted late are waited for");
        }
        let working = exporter.export_due();
        let watching = async {
            loop {
                tokio::time::sleep(PAUSE).await;
                if let Ok(Some(seen)) = exporter.records().export(export.id).await {
                    bar.set_length(seen.rows_expected.unwrap_or(seen.rows_done));
                    bar.set_position(seen.rows_done);
                }
            }
        };
        tokio::select! {
            worked = working => if !worked? { tokio::time::sleep(PAUSE).await },
            () = watching => {}
        }
        export = exporter.records().export(export.id).await?.unwrap_or(export);
    }
    bar.finish_and_clear();
    Ok(export)
}

fn text(export: &Export, place: Option<String>) -> String {
    let manifest = export.manifest.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let rows = manifest.map_or_else(String::new, |manifest| format!("  {} rows", manifest["rows"]));
    let mut line = format!("{}  {}{rows}", export.id, export.state);
    if let Some(place) = place {
        line = format!("{line}\n  {place}");
    }
    export.failure.as_ref().map_or(line.clone(), |why| format!("{line}\n  {why}"))
}
