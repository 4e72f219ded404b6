use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A place in a trace: which trace, behind which of its spans, and whether the trace is recorded. In the form of the header
/// `traceparent` (W3C Trace Context, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceParent {
    trace: u128,
    span: u64,
    is_sampled: bool,
}

/// The text names no place in a trace. Whoever sent it is not told: such a header counts as none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a traceparent: 00-<32 hex digits>-<16 hex digits>-<2 hex digits>")]
pub struct InvalidTraceParent;

impl TraceParent {
    /// From its parts; an id that is 0 is none.
    pub fn new(trace: u128, span: u64, is_sampled: bool) -> Option<Self> {
        (trace != 0 && span != 0).then_some(Self { trace, span, is_sampled })
    }

    /// Which trace.
    pub fn trace(self) -> u128 {
        self.trace
    }

    /// Which trace, as it is written.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The span that whatever follows belongs under.
    pub fn span(self) -> u64 {
        self.span
    }

    /// Whether whoever came before records the trace.
    pub fn is_sampled(self) -> bool {
        self.is_sampled
    }
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    /// A later version may have more behind the fourth part, and is read as far as it is known (section 4.3).
    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        let mut parts = text.splitn(5, '-');
        let mut hex = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits).ok_or(InvalidTraceParent)?;
            let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let number = u128::from_str_radix(part, 16).ok().filter(|_| is_hex);
            number.ok_or(InvalidTraceParent)
        };
        let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        let is_known = match version {
            0 => parts.next().is_none(),
            version => version != 0xff,
        };
        let span = u64::try_from(span).map_err(|_| InvalidTraceParent)?;
        Self::new(trace, span, flags & 1 == 1).filter(|_| is_known).ok_or(InvalidTraceParent)
    }
}

impl TryFrom<String> for TraceParent {
    type Error = InvalidTraceParent;

    fn try_from(text: String) -> Result<Self, InvalidTraceParent> {
        text.parse()
    }
}

impl From<TraceParent> for String {
    fn from(parent: TraceParent) -> String {
        parent.to_string()
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.is_sampled))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_the_standard_shows_comes_back_as_it_was() {
        let parent: TraceParent = EXAMPLE.parse().unwrap();
        assert_eq!(parent.to_string(), EXAMPLE);
        assert_eq!(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(parent.is_sampled() && parent.span() == 0x00f0_67aa_0ba9_02b7);
        let unsampled: TraceParent = EXAMPLE.replace("-01", "-00").parse().unwrap();
        assert!(!unsampled.is_sampled());
    }

    #[test]
    fn of_a_later_version_and_of_unknown_flags_only_what_is_known_is_kept() {
        for (text, kept) in [
            (EXAMPLE.replace("00-4b", "cc-4b"), EXAMPLE.to_owned()),
            (format!("{}-what-comes-later", EXAMPLE.replace("00-4b", "01-4b")), EXAMPLE.to_owned()),
            (EXAMPLE.replace("-01", "-ff"), EXAMPLE.to_owned()),
            (EXAMPLE.replace("-01", "-02"), EXAMPLE.replace("-01", "-00")),
        ] {
            assert_eq!(text.parse::<TraceParent>().unwrap().to_string(), kept, "{text}");
        }
    }

    #[test]
    fn everything_else_is_no_place_in_a_trace() {
        for text in [
            String::new(),
            "00".to_owned(),
            EXAMPLE.to_uppercase(),
            EXAMPLE.replace("4bf", "+bf"),
            EXAMPLE.replace("00-4b", "ff-4b"),
            EXAMPLE.replace("00-4b", "0-4b"),
            EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            EXAMPLE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            EXAMPLE.replace("00f067aa0ba902b7", "00f067aa0ba902b"),
            EXAMPLE.replace("-01", ""),
            EXAMPLE.replace("-01", "-1"),
            EXAMPLE.replace("-01", "-0x"),
            format!("{EXAMPLE}-more"),
            format!("{EXAMPLE}00"),
            format!(" {EXAMPLE}"),
            EXAMPLE.replace('-', "_"),
            "é".repeat(28),
        ] {
            assert_eq!(text.parse::<TraceParent>(), Err(InvalidTraceParent), "{text}");
        }
    }
}
