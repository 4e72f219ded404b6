use clap::Args as ClapArgs;
use domain::{BreakKind, ShopName};
use orchestrator::Clock as _;
use store::{BreakFilter, BreakState, BreaksPage};

use super::{CommandError, Ending, Output, connect, table};
use crate::clock::SystemClock;
use crate::http::{BreakView, SideView};
use crate::settings::Settings;

/// `api breaks`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// open, resolved or closed.
    #[arg(long, default_value = "open")]
    state: BreakState,
    /// Only of this kind, such as missing-here.
    #[arg(long)]
    kind: Option<BreakKind>,
    /// Only of this shop.
    #[arg(long)]
    shop: Option<ShopName>,
    /// Only those that this person looks after.
    #[arg(long)]
    owner: Option<String>,
    /// No more than this many.
    #[arg(long, default_value_t = 200)]
    limit: u32,
}

/// Lists differences between our records and the gateway's, the latest first.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    let database = connect(settings).await?;
    let filter = BreakFilter {
        shops: args.shop.iter().cloned().collect(),
        kind: args.kind,
        state: Some(args.state),
        owner: args.owner.clone(),
        payment: None,
    };
    let found = database.reconciliations.breaks(&BreaksPage { filter, before: None, limit: args.limit }).await?;
    let now = SystemClock.now();
    let views: Vec<BreakView<'_>> = found.iter().map(|one| BreakView::of(one, now)).collect();
    output.write(&views, |views| match views.as_slice() {
        [] => "no such break".to_owned(),
        views => table(COLUMNS, views.iter().map(row)),
    })?;
    Ok(if found.is_empty() { Ending::Fine } else { Ending::Found })
}

const COLUMNS: [&str; 7] = ["Break, payment", "Kind", "Shop", "Ours", "Theirs", "Age", "Owner"];

fn row(one: &BreakView<'_>) -> [String; 7] {
    let name = one.payment_id.as_deref().or(one.gateway_payment_id).unwrap_or("-");
    let days = one.age_seconds / (24 * 60 * 60);
    [
        format!("{}\n{name}", one.id),
        one.kind.to_string(),
        one.shop.to_owned(),
        side(&one.ours),
        side(&one.theirs),
        format!("{days} d"),
        one.owner.unwrap_or("nobody").to_owned(),
    ]
}

fn side(side: &SideView<'_>) -> String {
    let Some(state) = side.state else { return "none".to_owned() };
    let money = side.amount.as_ref().zip(side.currency);
    money.map_or_else(|| state.to_owned(), |(amount, currency)| format!("{state} {amount} {currency}"))
}
