//! `/problems` and `/problems/{code}`: what each problem means, for whoever is told of one. `docs/problems.md` says the same.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Path;
use askama::Template;
use strum::VariantArray as _;

use super::problem::{Kind, Problem};

/// What stands on the page of a kind beside the table that problems are made of.
pub(super) struct Told {
    /// When it comes.
    pub(super) when: &'static str,
    /// What to do about it.
    pub(super) then: &'static str,
}

impl Kind {
    /// The kind in words.
    #[expect(clippy::too_many_lines, reason = "a table, in words")]
    pub(super) fn told(self) -> Told {
        let told = |when, then| Told { when, then };
        match self {
            Self::MalformedBody => told(
                "The body is not JSON, is no object, names a member twice, or broke off.",
                "Send one JSON object. `detail` names the line and the column at which it ceases to be one.",
            ),
            Self::InvalidRequest => told(
                "A field, a parameter or a header is missing, unknown, or not what it must be.",
                "Put right what `errors` names. Nothing was taken, so a reference in it is still free.",
            ),
            Self::UnsupportedMediaType => told(
                "The header `Content-Type` is missing, or names something that is not read here.",
                "Send `Content-Type: application/json`; for a settlement file `text/csv` or `application/xml`.",
            ),
            Self::BodyTooLarge => told(
                "The body has more bytes than this resource takes; `detail` says how many it may have.",
                "Send less: a request is not larger than 64 KiB, and a settlement file as large as the settings allow.",
            ),
            Self::BodyTooSlow => {
                told("The body was not complete in time. Nothing was read of it.", "Send the same request again.")
            }
            Self::Unauthorized => told(
                "The request has no key, or one that is unknown or revoked.",
                "Send `Authorization: Bearer KEY`. Whoever runs the service makes keys: `api keys create`.",
            ),
            Self::MissingScope => told(
                "The key is known, and may not do this; `detail` names the scope that it lacks.",
                "Use the key that is meant for it, or ask for one that has the scope.",
            ),
            Self::NetworkNotAllowed => told(
                "The key is bound to networks, and the request comes from none of them.",
                "Call from where the key is meant to be used, or ask for one that is bound to your network.",
            ),
            Self::IdempotencyKeyReused => told(
                "The `Idempotency-Key` was sent with another request before.",
                "Send the first request again, or this one under a key of its own.",
            ),
            Self::IdempotencyKeyInFlight => told(
                "The request of this `Idempotency-Key` is being done at this moment.",
                "The same request again, after `Retry-After`: it is answered with what the first one comes to.",
            ),
            Self::RateLimited => told(
                "The key has asked more often than it may. Nothing was done.",
                "The same request again, after `Retry-After`; `RateLimit` says how much is left.",
            ),
            Self::NotFound => told(
                "There is no such resource, or none that this key may see: the two are not told apart.",
                "Look at the path, the id and the shop; then ask whether the key is bound to other shops.",
            ),
            Self::MethodNotAllowed => told(
                "The resource is there, and does not take this method.",
                "The header `Allow` names the methods that it takes.",
            ),
            Self::ReferenceTaken => told(
                "The `referenceId` belongs to another order already; `errors` names the fields that differ, never their values.",
                "Look for the mistake on your side: two orders share a reference, or one was changed after it was sent. \
                 What is really another payment needs another reference.",
            ),
            Self::ParentNotReady => told(
                "The payment that this one follows from has not come far enough: the gateway does not know it yet.",
                "Wait until the parent has a `gatewayPaymentId`, then send the same request.",
            ),
            Self::GatewayRefused => told(
                "The gateway refused the order. The payment exists as `REJECTED`, and `paymentId` names it; \
                 `errors` names the fields, if the gateway did.",
                "Put it right, and order it under a new reference.",
            ),
            Self::CommandRefused => told(
                "The gateway refused what was asked of the payment: a capture, a void, an approval or a rejection.",
                "Read the payment: it is as it was. `detail` says what the gateway said.",
            ),
            Self::NotInThisState => told(
                "What is asked for does not go with the state that the thing is in.",
                "Read it again, and decide anew.",
            ),
            Self::CommandOpen => told(
                "Another command of this payment is under way, or nobody knows yet what came of it: `pendingCommand` is set.",
                "Wait until `pendingCommand` is null (`GET /v1/payments/{id}?wait=30&after=VERSION`), and decide anew.",
            ),
            Self::AlreadyGiven => told(
                "A payment is captured once, and this one was: with another amount.",
                "Read the payment: `capturedAmount` says what was taken. Give back what is too much by a refund.",
            ),
            Self::NotRefundable => told(
                "Something about the payment forbids any refund, such as a chargeback or a contradiction.",
                "A person has to look at it: show them `paymentId` or `requestId`.",
            ),
            Self::MakerApproves => told(
                "Whoever ordered it, or asked for it, must not be the one who approves it.",
                "Another person approves it, with another key.",
            ),
            Self::NotForcible => told(
                "A person may not say this of the payment: what is known of it says otherwise.",
                "Look at the payment with `dryRun`, and at the runbook, for what may be said.",
            ),
            Self::TooEarly => told(
                "It may not be decided yet, since the payment may still resolve itself.",
                "The same request again, once the time that `detail` names has come.",
            ),
            Self::RequestGone => told(
                "What would be sent again is not kept any longer.",
                "It cannot be sent a second time. Force the state that is proven, or order anew under a new reference.",
            ),
            Self::ProposalOpen => told(
                "Something is proposed for this payment already, and waits for a second person.",
                "Have it approved or declined first: `GET /v1/proposals`.",
            ),
            Self::VersionChanged => told(
                "`If-Match` names a version that is not the present one, or somebody was faster.",
                "Read it again; what has changed may change what you want.",
            ),
            Self::VersionMissing => told(
                "This needs the header `If-Match` with the version that was seen.",
                "Read the payment, and send its version in quotation marks: `If-Match: \"7\"`.",
            ),
            Self::Stopped => told(
                "People have stopped this for now, by a switch. Nothing was taken.",
                "The same request again, after `Retry-After`. Whoever is on call knows for how long.",
            ),
            Self::InvalidSignature => told(
                "A notice of the gateway bears no signature, or a wrong one.",
                "This is between the gateway and the service: the signing key of the shop, and its encoding, are settings.",
            ),
            Self::UnreadableNotice => told(
                "A notice of the gateway is signed well, and cannot be read.",
                "Whoever runs the service looks at it; callers have nothing to do with it.",
            ),
            Self::StoreUnavailable => told(
                "The database does not answer, or not in time. Nothing was sent to the gateway.",
                "The same request again, after `Retry-After`, with growing pauses.",
            ),
            Self::GatewayUnavailable => told(
                "The gateway does not answer, so nothing is sent to it for a while. Nothing was sent for this request.",
                "The same request again, after `Retry-After`, with growing pauses and the same reference.",
            ),
            Self::GatewayMisconfigured => told(
                "The gateway does not take the key of the shop. Nothing was done.",
                "Whoever runs the service has to put the settings right; then the same request.",
            ),
            Self::FileGone => told(
                "The file of the export was kept for as long as the settings say, and is gone.",
                "Order the export once more.",
            ),
            Self::FileNotHere => told(
                "The process that was asked does not have the file of the export: another one may.",
                "The same request again, after `Retry-After`.",
            ),
            Self::Internal => told(
                "Something broke here, and what came of the request is not known.",
                "The same request again, with the same reference: it is not done twice. Show `requestId` to whoever helps you.",
            ),
        }
    }
}

#[derive(Template)]
#[template(path = "problem/list.html")]
struct ListPage {
    kinds: &'static [Kind],
}

#[derive(Template)]
#[template(path = "problem/one.html")]
struct OnePage {
    kind: Kind,
}

/// The same for the repository.
#[derive(Template)]
#[template(path = "problem/all.md", escape = "none")]
struct AllPages {
    kinds: &'static [Kind],
}

/// `GET /problems`: all of them.
pub(super) async fn list() -> Result<HttpResponse, Problem> {
    page(&ListPage { kinds: Kind::VARIANTS })
}

/// `GET /problems/{code}`: where the `type` of a problem leads.
pub(super) async fn read(code: Path<String>) -> Result<HttpResponse, Problem> {
    let kind: Kind = code.parse().map_err(|_| Problem::not_found())?;
    page(&OnePage { kind })
}

/// A page that needs nothing but itself.
fn page(template: &impl Template) -> Result<HttpResponse, Problem> {
    let text = template.render().map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a page could not be written");
        Problem::new(Kind::Internal, "the page could not be written")
    })?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .content_type(ContentType::html())
        .body(text))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// `WRITE_DOCS=1` writes it.
    #[test]
    fn the_page_in_the_repository_is_what_the_program_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/problems.md");
        let now = AllPages { kinds: Kind::VARIANTS }.render().unwrap();
        if std::env::var_os("WRITE_DOCS").is_some() {
            std::fs::write(&path, &now).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == now, "docs/problems.md is not what the program says; run this test with WRITE_DOCS=1");
    }

    #[test]
    fn each_kind_is_told_in_whole_sentences_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in Kind::VARIANTS {
            let Told { when, then } = kind.told();
            for sentence in [when, then] {
                assert!(sentence.ends_with(['.', '"', '`']) && !sentence.contains("  "), "{kind:?}: {sentence}");
            }
            assert!(seen.insert(when), "{kind:?} is told like another one");
        }
    }
}
