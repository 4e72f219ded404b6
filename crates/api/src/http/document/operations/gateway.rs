use domain::ShopName;
use gateway_client::request::CustomerReference;
use serde_json::json;
use store::Scope;

use super::super::operation::{Operation, Tag};
use super::payments::SENT;
use crate::http::gateway_reads::{BalancesView, CardTokenView, OperationView};
use crate::http::listed::Listed;
use crate::http::problem::Kind;
use crate::http::webhook::Received;

pub(super) fn operation(deed: (&str, &str)) -> Option<Operation> {
    Some(match deed {
        ("GET", "/v1/balances") => keyed("readBalances", Scope::FinanceRead, "Read the balances at the gateway")
            .query::<ShopName>("shop", "of the merchant behind this shop; the default one's if it is left out")
            .answers::<BalancesView<'static>>(200, "the balances as they are now")
            .problems(&[Kind::NotFound]),
        ("GET", "/v1/payments/{id}/operations") => {
            keyed("readGatewayOperations", Scope::OpsRead, "Read what the gateway itself did for a payment")
                .of("the payment")
                .answers::<Listed<OperationView<'static>>>(200, "its steps, newest first")
        }
        ("GET", "/v1/customers/{customer}/card-tokens") => {
            keyed("readCardTokens", Scope::DepositsWrite, "Read the cards that a customer has saved")
                .path::<CustomerReference>("customer", "your name for the customer")
                .query::<ShopName>("shop", "where; the default one if it is left out")
                .query::<bool>("savedByCustomer", "only those that the customer did, or did not, save")
                .answers::<Listed<CardTokenView<'static>>>(200, "the cards")
                .saying(200, "Cache-Control", "`no-store`")
        }
        ("POST", "/webhooks/paytech/{shop}") => hear(),
        _ => return None,
    })
}

/// Everything that is asked of the gateway may come back without an answer.
fn keyed(id: &'static str, scope: Scope, summary: &'static str) -> Operation {
    Operation::with_key(id, Tag::Gateway, &[scope], summary).problems(&SENT)
}

fn hear() -> Operation {
    Operation::open("hearNotice", Tag::Gateway, "Take a notice of the gateway")
        .about("Signed with the shop's signing key, over the bytes of the body. Answered with 200 once it is durable, whatever is made of it.")
        .path::<ShopName>("shop", "whose payment it is about")
        .header("Signature", false, "HMAC-SHA256 of the body", &json!({ "type": "string" }))
        .raw_body(true, json!({ "application/json": { "schema": { "type": "object" } } }))
        .answers::<Received>(200, "it is durable")
        .problems(&[
            Kind::InvalidSignature,
            Kind::UnreadableNotice,
            Kind::MalformedBody,
            Kind::BodyTooLarge,
            Kind::BodyTooSlow,
            Kind::StoreUnavailable,
            Kind::Internal,
        ])
}
