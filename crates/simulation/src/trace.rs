use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

/// What is kept of a run's steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tracing {
    /// Their number.
    #[default]
    Counted,
    /// A hash over their lines, so that two runs can be compared.
    Hashed,
    /// The lines themselves.
    Kept,
}

/// One line a step: when, who, what.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    tracing: Tracing,
    pub(crate) steps: u64,
    pub(crate) hasher: DefaultHasher,
    pub(crate) lines: Vec<String>,
}

impl Trace {
    pub(crate) fn new(tracing: Tracing) -> Self {
        Self { tracing, ..Self::default() }
    }

    pub(crate) fn step(&mut self, now: Duration, who: impl fmt::Display, what: fmt::Arguments<'_>) {
        self.steps += 1;
        if self.tracing == Tracing::Counted {
            return;
        }
        let (seconds, micros) = (now.as_secs(), now.subsec_micros());
        let line = format!("{seconds:>7}.{micros:06} {who:<8} {what}");
        line.hash(&mut self.hasher);
        if self.tracing == Tracing::Kept {
            self.lines.push(line);
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hasher.finish()
    }
}
