//! The `Signature` header of a webhook (gateway contract, section 9).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How the signature is written; the contract does not say, so each is a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureMode {
    /// 64 hex digits, `a` to `f` small: what there is evidence for.
    #[default]
    HexLower,
    /// 64 hex digits, `A` to `F` large.
    HexUpper,
    /// Standard base64 with padding.
    Base64,
    /// Well-formed lower-case hex made with a key that nobody has.
    WrongKey,
    /// No header, as in a shop without a signing key.
    Absent,
}

/// Signs `body` as the gateway does: HMAC-SHA256 over the raw bytes, the key taken as UTF-8 text.
pub fn sign(mode: SignatureMode, signing_key: &str, body: &[u8]) -> Option<String> {
    match mode {
        SignatureMode::HexLower => Some(hex::encode(digest(signing_key.as_bytes(), body)?)),
        SignatureMode::HexUpper => Some(hex::encode_upper(digest(signing_key.as_bytes(), body)?)),
        SignatureMode::Base64 => Some(STANDARD.encode(digest(signing_key.as_bytes(), body)?)),
        SignatureMode::WrongKey => Some(hex::encode(digest(&wrong_key(signing_key), body)?)),
        SignatureMode::Absent => None,
    }
}

fn digest(key: &[u8], body: &[u8]) -> Option<[u8; 32]> {
    // HMAC takes keys of every length, so `None` is out of reach; it only spares us a panic.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(body);
    Some(mac.finalize().into_bytes().into())
}

fn wrong_key(signing_key: &str) -> Vec<u8> {
    [b"not ".as_slice(), signing_key.as_bytes()].concat()
}
