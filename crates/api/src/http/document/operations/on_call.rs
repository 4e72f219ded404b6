use domain::{GatewayPaymentId, PaymentId, PaymentState, ShopName, StuckReason, Switch, Text, Time};
use serde_json::{Value, json};
use store::Scope;
use uuid::Uuid;

use super::super::fields::{may, needed, object};
use super::super::operation::{Operation, Tag};
use super::super::wire::{Either, Version, Wire};
use super::payments::SENT;
use crate::http::bulk_actions::{BulkActionView, BulkActionsView, BulkName, BulkPreviewView};
use crate::http::cursor::Cursor;
use crate::http::listed::Listed;
use crate::http::payment_view::PaymentView;
use crate::http::problem::Kind;
use crate::http::resolve::{DryRunView, ProposalView, ProposalsView};
use crate::http::stuck::StuckListView;
use crate::http::switches::SwitchView;
use crate::http::webhooks_in::{OneWebhookInView, VerdictFilter, WebhookInView, WebhooksInPage};

type Payment = PaymentView<'static>;
type Words = Text<500>;

/// What a person wants of a payment.
struct Action;

impl Wire for Action {
    fn schema() -> Value {
        json!({ "type": "string", "enum": ["force", "accept", "redrive"] })
    }
}

pub(super) fn operation(deed: (&str, &str)) -> Option<Operation> {
    Some(match deed {
        ("POST", "/v1/payments/{id}/assign") => care("assignPayment", "Say who looks after a payment").body(object([
            may::<Text<100>>("assignee").told("nobody any more if it is left out"),
            may::<Words>("reason"),
            may::<Words>("ticket"),
        ])),
        ("POST", "/v1/payments/{id}/note") => care("notePayment", "Write something into a payment's ledger")
            .body(object([needed::<Words>("note"), may::<Words>("ticket")])),
        ("POST", "/v1/payments/{id}/snooze") => {
            care("snoozePayment", "List a payment no more until then").body(object([
                may::<Time>("until").told("within 31 days; without it the payment is listed again at once"),
                needed::<Words>("reason"),
                may::<Words>("ticket"),
            ]))
        }
        ("POST", "/v1/payments/{id}/settle") => {
            care("settlePayment", "Say that what a payment is flagged for is dealt with")
                .body(object([needed::<Words>("reason"), may::<Words>("ticket")]))
        }
        ("POST", "/v1/payments/{id}/resolve") => resolve(),
        ("GET", "/v1/proposals") => reading("listProposals", "List what waits for a second person, the latest first")
            .paged::<Cursor>()
            .query::<bool>("open", "`false` for the decided ones as well")
            .several::<ShopName>("shop", "of these shops")
            .answers::<ProposalsView>(200, "a page of them"),
        ("POST", "/v1/proposals/{id}/approve") => decision("approveProposal", "Do what somebody else has proposed")
            .answers::<Payment>(200, "the payment as it then is")
            .problems(&[
                Kind::MakerApproves,
                Kind::VersionChanged,
                Kind::TooEarly,
                Kind::RequestGone,
                Kind::NotForcible,
            ])
            .problems(&SENT),
        ("POST", "/v1/proposals/{id}/decline") => {
            decision("declineProposal", "Let a proposal be").answers::<ProposalView>(200, "the proposal as it then is")
        }
        ("GET", "/v1/switches") => reading("listSwitches", "Read what is stopped by hand")
            .answers::<Listed<SwitchView>>(200, "each switch as it stands"),
        ("GET", "/v1/switches/{name}") => reading("readSwitch", "Read who turned a switch, and why")
            .path::<Switch>("name", "the switch")
            .answers::<Listed<SwitchView>>(200, "its changes, the latest first"),
        ("POST", "/v1/switches/{name}") => writing("turnSwitch", "Stop something, or let it go on")
            .path::<Switch>("name", "the switch")
            .body(object([needed::<bool>("stopped"), needed::<Words>("reason")]))
            .answers::<SwitchView>(200, "the switch as it then stands")
            .problems(&[Kind::VersionChanged]),
        ("GET", "/v1/stuck") => reading("listStuck", "List what needs a person, what was first to need one first")
            .paged::<Cursor>()
            .several::<StuckReason>("reason", "for one of these reasons")
            .several::<ShopName>("shop", "of these shops")
            .query::<bool>("snoozed", "`true` for what was put off")
            .answers::<StuckListView<'static>>(200, "a page of it, and how many there are"),
        ("POST", "/v1/bulk-actions") => bulk(),
        ("GET", "/v1/bulk-actions") => {
            reading("listBulkActions", "List the bulk actions, the one that was ordered last first")
                .paged::<Cursor>()
                .answers::<BulkActionsView<'static>>(200, "a page of them")
        }
        ("GET", "/v1/bulk-actions/{id}") => reading("readBulkAction", "Read how far a bulk action is")
            .of("the bulk action")
            .answers::<BulkActionView<'static>>(200, "the bulk action"),
        ("POST", "/v1/bulk-actions/{id}/stop") => {
            writing("stopBulkAction", "Stop a bulk action: what was done is done")
                .of("the bulk action")
                .answers::<BulkActionView<'static>>(200, "the bulk action as it then is")
                .problems(&[Kind::NotInThisState])
        }
        ("GET", "/v1/webhooks-in") => {
            reading("listNotices", "List the gateway's notices with what each came to, newest first")
                .paged::<Uuid>()
                .query::<VerdictFilter>("verdict", "that came to this")
                .several::<ShopName>("shop", "of these shops")
                .query::<PaymentId>("paymentId", "of this payment")
                .query::<GatewayPaymentId>("gatewayPaymentId", "of this payment of the gateway")
                .query::<bool>("dismissed", "only those that are, or are not, dismissed")
                .query::<Time>("receivedFrom", "received then or later")
                .query::<Time>("receivedTo", "received before then")
                .answers::<WebhooksInPage<'static>>(200, "a page of them")
        }
        ("GET", "/v1/webhooks-in/{id}") => reading("readNotice", "Read a notice, and what people did with it")
            .of("the notice")
            .answers::<OneWebhookInView<'static>>(200, "the notice"),
        ("POST", "/v1/webhooks-in/{id}/dismiss") => {
            of_a_notice("dismissNotice", "Say that nothing will ever match a notice")
        }
        ("POST", "/v1/webhooks-in/{id}/restore") => of_a_notice("restoreNotice", "List a dismissed notice again"),
        ("POST", "/v1/webhooks-in/{id}/rerun") => writing("rerunNotice", "Run a notice again over its stored bytes")
            .of("the notice")
            .answers::<WebhookInView<'static>>(200, "the notice, and what came of it"),
        _ => return None,
    })
}

fn resolve() -> Operation {
    writing("resolvePayment", "Decide what only a person may decide of a payment")
        .about("What moves or frees money needs a second person, and answers 202 with a proposal.")
        .of("the payment")
        .header("If-Match", false, "the version that was seen; needed unless it is a dry run", &Version::schema())
        .body(object([
            may::<Action>("action")
                .told("`force` a state, which is the default; `accept` what the gateway shows; `redrive` a request"),
            may::<PaymentState>("state").told("goes with `force`"),
            may::<GatewayPaymentId>("gatewayPaymentId").told("goes with `force`: what proves it"),
            may::<Words>("reason").told("needed unless it is a dry run"),
            may::<Words>("ticket").told("needed unless it is a dry run"),
            may::<bool>("dryRun").told("do nothing, and say what would be done"),
        ]))
        .answers::<Either<Payment, DryRunView>>(200, "done: the payment as it is now; or what a dry run says")
        .answers::<ProposalView>(202, "another person must approve it")
        .problems(&[
            Kind::VersionMissing,
            Kind::VersionChanged,
            Kind::NotInThisState,
            Kind::NotForcible,
            Kind::TooEarly,
            Kind::RequestGone,
            Kind::ProposalOpen,
            Kind::CommandOpen,
        ])
        .problems(&SENT)
}

/// What is recorded of a payment, and changes nothing at the gateway.
fn care(id: &'static str, summary: &'static str) -> Operation {
    writing(id, summary)
        .of("the payment")
        .answers::<Payment>(200, "the payment as it then is")
        .problems(&[Kind::NotInThisState])
}

fn decision(id: &'static str, summary: &'static str) -> Operation {
    writing(id, summary).of("the proposal").problems(&[Kind::NotInThisState])
}

/// Which stuck items are meant.
struct Filter;

impl Wire for Filter {
    fn schema() -> Value {
        object([may::<Vec<StuckReason>>("reason"), may::<Vec<ShopName>>("shop")])
    }
}

fn bulk() -> Operation {
    writing("orderBulkAction", "Do the same to everything that is stuck and fits")
        .about("Nothing of it moves money or forces a state. `resend-events` needs `webhooks:write` as well.")
        .body(object([
            needed::<BulkName>("action"),
            may::<Time>("until").told("goes with `snooze`"),
            may::<Text<100>>("assignee").told("goes with `assign`; nobody any more if it is left out"),
            may::<Filter>("filter")
                .told("what is stuck for these reasons, in these shops; everything if it is left out"),
            may::<Words>("reason").told("needed unless it is a dry run"),
            may::<Words>("ticket"),
            may::<bool>("dryRun").told("do nothing, and say to how many it would be done"),
        ]))
        .answers::<BulkPreviewView>(200, "what a dry run says")
        .answers::<BulkActionView<'static>>(202, "ordered")
        .saying(202, "Location", "where the bulk action is read")
        .problems(&[Kind::NotFound])
}

fn of_a_notice(id: &'static str, summary: &'static str) -> Operation {
    writing(id, summary)
        .of("the notice")
        .body(object([needed::<Words>("reason")]))
        .answers::<WebhookInView<'static>>(200, "the notice as it then is")
        .problems(&[Kind::NotInThisState])
}

fn reading(id: &'static str, summary: &'static str) -> Operation {
    Operation::with_key(id, Tag::OnCall, &[Scope::OpsRead], summary)
}

fn writing(id: &'static str, summary: &'static str) -> Operation {
    Operation::with_key(id, Tag::OnCall, &[Scope::OpsWrite], summary)
}
