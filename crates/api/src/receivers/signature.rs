//! Messages are signed as Standard Webhooks has it: HMAC-SHA256 over id, time and body, in base64, `v1,` before it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";

/// A new secret: 256 random bits behind the prefix by which everybody knows what it is.
pub(crate) fn new_secret() -> Zeroizing<String> {
    let random = Zeroizing::new(rand::random::<[u8; 32]>());
    Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(&random[..])))
}

/// The signature of a message; none with what is no secret.
pub(crate) fn sign(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let key = Zeroizing::new(STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use orchestrator::Clock as _;
    use standardwebhooks::Webhook;

    use super::*;
    use crate::clock::SystemClock;

    /// The vector that the reference libraries publish.
    #[test]
    fn the_published_vector_is_signed_as_published() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        let same = Webhook::new(secret).unwrap();
        let theirs = same.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signature, Some(theirs));
    }

    /// Clocks differ: what the reference library allows is five minutes, to either side.
    #[test]
    fn a_message_is_accepted_by_whoever_has_about_our_time() {
        let (secret, body) = (new_secret(), br#"{"type":"deposit.completed"}"#);
        let receiver = Webhook::new(&secret).unwrap();
        let now = SystemClock.now().utc().timestamp();
        for (skew, accepted) in [(0, true), (-290, true), (290, true), (-310, false), (310, false)] {
            let at = now + skew;
            let mut headers = http::HeaderMap::new();
            headers.insert("webhook-id", "evt_1".parse().unwrap());
            headers.insert("webhook-timestamp", at.to_string().parse().unwrap());
            headers.insert("webhook-signature", sign(&secret, "evt_1", at, body).unwrap().parse().unwrap());
            assert_eq!(receiver.verify(body, &headers).is_ok(), accepted, "{skew} seconds off");
        }
    }

    #[test]
    fn what_is_signed_is_what_the_reference_library_signs() {
        for round in 0..50_i64 {
            let secret = new_secret();
            let (id, body) = (format!("evt_{round}"), format!("{{\"number\":{round}}}"));
            let theirs = Webhook::new(&secret).unwrap().sign(&id, 1_700_000_000 + round, body.as_bytes()).unwrap();
            assert_eq!(sign(&secret, &id, 1_700_000_000 + round, body.as_bytes()), Some(theirs));
        }
        assert_eq!(sign("no secret", "evt_1", 0, b""), None);
        assert_eq!(sign("whsec_!", "evt_1", 0, b""), None);
    }
}
