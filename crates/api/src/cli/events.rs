use clap::Subcommand;
use orchestrator::{Clock as _, event_type, read_event_id};
use uuid::Uuid;

use super::{CommandError, Ending, Output, connect};
use crate::clock::SystemClock;
use crate::settings::Settings;

/// `api events …`
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Has an event sent to an endpoint again, or at last.
    Resend {
        /// The event's id: evt_…
        event: String,
        /// The endpoint's id.
        #[arg(long, value_name = "ID")]
        endpoint: Uuid,
    },
}

/// Has an event sent again; a process that serves sends it.
pub(super) async fn run(args: Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    let events = connect(settings).await?.events;
    let Args::Resend { event: name, endpoint } = args;
    let found = match read_event_id(&name) {
        Some((payment, sequence)) => events.event(payment, sequence).await?,
        None => None,
    };
    let Some(event) = found else {
        output.error("no event has this name");
        return Ok(Ending::Found);
    };
    let Some(endpoint) = events.endpoint(endpoint).await? else {
        output.error("no endpoint has this id");
        return Ok(Ending::Found);
    };
    events.resend(endpoint.id, &event, SystemClock.now()).await?;
    let told = serde_json::json!({ "event": name, "type": event_type(&event), "endpoint": endpoint.id });
    output.write(&told, |_| format!("{} {name} is sent to {} again", event_type(&event), endpoint.url))?;
    Ok(Ending::Fine)
}
