use std::io::{self, Write as _};

use serde::Serialize;

/// Where a command writes: text for people, or one JSON value for scripts.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// For people unless `json`.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Writes a value: as JSON for scripts, by `text` for people.
    pub fn write<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, value)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{}", text(value))?;
        }
        out.flush()
    }

    /// Writes why a command failed, in one line to standard error. A closed terminal is no reason to fail again.
    pub fn error(&self, line: &str) {
        let mut err = io::stderr().lock();
        let _ = if self.json {
            writeln!(err, "{}", serde_json::json!({ "error": line }))
        } else {
            writeln!(err, "api: {line}")
        };
    }
}
