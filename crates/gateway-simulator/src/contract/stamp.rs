//! The contract's two ways to write a moment (section 3).

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// An envelope's `timestamp`: milliseconds and the offset, `2020-10-07T13:36:32.595+00:00`.
pub(crate) struct EnvelopeStamp(pub(crate) DateTime<Utc>);

/// A payment's `created`: whole seconds, no zone, meant as UTC, `2030-12-25T10:11:12`.
pub(crate) struct PlainStamp(pub(crate) DateTime<Utc>);

const PLAIN: &str = "%Y-%m-%dT%H:%M:%S";

/// Reads a query's moment. Only the form that the contract names is taken: a client that sends a zone
/// or fractions has to learn it here and not in production.
pub(crate) fn read_plain(text: &str) -> Option<DateTime<Utc>> {
    const LENGTH: usize = "2030-12-25T10:11:12".len();
    (text.len() == LENGTH).then(|| NaiveDateTime::parse_from_str(text, PLAIN).ok()).flatten().map(|at| at.and_utc())
}

impl Serialize for EnvelopeStamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, false))
    }
}

impl Serialize for PlainStamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.format(PLAIN))
    }
}
