//! Whatever stands in the `Signature` header (the input's first line), over whatever body (the rest): only the HMAC of
//! that very body with that very key is believed, in the encodings that were set.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gateway_client::signature::{Encoding, KeyIndex, SignatureError, SigningKeys};
use hmac::{Hmac, KeyInit as _, Mac as _};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;

const KEYS: [&str; 2] = ["the-current-signing-key", "the-previous-one"];

/// One checker for each encoding.
static CHECKERS: LazyLock<[(Encoding, SigningKeys); 3]> = LazyLock::new(|| {
    [Encoding::Hex, Encoding::Base64, Encoding::Auto].map(|encoding| {
        let keys = SigningKeys::new(KEYS[0].into(), [KEYS[1].into()], encoding).expect("no key is empty");
        (encoding, keys)
    })
});

fuzz_target!(|input: &[u8]| {
    let (header, body) = input.iter().position(|byte| *byte == b'\n').map_or((input, &[][..]), |end| {
        let (header, rest) = input.split_at(end);
        (header, &rest[1..])
    });
    for (encoding, keys) in CHECKERS.iter() {
        check(*encoding, keys, header, body);
        check_the_right_ones(*encoding, keys, header, body);
    }
});

/// Believed if and only if it is one of the few ways to write the right one.
fn check(encoding: Encoding, keys: &SigningKeys, header: &[u8], body: &[u8]) {
    let verified = keys.verify(Some(header), body);
    let right = KEYS.iter().position(|key| is_right(encoding, key, header.trim_ascii(), body)).map(KeyIndex);
    match (verified, right) {
        (Ok(index), Some(expected)) => assert_eq!(index, expected),
        (Err(SignatureError::Missing), None) => assert!(header.trim_ascii().is_empty()),
        (Err(SignatureError::Malformed | SignatureError::Mismatch), None) => {}
        (verified, right) => panic!("{encoding:?}: {verified:?} instead of {right:?}"),
    }
    assert_eq!(keys.verify(None, body), Err(SignatureError::Missing));
}

fn is_right(encoding: Encoding, key: &str, header: &[u8], body: &[u8]) -> bool {
    let tag = tag(key, body);
    let base64 = BASE64_STANDARD.encode(&tag);
    let in_hex = || header.eq_ignore_ascii_case(hex::encode(&tag).as_bytes());
    let in_base64 = || header == base64.as_bytes() || header == base64.trim_end_matches('=').as_bytes();
    match encoding {
        Encoding::Hex => in_hex(),
        Encoding::Base64 => in_base64(),
        Encoding::Auto => in_hex() || in_base64(),
    }
}

fn tag(key: &str, body: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes every key");
    mac.chain_update(body).finalize().into_bytes().to_vec()
}

/// No fuzzer finds a right one by chance, so it gets one, and changes it as the header says.
fn check_the_right_ones(encoding: Encoding, keys: &SigningKeys, changes: &[u8], body: &[u8]) {
    let [way, place, byte, ..] = *changes else { return };
    let tag = tag(KEYS[usize::from(way) % 2], body);
    let right = match way / 2 % 3 {
        0 => hex::encode(&tag),
        1 => hex::encode_upper(&tag),
        _ => BASE64_STANDARD.encode(&tag),
    };
    check(encoding, keys, right.as_bytes(), body);
    check(encoding, keys, &[b" ", right.as_bytes(), b"\t"].concat(), body);
    check(encoding, keys, right.as_bytes(), &[body, &[byte]].concat());
    let place = usize::from(place) % right.len();
    check(encoding, keys, &right.as_bytes()[..place], body);
    let mut flipped = right.into_bytes();
    flipped[place] ^= byte;
    check(encoding, keys, &flipped, body);
}
