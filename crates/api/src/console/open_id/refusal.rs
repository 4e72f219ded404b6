use actix_web::http::StatusCode;

/// Why nobody is signed in. What a browser or a provider sent is in none of them, so that each can be shown and logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// The browser holds no sign-in, or another one.
    #[error("this sign-in was not begun in this browser, took longer than ten minutes, or is over")]
    NotBegun,
    /// The person, or somebody in charge, said no.
    #[error("the provider let nobody in: access_denied")]
    Denied,
    /// Something else went wrong at the provider.
    #[error("the provider let nobody in: {0}")]
    Failed(&'static str),
    /// The provider may be asked again later.
    #[error("the provider cannot be asked now: {0}")]
    Unreachable(&'static str),
    /// The provider's answer is of no use; somebody has to look at it, or at the settings.
    #[error("the provider's answer is of no use: {0}")]
    Unusable(&'static str),
    /// The code was used, is too old, or is not ours.
    #[error("the provider does not take the code that the browser came back with")]
    Code,
    /// The token may be anybody's.
    #[error("what the provider says cannot be trusted: {0}")]
    Untrusted(&'static str),
    /// Nothing of what the provider says can stand in the ledger.
    #[error("the provider gives no name that could stand in the ledger")]
    NoName,
    /// The settings let none of their groups in.
    #[error("none of the groups that the provider names may use the console; ask whoever looks after them")]
    NoGroup,
}

impl Refusal {
    /// What it is answered with.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NotBegun => StatusCode::BAD_REQUEST,
            Self::Denied | Self::Failed(_) | Self::Code | Self::Untrusted(_) | Self::NoName | Self::NoGroup => {
                StatusCode::FORBIDDEN
            }
            Self::Unreachable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unusable(_) => StatusCode::BAD_GATEWAY,
        }
    }

    /// What the provider's error means that the browser came back with (RFC 6749, section 4.1.2.1; OIDC Core,
    /// section 3.1.2.6). A word that is not known is not repeated.
    pub(super) fn of_error(error: &str) -> Self {
        const KNOWN: [&str; 9] = [
            "invalid_request",
            "unauthorized_client",
            "unsupported_response_type",
            "invalid_scope",
            "interaction_required",
            "login_required",
            "account_selection_required",
            "consent_required",
            "request_not_supported",
        ];
        match error {
            "access_denied" => Self::Denied,
            "server_error" => Self::Unreachable("server_error"),
            "temporarily_unavailable" => Self::Unreachable("temporarily_unavailable"),
            _ => Self::Failed(KNOWN.into_iter().find(|known| *known == error).unwrap_or("for a reason of its own")),
        }
    }
}
