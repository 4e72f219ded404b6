use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args as ClapArgs;
use domain::{ShopName, StuckReason, Text, Time, Via};
use indicatif::{ProgressBar, ProgressStyle};
use orchestrator::{BulkDeed, BulkOrder, BulkWorker, Clock as _};
use store::{BulkAction, BulkActionsPage, BulkState};
use uuid::Uuid;

use super::care::refuse_cards;
use super::operator::{KeyArg, Operator};
use super::{CommandError, Ending, Output, connect, table};
use crate::application;
use crate::clock::SystemClock;
use crate::http::{BulkActionView, BulkName, BulkPreviewView};
use crate::ids::Ids;
use crate::settings::Settings;

/// `api bulk ACTION`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// check, rerun, snooze, assign or resend-events; without one the latest are listed.
    #[arg(conflicts_with = "stop")]
    action: Option<BulkName>,
    #[command(flatten)]
    key: KeyArg,
    /// Only to what is stuck for this reason, such as waiting-for-gateway; may come several times.
    #[arg(long = "stuck", value_name = "REASON")]
    stuck: Vec<StuckReason>,
    /// Only in this shop; may come several times.
    #[arg(long)]
    shop: Vec<ShopName>,
    /// Until when each is put off (RFC 3339).
    #[arg(long, required_if_eq("action", "snooze"))]
    until: Option<DateTime<Utc>>,
    /// Who looks after each; nobody any more without it.
    #[arg(long, value_name = "WHO")]
    assignee: Option<Text<100>>,
    /// Why, in your own words.
    #[arg(long)]
    reason: Option<Text<500>>,
    /// Where it is written up.
    #[arg(long)]
    ticket: Option<Text<500>>,
    /// Only tell to how many it would be done.
    #[arg(long)]
    dry_run: bool,
    /// Stops the one with this id.
    #[arg(long, value_name = "ID")]
    stop: Option<Uuid>,
}

/// The pause while another process is on it, or the gateway is asked for too much.
const PAUSE: Duration = Duration::from_millis(200);

/// How many are listed.
const LISTED: u32 = 20;

/// Does the same to everything that is stuck and fits, in this process and beside those that serve.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    settings.check_for_serving()?;
    let database = connect(settings).await?;
    let operator = Operator::of(&args.key, &database).await?;
    let desk = Arc::new(application::desk(settings, &database, Arc::new(SystemClock))?);
    let worker = application::bulk_worker(settings, &database, Arc::clone(&desk));
    if let Some(id) = args.stop {
        return stop(id, &worker, &operator, output).await;
    }
    let Some(name) = args.action else { return list(&worker, &operator, output).await };
    let order = args.order(name, &operator)?;
    if args.dry_run {
        let items_max = u64::from(worker.items_max());
        let found = worker.count(&order.deed.reasons(&order.reasons), &order.shops).await?;
        let preview = BulkPreviewView { items: found.min(items_max), more: found > items_max, items_max };
        output.write(&preview, |preview| {
            let more = if preview.more { "; there are more" } else { "" };
            format!("it would be done to {}{more}", preview.items)
        })?;
        return Ok(Ending::Fine);
    }
    let ordered = worker.order(order).await?;
    let action = Box::pin(carry_out(&worker, &desk, ordered)).await?;
    output.write(&BulkActionView::from(&action), |view| table(COLUMNS, [row(view)]))?;
    let all_done = action.state == BulkState::Completed && action.failed == 0;
    Ok(if all_done { Ending::Fine } else { Ending::Found })
}

impl Args {
    fn order(&self, name: BulkName, operator: &Operator) -> Result<BulkOrder, CommandError> {
        if name == BulkName::ResendEvents && !operator.may(store::Scope::WebhooksWrite) {
            return Err(CommandError::Usage("the key has not the scope webhooks:write".to_owned()));
        }
        let deed = self.deed(name)?;
        let reasons: BTreeSet<StuckReason> = self.stuck.iter().copied().collect();
        if deed.reasons(&reasons).is_empty() {
            return Err(CommandError::Usage("--stuck names nothing that this can be done to".to_owned()));
        }
        if !self.shop.iter().all(|shop| operator.may_see(shop)) {
            return Err(CommandError::Usage("--shop names a shop that the key may not see".to_owned()));
        }
        let shops = self.shop.iter().cloned().collect::<BTreeSet<_>>();
        let text = |text: &Option<Text<500>>| text.as_ref().map(|text| text.as_str().to_owned());
        let reason = text(&self.reason);
        if reason.is_none() && !self.dry_run {
            return Err(CommandError::Usage("--reason is missing".to_owned()));
        }
        let assignee = self.assignee.as_ref().map(Text::as_str);
        refuse_cards([reason.as_deref(), self.ticket.as_ref().map(Text::as_str), assignee])?;
        Ok(BulkOrder {
            id: Ids.next(),
            deed,
            reasons,
            shops: if shops.is_empty() { operator.shops().clone() } else { shops },
            reason: reason.unwrap_or_default(),
            ticket: text(&self.ticket),
            by: operator.actor(),
            via: Via::CommandLine,
        })
    }

    fn deed(&self, name: BulkName) -> Result<BulkDeed, CommandError> {
        let until = self.until.map(Time::new);
        match (name, until) {
            (BulkName::Check, _) => Ok(BulkDeed::Check),
            (BulkName::Rerun, _) => Ok(BulkDeed::Rerun),
            (BulkName::ResendEvents, _) => Ok(BulkDeed::ResendEvents),
            (BulkName::Assign, _) => {
                Ok(BulkDeed::Assign { to: self.assignee.as_ref().map(|name| name.as_str().to_owned()) })
            }
            (BulkName::Snooze, Some(until)) if until > SystemClock.now() => Ok(BulkDeed::Snooze { until }),
            (BulkName::Snooze, _) => Err(CommandError::Usage("--until must be later than now".to_owned())),
        }
    }
}

async fn carry_out(
    worker: &BulkWorker,
    desk: &orchestrator::Desk,
    mut action: BulkAction,
) -> Result<BulkAction, CommandError> {
    // Hidden by itself where nobody watches.
    let bar = ProgressBar::new(action.expected);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} {msg}") {
        bar.set_style(style);
    }
    while action.finished_at.is_none() {
        desk.probe_gateways().await;
        let watching = async {
            loop {
                tokio::time::sleep(PAUSE).await;
                if let Ok(Some(seen)) = worker.records().bulk_action(action.id).await {
                    bar.set_position(seen.done + seen.failed);
                }
            }
        };
        tokio::select! {
            turn = worker.act_due() => if !turn? { tokio::time::sleep(PAUSE).await },
            () = watching => {}
        }
        action = worker.records().bulk_action(action.id).await?.unwrap_or(action);
        bar.set_position(action.done + action.failed);
    }
    bar.finish_and_clear();
    Ok(action)
}

async fn stop(id: Uuid, worker: &BulkWorker, operator: &Operator, output: &Output) -> Result<Ending, CommandError> {
    let found = worker.records().bulk_action(id).await?.filter(|action| may_see(operator, action));
    if found.is_none() {
        output.error("there is no such bulk action");
        return Ok(Ending::Found);
    }
    if !worker.stop(id, &operator.actor()).await? {
        output.error("it is over, or was stopped already");
        return Ok(Ending::Found);
    }
    output.write(&serde_json::json!({ "stopped": id }), |_| format!("{id} is stopped"))?;
    Ok(Ending::Fine)
}

async fn list(worker: &BulkWorker, operator: &Operator, output: &Output) -> Result<Ending, CommandError> {
    let page = BulkActionsPage { shops: operator.shops().clone(), before: None, limit: LISTED };
    let found = worker.records().bulk_actions(&page).await?;
    let views: Vec<BulkActionView<'_>> = found.iter().map(BulkActionView::from).collect();
    output.write(&views, |views| match views.as_slice() {
        [] => "none was ordered yet".to_owned(),
        views => table(COLUMNS, views.iter().map(row)),
    })?;
    Ok(Ending::Fine)
}

fn may_see(operator: &Operator, action: &BulkAction) -> bool {
    operator.sees_all() || (!action.shops.is_empty() && action.shops.iter().all(|shop| operator.may_see(shop)))
}

const COLUMNS: [&str; 6] = ["Bulk action", "What", "State", "Done", "Failed", "Ordered"];

fn row(view: &BulkActionView<'_>) -> [String; 6] {
    let troubles = view.troubles.iter().map(|trouble| format!("\n{}: {}", trouble.of, trouble.why));
    [
        view.id.clone(),
        view.action().to_owned(),
        view.state.to_owned(),
        format!("{} of {}", view.done, view.expected),
        format!("{}{}", view.failed, troubles.collect::<String>()),
        format!("{} by {}: {}", view.ordered_at, view.ordered_by, view.reason),
    ]
}
