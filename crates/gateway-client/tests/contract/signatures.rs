use gateway_client::signature::{EmptySigningKey, Encoding, KeyIndex, SignatureError, SigningKeys};
use serde_json::Value;

use crate::examples;

struct Vector {
    key: String,
    body: String,
    hex: String,
    base64: String,
}

fn vectors() -> Vec<Vector> {
    let text = |vector: &Value, name: &str| vector[name].as_str().unwrap().to_owned();
    examples::json("90-signature-vectors.json")["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vector| Vector {
            key: text(vector, "signingKey"),
            body: text(vector, "rawBody"),
            hex: text(vector, "hexLower"),
            base64: text(vector, "base64"),
        })
        .collect()
}

fn keys(current: &str, encoding: Encoding) -> SigningKeys {
    SigningKeys::new(current.into(), [], encoding).unwrap()
}

fn check(keys: &SigningKeys, header: &str, body: &str) -> Result<KeyIndex, SignatureError> {
    keys.verify(Some(header.as_bytes()), body.as_bytes())
}

#[test]
fn every_vector_is_verified_in_every_encoding_that_was_set() {
    use Encoding::{Auto, Base64, Hex};
    use SignatureError::Malformed;
    for Vector { key, body, hex, base64 } in vectors() {
        for header in [hex.clone(), hex.to_uppercase(), format!(" {hex} ")] {
            assert_eq!(check(&keys(&key, Hex), &header, &body), Ok(KeyIndex(0)));
            assert_eq!(check(&keys(&key, Auto), &header, &body), Ok(KeyIndex(0)));
            assert_eq!(check(&keys(&key, Base64), &header, &body), Err(Malformed));
        }
        for header in [base64.as_str(), base64.trim_end_matches('=')] {
            assert_eq!(check(&keys(&key, Base64), header, &body), Ok(KeyIndex(0)));
            assert_eq!(check(&keys(&key, Auto), header, &body), Ok(KeyIndex(0)));
            assert_eq!(check(&keys(&key, Hex), header, &body), Err(Malformed));
        }
    }
}

#[test]
fn we_sign_as_the_gateway_does() {
    for Vector { key, body, hex, base64 } in vectors() {
        assert_eq!(keys(&key, Encoding::Hex).sign(body.as_bytes()), hex);
        assert_eq!(keys(&key, Encoding::Auto).sign(body.as_bytes()), hex);
        assert_eq!(keys(&key, Encoding::Base64).sign(body.as_bytes()), base64);
    }
}

#[test]
fn another_body_or_key_does_not_match() {
    let Vector { key, body, hex, .. } = vectors().remove(0);
    let ours = keys(&key, Encoding::Auto);
    assert_eq!(check(&ours, &hex, &format!("{body} ")), Err(SignatureError::Mismatch));
    assert_eq!(check(&ours, &hex, ""), Err(SignatureError::Mismatch));
    assert_eq!(check(&keys("another-key", Encoding::Auto), &hex, &body), Err(SignatureError::Mismatch));
    for position in 0..hex.len() {
        let mut forged = hex.clone().into_bytes();
        forged[position] = if forged[position] == b'0' { b'1' } else { b'0' };
        assert_eq!(ours.verify(Some(&forged), body.as_bytes()), Err(SignatureError::Mismatch));
    }
}

#[test]
fn a_missing_or_malformed_signature_is_named_as_such() {
    let ours = keys("key", Encoding::Auto);
    assert_eq!(ours.verify(None, b"{}"), Err(SignatureError::Missing));
    assert_eq!(check(&ours, "", "{}"), Err(SignatureError::Missing));
    assert_eq!(check(&ours, "  ", "{}"), Err(SignatureError::Missing));
    let truncated = &ours.sign(b"{}")[..62];
    let doubled = ours.sign(b"{}").repeat(2);
    for header in [truncated, &doubled, "none", "sha256=00", &"z".repeat(64), &"a".repeat(100_000)] {
        assert_eq!(check(&ours, header, "{}"), Err(SignatureError::Malformed));
    }
    assert_eq!(ours.verify(Some(&[0xff; 64]), b"{}"), Err(SignatureError::Malformed));
}

#[test]
fn an_earlier_key_still_counts_during_a_rotation() {
    let rotating = SigningKeys::new("new".into(), ["old".into(), "older".into()], Encoding::Auto).unwrap();
    let signed_with = |key| keys(key, Encoding::Hex).sign(b"body");
    assert_eq!(check(&rotating, &signed_with("new"), "body"), Ok(KeyIndex(0)));
    assert_eq!(check(&rotating, &signed_with("old"), "body"), Ok(KeyIndex(1)));
    assert_eq!(check(&rotating, &signed_with("older"), "body"), Ok(KeyIndex(2)));
    assert_eq!(check(&rotating, &signed_with("oldest"), "body"), Err(SignatureError::Mismatch));
    assert_eq!(rotating.sign(b"body"), signed_with("new"));
}

#[test]
fn an_empty_key_is_refused_and_no_key_is_printed() {
    assert_eq!(SigningKeys::new("".into(), [], Encoding::Hex).err(), Some(EmptySigningKey));
    assert_eq!(SigningKeys::new("key".into(), [" ".into()], Encoding::Hex).err(), Some(EmptySigningKey));
    assert!(!format!("{:?}", keys("very-secret", Encoding::Hex)).contains("very-secret"));
}
