//! Times on the wire (gateway contract, section 3).

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// As the gateway reads it: whole seconds of UTC, without a zone.
pub(crate) fn write(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// ISO 8601 with or without a zone, and with any fraction up to nanoseconds. Without a zone it is UTC
/// (gateway contract, sections 3 and 14).
pub(crate) fn read(text: &str) -> Option<DateTime<Utc>> {
    let with_zone = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .map(|time| time.with_timezone(&Utc));
    let without = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc());
    with_zone.or_else(|_| without()).ok()
}

/// For `#[serde(with = "time")]`.
#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
pub(crate) fn serialize<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(write).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    read(&text).map(Some).ok_or_else(|| serde::de::Error::custom("not a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_and_without_zone_and_fraction() {
        for (text, expected) in [
            ("2026-03-02T09:15:27", "2026-03-02T09:15:27Z"),
            ("2026-03-08T21:04:22.552859857", "2026-03-08T21:04:22.552859857Z"),
            ("2026-03-02T09:15:27.418+00:00", "2026-03-02T09:15:27.418Z"),
            ("2026-03-02T09:15:27Z", "2026-03-02T09:15:27Z"),
            ("2026-03-02T11:15:27+0200", "2026-03-02T09:15:27Z"),
        ] {
            assert_eq!(read(text), expected.parse().ok(), "{text}");
        }
        for text in ["", "2026-03-02", "yesterday", "2026-13-02T09:15:27", "2026-03-02T09:15:27 CET"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
