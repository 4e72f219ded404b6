use std::sync::Arc;

use clap::{Args as ClapArgs, ValueEnum};
use domain::{GatewayPaymentId, PaymentState, Text, Via};
use orchestrator::{Action, Resolved, Wanted};

use super::care::refuse_cards;
use super::check::standing;
use super::operator::{KeyArg, Operator};
use super::{CommandError, Ending, Output, connect, table};
use crate::application;
use crate::clock::SystemClock;
use crate::http::{DryRunView, ProposalView};
use crate::ids::Ids;
use crate::settings::Settings;

/// `api resolve NAME`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// Our id, the caller's referenceId, or the gateway's id.
    name: String,
    #[command(flatten)]
    key: KeyArg,
    /// What to do.
    #[arg(long, value_enum, default_value_t = Name::Force)]
    action: Name,
    /// The state to force, such as REJECTED.
    #[arg(long, required_if_eq("action", "force"))]
    state: Option<PaymentState>,
    /// The gateway payment that proves it, if none is known for ours.
    #[arg(long, value_name = "ID")]
    gateway_id: Option<GatewayPaymentId>,
    /// The version of the payment that you have seen (`api why` prints its entries).
    #[arg(long, required_unless_present = "dry_run")]
    version: Option<u64>,
    /// Why, in your own words.
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<Text<500>>,
    /// Where it is written up.
    #[arg(long, required_unless_present = "dry_run")]
    ticket: Option<Text<500>>,
    /// Only tell what would be sent, and where it would lead.
    #[arg(long)]
    dry_run: bool,
}

/// What only people may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// It is in this state.
    Force,
    /// It is in whichever state the gateway shows.
    Accept,
    /// What nobody knows of is sent again.
    Redrive,
}

/// Resolves what the machine may not. What needs a second person is asked for, and approved with another key.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    settings.check_for_serving()?;
    let database = connect(settings).await?;
    let operator = Operator::of(&args.key, &database).await?;
    let Some(stored) = operator.payment(&args.name, &database, output).await? else { return Ok(Ending::Found) };
    let desk = Arc::new(application::desk(settings, &database, Arc::new(SystemClock))?);
    let resolver = application::resolver(settings, &database, desk);
    let id = stored.payment.id();
    let action = args.action()?;
    if args.dry_run {
        let shown = DryRunView::from(resolver.preview(id, &action).await?);
        output.write(&shown, dry_run)?;
        return Ok(Ending::Fine);
    }
    let said = |text: &Option<Text<500>>| text.as_ref().map(|text| text.as_str().to_owned()).unwrap_or_default();
    let (reason, ticket) = (said(&args.reason), said(&args.ticket));
    refuse_cards([Some(reason.as_str()), Some(ticket.as_str())])?;
    let wanted = Wanted::new(action, operator.actor(), Via::CommandLine, reason, ticket);
    match Box::pin(resolver.resolve(Ids.next(), id, args.version.unwrap_or_default(), wanted)).await? {
        Resolved::Done(stored) => {
            let told = serde_json::json!({
                "id": id.to_string(), "state": stored.payment.state, "version": stored.payment.version,
                "why": stored.payment.why(&stored.progress),
            });
            output.write(&told, |_| standing(&stored))?;
        }
        Resolved::Proposed(proposal) => {
            output.write(&ProposalView::of(&proposal), |view| {
                format!(
                    "another person must approve it, not before {}:\n  api proposals --approve {}",
                    view.not_before, view.id
                )
            })?;
        }
    }
    Ok(Ending::Fine)
}

impl Args {
    fn action(&self) -> Result<Action, CommandError> {
        match self.action {
            Name::Accept => Ok(Action::Accept),
            Name::Redrive => Ok(Action::Redrive),
            Name::Force => {
                let state = self.state.ok_or_else(|| CommandError::Usage("--state is missing".to_owned()))?;
                Ok(Action::Force { state, gateway_payment_id: self.gateway_id.clone() })
            }
        }
    }
}

fn dry_run(view: &DryRunView) -> String {
    let sent = view.request.as_ref().map_or_else(
        || "nothing".to_owned(),
        |request| {
            let body = request.body.as_ref().map(|body| format!("\n{body}")).unwrap_or_default();
            format!("{} {}{body}", request.method, request.path)
        },
    );
    let state = view.state.map_or_else(|| "not known".to_owned(), |state| state.to_string());
    let second = if view.needs_second_person { "yes" } else { "no" };
    let early = view.not_before.as_ref().map_or_else(|| "at once".to_owned(), ToString::to_string);
    let columns = ["Would lead to", "Second person", "When", "Would be sent"];
    table(columns, [[state, second.to_owned(), early, sent]])
}
