//! `api trigger`: an end for a payment that waits for one, so that a caller sees what it is told then.

use std::io;
use std::time::Duration;

use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use domain::{PaymentState, PaymentType};
use gateway_simulator::Outcome;
use reqwest::{StatusCode, redirect};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::{CommandError, Ending, Output};
use crate::simulator::{Simulator, SimulatorError};

/// `api trigger EVENT PAYMENT`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// What shall happen.
    #[arg(value_parser = event())]
    event: Wanted,
    /// The payment: our id, or your referenceId.
    payment: String,
    /// The service whose payment it is.
    #[arg(long, value_name = "URL", env = "API_URL", default_value = "http://127.0.0.1:8080")]
    service: Url,
    /// A key that may see the payment: payments:read.
    #[arg(long, env = "API_KEY", hide_env_values = true)]
    key: String,
    /// The simulated gateway that the service uses.
    #[arg(long, value_name = "URL", env = "GATEWAY_URL", default_value = "http://127.0.0.1:8081")]
    gateway: Url,
}

/// An event that a simulated gateway can bring about.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    name: &'static str,
    payment_type: PaymentType,
    outcome: Outcome,
}

const fn wanted(name: &'static str, payment_type: PaymentType, outcome: Outcome) -> Wanted {
    Wanted { name, payment_type, outcome }
}

/// Which payments can end how.
const POSSIBLE: [Wanted; 8] = [
    wanted("deposit.completed", PaymentType::Deposit, Outcome::Completed),
    wanted("deposit.declined", PaymentType::Deposit, Outcome::Declined),
    wanted("deposit.cancelled", PaymentType::Deposit, Outcome::Cancelled),
    wanted("deposit.authorized", PaymentType::Deposit, Outcome::Authorized),
    wanted("withdrawal.completed", PaymentType::Withdrawal, Outcome::Completed),
    wanted("withdrawal.declined", PaymentType::Withdrawal, Outcome::Declined),
    wanted("refund.completed", PaymentType::Refund, Outcome::Completed),
    wanted("refund.declined", PaymentType::Refund, Outcome::Declined),
];

/// Reads an event; help and errors list those that there are.
fn event() -> impl TypedValueParser<Value = Wanted> {
    PossibleValuesParser::new(POSSIBLE.map(|one| one.name))
        .try_map(|word| POSSIBLE.into_iter().find(|one| one.name == word).ok_or("no payment ends like this"))
}

/// What is needed of a payment.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    id: Uuid,
    reference_id: String,
    payment_type: PaymentType,
    state: PaymentState,
    gateway_payment_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Triggered<'a> {
    event: &'a str,
    id: Uuid,
    reference_id: &'a str,
    gateway_payment_id: &'a str,
    /// As the gateway has it now; its notice is on its way.
    gateway_state: String,
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the caller's own payment at the simulated gateway, which tells the service as it always does.
pub(super) async fn run(args: &Args, output: &Output) -> Result<Ending, CommandError> {
    let Some(found) = find(args).await? else {
        output.error("no payment has this name");
        return Ok(Ending::Found);
    };
    let Wanted { name, payment_type, outcome } = args.event;
    if found.payment_type != payment_type {
        let is: &str = (&found.payment_type).into();
        return Err(CommandError::Usage(format!("{name} is no event of this payment: it is a {is}")));
    }
    let simulator = Simulator::at(&args.gateway).await.map_err(|error| command_error(&error))?;
    let Some(gateway_payment_id) = &found.gateway_payment_id else {
        let state: &str = (&found.state).into();
        output.error(&format!("the payment is {state}, and nothing at the gateway is known to be it"));
        return Ok(Ending::Found);
    };
    match simulator.conclude(gateway_payment_id, outcome).await {
        Ok(gateway_state) => {
            let (id, reference_id) = (found.id, found.reference_id.as_str());
            let told = Triggered { event: name, id, reference_id, gateway_payment_id, gateway_state };
            output.write(&told, |told| {
                format!("{reference_id} is {} at the gateway, and its notice is on its way", told.gateway_state)
            })?;
            Ok(Ending::Fine)
        }
        Err(error @ SimulatorError::Refused(_)) => {
            output.error(&error.to_string());
            Ok(Ending::Found)
        }
        Err(error) => Err(command_error(&error)),
    }
}

/// The payment, if the key may see one of this name.
async fn find(args: &Args) -> Result<Option<Found>, CommandError> {
    let http = reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(PATIENCE);
    let http = http.build().map_err(|error| CommandError::Usage(format!("nothing can be sent: {error}")))?;
    let mut url = args.service.clone();
    {
        let no_base = |()| CommandError::Usage("--service must be a URL such as http://127.0.0.1:8080".to_owned());
        let mut path = url.path_segments_mut().map_err(no_base)?;
        path.pop_if_empty().extend(["v1", "payments"]);
        if args.payment.parse::<Uuid>().is_err() {
            path.push("by-reference");
        }
        path.push(&args.payment);
    }
    let unavailable = |what: &str| io::Error::other(format!("{} {what}", args.service));
    let answer = http.get(url).bearer_auth(&args.key).send().await;
    let answer = answer.map_err(|_| unavailable("does not answer"))?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(|_| unavailable("broke off its answer"))?;
    match status {
        StatusCode::OK => {
            let found = serde_json::from_slice(&body).map_err(|_| unavailable("answers something else"))?;
            Ok(Some(found))
        }
        StatusCode::NOT_FOUND => Ok(None),
        status if status.is_client_error() => {
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            let detail = problem["detail"].as_str().unwrap_or("it says nothing more");
            Err(CommandError::Usage(format!("the service answers {}: {detail}", status.as_u16())))
        }
        status => Err(unavailable(&format!("answers {}", status.as_u16())).into()),
    }
}

fn command_error(error: &SimulatorError) -> CommandError {
    match error {
        SimulatorError::Real(_) => CommandError::Usage(format!("--gateway: {error}")),
        SimulatorError::Silent(_) | SimulatorError::Refused(_) => {
            io::Error::other(format!("--gateway: {error}")).into()
        }
    }
}
