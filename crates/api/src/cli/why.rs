use clap::Args as ClapArgs;
use domain::{Deed, Entry, Operation, Operator, Seen, Time};
use serde::{Serialize, Serializer};
use store::{NoticeRecord, Stored};

use super::{CommandError, Ending, Output, connect, table};
use crate::settings::Settings;

/// `api why NAME`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// Our id, the caller's referenceId, or the gateway's id.
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    id: String,
    reference_id: String,
    gateway_payment_id: Option<String>,
    shop: String,
    state: domain::PaymentState,
    why: String,
    flags: Vec<domain::Flag>,
    next_check_at: Option<String>,
    timeline: Vec<Line>,
}

/// Tells why a payment is what it is, and what led there.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    let database = connect(settings).await?;
    let found = database.reads.find(&args.name).await?;
    if found.is_empty() {
        output.error("no payment has this name");
        return Ok(Ending::Found);
    }
    let mut told = Vec::new();
    for stored in &found {
        let id = stored.payment.id();
        let ledger = database.reads.ledger(id, 0, 500).await?;
        let notices = database.reads.notices(id).await?;
        told.push(tell(stored, &ledger, &notices));
    }
    output.write(&told, |told| told.iter().map(text).collect::<Vec<_>>().join("\n\n"))?;
    Ok(Ending::Fine)
}

fn tell(stored: &Stored, ledger: &[Entry], notices: &[NoticeRecord]) -> Told {
    let payment = &stored.payment;
    let mut timeline: Vec<Line> = ledger.iter().map(Line::of_entry).collect();
    timeline.extend(notices.iter().map(Line::of_notice));
    timeline.sort_by_key(|line| line.at);
    Told {
        id: payment.id().to_string(),
        reference_id: payment.opening.reference_id.to_string(),
        gateway_payment_id: payment.gateway_payment_id.as_ref().map(ToString::to_string),
        shop: payment.opening.shop.to_string(),
        state: payment.state,
        why: payment.why(&stored.progress),
        flags: payment.flags.iter().copied().collect(),
        next_check_at: stored.progress.next_check_at.map(|at| at.to_string()),
        timeline,
    }
}

/// Something that happened: a row for people, one text for scripts.
struct Line {
    at: Time,
    entry: Option<u64>,
    source: String,
    verdict: String,
    text: String,
}

impl Line {
    fn of_entry(entry: &Entry) -> Self {
        let becomes = entry.change.state.map(|state| format!(" → {state}")).unwrap_or_default();
        Self {
            at: entry.at,
            entry: Some(entry.sequence),
            source: entry.source.to_string(),
            verdict: entry.verdict.to_string(),
            text: format!("{}{becomes}", in_words(&entry.seen)),
        }
    }

    fn of_notice(notice: &NoticeRecord) -> Self {
        let state = notice.state.as_deref().unwrap_or("no state");
        Self {
            at: notice.received_at,
            entry: None,
            source: "notice".to_owned(),
            verdict: notice.verdict.as_deref().unwrap_or("waiting").to_owned(),
            text: format!("{state}, delivered {} time(s)", notice.deliveries),
        }
    }

    fn number(&self) -> String {
        self.entry.map(|sequence| format!("#{sequence}")).unwrap_or_default()
    }

    fn row(&self) -> [String; 5] {
        [self.at.to_string(), self.number(), self.source.clone(), self.verdict.clone(), self.text.clone()]
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { at, source, verdict, text, .. } = self;
        serializer.collect_str(&format_args!("{at}  {:<4} {source:<8} {verdict:<11} {text}", self.number()))
    }
}

/// What was seen, in a sentence for a person.
pub(crate) fn in_words(seen: &Seen) -> String {
    match seen {
        Seen::Opened(_) => "ordered, request 1 about to leave".to_owned(),
        Seen::AboutToSend { attempt, reason } => format!("request {attempt} about to leave: {reason}"),
        Seen::NotSent { attempt, reason } => format!("request {attempt} not sent: {reason}"),
        Seen::GivenUp { reason } => format!("given up: {reason}"),
        Seen::Refused { attempt, rejection } => format!("request {attempt} refused: {}", rejection.message),
        Seen::OutcomeUnknown { attempt, reason } => format!("request {attempt}, outcome unknown: {reason}"),
        Seen::Accepted { attempt, sighting } => format!("request {attempt} accepted as {}", sighting.id),
        Seen::Found { sighting } => format!("found {} by reference", sighting.id),
        Seen::Undecided { sighting } => format!("found {} by reference, not known to be ours", sighting.id),
        Seen::Reported { sighting } => format!("{} reported {}", sighting.id, state(&sighting.state)),
        Seen::ClaimedElsewhere { id, .. } => format!("{id} belongs to another payment"),
        Seen::Missing => "the gateway does not find it".to_owned(),
        Seen::CommandIssued { number, command, by, .. } => {
            let by = by.as_ref().map_or("the machine", |by| by.name.as_str());
            format!("command {number}, {}, given by {by}, about to leave", command.kind())
        }
        Seen::CommandRepeated { number, request, reason } => {
            format!("command {number}, request {request} about to leave: {reason}")
        }
        Seen::CommandNotSent { number, reason } => format!("command {number} not sent: {reason}"),
        Seen::CommandDenied { number, reason } => format!("command {number}, the gateway said no: {reason}"),
        Seen::CommandUnknown { number, reason } => format!("command {number}, outcome unknown: {reason}"),
        Seen::CommandAnswered { number, sighting } => {
            format!("command {number} answered, {} is {}", sighting.id, state(&sighting.state))
        }
        Seen::RefundOpened { refund, money, .. } => format!("{money} reserved for refund {refund}"),
        Seen::RefundEnded { refund, state, .. } => format!("refund {refund} ended as {state}"),
        Seen::ParentTold { state } => format!("the deposit knows that it is {state}"),
        Seen::Operated { operation } => operated(operation),
    }
}

fn operated(operation: &Operation) -> String {
    let Operator { by, approved_by, via, reason, ticket } = &operation.operator;
    let deed = match &operation.deed {
        Deed::Assign { to: Some(to) } => format!("assigned to {to}"),
        Deed::Assign { to: None } => "assigned to nobody".to_owned(),
        Deed::Note => "noted".to_owned(),
        Deed::Snooze { until: Some(until) } => format!("put off until {until}"),
        Deed::Snooze { until: None } => "put off no longer".to_owned(),
        Deed::Settle => "settled".to_owned(),
        Deed::Force { state, .. } => format!("forced to be {state}"),
        Deed::Release => "its request let go".to_owned(),
    };
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let ticket = ticket.as_ref().map(|ticket| format!(" ({ticket})")).unwrap_or_default();
    let second = approved_by.as_ref().map(|second| format!(" and {}", second.name)).unwrap_or_default();
    format!("{deed} by {}{second} via {via}{reason}{ticket}", by.name)
}

/// The gateway's state in words.
pub(crate) fn state(state: &domain::SeenState) -> String {
    match state {
        domain::SeenState::Known(state) => state.to_string(),
        domain::SeenState::Unknown(word) => format!("the unknown state {word:?}"),
    }
}

fn text(told: &Told) -> String {
    let gateway = told.gateway_payment_id.as_deref().unwrap_or("none yet");
    format!(
        "{}  {}\n  {}\n  referenceId {}  gateway id {}  shop {}\n{}",
        told.id,
        told.state,
        told.why,
        told.reference_id,
        gateway,
        told.shop,
        table(["When", "Entry", "Source", "Came to", "What"], told.timeline.iter().map(Line::row))
    )
}
