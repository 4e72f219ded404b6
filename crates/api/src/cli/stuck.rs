use clap::Args as ClapArgs;
use domain::{ShopName, StuckReason};
use orchestrator::Clock as _;
use serde::Serialize;
use store::StuckPage;

use super::{CommandError, Ending, Output, connect};
use crate::clock::SystemClock;
use crate::http::{CountView, STUCK_COUNT_MAX, StuckView};
use crate::settings::Settings;

/// `api stuck`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// Only for this reason, such as moving-outcome-unknown; may come several times.
    #[arg(long)]
    reason: Vec<StuckReason>,
    /// Only of this shop.
    #[arg(long)]
    shop: Option<ShopName>,
    /// What somebody put off until later instead.
    #[arg(long)]
    snoozed: bool,
    /// No more than this many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

#[derive(Serialize)]
struct Told<'a> {
    counts: &'a [CountView],
    data: &'a [StuckView<'a>],
}

/// Lists what needs a person, whatever was first in that first.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    let database = connect(settings).await?;
    let now = SystemClock.now();
    let page = StuckPage {
        reasons: args.reason.iter().copied().collect(),
        shops: args.shop.iter().cloned().collect(),
        now,
        snoozed: args.snoozed,
        after: None,
        limit: args.limit,
    };
    let items = database.reads.stuck(&page).await?;
    let tallies = database.reads.stuck_tallies(&page.shops, now, STUCK_COUNT_MAX + 1).await?;
    let (patience, link) = (settings.patience(), settings.stuck.runbook_url.as_str());
    let data: Vec<StuckView<'_>> = items.iter().filter_map(|item| StuckView::of(item, now, &patience, link)).collect();
    let counts: Vec<CountView> = tallies.iter().map(|tally| CountView::of(tally, now)).collect();
    let told = Told { counts: &counts, data: &data };
    output.write(&told, text)?;
    Ok(if data.is_empty() { Ending::Fine } else { Ending::Found })
}

fn text(told: &Told<'_>) -> String {
    if told.data.is_empty() {
        return "nothing is stuck".to_owned();
    }
    let counts = told.counts.iter().map(|count| {
        let more = if count.more { "+" } else { "" };
        let (reason, items, oldest) = (count.reason.to_string(), count.items, age(count.oldest_age_seconds));
        format!("{reason:<24}  {items:>6}{more}  oldest {oldest}")
    });
    let items = told.data.iter().flat_map(|item| [String::new()].into_iter().chain(lines(item)));
    counts.chain(items).collect::<Vec<_>>().join("\n")
}

fn lines(item: &StuckView<'_>) -> Vec<String> {
    let name = item.payment_id.as_deref().or(item.webhook_id.as_deref()).unwrap_or("-");
    let reference = item.reference_id.or(item.gateway_payment_id).unwrap_or("-");
    let money = item.amount_at_risk.as_deref().zip(item.currency);
    let money = money.map_or_else(String::new, |(amount, currency)| format!("  {amount} {currency}"));
    let state = item.state.as_deref().unwrap_or("-");
    let (reason, old) = (item.reason.to_string(), age(item.age_seconds));
    let assignee = item.assignee.unwrap_or("nobody");
    let head = format!("{name}  {reason:<24}  {old:>8}  {state}{money}  {}  {reference}  {assignee}", item.shop);
    let why = item.why.iter().map(|why| format!("  {why}"));
    let step = format!("  next: {} ({})", item.next_step.text, item.next_step.runbook);
    std::iter::once(head).chain(why).chain(std::iter::once(step)).collect()
}

/// "3 d 4 h", "12 min": as fine as a person needs it.
fn age(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (hours / 24, hours, minutes) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}
