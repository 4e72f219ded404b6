use super::{CommandError, Ending, Output};
use crate::settings::Settings;

/// Prints the settings in force, secrets masked, and says what is wrong with them.
pub(super) fn run(settings: &Settings, output: Output) -> Result<Ending, CommandError> {
    output.write(settings, |settings| serde_json::to_string_pretty(settings).unwrap_or_default())?;
    settings.check_for_serving()?;
    Ok(Ending::Fine)
}
