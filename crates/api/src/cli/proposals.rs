use std::sync::Arc;

use clap::Args as ClapArgs;
use store::ProposalsPage;
use uuid::Uuid;

use super::check::standing;
use super::operator::{KeyArg, Operator};
use super::{CommandError, Ending, Output, connect, table};
use crate::application;
use crate::clock::SystemClock;
use crate::http::ProposalView;
use crate::settings::Settings;

/// `api proposals`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    #[command(flatten)]
    key: KeyArg,
    /// Does what was asked for, with another key than the one that asked.
    #[arg(long, value_name = "ID", conflicts_with = "decline")]
    approve: Option<Uuid>,
    /// Says no to it, or takes it back.
    #[arg(long, value_name = "ID")]
    decline: Option<Uuid>,
}

/// Lists what waits for a second person, and decides it.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    settings.check_for_serving()?;
    let database = connect(settings).await?;
    let operator = Operator::of(&args.key, &database).await?;
    let Some(id) = args.approve.or(args.decline) else {
        let page = ProposalsPage { open: true, limit: 200, ..ProposalsPage::default() };
        let open = database.proposals.proposals(&page).await?;
        let views: Vec<ProposalView> =
            open.iter().filter(|one| operator.may_see(&one.shop)).map(ProposalView::of).collect();
        output.write(&views, |views| match views.as_slice() {
            [] => "nothing waits for a second person".to_owned(),
            views => table(COLUMNS, views.iter().map(row)),
        })?;
        return Ok(if views.is_empty() { Ending::Fine } else { Ending::Found });
    };
    let found = database.proposals.proposal(id).await?.filter(|one| operator.may_see(&one.shop));
    let Some(proposal) = found else {
        output.error("there is no such proposal");
        return Ok(Ending::Found);
    };
    let desk = Arc::new(application::desk(settings, &database, Arc::new(SystemClock))?);
    let resolver = application::resolver(settings, &database, desk);
    if args.decline.is_some() {
        let declined = resolver.decline(&proposal, operator.actor()).await?;
        output.write(&ProposalView::of(&declined), |view| format!("{} is declined", view.id))?;
        return Ok(Ending::Fine);
    }
    let stored = resolver.approve(&proposal, operator.actor()).await?;
    let told = serde_json::json!({
        "id": stored.payment.id().to_string(), "state": stored.payment.state, "version": stored.payment.version,
    });
    output.write(&told, |_| standing(&stored))?;
    Ok(Ending::Fine)
}

const COLUMNS: [&str; 5] = ["Proposal, payment", "Shop", "Asked", "Not before", "For"];

fn row(view: &ProposalView) -> [String; 5] {
    [
        format!("{}\n{}", view.id, view.payment_id),
        view.shop.clone(),
        format!("{}\nby {}", view.asked_at, view.asked_by),
        view.not_before.clone(),
        view.action.to_string(),
    ]
}
