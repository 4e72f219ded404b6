use std::sync::Arc;

use clap::{Args as ClapArgs, Subcommand};
use domain::{ShopName, Text, Via};
use orchestrator::Clock as _;
use store::{Database, FiledNotice, InboxPage, NoticeDeed, NoticeDeedKind, NoticeId};

use super::care::refuse_cards;
use super::operator::{KeyArg, Operator};
use super::{CommandError, Ending, Output, connect, table};
use crate::application;
use crate::clock::SystemClock;
use crate::http::{VerdictFilter, WebhookInView, refusal};
use crate::settings::Settings;

/// `api webhooks …`
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Lists them, the newest first.
    List(List),
    /// Runs one again over the bytes that were stored.
    Rerun(One),
    /// Takes one that nothing will ever match off the list of what is stuck.
    Dismiss(Decided),
    /// Puts a dismissed one back onto it.
    Restore(Decided),
}

/// Which are listed.
#[derive(Debug, ClapArgs)]
pub(super) struct List {
    /// What they came to: moves, confirms, stale, contradicts, elsewhere, unmatched or waiting.
    #[arg(long)]
    verdict: Option<VerdictFilter>,
    /// Only of this shop.
    #[arg(long)]
    shop: Option<ShopName>,
    /// Only those that somebody has dismissed.
    #[arg(long)]
    dismissed: bool,
    /// No more than this many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

/// Which one, and who asks.
#[derive(Debug, ClapArgs)]
pub(super) struct One {
    /// The webhook's id, as `list` and `api stuck` show it.
    id: NoticeId,
    #[command(flatten)]
    key: KeyArg,
}

/// The same, with a reason.
#[derive(Debug, ClapArgs)]
pub(super) struct Decided {
    #[command(flatten)]
    one: One,
    /// Why, in your own words.
    #[arg(long)]
    reason: Text<500>,
}

/// Lists what the gateway told, and does with it what a person decides.
pub(super) async fn run(args: Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    match args {
        Args::List(list) => self::list(&list, settings, output).await,
        Args::Rerun(one) => Box::pin(rerun(&one, settings, output)).await,
        Args::Dismiss(decided) => decide(&decided, NoticeDeedKind::Dismissed, settings, output).await,
        Args::Restore(decided) => decide(&decided, NoticeDeedKind::Restored, settings, output).await,
    }
}

async fn list(list: &List, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    let database = connect(settings).await?;
    let page = InboxPage {
        shops: list.shop.iter().cloned().collect(),
        verdict: list.verdict.map(|verdict| <&str>::from(verdict).to_owned()),
        dismissed: list.dismissed.then_some(true),
        limit: list.limit,
        ..InboxPage::default()
    };
    let found = database.inbox.list_notices(&page).await?;
    let views: Vec<WebhookInView<'_>> = found.iter().map(WebhookInView::from).collect();
    output.write(&views, |views| match views.as_slice() {
        [] => "no webhook fits".to_owned(),
        views => table(COLUMNS, views.iter().map(row)),
    })?;
    Ok(Ending::Fine)
}

async fn rerun(one: &One, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    settings.check_for_serving()?;
    let database = connect(settings).await?;
    let operator = Operator::of(&one.key, &database).await?;
    if visible(one.id, &operator, &database, output).await?.is_none() {
        return Ok(Ending::Found);
    }
    let desk = application::desk(settings, &database, Arc::new(SystemClock))?;
    desk.rerun_notice(database.inbox.as_ref(), one.id, &operator.actor().name).await?;
    tell(one.id, &operator, &database, output).await
}

async fn decide(
    decided: &Decided,
    kind: NoticeDeedKind,
    settings: &Settings,
    output: &Output,
) -> Result<Ending, CommandError> {
    let database = connect(settings).await?;
    let operator = Operator::of(&decided.one.key, &database).await?;
    refuse_cards([Some(decided.reason.as_str())])?;
    let id = decided.one.id;
    if visible(id, &operator, &database, output).await?.is_none() {
        return Ok(Ending::Found);
    }
    let reason = decided.reason.as_str().to_owned();
    let (at, by) = (SystemClock.now(), operator.actor());
    let deed = NoticeDeed { notice: id, kind, at, by, via: Via::CommandLine, reason };
    if !database.inbox.do_with_notice(&deed).await? {
        output.error(refusal(kind));
        return Ok(Ending::Found);
    }
    tell(id, &operator, &database, output).await
}

/// The webhook with this id, if the key may see it; it is said if not.
async fn visible(
    id: NoticeId,
    operator: &Operator,
    database: &Database,
    output: &Output,
) -> Result<Option<FiledNotice>, CommandError> {
    let page = InboxPage { id: Some(id), limit: 1, ..InboxPage::default() };
    let found = database.inbox.list_notices(&page).await?.pop();
    let found = found.filter(|notice| operator.may_see(&notice.record.shop));
    if found.is_none() {
        output.error("there is no such webhook");
    }
    Ok(found)
}

/// What it is by now.
async fn tell(id: NoticeId, operator: &Operator, database: &Database, output: &Output) -> Result<Ending, CommandError> {
    let Some(notice) = visible(id, operator, database, output).await? else { return Ok(Ending::Found) };
    output.write(&WebhookInView::from(&notice), |view| table(COLUMNS, [row(view)]))?;
    Ok(Ending::Fine)
}

const COLUMNS: [&str; 6] = ["Webhook, gateway's id", "Came", "Shop", "Told", "Came to", "Dismissed"];

fn row(view: &WebhookInView<'_>) -> [String; 6] {
    let payment = view.payment_id.as_ref().map_or_else(String::new, |id| format!("\n{id}"));
    let dismissed = view.dismissed.as_ref().map(|dismissal| format!("by {}: {}", dismissal.by, dismissal.reason));
    [
        format!("{}\n{}", view.id, view.gateway_payment_id.unwrap_or("-")),
        view.received_at.clone(),
        view.shop.to_owned(),
        view.state.unwrap_or("-").to_owned(),
        format!("{}{payment}", view.verdict),
        dismissed.unwrap_or_default(),
    ]
}
