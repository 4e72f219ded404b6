use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::util::TryInitError;

use crate::settings::{Log, LogFormat};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLog {
    /// `log.level` is no filter.
    #[error("log.level: {0}")]
    Level(#[from] ParseError),
    /// `log.level` says nothing of what it does not name: a level that is misspelt would be read as a module, and
    /// everything else would be silent.
    #[error("log.level: one part must be a level alone: error, warn, info, debug or trace")]
    NoLevel,
    /// Something else in this process has set it up.
    #[error("logging is set up already")]
    Taken(#[from] TryInitError),
}

/// Writes log lines to standard error, as the settings say.
pub(crate) fn start(settings: &Log) -> Result<(), InvalidLog> {
    use tracing_subscriber::util::SubscriberInitExt as _;
    if !settings.level.split(',').any(|part| part.trim().parse::<LevelFilter>().is_ok()) {
        return Err(InvalidLog::NoLevel);
    }
    let filter = EnvFilter::try_new(&settings.level)?;
    // A line that cannot be written is lost. To complain about it would be to write as well, and to panic: a full disk
    // under the log would end the requests that log.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    match settings.format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).finish().try_init()?;
        }
        LogFormat::Text => lines.finish().try_init()?,
    }
    Ok(())
}
