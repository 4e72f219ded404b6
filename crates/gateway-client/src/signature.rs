//! The signature of a webhook: HMAC-SHA256 over the raw body, with the shop's signing key as UTF-8
//! text (gateway contract, section 9).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

const TAG_BYTES: usize = 32;

/// The standard alphabet, with or without padding when reading.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The signing keys of one shop: the current one, and earlier ones that still count while a rotation
/// is under way.
#[derive(Clone)]
pub struct SigningKeys {
    keys: Vec<SecretString>,
    encoding: Encoding,
}

/// How the signature is written in its header. The contract does not say (section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Hex, in either letter case.
    Hex,
    /// Base64 in the standard alphabet.
    Base64,
    /// Hex first, then base64. They cannot be mistaken for each other: 32 bytes are 64 digits of hex,
    /// and 43 or 44 characters of base64.
    #[default]
    Auto,
}

/// Which key a signature fits: 0 is the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyIndex(pub usize);

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("the signature is missing")]
    Missing,
    /// The header is not an encoded signature of the right length.
    #[error("the signature is malformed")]
    Malformed,
    /// Well-formed, and made with none of our keys over this body.
    #[error("the signature does not match")]
    Mismatch,
}

/// An empty key would let everybody sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing key is empty")]
pub struct EmptySigningKey;

impl SigningKeys {
    /// The current key first.
    pub fn new(
        current: SecretString,
        previous: impl IntoIterator<Item = SecretString>,
        encoding: Encoding,
    ) -> Result<Self, EmptySigningKey> {
        let keys: Vec<_> = std::iter::once(current).chain(previous).collect();
        if keys.iter().any(|key| key.expose_secret().trim().is_empty()) {
            return Err(EmptySigningKey);
        }
        Ok(Self { keys, encoding })
    }

    /// Checks the `Signature` header against the body's raw bytes, exactly as they arrived.
    pub fn verify(&self, header: Option<&[u8]>, raw_body: &[u8]) -> Result<KeyIndex, SignatureError> {
        let header = header.map(<[u8]>::trim_ascii).filter(|header| !header.is_empty());
        let tag = self.encoding.decode(header.ok_or(SignatureError::Missing)?).ok_or(SignatureError::Malformed)?;
        let fits = |key: &SecretString| mac(key, raw_body).is_some_and(|mac| mac.verify_slice(&tag).is_ok());
        self.keys.iter().position(fits).map(KeyIndex).ok_or(SignatureError::Mismatch)
    }

    /// Signs a body with the current key, as the gateway would: lower-case hex unless base64 is set.
    pub fn sign(&self, raw_body: &[u8]) -> String {
        let tag = self.keys.first().and_then(|key| mac(key, raw_body)).map(|mac| mac.finalize().into_bytes());
        let tag = tag.unwrap_or_default();
        match self.encoding {
            Encoding::Hex | Encoding::Auto => hex::encode(tag),
            Encoding::Base64 => BASE64.encode(tag),
        }
    }
}

impl Encoding {
    fn decode(self, header: &[u8]) -> Option<[u8; TAG_BYTES]> {
        let from_hex = || hex::decode(header).ok()?.try_into().ok();
        let from_base64 = || BASE64.decode(header).ok()?.try_into().ok();
        match self {
            Self::Hex => from_hex(),
            Self::Base64 => from_base64(),
            Self::Auto => from_hex().or_else(from_base64),
        }
    }
}

/// `None` never happens: HMAC takes keys of any length.
fn mac(key: &SecretString, raw_body: &[u8]) -> Option<Hmac<Sha256>> {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).ok()?;
    Some(mac.chain_update(raw_body))
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SigningKeys").field("keys", &self.keys.len()).field("encoding", &self.encoding).finish()
    }
}
