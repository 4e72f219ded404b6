//! Versions of a payment, as conditions of a request see them: `ETag`, `If-None-Match`, `If-Match` (RFC 9110).

use actix_web::HttpRequest;
use actix_web::http::header::{EntityTag, Header as _, IF_MATCH, IfNoneMatch};
use sha2::{Digest as _, Sha256};

use super::problem::{FieldError, Problem};

/// Names what is told of a payment: its version, and a digest of the rest. That it was reconciled, why it stands where it
/// stands, and tokens that only some keys are shown make no new version.
pub(super) fn tag_of(version: u64, told: &[u8]) -> EntityTag {
    EntityTag::new_strong(format!("{version}-{}", hex::encode(&Sha256::digest(told)[..8])))
}

/// Whether the caller has this already. A header that cannot be read is none.
pub(super) fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}

/// The version in `If-Match`: a tag as [`tag_of`] made it, or the version alone, `"7"`. None without the header, or where
/// any will do.
pub(super) fn if_match(request: &HttpRequest) -> Result<Option<u64>, Problem> {
    let Some(value) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let tag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let version = tag.split_once('-').map_or(tag, |(version, _)| version).parse().ok();
    version.map(Some).ok_or_else(|| {
        Problem::fields(vec![FieldError {
            pointer: "If-Match".to_owned(),
            detail: "must be the ETag of a payment, or its version in quotation marks, such as \"7\"".to_owned(),
        }])
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::IF_NONE_MATCH;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn what_is_told_differently_has_another_tag() {
        let tag = tag_of(7, b"reconciledAt: null");
        assert_eq!(tag, tag_of(7, b"reconciledAt: null"));
        assert_ne!(tag, tag_of(7, b"reconciledAt: today"));
        assert_ne!(tag, tag_of(8, b"reconciledAt: null"));
        assert!(!tag.weak && tag.tag().starts_with("7-"));
    }

    #[test]
    fn a_tag_is_known_in_any_list_that_holds_it() {
        let tag = tag_of(7, b"told");
        let asked = |value: &str| TestRequest::default().insert_header((IF_NONE_MATCH, value)).to_http_request();
        for known in [format!("{tag}"), format!("\"1\", W/{tag}"), "*".to_owned()] {
            assert!(is_known(&asked(&known), &tag), "{known}");
        }
        for unknown in ["\"7\"", "7", "", "\"open"] {
            assert!(!is_known(&asked(unknown), &tag), "{unknown}");
        }
        assert!(!is_known(&TestRequest::default().to_http_request(), &tag));
    }

    #[test]
    fn a_condition_names_a_version() {
        let asked = |value: &str| if_match(&TestRequest::default().insert_header((IF_MATCH, value)).to_http_request());
        for (value, version) in [("\"7\"", Some(7)), ("7", Some(7)), (" \"7-0f1e2d3c4b5a6978\" ", Some(7)), ("*", None)]
        {
            assert_eq!(asked(value).ok(), Some(version), "{value}");
        }
        for wrong in ["", "\"\"", "\"seven\"", "W/\"7\"", "\"7\", \"8\"", "-7", "\"-7\"", "99999999999999999999"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }
}
