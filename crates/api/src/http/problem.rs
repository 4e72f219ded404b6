use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use domain::{NotAllowed, NotRefundable, PaymentId};
use orchestrator::{DeedError, NoticeError};
use schemars::JsonSchema;
use serde::Serialize;

use super::document::{As, Id};
use crate::works::WorkLost;

/// What a caller reads when something is not as it should be (RFC 9457), and the only place where an error becomes a
/// status.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    payment: Option<PaymentId>,
    retry_after: Option<Duration>,
    allow: Option<String>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldError {
    /// Where it stands: a JSON pointer (RFC 6901) into the body, or the name of a query parameter.
    pub pointer: String,
    /// What is wrong. Never the value.
    pub detail: String,
}

/// Every kind of problem; its name on the wire is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
#[allow(missing_docs, reason = "the table below says what each is")]
pub enum Kind {
    MalformedBody,
    InvalidRequest,
    UnsupportedMediaType,
    BodyTooLarge,
    BodyTooSlow,
    Unauthorized,
    MissingScope,
    NetworkNotAllowed,
    NotFound,
    MethodNotAllowed,
    ReferenceTaken,
    ParentNotReady,
    GatewayRefused,
    CommandRefused,
    NotInThisState,
    CommandOpen,
    AlreadyGiven,
    NotRefundable,
    MakerApproves,
    NotForcible,
    TooEarly,
    RequestGone,
    ProposalOpen,
    VersionChanged,
    VersionMissing,
    IdempotencyKeyReused,
    IdempotencyKeyInFlight,
    RateLimited,
    Stopped,
    InvalidSignature,
    UnreadableNotice,
    StoreUnavailable,
    GatewayUnavailable,
    GatewayMisconfigured,
    FileGone,
    FileNotHere,
    Internal,
}

/// What a caller may do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum Retry {
    SameRequest,
    NewReference,
    Never,
}

/// What has become of the caller's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum Effect {
    None,
    Unknown,
}

impl Kind {
    /// Its name on the wire.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Where it is explained, and what its `type` says: the same path at every installation (RFC 9457, section 3.1.1).
    pub(crate) fn page(self) -> String {
        format!("/problems/{}", self.code())
    }

    /// The status that it is answered with.
    pub(crate) fn status(self) -> StatusCode {
        row(self).status
    }

    /// What it is, in a few words for a person.
    pub(crate) fn title(self) -> &'static str {
        row(self).title
    }

    /// What a caller may do next, in the word of the wire.
    pub(crate) fn retry(self) -> &'static str {
        row(self).retry.into()
    }

    /// What has become of the caller's wish, likewise.
    pub(crate) fn outcome(self) -> &'static str {
        row(self).effect.into()
    }

    /// Whether it tells what came of a deed. What the request itself is refused for, and what may be otherwise in a moment,
    /// does not.
    pub(super) fn is_an_outcome(self) -> bool {
        matches!(
            self,
            Self::CommandRefused
                | Self::NotInThisState
                | Self::AlreadyGiven
                | Self::NotRefundable
                | Self::MakerApproves
                | Self::NotForcible
                | Self::RequestGone
                | Self::ProposalOpen
                | Self::VersionChanged
        )
    }
}

struct Row {
    status: StatusCode,
    title: &'static str,
    retry: Retry,
    effect: Effect,
}

fn row(kind: Kind) -> Row {
    use Effect::{None, Unknown};
    use Retry::{Never, NewReference, SameRequest};
    let row = |status, title, retry, effect| Row { status, title, retry, effect };
    match kind {
        Kind::MalformedBody => row(StatusCode::BAD_REQUEST, "The body is not JSON", Never, None),
        Kind::InvalidRequest => row(StatusCode::UNPROCESSABLE_ENTITY, "The request is not valid", Never, None),
        Kind::UnsupportedMediaType => {
            row(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must be application/json", Never, None)
        }
        Kind::BodyTooLarge => row(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large", Never, None),
        Kind::BodyTooSlow => row(StatusCode::REQUEST_TIMEOUT, "The body came too slowly", SameRequest, None),
        Kind::Unauthorized => row(StatusCode::UNAUTHORIZED, "No valid key", Never, None),
        Kind::MissingScope => row(StatusCode::FORBIDDEN, "The key may not do this", Never, None),
        Kind::NetworkNotAllowed => row(StatusCode::FORBIDDEN, "The key may not be used from there", Never, None),
        Kind::NotFound => row(StatusCode::NOT_FOUND, "Not found", Never, None),
        Kind::MethodNotAllowed => row(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", Never, None),
        Kind::ReferenceTaken => row(StatusCode::CONFLICT, "The reference is taken", NewReference, None),
        Kind::ParentNotReady => row(StatusCode::CONFLICT, "The parent is not ready", SameRequest, None),
        Kind::GatewayRefused => row(StatusCode::UNPROCESSABLE_ENTITY, "The gateway refused it", NewReference, None),
        Kind::CommandRefused => row(StatusCode::UNPROCESSABLE_ENTITY, "The gateway refused it", Never, None),
        Kind::NotInThisState => row(StatusCode::CONFLICT, "Not in this state", Never, None),
        Kind::CommandOpen => {
            row(StatusCode::CONFLICT, "The outcome of another command is not known", SameRequest, None)
        }
        Kind::AlreadyGiven => row(StatusCode::CONFLICT, "It was given before", Never, None),
        Kind::NotRefundable => row(StatusCode::CONFLICT, "It cannot be refunded", Never, None),
        Kind::MakerApproves => row(StatusCode::FORBIDDEN, "Somebody else must approve it", Never, None),
        Kind::NotForcible => row(StatusCode::CONFLICT, "That cannot be said of it", Never, None),
        Kind::TooEarly => row(StatusCode::CONFLICT, "It is too early", SameRequest, None),
        Kind::RequestGone => row(StatusCode::CONFLICT, "The request is gone", Never, None),
        Kind::ProposalOpen => row(StatusCode::CONFLICT, "Something waits for a second person", Never, None),
        Kind::VersionChanged => row(StatusCode::PRECONDITION_FAILED, "It has changed meanwhile", Never, None),
        Kind::VersionMissing => row(StatusCode::PRECONDITION_REQUIRED, "Which version is meant", Never, None),
        Kind::IdempotencyKeyReused => {
            row(StatusCode::UNPROCESSABLE_ENTITY, "The Idempotency-Key names another request", Never, None)
        }
        Kind::IdempotencyKeyInFlight => row(StatusCode::CONFLICT, "The request is being done", SameRequest, None),
        Kind::RateLimited => row(StatusCode::TOO_MANY_REQUESTS, "Too many requests", SameRequest, None),
        Kind::Stopped => row(StatusCode::SERVICE_UNAVAILABLE, "It is stopped by hand", SameRequest, None),
        Kind::InvalidSignature => row(StatusCode::UNAUTHORIZED, "The signature is not valid", Never, None),
        Kind::UnreadableNotice => row(StatusCode::BAD_REQUEST, "The notice cannot be read", Never, None),
        Kind::StoreUnavailable => {
            row(StatusCode::SERVICE_UNAVAILABLE, "The database is not available", SameRequest, None)
        }
        Kind::GatewayUnavailable => {
            row(StatusCode::SERVICE_UNAVAILABLE, "The gateway is not available", SameRequest, None)
        }
        Kind::GatewayMisconfigured => {
            row(StatusCode::SERVICE_UNAVAILABLE, "The gateway refuses our key", SameRequest, None)
        }
        Kind::FileGone => row(StatusCode::GONE, "The file is gone", Never, None),
        Kind::FileNotHere => row(StatusCode::SERVICE_UNAVAILABLE, "The file is not here", SameRequest, None),
        Kind::Internal => row(StatusCode::INTERNAL_SERVER_ERROR, "Something broke here", SameRequest, Unknown),
    }
}

/// When it is worth to try again what people have stopped.
const STOPPED_RETRY: Duration = Duration::from_mins(1);

impl Problem {
    const ERRORS_MAX: usize = 50;

    /// Of a kind, with a sentence for a person.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), payment: None, retry_after: None, allow: None }
    }

    /// Fields of the request that are wrong. The first ones, if there are very many: an answer must not be larger than
    /// the request that it is about.
    pub fn fields(mut errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{} {}", only.pointer, only.detail),
            several => format!("{} fields are not valid", several.len()),
        };
        errors.truncate(Self::ERRORS_MAX);
        Self { errors, ..Self::new(Kind::InvalidRequest, detail) }
    }

    /// What the gateway refused; the payment exists as `REJECTED`.
    pub fn refused(payment: PaymentId, detail: String, errors: Vec<FieldError>) -> Self {
        Self { errors, payment: Some(payment), ..Self::new(Kind::GatewayRefused, detail) }
    }

    /// Of a kind, about a payment.
    pub fn about(payment: PaymentId, kind: Kind, detail: impl Into<String>) -> Self {
        Self { payment: Some(payment), ..Self::new(kind, detail) }
    }

    /// The same request may succeed in a moment.
    #[must_use]
    pub fn retry_soon(self) -> Self {
        self.retry_after(Duration::from_secs(1))
    }

    /// The same request may succeed after so long.
    #[must_use]
    pub fn retry_after(self, pause: Duration) -> Self {
        Self { retry_after: Some(pause), ..self }
    }

    /// Nothing that the caller may see has this name.
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "there is nothing here that this key may see")
    }

    /// The resource takes only these methods.
    pub fn method_not_allowed(allowed: String) -> Self {
        let detail = "this resource does not take this method";
        Self { allow: Some(allowed), ..Self::new(Kind::MethodNotAllowed, detail) }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its kind in a few words for a person.
    pub(crate) fn title(&self) -> &'static str {
        self.kind.title()
    }

    /// What is wrong, in a sentence for a person.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The fields that are wrong.
    pub(crate) fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The payment that it is about.
    pub(crate) fn payment(&self) -> Option<PaymentId> {
        self.payment
    }

    /// Whether it tells what came of a deed, so that the same request again is answered with it.
    pub(super) fn is_an_outcome(&self) -> bool {
        self.kind.is_an_outcome()
    }

    /// The methods that the resource takes, if another one was tried.
    pub(crate) fn allowed(&self) -> Option<&str> {
        self.allow.as_deref()
    }

    /// Whether what was wanted may have happened all the same.
    pub(crate) fn is_unknown(&self) -> bool {
        row(self.kind).effect == Effect::Unknown
    }

    /// The answer, its request named.
    pub fn response(&self, instance: Option<&str>, request_id: Option<&str>) -> HttpResponse {
        let status = self.kind.status();
        let mut response = HttpResponse::build(status);
        if let Some(pause) = self.retry_after {
            response.insert_header((RETRY_AFTER, pause.as_secs().max(1).to_string()));
        }
        if self.kind == Kind::Unauthorized {
            response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        if let Some(allowed) = &self.allow {
            response.insert_header((ALLOW, allowed.as_str()));
        }
        let body = ProblemBody {
            r#type: self.kind.page(),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: &self.detail,
            instance,
            code: self.kind.code(),
            request_id,
            payment_id: self.payment.map(|id| id.to_string()),
            errors: &self.errors,
            retry: self.kind.retry(),
            outcome: self.kind.outcome(),
        };
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

/// What is wrong, and what to do about it (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Problem")]
pub(super) struct ProblemBody<'a> {
    /// The page about it, a path of this service.
    r#type: String,
    /// What it is, in a few words; for people.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// What is wrong with this request; for people.
    detail: &'a str,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    /// Stable: programs go by it.
    #[schemars(with = "As<Kind>")]
    code: &'a str,
    /// The name of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// The payment that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    payment_id: Option<String>,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    errors: &'a [FieldError],
    /// What may be done next.
    #[schemars(with = "As<Retry>")]
    retry: &'a str,
    /// What has become of what was asked for.
    #[schemars(with = "As<Effect>")]
    outcome: &'a str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    fn error_response(&self) -> HttpResponse {
        // The middleware that knows the request writes it again, with the request's name.
        self.response(None, None)
    }
}

impl From<DeedError> for Problem {
    fn from(error: DeedError) -> Self {
        let detail = error.to_string();
        match error {
            DeedError::ReferenceTaken { payment, differences } => Self {
                errors: differences
                    .into_iter()
                    .map(|pointer| FieldError {
                        pointer,
                        detail: "is not what it was when the payment was ordered".to_owned(),
                    })
                    .collect(),
                payment: Some(payment),
                ..Self::new(Kind::ReferenceTaken, detail)
            },
            DeedError::NotAllowed(why) => Self::not_allowed(&why),
            DeedError::NotRefundable(why) => Self::not_refundable(why),
            DeedError::InvalidAmount(_) => Self::amount(detail),
            DeedError::MakerApproves | DeedError::SamePerson => Self::new(Kind::MakerApproves, detail),
            DeedError::NotForcible(_) => Self::new(Kind::NotForcible, detail),
            DeedError::VersionChanged { .. } => Self::new(Kind::VersionChanged, detail),
            DeedError::TooEarly { .. } => Self::new(Kind::TooEarly, detail),
            DeedError::RequestGone => Self::new(Kind::RequestGone, detail),
            DeedError::ProposalOpen => Self::new(Kind::ProposalOpen, detail),
            DeedError::ProposalDecided => Self::new(Kind::NotInThisState, detail),
            DeedError::Stopped(_) => Self { retry_after: Some(STOPPED_RETRY), ..Self::new(Kind::Stopped, detail) },
            DeedError::InvalidOrder { errors } => {
                Self::fields(errors.into_iter().map(|(pointer, detail)| FieldError { pointer, detail }).collect())
            }
            DeedError::RequestDiffers => Self::new(Kind::IdempotencyKeyReused, detail),
            DeedError::RequestInFlight => Self::new(Kind::IdempotencyKeyInFlight, detail).retry_soon(),
            DeedError::ParentNotReady => Self::new(Kind::ParentNotReady, detail),
            DeedError::UnknownShop(_) | DeedError::PaymentNotFound => Self::not_found(),
            DeedError::NotAtGateway => Self::new(Kind::NotFound, detail),
            DeedError::GatewayUnavailable { retry_after } => {
                Self { retry_after: Some(retry_after), ..Self::new(Kind::GatewayUnavailable, detail) }
            }
            DeedError::GatewayMisconfigured { retry_after } => {
                Self { retry_after: Some(retry_after), ..Self::new(Kind::GatewayMisconfigured, detail) }
            }
            DeedError::Store(source) => Self::store(source.as_ref()),
            DeedError::Contended => {
                tracing::error!(error = &error as &dyn std::error::Error, "request failed");
                Self { retry_after: Some(Duration::from_secs(1)), ..Self::new(Kind::StoreUnavailable, detail) }
            }
            DeedError::Poison(_) | DeedError::Sealed => {
                tracing::error!(error = &error as &dyn std::error::Error, "request failed");
                Self::new(Kind::Internal, "the payment could not be stored")
            }
        }
    }
}

impl Problem {
    fn amount(detail: String) -> Self {
        Self::fields(vec![FieldError { pointer: "/amount".to_owned(), detail }])
    }

    fn not_allowed(why: &NotAllowed) -> Self {
        let kind = match why {
            NotAllowed::TooMuch(_) | NotAllowed::TooLittle | NotAllowed::Currency(_) => {
                return Self::amount(why.to_string());
            }
            NotAllowed::State { .. } | NotAllowed::Kind(_) | NotAllowed::Unconfirmed => Kind::NotInThisState,
            NotAllowed::Open(_) => Kind::CommandOpen,
            NotAllowed::Once(_) => Kind::AlreadyGiven,
        };
        Self::new(kind, why.to_string())
    }

    fn not_refundable(why: NotRefundable) -> Self {
        let kind = match why {
            NotRefundable::TooMuch(_) | NotRefundable::TooLittle | NotRefundable::Currency(_) => {
                return Self::amount(why.to_string());
            }
            NotRefundable::State | NotRefundable::Unconfirmed => Kind::NotInThisState,
            NotRefundable::Contradicted
            | NotRefundable::Chargeback
            | NotRefundable::Incomparable
            | NotRefundable::TooMany => Kind::NotRefundable,
        };
        Self::new(kind, why.to_string())
    }

    /// The database does not do what it is asked. What it said stays in the log.
    pub fn store(error: &store::StoreError) -> Self {
        tracing::error!(error = error as &dyn std::error::Error, "request failed: store");
        let detail = "the database does not answer; nothing was sent to the gateway, repeat the same request";
        Self { retry_after: Some(Duration::from_secs(1)), ..Self::new(Kind::StoreUnavailable, detail) }
    }
}

impl From<store::StoreError> for Problem {
    fn from(error: store::StoreError) -> Self {
        Self::store(&error)
    }
}

impl From<NoticeError> for Problem {
    fn from(error: NoticeError) -> Self {
        match error {
            NoticeError::UnknownShop(_) => Self::not_found(),
            NoticeError::Signature(_) => Self::new(Kind::InvalidSignature, "the Signature header is missing or wrong"),
            NoticeError::Unreadable(_) => Self::new(Kind::UnreadableNotice, error.to_string()),
            NoticeError::Store(source) => Self::store(source.as_ref()),
        }
    }
}

impl From<WorkLost> for Problem {
    fn from(error: WorkLost) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "request failed: work lost");
        Self::new(Kind::Internal, "the work ended without an outcome; what was begun resolves itself, ask again")
    }
}
