use domain::{
    Currency, Flag, GatewayPaymentId, Money, PaymentId, PaymentMethod, PaymentState, PaymentType, ReferenceId,
    ShopName, Text, Time,
};
use serde_json::json;
use store::Scope;

use super::super::fields::{may, object};
use super::super::operation::{Operation, Tag};
use super::super::wire::{Either, Wait};
use super::order;
use crate::http::cursor::Cursor;
use crate::http::list_payments::PaymentsPage;
use crate::http::order::METADATA_MAX;
use crate::http::payment_view::PaymentView;
use crate::http::problem::Kind;
use crate::http::read_payment::EventsPage;
use crate::http::resolve::DryRunView;

type Payment = PaymentView<'static>;
type PaymentOrDryRun = Either<Payment, DryRunView>;

/// What the gateway may do to what is sent to it.
pub(super) const SENT: [Kind; 3] = [Kind::GatewayUnavailable, Kind::GatewayMisconfigured, Kind::Stopped];

pub(super) fn operation(deed: (&str, &str)) -> Option<Operation> {
    Some(match deed {
        ("POST", "/v1/payments") => taken(
            keyed("takePayment", &[Scope::DepositsWrite, Scope::PayoutsWrite], "Order a deposit or a withdrawal")
                .about("`deposits:write` for deposits, `payouts:write` for withdrawals. The same order again is the same payment.")
                .body(order::payment())
                .answers::<Payment>(200, "the same order came before: the payment as it is now"),
        )
        .problems(&[Kind::ParentNotReady, Kind::NotFound]),
        ("GET", "/v1/payments") => list(),
        ("GET", "/v1/payments/by-reference/{reference}") => read(
            keyed("readPaymentByReference", &[Scope::PaymentsRead], "Read a payment by your reference")
                .path::<ReferenceId>("reference", "the `referenceId` that it was ordered under"),
        ),
        ("GET", "/v1/payments/by-gateway-id/{id}") => read(
            keyed("readPaymentByGatewayId", &[Scope::PaymentsRead], "Read a payment by the gateway's id")
                .path::<GatewayPaymentId>("id", "the `gatewayPaymentId`"),
        ),
        ("GET", "/v1/payments/{id}") => read(keyed("readPayment", &[Scope::PaymentsRead], "Read a payment").of("the payment")),
        ("GET", "/v1/payments/{id}/events") => keyed("readLedger", &[Scope::PaymentsRead], "Read all that happened to a payment")
            .of("the payment")
            .paged::<u64>()
            .answers::<EventsPage<'static>>(200, "its ledger, oldest first"),
        ("POST", "/v1/payments/{id}/refunds") => taken(
            keyed("refundPayment", &[Scope::RefundsWrite], "Give money back, in parts or whole")
                .about("A refund is a payment of its own, with a reference of its own. Never more goes back than was captured.")
                .of("the deposit")
                .body(order::refund())
                .answers::<PaymentOrDryRun>(200, "the same refund came before, as it is now; or what a dry run says"),
        )
        .of_a_version("only if this is still the version of the deposit")
        .problems(&[Kind::NotInThisState, Kind::NotRefundable, Kind::CommandOpen]),
        ("POST", "/v1/payments/{id}/capture") => command("capturePayment", Scope::DepositsWrite, "Take money that is held")
            .about("Once for each payment: the same amount again is the same capture.")
            .optional_body(object([may::<Money>("amount").told("all that is held if it is left out"), dry_run()])),
        ("POST", "/v1/payments/{id}/void") => {
            command("voidPayment", Scope::DepositsWrite, "Let money go that is held").optional_body(object([dry_run()]))
        }
        ("POST", "/v1/payments/{id}/approve") => command("approvePayment", Scope::PayoutsApprove, "Let a withdrawal go out")
            .about("By another key than the one that ordered it.")
            .optional_body(object([dry_run()]))
            .problems(&[Kind::MakerApproves]),
        ("POST", "/v1/payments/{id}/reject") => command("rejectPayment", Scope::PayoutsApprove, "Stop a withdrawal")
            .optional_body(object([may::<Text<256>>("reason").told("kept by the gateway"), dry_run()]))
            .problems(&[Kind::MakerApproves]),
        ("POST", "/v1/payments/{id}/check") => keyed("checkPayment", &[Scope::OpsWrite], "Ask the gateway about a payment now")
            .of("the payment")
            .optional_body(object([dry_run()]))
            .of_a_version("only if this is still its version")
            .answers::<PaymentOrDryRun>(200, "the payment as it then is; or what a dry run says")
            .problems(&SENT),
        _ => return None,
    })
}

fn keyed(id: &'static str, scopes: &[Scope], summary: &'static str) -> Operation {
    Operation::with_key(id, Tag::Payments, scopes, summary)
}

fn dry_run() -> super::super::fields::Field {
    may::<bool>("dryRun").told("do nothing, and say what would be done")
}

/// The answers to who has something taken.
fn taken(operation: Operation) -> Operation {
    const LOCATION: &str = "where the payment is read";
    const REPLAYED: &str = "`true` if the gateway was not called for this request";
    operation
        .answers::<Payment>(201, "taken: the payment")
        .answers::<Payment>(202, "taken, and its outcome at the gateway is not known yet: it resolves itself")
        .saying(200, "Location", LOCATION)
        .saying(200, "Idempotent-Replayed", REPLAYED)
        .saying(201, "Location", LOCATION)
        .saying(202, "Location", LOCATION)
        .saying(202, "Idempotent-Replayed", REPLAYED)
        .saying(422, "Location", "where the payment is read that the gateway refused")
        .saying(422, "Idempotent-Replayed", REPLAYED)
        .problems(&[Kind::ReferenceTaken, Kind::GatewayRefused])
        .problems(&SENT)
}

fn read(operation: Operation) -> Operation {
    const TAG: &str = "names what is told: its version, and a digest";
    const NO_STORE: &str = "`no-store` where it shows what was paid with";
    operation
        .header("If-None-Match", false, "the `ETag` of what you have", &json!({ "type": "string" }))
        .query::<Wait>("wait", "hold the answer until the payment is final, or this many seconds are over")
        .query::<u64>("after", "goes with `wait`: hold it until the version is above this one")
        .query::<ShopName>("shop", "whose reference or id it is; the default one if it is left out")
        .answers::<Payment>(200, "the payment")
        .answers_empty(304, "you have it as it is")
        .saying(200, "ETag", TAG)
        .saying(304, "ETag", TAG)
        .saying(200, "Cache-Control", NO_STORE)
        .saying(304, "Cache-Control", NO_STORE)
}

/// A deed with a payment, which knows only one at a time.
fn command(id: &'static str, scope: Scope, summary: &'static str) -> Operation {
    keyed(id, &[scope], summary)
        .of("the payment")
        .of_a_version("only if this is still its version")
        .answers::<PaymentOrDryRun>(200, "done: the payment as it is now; or what a dry run says")
        .answers::<Payment>(202, "given, and what came of it is not known yet: `pendingCommand` is set")
        .saying(200, "Idempotent-Replayed", "`true` if it was given before")
        .saying(202, "Idempotent-Replayed", "`true` if it was given before")
        .problems(&[Kind::NotInThisState, Kind::CommandOpen, Kind::AlreadyGiven, Kind::CommandRefused])
        .problems(&SENT)
}

fn list() -> Operation {
    keyed("listPayments", &[Scope::PaymentsRead], "List payments, newest first")
        .paged::<Cursor>()
        .query::<ReferenceId>("referenceId", "your reference")
        .query::<GatewayPaymentId>("gatewayPaymentId", "the gateway's id")
        .several::<PaymentState>("state", "in one of these states")
        .query::<PaymentType>("paymentType", "of this type")
        .query::<PaymentMethod>("paymentMethod", "paid like this")
        .query::<Currency>("currency", "asked for in this currency")
        .several::<ShopName>("shop", "of one of these shops")
        .query::<Time>("createdFrom", "made then or later")
        .query::<Time>("createdTo", "made before then")
        .query::<Time>("updatedFrom", "changed then or later")
        .query::<Time>("updatedTo", "changed before then")
        .query::<Flag>("flag", "with this flag")
        .query::<PaymentId>("parentPaymentId", "that follow from this one")
        .parameter(json!({
            "name": "metadata", "in": "query", "style": "form", "explode": true,
            "description": "with these pairs: `metadata.KEY=VALUE`",
            "schema": {
                "type": "object", "maxProperties": METADATA_MAX,
                "propertyNames": { "pattern": "^metadata\\.[^\\u0000]*$" },
                "additionalProperties": { "type": "string", "pattern": "^[^\\u0000]*$" },
            },
        }))
        .answers::<PaymentsPage<'static>>(200, "a page of them")
}
