//! What every problem must look like (RFC 9457 and the REST contract).

use serde_json::Value;

use crate::app::Answer;
use crate::examples;

/// Every code, with the status that goes with it, and what the caller may do next.
pub(crate) const KINDS: [(&str, u16, &str); 37] = [
    ("malformed-body", 400, "never"),
    ("invalid-request", 422, "never"),
    ("unsupported-media-type", 415, "never"),
    ("body-too-large", 413, "never"),
    ("body-too-slow", 408, "same-request"),
    ("unauthorized", 401, "never"),
    ("missing-scope", 403, "never"),
    ("network-not-allowed", 403, "never"),
    ("not-found", 404, "never"),
    ("method-not-allowed", 405, "never"),
    ("reference-taken", 409, "new-reference"),
    ("parent-not-ready", 409, "same-request"),
    ("gateway-refused", 422, "new-reference"),
    ("command-refused", 422, "never"),
    ("not-in-this-state", 409, "never"),
    ("command-open", 409, "same-request"),
    ("already-given", 409, "never"),
    ("not-refundable", 409, "never"),
    ("maker-approves", 403, "never"),
    ("not-forcible", 409, "never"),
    ("too-early", 409, "same-request"),
    ("request-gone", 409, "never"),
    ("proposal-open", 409, "never"),
    ("version-changed", 412, "never"),
    ("version-missing", 428, "never"),
    ("idempotency-key-reused", 422, "never"),
    ("idempotency-key-in-flight", 409, "same-request"),
    ("rate-limited", 429, "same-request"),
    ("stopped", 503, "same-request"),
    ("invalid-signature", 401, "never"),
    ("unreadable-notice", 400, "never"),
    ("store-unavailable", 503, "same-request"),
    ("gateway-unavailable", 503, "same-request"),
    ("gateway-misconfigured", 503, "same-request"),
    ("file-gone", 410, "never"),
    ("file-not-here", 503, "same-request"),
    ("internal", 500, "same-request"),
];

/// Those that say when to come again, beside all that are 503.
const WITH_A_PAUSE: [&str; 2] = ["idempotency-key-in-flight", "rate-limited"];

const MEMBERS: [&str; 11] =
    ["type", "title", "status", "detail", "instance", "code", "requestId", "paymentId", "errors", "retry", "outcome"];

impl Answer {
    /// A problem of this code, and in every detail what a problem must be.
    pub(crate) fn assert_problem(&self, code: &str) {
        assert_eq!(self.body["code"], code, "{self:?}");
        self.assert_is_problem();
    }

    /// In every detail what a problem must be, of whichever code.
    pub(crate) fn assert_is_problem(&self) {
        let text = |name: &str| self.body[name].as_str().unwrap_or_else(|| panic!("{name} is no text: {self:?}"));
        let code = text("code");
        let kind = KINDS.iter().find(|(known, ..)| *known == code);
        let (_, status, retry) = kind.unwrap_or_else(|| panic!("a new code: {self:?}"));
        assert_eq!(self.status, *status, "{self:?}");
        assert_eq!(self.body["status"], *status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(text("type"), format!("/problems/{code}"));
        assert_eq!(text("retry"), *retry, "{self:?}");
        assert_eq!(text("outcome"), if code == "internal" { "unknown" } else { "none" }, "{self:?}");
        assert!(!text("title").is_empty() && !text("detail").is_empty(), "{self:?}");
        assert!(text("instance").starts_with('/') && !text("instance").contains('?'), "{self:?}");
        assert_eq!(self.headers["x-request-id"], text("requestId"), "{self:?}");
        assert_eq!(self.headers.contains_key("www-authenticate"), code == "unauthorized", "{self:?}");
        assert_eq!(self.headers.contains_key("allow"), code == "method-not-allowed", "{self:?}");
        assert_eq!(
            self.headers.contains_key("retry-after"),
            *status == 503 || WITH_A_PAUSE.contains(&code),
            "{self:?}"
        );
        for error in self.errors() {
            let members: Vec<&String> = error.as_object().unwrap().keys().collect();
            assert_eq!(members, ["detail", "pointer"], "{self:?}");
            assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{self:?}");
        }
        examples::keep_problem(&self.body);
        let unknown: Vec<&String> =
            self.body.as_object().unwrap().keys().filter(|name| !MEMBERS.contains(&name.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?} in {self:?}");
    }

    /// Where something is wrong.
    pub(crate) fn pointers(&self) -> Vec<&str> {
        self.errors().iter().map(|error| error["pointer"].as_str().unwrap()).collect()
    }

    fn errors(&self) -> &[Value] {
        self.body["errors"].as_array().map_or(&[], Vec::as_slice)
    }
}
