use std::sync::Arc;

use clap::Args as ClapArgs;
use store::Stored;

use super::{CommandError, Ending, Output, connect, table};
use crate::application;
use crate::clock::SystemClock;
use crate::settings::Settings;

/// `api check NAME`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// Our id, the caller's referenceId, or the gateway's id.
    name: String,
}

/// Asks the gateway about a payment now; nothing is sent that could move money.
pub(super) async fn run(args: &Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    settings.check_for_serving()?;
    let database = connect(settings).await?;
    let found = database.reads.find(&args.name).await?;
    let [stored] = found.as_slice() else {
        let problem = if found.is_empty() { "no payment has this name" } else { "several payments have this name" };
        output.error(problem);
        return Ok(Ending::Found);
    };
    let desk = application::desk(settings, &database, Arc::new(SystemClock))?;
    let stored = desk.check_now(stored.payment.id()).await?;
    let told = serde_json::json!({
        "id": stored.payment.id().to_string(),
        "state": stored.payment.state,
        "why": stored.payment.why(&stored.progress),
    });
    output.write(&told, |_| standing(&stored))?;
    Ok(Ending::Fine)
}

/// Where a payment stands by now.
pub(super) fn standing(stored: &Stored) -> String {
    let payment = &stored.payment;
    let why = payment.why(&stored.progress);
    let row = [payment.id().to_string(), payment.state.to_string(), payment.version.to_string(), why];
    table(["Payment", "State", "Version", "Why"], [row])
}
