use domain::{Entry, Seen, Source, Time};
use store::NoticeRecord;

use super::moment::Moment;
use crate::cli::in_words;
use crate::http::read_payment::EventView;

/// Whose deed a line of the timeline tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Caller,
    Request,
    Webhook,
    Poll,
    People,
}

impl Lane {
    const fn class(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Request => "request",
            Self::Webhook => "webhook",
            Self::Poll => "poll",
            Self::People => "people",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Caller => "Caller",
            Self::Request => "Our requests",
            Self::Webhook => "Webhooks",
            Self::Poll => "Our looks",
            Self::People => "People",
        }
    }

    fn of(entry: &Entry) -> Self {
        match (entry.source, &entry.seen) {
            (_, Seen::Opened(_) | Seen::RefundOpened { .. }) => Self::Caller,
            (_, Seen::CommandIssued { by: Some(_), .. }) | (Source::Operator, _) => Self::People,
            (Source::Request | Source::Response, _) => Self::Request,
            (Source::Webhook, _) => Self::Webhook,
            (Source::Poll | Source::Sweep, _) => Self::Poll,
        }
    }
}

/// One line: what happened, and what was seen then.
pub(super) struct Line {
    at: Time,
    /// A name of its own on the page.
    pub(super) key: String,
    /// When.
    pub(super) moment: Moment,
    /// Whose deed, for the style …
    pub(super) class: &'static str,
    /// … and in words.
    pub(super) lane: &'static str,
    /// What.
    pub(super) text: String,
    /// The state that it led to.
    pub(super) becomes: Option<String>,
    /// What it meant.
    pub(super) verdict: String,
    /// What was seen and what it changed, as `GET /v1/payments/{id}/events` tells it. Redacted: secrets and people are in
    /// no ledger.
    pub(super) seen: String,
}

/// Entries of a ledger, and the notices that came meanwhile, oldest first.
pub(super) fn timeline(ledger: &[Entry], notices: &[NoticeRecord], now: Time) -> Vec<Line> {
    let entries = ledger.iter().map(|entry| entry_line(entry, now));
    let mut lines: Vec<Line> = entries.chain(notices.iter().map(|notice| notice_line(notice, now))).collect();
    lines.sort_by_key(|line| line.at);
    lines
}

fn entry_line(entry: &Entry, now: Time) -> Line {
    let lane = Lane::of(entry);
    Line {
        at: entry.at,
        key: format!("entry-{}", entry.sequence),
        moment: Moment::of(entry.at, now),
        class: lane.class(),
        lane: lane.label(),
        text: in_words(&entry.seen),
        becomes: entry.change.state.map(|state| state.to_string()),
        verdict: entry.verdict.to_string(),
        seen: serde_json::to_string_pretty(&EventView::from(entry)).unwrap_or_default(),
    }
}

fn notice_line(notice: &NoticeRecord, now: Time) -> Line {
    let state = notice.state.as_deref().unwrap_or("no state");
    let times = match notice.deliveries {
        1 => "once".to_owned(),
        several => format!("{several} times"),
    };
    let seen = serde_json::json!({
        "id": notice.id, "receivedAt": notice.received_at, "deliveries": notice.deliveries,
        "gatewayPaymentId": notice.gateway_payment_id, "state": notice.state, "verdict": notice.verdict,
    });
    Line {
        at: notice.received_at,
        key: format!("notice-{}", notice.id),
        moment: Moment::of(notice.received_at, now),
        class: Lane::Webhook.class(),
        lane: Lane::Webhook.label(),
        text: format!("a webhook told {state}, delivered {times}"),
        becomes: None,
        verdict: notice.verdict.clone().unwrap_or_else(|| "waiting".to_owned()),
        seen: serde_json::to_string_pretty(&seen).unwrap_or_default(),
    }
}
