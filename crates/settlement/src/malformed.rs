use domain::InvalidAmount;
use thiserror::Error;

/// What makes no sense in a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {why}")]
pub struct Malformed {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong there. No value of the file is in it, but for names of columns and elements.
    pub why: String,
}

impl Malformed {
    pub(crate) fn at(line: u64, why: impl Into<String>) -> Self {
        Self { line, why: why.into() }
    }

    pub(crate) fn amount(line: u64, of: &str, why: InvalidAmount) -> Self {
        Self::at(line, format!("{of} {why}"))
    }
}
