use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::passes_luhn;
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What must not be readable in the database: requests kept for a second attempt, the bodies of notices, what
/// payments were paid with, and what named requests were answered.
///
/// Sealed with XChaCha20-Poly1305. The nonce is the id of what is sealed and what for; each is sealed once, so that no
/// nonce is used twice, and no randomness is needed here.
#[derive(Clone)]
pub struct Vault {
    sealing: [u8; 32],
    digesting: [u8; 32],
}

/// The master key is too short to be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the master key must have at least {} characters", Vault::MASTER_KEY_MIN)]
pub struct InvalidMasterKey;

/// What is sealed; eight bytes of the nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    KeptRequest,
    NoticeBody,
    Means,
    WebhookSecrets,
    Answer,
}

impl Purpose {
    fn tag(self) -> &'static [u8; 8] {
        match self {
            Self::KeptRequest => b"request.",
            Self::NoticeBody => b"notice..",
            Self::Means => b"means...",
            Self::WebhookSecrets => b"webhook.",
            Self::Answer => b"answer..",
        }
    }
}

impl Vault {
    /// In characters: 32 of hex or base64 carry at least 128 bits.
    pub const MASTER_KEY_MIN: usize = 32;

    /// Derives a key for each use from the master key of the settings.
    pub fn new(master_key: &SecretString) -> Result<Self, InvalidMasterKey> {
        let master_key = master_key.expose_secret();
        if master_key.chars().count() < Self::MASTER_KEY_MIN {
            return Err(InvalidMasterKey);
        }
        let derive = |label: &str| mac(master_key.as_bytes(), &[label.as_bytes()]);
        Ok(Self { sealing: derive("sealing"), digesting: derive("digests") })
    }

    pub(crate) fn seal(&self, purpose: Purpose, id: Uuid, plain: &[u8]) -> Vec<u8> {
        let cipher = XChaCha20Poly1305::new(&self.sealing.into());
        let payload = Payload { msg: plain, aad: purpose.tag() };
        // The library's only error is a message beyond 256 GiB, which no body here can be.
        cipher.encrypt(&nonce(purpose, id), payload).unwrap_or_default()
    }

    pub(crate) fn unseal(&self, purpose: Purpose, id: Uuid, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let cipher = XChaCha20Poly1305::new(&self.sealing.into());
        cipher.decrypt(&nonce(purpose, id), Payload { msg: sealed, aad: purpose.tag() }).ok().map(Zeroizing::new)
    }

    /// Seals what may change and is then sealed again under its owner's same name. So the nonce is made of what is sealed as
    /// well, and stands before it: the same is sealed alike, and something else under another nonce.
    pub(crate) fn seal_anew(&self, purpose: Purpose, owner: Uuid, plain: &[u8]) -> Vec<u8> {
        let name = self.name_anew(purpose, owner, plain);
        let mut sealed = name.as_bytes().to_vec();
        sealed.extend(self.seal(purpose, name, plain));
        sealed
    }

    /// None for another owner's, too.
    pub(crate) fn unseal_anew(&self, purpose: Purpose, owner: Uuid, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (name, sealed) = sealed.split_at_checked(16)?;
        let name = Uuid::from_slice(name).ok()?;
        let plain = self.unseal(purpose, name, sealed)?;
        (self.name_anew(purpose, owner, &plain) == name).then_some(plain)
    }

    fn name_anew(&self, purpose: Purpose, owner: Uuid, plain: &[u8]) -> Uuid {
        let label: &[u8] = if purpose == Purpose::Means { b"means" } else { purpose.tag() };
        let digest = self.digest(&[label, owner.as_bytes(), plain]);
        Uuid::from_slice(&digest[..16]).unwrap_or_default()
    }

    /// A digest that can be compared by whoever has the key, and tells nothing to whoever has not.
    pub fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.digesting, parts)
    }
}

fn nonce(purpose: Purpose, id: Uuid) -> XNonce {
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(id.as_bytes());
    nonce[16..].copy_from_slice(purpose.tag());
    nonce.into()
}

/// HMAC-SHA256 over the parts, each preceded by its length, so that no two lists of parts look alike.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("HMAC takes keys of every length") };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault([secret])")
    }
}

/// Covers everything in a body that looks like a card number: 13 to 19 digits that pass the Luhn check, single blanks
/// or dashes between them allowed, and no letter or digit beside them (the gateway's ids are full of digits), nor a
/// decimal point before them (amounts have up to 18 digits behind it). The first six and the last four stay; the others
/// become `0`, so that JSON stays JSON also where a number was not quoted.
pub fn mask_card_numbers(body: &[u8]) -> Vec<u8> {
    let mut masked = body.to_vec();
    let mut start = 0;
    while start < body.len() {
        if !body[start].is_ascii_digit() {
            start += 1;
            continue;
        }
        if let Some(digits) = card_number(body, start) {
            for at in &digits[6..digits.len() - 4] {
                masked[*at] = b'0';
            }
        }
        // Not behind what was found: by chance it may end with the first digits of the real one.
        start = end_of_digits(body, start);
    }
    masked
}

/// Whether a text that is kept as it is holds what looks like a card number, as [`mask_card_numbers`] sees it, and begins
/// as the cards of one of the schemes do: a tenth of all other long numbers pass the Luhn check too, and many a caller
/// numbers its orders by the year and the day.
pub fn holds_card_number(text: &str) -> bool {
    let body = text.as_bytes();
    let mut start = 0;
    while start < body.len() {
        if !body[start].is_ascii_digit() {
            start += 1;
            continue;
        }
        if card_number(body, start).is_some_and(|digits| is_of_a_scheme(digits.iter().map(|at| body[*at] - b'0'))) {
            return true;
        }
        start = end_of_digits(body, start);
    }
    false
}

/// Whether a number begins as the cards of a scheme do (ISO/IEC 7812): of Mir and Mastercard, Diners Club, American Express,
/// JCB, Visa, and whatever begins with 5 or 6.
fn is_of_a_scheme(digits: impl Iterator<Item = u8>) -> bool {
    let first_four = digits.take(4).fold(0, |number: u32, digit| number * 10 + u32::from(digit));
    matches!(
        first_four,
        2200..=2204 | 2221..=2720 | 3000..=3059 | 3400..=3499 | 3528..=3589 | 3600..=3999 | 4000..=6999
    )
}

/// Where the digits of a card number stand that begins at `start` and ends with a group of digits: other numbers may
/// stand before and behind it, a blank away.
fn card_number(body: &[u8], start: usize) -> Option<Vec<usize>> {
    const DIGITS_MAX: usize = 19;
    let in_a_word = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphanumeric);
    let before = &body[..start];
    if in_a_word(before.last()) || matches!(before, [.., b'0'..=b'9', b'.']) {
        return None;
    }
    let mut digits = Vec::new();
    let mut found = None;
    let mut group = start;
    loop {
        let end = end_of_digits(body, group);
        if end - group > DIGITS_MAX - digits.len() {
            return found;
        }
        digits.extend(group..end);
        let complete = digits.len() >= 13 && !in_a_word(body.get(end));
        if complete && passes_luhn(digits.iter().map(|at| body[*at] - b'0')) {
            found = Some(digits.clone());
        }
        let separated = matches!(body.get(end), Some(b' ' | b'-')) && body.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !separated {
            return found;
        }
        group = end + 1;
    }
}

fn end_of_digits(body: &[u8], start: usize) -> usize {
    body[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(body.len(), |length| start + length)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn vault(key: &str) -> Vault {
        Vault::new(&key.repeat(4).into()).unwrap()
    }

    #[test]
    fn what_is_sealed_comes_back_only_with_the_same_key_id_and_purpose() {
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sealed = vault("a-key-...").seal(Purpose::KeptRequest, id, b"Marta Keller");
        assert!(!sealed.windows(5).any(|window| window == b"Marta"));
        assert_eq!(vault("a-key-...").unseal(Purpose::KeptRequest, id, &sealed).unwrap().as_slice(), b"Marta Keller");
        assert_eq!(vault("another..").unseal(Purpose::KeptRequest, id, &sealed), None);
        assert_eq!(vault("a-key-...").unseal(Purpose::KeptRequest, other, &sealed), None);
        assert_eq!(vault("a-key-...").unseal(Purpose::NoticeBody, id, &sealed), None);
        assert_eq!(Vault::new(&"short".to_owned().into()).unwrap_err(), InvalidMasterKey);
    }

    #[test]
    fn digests_tell_lists_of_parts_apart() {
        let vault = vault("a-key-...");
        assert_ne!(vault.digest(&[b"ab", b"c"]), vault.digest(&[b"a", b"bc"]));
        assert_eq!(vault.digest(&[b"ab", b"c"]), vault.digest(&[b"ab", b"c"]));
    }

    #[test]
    fn what_looks_like_a_card_is_told_from_other_long_numbers() {
        for text in [
            "4242424242424242",
            "card 4242 4242 4242 4242, please",
            "a-5555-5555-5555-4444",
            "378282246310005",
            "30569309025904",
            "3530111333300000",
            "2223003122003222",
            "6011000990139424",
        ] {
            assert!(holds_card_number(text), "{text}");
        }
        // A time, a number with a wrong digit, one inside of a word, those that no scheme has, the digits of an amount.
        for text in [
            "1780000000123",
            "4242424242424241",
            "x4242424242424242",
            "9999999999999995",
            "2026112610580010",
            "0.4242424242424242",
            "",
        ] {
            assert!(!holds_card_number(text), "{text}");
        }
    }

    #[test]
    fn card_numbers_are_masked_and_nothing_else() {
        let mask = |text: &str| String::from_utf8(mask_card_numbers(text.as_bytes())).unwrap();
        assert_eq!(mask(r#"{"pan":"4242424242424242"}"#), r#"{"pan":"4242420000004242"}"#);
        assert_eq!(mask("5555 5555 5555 4444,"), "5555 5500 0000 4444,");
        assert_eq!(mask("5555-5555-5555-4444"), "5555-5500-0000-4444");
        assert_eq!(mask(r#"{"pan":4242424242424242}"#), r#"{"pan":4242420000004242}"#);
        assert_eq!(mask("05 4242424242424242 12/30"), "05 4242420000004242 12/30");
        assert_eq!(mask("4242424242424242 5555555555554444"), "4242420000004242 5555550000004444");
        assert_eq!(mask("1 2 3 4242 4242 4242 4242 1 2 3"), "1 2 3 4242 4200 0000 4242 1 2 3");
        // The first thirteen digits pass as well, and end with the first four of the real one.
        assert_eq!(mask("123456780 5555 5555 5555 4444"), "123456000 5555 5500 0000 4444");
        for kept in [
            r#"{"amount":0.123456789012345002}"#,
            r#""id":"a4242424242424242bcdef""#,
            "4242424242424241",
            "2026-03-02T09:15:27.418",
            "400000***0002",
            "11.12",
            "123456789012",
            "",
        ] {
            assert_eq!(mask(kept), kept);
        }
    }

    #[test]
    fn what_is_sealed_anew_has_another_nonce_and_opens_for_its_own_owner_only() {
        let vault = vault("a-key-...");
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let seal = |owner, plain: &[u8]| vault.seal_anew(Purpose::Means, owner, plain);
        let unseal = |owner, sealed: &[u8]| vault.unseal_anew(Purpose::Means, owner, sealed);
        let (first, second) = (seal(one, b"a card"), seal(one, b"another card"));
        assert_ne!(first[..16], second[..16]);
        assert_eq!(first, seal(one, b"a card"), "the same again changes no row");
        assert_ne!(first[..16], seal(other, b"a card")[..16]);
        assert_eq!(unseal(one, &second).unwrap().as_slice(), b"another card");
        assert_eq!(unseal(other, &first), None);
        assert_eq!(vault.unseal_anew(Purpose::WebhookSecrets, one, &first), None);
        for cut in [0, 15, 16, first.len() - 1] {
            assert_eq!(unseal(one, &first[..cut]), None);
        }
    }
}
