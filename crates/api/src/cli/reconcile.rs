use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;
use domain::{ShopName, Time};
use indicatif::ProgressBar;
use orchestrator::{Clock as _, Reconciler, SettlementFile};
use settlement::{Format, Statement};
use store::{Cause, Run, RunState};

use super::{CommandError, Ending, Output, connect, table};
use crate::application;
use crate::clock::SystemClock;
use crate::http::{RunView, window_max};
use crate::ids::Ids;
use crate::settings::Settings;
use crate::window::Window;

/// `api reconcile`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// What was made then or later is compared: a moment (RFC 3339), or a date.
    #[arg(long, required_unless_present = "settlement")]
    from: Option<String>,
    /// What was made before is compared.
    #[arg(long, required_unless_present = "settlement")]
    to: Option<String>,
    /// Compare with this settlement file instead: camt.053 if its name ends with .xml, else CSV with the columns of the
    /// settings.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to"])]
    settlement: Option<PathBuf>,
    /// The zone of dates, such as Europe/Berlin.
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Whose payments; the default shop if none is named.
    #[arg(long)]
    shop: Option<ShopName>,
}

/// The pause while another process is on it, or the gateway is asked for too much.
const PAUSE: Duration = Duration::from_millis(200);

/// Compares in this process. Runs of a shop take turns, so what was ordered before comes first.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    settings.check_for_serving()?;
    let shop = args.shop.clone().or_else(|| settings.default_shop());
    let shop = shop.filter(|shop| settings.shops.contains_key(shop));
    let shop = shop.ok_or_else(|| CommandError::Usage("--shop must name a shop of the settings".to_owned()))?;
    let compared = match &args.settlement {
        Some(path) => Compared::Settlement(read_settlement(path, shop.clone(), settings)?),
        None => Compared::Window(read_window(args, settings)?),
    };
    let database = connect(settings).await?;
    let desk = Arc::new(application::desk(settings, &database, Arc::new(SystemClock))?);
    let rules = settings.reconciliation_rules();
    let reconciler =
        Reconciler::new(Arc::clone(&desk), database.reconciliations.clone(), database.settlements.clone(), rules);
    let ordered = match &compared {
        Compared::Window(window) => {
            reconciler.order(Ids.next(), shop.clone(), *window, Cause::CommandLine, None).await?
        }
        Compared::Settlement(file) => reconciler.bring(file, Cause::CommandLine, None).await?.run,
    };
    let run = carry_out(&reconciler, &desk, &shop, ordered).await?;
    output.write(&RunView::from(&run), |_| text(&run))?;
    let found = run.tally.as_ref().is_some_and(|tally| !tally.open.is_empty());
    match run.state {
        RunState::Completed if found => Ok(Ending::Found),
        RunState::Completed => Ok(Ending::Fine),
        RunState::Failed | RunState::Waiting | RunState::Running => Err(CommandError::Unfinished),
    }
}

/// What our payments are held against.
enum Compared {
    Window([Time; 2]),
    Settlement(Box<SettlementFile>),
}

fn read_window(args: &Args, settings: &Settings) -> Result<[Time; 2], CommandError> {
    let (from, to) = (args.from.as_deref().unwrap_or_default(), args.to.as_deref().unwrap_or_default());
    let window = Window { from, to, zone: Some(&args.zone) };
    let longest = window_max(settings.reconciliation.window_days_max);
    window.read(SystemClock.now(), longest).map_err(CommandError::of_window)
}

fn read_settlement(path: &Path, shop: ShopName, settings: &Settings) -> Result<Box<SettlementFile>, CommandError> {
    let unusable = |why: String| CommandError::Usage(format!("{}: {why}", path.display()));
    let bytes = fs::read(path).map_err(|error| unusable(error.to_string()))?;
    if bytes.len() > settings.settlements.bytes_max {
        return Err(unusable(format!("it is longer than settlements.bytes_max, {}", settings.settlements.bytes_max)));
    }
    let is_xml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
    let format = if is_xml { Format::Camt053 } else { Format::Csv };
    let statement = Statement::read(format, &settings.settlement_columns(), &bytes);
    let statement = statement.map_err(|malformed| unusable(malformed.to_string()))?;
    Ok(Box::new(SettlementFile::new(shop, format, &bytes, statement)))
}

async fn carry_out(
    reconciler: &Reconciler,
    desk: &orchestrator::Desk,
    shop: &ShopName,
    mut run: Run,
) -> Result<Run, CommandError> {
    // Hidden by itself where nobody watches.
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    while !run.state.is_over() {
        bar.set_message(progress(&run));
        desk.probe_gateways().await;
        if !reconciler.take_turn(shop).await? {
            tokio::time::sleep(PAUSE).await;
        }
        run = reconciler.records().run(run.id).await?.unwrap_or(run);
    }
    bar.finish_and_clear();
    Ok(run)
}

fn progress(run: &Run) -> String {
    let place = &run.progress;
    let trouble = run.failure.as_deref().map(|why| format!("; {why}, it will be tried again")).unwrap_or_default();
    format!("{} gateway payments on {} pages, {} of ours{trouble}", place.items, place.pages, place.payments)
}

fn text(run: &Run) -> String {
    let place = &run.progress;
    let mut lines = vec![format!(
        "{}  {}  {} to {}: {} gateway payments, {} of ours",
        run.id, run.state, run.from, run.to, place.items, place.payments
    )];
    lines.extend(run.failure.iter().map(|why| format!("  {why}")));
    if let Some(tally) = &run.tally {
        if !tally.open.is_empty() {
            let rows = tally.open.iter().map(|(kind, count)| [count.to_string(), kind.to_string()]);
            lines.push(table(["Open", "Kind"], rows));
        }
        let (opened, resolved, closed) = (tally.opened, tally.resolved, tally.closed);
        lines.push(format!("  {opened} new, {resolved} found again that are resolved, {closed} closed"));
    }
    lines.join("\n")
}
