use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args as ClapArgs};
use domain::{Deed, Operator as LedgerOperator, Text, Time, Via};

use super::operator::{KeyArg, Operator};
use super::{CommandError, Ending, Output, connect};
use crate::application;
use crate::clock::SystemClock;
use crate::settings::Settings;

/// `api care NAME`
#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("deed").required(true).args(["assign", "nobody", "note", "snooze", "wake", "settle"])))]
pub(super) struct Args {
    /// Our id, the caller's referenceId, or the gateway's id.
    name: String,
    #[command(flatten)]
    key: KeyArg,
    /// This person looks after it.
    #[arg(long, value_name = "WHO")]
    assign: Option<Text<100>>,
    /// Nobody looks after it any more.
    #[arg(long)]
    nobody: bool,
    /// Something to know about it.
    #[arg(long, value_name = "TEXT")]
    note: Option<Text<500>>,
    /// It is listed no more until then (RFC 3339).
    #[arg(long, value_name = "UNTIL", requires = "reason")]
    snooze: Option<DateTime<Utc>>,
    /// It is listed again at once.
    #[arg(long)]
    wake: bool,
    /// What it is flagged for has been dealt with.
    #[arg(long, requires = "reason")]
    settle: bool,
    /// Why, in your own words.
    #[arg(long)]
    reason: Option<Text<500>>,
    /// Where it is written up.
    #[arg(long)]
    ticket: Option<Text<500>>,
}

/// Records what a person decides about a payment that changes no state.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    settings.check_for_serving()?;
    let database = connect(settings).await?;
    let operator = Operator::of(&args.key, &database).await?;
    let Some(stored) = operator.payment(&args.name, &database, output).await? else { return Ok(Ending::Found) };
    let desk = application::desk(settings, &database, Arc::new(SystemClock))?;
    let reason = args.note.as_ref().or(args.reason.as_ref());
    refuse_cards([
        args.assign.as_ref().map(Text::as_str),
        reason.map(Text::as_str),
        args.ticket.as_ref().map(Text::as_str),
    ])?;
    let by = LedgerOperator {
        by: operator.actor(),
        approved_by: None,
        via: Via::CommandLine,
        reason: reason.map(|reason| reason.as_str().to_owned()),
        ticket: args.ticket.as_ref().map(|ticket| ticket.as_str().to_owned()),
    };
    let stored = desk.care(stored.payment.id(), args.deed(), by).await?;
    let told = serde_json::json!({ "id": stored.payment.id().to_string(), "version": stored.payment.version });
    output.write(&told, |_| format!("{}  recorded as entry {}", stored.payment.id(), stored.payment.version))?;
    Ok(Ending::Fine)
}

impl Args {
    fn deed(&self) -> Deed {
        if self.assign.is_some() || self.nobody {
            return Deed::Assign { to: self.assign.as_ref().map(|to| to.as_str().to_owned()) };
        }
        if self.snooze.is_some() || self.wake {
            return Deed::Snooze { until: self.snooze.map(Time::new) };
        }
        if self.settle { Deed::Settle } else { Deed::Note }
    }
}

/// What people say is kept and shown as it is, and must hold no card.
pub(super) fn refuse_cards<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Result<(), CommandError> {
    if texts.into_iter().flatten().any(orchestrator::holds_card_number) {
        return Err(CommandError::Usage("what you say looks like a card number, which is kept nowhere".to_owned()));
    }
    Ok(())
}
