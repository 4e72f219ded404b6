use super::{CommandError, Ending, Output};
use crate::application::StartError;
use crate::settings::Settings;

/// Brings the schema up to date; running it again does nothing.
pub(super) async fn run(settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    let url: store::DatabaseUrl = settings.database.url.expose().parse().map_err(StartError::from)?;
    store::migrate(&url).await?;
    output.write(&serde_json::json!({ "migrated": true }), |_| "the schema is up to date".to_owned())?;
    Ok(Ending::Fine)
}
