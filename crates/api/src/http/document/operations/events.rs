use domain::{PaymentId, ShopName, Text};
use orchestrator::EventPattern;
use serde_json::{Value, json};
use store::{DeliveryState, Payload, Scope};
use uuid::Uuid;

use super::super::fields::{may, needed, object};
use super::super::operation::{Operation, Tag};
use super::super::wire::{Limit, Place, Wait, Wire};
use crate::http::event_view::EventView;
use crate::http::events::EventsView;
use crate::http::problem::Kind;
use crate::http::webhook_endpoints::{
    DeliveriesView, DeliveryCursor, EndpointView, EndpointsView, OVERLAP_MAX, WithSecret,
};

type Event = EventView<'static>;
type Endpoint = EndpointView<'static>;

/// The name of an event.
struct EventId;

impl Wire for EventId {
    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^evt_[0-9a-f]{32}_[0-9]+$" })
    }
}

/// Behind which place of the feed.
struct After;

impl Wire for After {
    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^([0-9]{1,18}|now)$" })
    }
}

/// Where events are sent.
struct ReceiverUrl;

impl Wire for ReceiverUrl {
    fn schema() -> Value {
        json!({ "type": "string", "format": "uri", "maxLength": 500 })
    }
}

/// Types of events, at most fifty.
struct Patterns;

impl Wire for Patterns {
    fn schema() -> Value {
        json!({ "type": "array", "maxItems": 50, "items": EventPattern::schema() })
    }
}

/// How long two secrets are good.
struct Overlap;

impl Wire for Overlap {
    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 0, "maximum": OVERLAP_MAX })
    }
}

pub(super) fn operation(deed: (&str, &str)) -> Option<Operation> {
    Some(match deed {
        ("GET", "/v1/events") => Operation::with_key("listEvents", Tag::Events, &[Scope::PaymentsRead], "Pull events, oldest first")
            .about("Without a gap, at least once, each payment's in their order. Keep `nextCursor` once you have done what they ask for.")
            .query::<Limit>("limit", "how many events a page may have")
            .query::<After>("after", "behind this place; 0 is the beginning, `now` the end")
            .query::<Wait>("wait", "hold the answer until there is one, or this many seconds are over")
            .several::<EventPattern>("type", "of these types; `*` stands for any word")
            .several::<ShopName>("shop", "of these shops")
            .query::<PaymentId>("paymentId", "of this payment")
            .answers::<EventsView<'static>>(200, "a page of them"),
        ("GET", "/v1/events/{id}") => {
            Operation::with_key("readEvent", Tag::Events, &[Scope::PaymentsRead], "Read an event, with its payment as it then was")
                .path::<EventId>("id", "the event")
                .answers::<Event>(200, "the event")
        }
        ("POST", "/v1/events/{id}/resend") => keyed("resendEvent", "Send an event to an endpoint again")
            .path::<EventId>("id", "the event")
            .body(object([needed::<Uuid>("endpointId")]))
            .answers::<Event>(202, "it is on its way"),
        ("POST", "/v1/webhook-endpoints") => keyed("addEndpoint", "Be told of events at an address of yours")
            .about("Messages are signed (Standard Webhooks); the secret is shown this once.")
            .body(object([
                needed::<ReceiverUrl>("url").told("`https://` and public, unless the settings allow others"),
                may::<Text<200>>("description"),
                may::<Vec<ShopName>>("shops").told("of these shops; of all that the key may see if it is left out"),
                may::<Patterns>("eventTypes").told("of these types; of all if it is left out or empty"),
                may::<Payload>("payload").told("`thin`, or `full` with the payment as it then was"),
                may::<Place>("after").told("from behind this place of the feed on; from now on if it is left out"),
            ]))
            .answers::<WithSecret<'static>>(201, "the endpoint, and its secret")
            .saying(201, "Location", "where the endpoint is read")
            .problems(&[Kind::NotInThisState]),
        ("GET", "/v1/webhook-endpoints") => keyed("listEndpoints", "List the endpoints")
            .answers::<EndpointsView<'static>>(200, "all that the key may see"),
        ("GET", "/v1/webhook-endpoints/{id}") => {
            keyed("readEndpoint", "Read an endpoint").of("the endpoint").answers::<Endpoint>(200, "the endpoint")
        }
        ("PATCH", "/v1/webhook-endpoints/{id}") => keyed("changeEndpoint", "Change an endpoint, or switch it off and on")
            .of("the endpoint")
            .body(object([
                may::<ReceiverUrl>("url"),
                may::<Text<200>>("description"),
                may::<Patterns>("eventTypes"),
                may::<Payload>("payload"),
                may::<bool>("enabled"),
            ]))
            .answers::<Endpoint>(200, "the endpoint as it then is"),
        ("DELETE", "/v1/webhook-endpoints/{id}") => keyed("removeEndpoint", "Remove an endpoint")
            .of("the endpoint")
            .answers_empty(204, "it is told of nothing any more"),
        ("POST", "/v1/webhook-endpoints/{id}/rotate-secret") => keyed("rotateSecret", "Sign with a new secret")
            .of("the endpoint")
            .body(object([may::<Overlap>("overlapSeconds").told("how long the old one signs as well; a day if it is left out")]))
            .answers::<WithSecret<'static>>(200, "the endpoint, and its new secret, which is shown this once"),
        ("POST", "/v1/webhook-endpoints/{id}/replay") => keyed("replayEvents", "Be told of everything once more, from a place on")
            .of("the endpoint")
            .body(object([needed::<Place>("after").told("behind this place of the feed; `0` is its beginning")]))
            .answers::<Endpoint>(200, "the endpoint as it then is"),
        ("GET", "/v1/webhook-endpoints/{id}/deliveries") => keyed("listDeliveries", "List what an endpoint did not take at once")
            .of("the endpoint")
            .paged::<DeliveryCursor>()
            .query::<DeliveryState>("state", "in this state")
            .answers::<DeliveriesView<'static>>(200, "a page of them, the latest first"),
        _ => return None,
    })
}

/// What endpoints are told.
pub(in crate::http::document) fn told() -> Operation {
    let text = json!({ "type": "string" });
    Operation::open("paymentChanged", Tag::Events, "The state of a payment has changed")
        .about("Sent to each endpoint by Standard Webhooks, at least once, each payment's in their order. Answer with a 2xx once it is durable.")
        .header("webhook-id", true, "the event's id, the same whenever it is sent", &text)
        .header("webhook-timestamp", true, "when it was sent, in seconds since 1970", &text)
        .header("webhook-signature", true, "`v1,` and the signature in base64; several while a secret is rotated", &text)
        .header("traceparent", false, "the place in the trace that the payment was ordered in, if somebody follows it", &text)
        .raw_body(true, json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Event" } } }))
        .answers_empty(200, "taken; any other 2xx says the same, 410 switches the endpoint off, and everything else is sent again")
}

impl Wire for DeliveryCursor {
    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9]{1,18}\\.[0-9a-f]{32}\\.[0-9]{1,18}$" })
    }
}

fn keyed(id: &'static str, summary: &'static str) -> Operation {
    Operation::with_key(id, Tag::Events, &[Scope::WebhooksWrite], summary)
}
