use clap::Args as ClapArgs;
use domain::{ShopName, StuckReason};
use orchestrator::Clock as _;
use serde::Serialize;
use store::StuckPage;

use super::{CommandError, Ending, Output, connect, table};
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
        [format!("{}{more}", count.items), count.reason.to_string(), age(count.oldest_age_seconds)]
    });
    let counts = table(["Items", "Reason", "Oldest"], counts);
    let items = table(["What", "Age, at risk", "Why, and what to do"], told.data.iter().map(row));
    format!("{counts}\n{items}")
}

fn row(item: &StuckView<'_>) -> [String; 3] {
    let name = item.payment_id.as_deref().or(item.webhook_id.as_deref()).unwrap_or("-");
    let reference = item.reference_id.or(item.gateway_payment_id).unwrap_or("-");
    let state = item.state.as_deref().unwrap_or("-");
    let money = item.amount_at_risk.as_deref().zip(item.currency);
    let money = money.map_or_else(String::new, |(amount, currency)| format!("\n{amount} {currency}"));
    let why = item.why.as_ref().map_or_else(String::new, |why| format!("\n{why}"));
    let assignee = item.assignee.map_or_else(String::new, |name| format!("\nlooked after by {name}"));
    [
        format!("{name}\n{reference}\n{state}, {}", item.shop),
        format!("{}{money}", age(item.age_seconds)),
        format!("{}{why}\nnext: {} ({}){assignee}", item.reason, item.next_step.text, item.next_step.runbook),
    ]
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
