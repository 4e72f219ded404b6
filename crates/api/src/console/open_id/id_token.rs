use std::time::Duration;

use domain::Time;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::Refusal;

/// By pairs of keys alone: with a shared secret, or without any, whoever reads a public key could sign.
const ALGORITHMS: [Algorithm; 4] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];
/// How far the provider's clock may be from ours.
const LEEWAY: Duration = Duration::from_mins(1);

/// What an ID token must say to be about this sign-in.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Time,
}

/// How a token says that it is signed. Nothing in it is believed yet.
pub(super) fn header(token: &str) -> Result<Header, Refusal> {
    let header = decode_header(token).ok().filter(|header| ALGORITHMS.contains(&header.alg));
    let header = header.ok_or(Refusal::Untrusted("the ID token is not signed in a way that is taken here"))?;
    if header.crit.is_some() {
        return Err(Refusal::Untrusted("the ID token needs something that is not known here"));
    }
    Ok(header)
}

/// The one key among the provider's that such a token may be signed with. Without a name for it, only if there is no other.
pub(super) fn key_of(keys: &[Jwk], header: &Header) -> Option<DecodingKey> {
    let named = |key: &&Jwk| header.kid.is_none() || key.common.key_id == header.kid;
    let for_signatures = |key: &&Jwk| matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let of_algorithm = |key: &&Jwk| key.common.key_algorithm.is_none_or(|algorithm| algorithm == header.alg.into());
    let fitting = keys.iter().filter(named).filter(for_signatures).filter(of_algorithm);
    let keys = fitting.filter_map(|key| DecodingKey::from_jwk(key).ok());
    let mut keys = keys.filter(|key| key.family() == header.alg.family());
    let first = keys.next()?;
    (header.kid.is_some() || keys.next().is_none()).then_some(first)
}

/// The claims of a token, once everything about it is as it must be (OIDC Core, section 3.1.3.7).
pub(super) fn read(token: &str, key: &DecodingKey, expected: &Expected<'_>) -> Result<Value, Refusal> {
    let mut rules = Validation::new(header(token)?.alg);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client_id]);
    // What time it is, the library would ask the machine.
    rules.validate_exp = false;
    let token = decode::<Value>(token, key, &rules).map_err(|error| Refusal::Untrusted(why(error.kind())))?;
    check_meant_for_us(&token.claims, expected)?;
    check_times(&token.claims, expected.now)?;
    Ok(token.claims)
}

/// The library takes lists of issuers, and does not know of several audiences and of nonces.
fn check_meant_for_us(claims: &Value, expected: &Expected<'_>) -> Result<(), Refusal> {
    if claims["iss"].as_str() != Some(expected.issuer) {
        return Err(Refusal::Untrusted("the ID token is of another issuer"));
    }
    let others = claims["aud"].as_array().is_some_and(|audiences| audiences.len() > 1);
    let party = claims.get("azp").map(Value::as_str);
    if party.map_or(others, |party| party != Some(expected.client_id)) {
        return Err(Refusal::Untrusted("the ID token is for somebody else"));
    }
    let nonce = claims["nonce"].as_str().unwrap_or_default();
    if !bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())) {
        return Err(Refusal::Untrusted("the ID token is about another sign-in"));
    }
    Ok(())
}

fn check_times(claims: &Value, now: Time) -> Result<(), Refusal> {
    let (early, late) = (now.minus(LEEWAY).utc().timestamp(), now.plus(LEEWAY).utc().timestamp());
    if seconds(&claims["exp"]).is_none_or(|end| end <= early) {
        return Err(Refusal::Untrusted("the ID token has expired"));
    }
    if seconds(&claims["iat"]).is_none_or(|made| made > late) {
        return Err(Refusal::Untrusted("the ID token was not made yet"));
    }
    if claims.get("nbf").is_some_and(|begin| seconds(begin).is_none_or(|begin| begin > late)) {
        return Err(Refusal::Untrusted("the ID token is not valid yet"));
    }
    Ok(())
}

/// The whole seconds of a moment; some providers write parts of them, too.
fn seconds(moment: &Value) -> Option<i64> {
    let text = moment.as_number()?.to_string();
    let whole = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole);
    whole.parse().ok()
}

fn why(kind: &jsonwebtoken::errors::ErrorKind) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidSignature => "the ID token is not signed by the provider",
        ErrorKind::InvalidIssuer => "the ID token is of another issuer",
        ErrorKind::InvalidAudience => "the ID token is for somebody else",
        ErrorKind::MissingRequiredClaim(_) => "the ID token says too little",
        _ => "the ID token cannot be read",
    }
}
