//! The sandbox: callers find out how their own programs bear what goes wrong, by how a `referenceId` begins.
//!
//! What goes wrong is done by the simulated gateway, so that everything behind it is the service as it always is.

use gateway_simulator::{Amount, ErrorCode, Fault};
use rust_decimal::Decimal;
use url::Url;

use crate::settings::{InvalidSettings, Settings};
use crate::simulator::{Simulator, SimulatorError};

/// What a reference that begins so meets.
pub struct Scenario {
    /// How the reference begins.
    pub prefix: &'static str,
    /// What the gateway does.
    pub gateway: &'static str,
    /// What the caller sees.
    pub seen: &'static str,
    fault: Fault,
}

/// Why the sandbox does not open.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The settings cannot be meant so.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// The gateway is real, silent, or refuses.
    #[error("sandbox.enabled: {0}")]
    Simulator(#[from] SimulatorError),
}

/// What there is to be met, as docs/api-guide.md lists it.
pub fn scenarios() -> Vec<Scenario> {
    let row = |prefix, fault, gateway, seen| Scenario { prefix, gateway, seen, fault };
    vec![
        row(
            "sandbox-timeout-",
            Fault::LostAfter,
            "makes the payment; its answer never comes",
            "202 and `SUBMITTED`; within seconds it is found: `CHECKOUT`, one payment, one request",
        ),
        row(
            "sandbox-lost-",
            Fault::LostBefore,
            "never gets the request",
            "202 and `SUBMITTED`; after some seven minutes it is sent a second time: `CHECKOUT`",
        ),
        row(
            "sandbox-refused-",
            Fault::StatusBefore(400),
            "refuses the order",
            "422 `gateway-refused`; the payment is `REJECTED`, and a repaired order needs a new reference",
        ),
        row(
            "sandbox-declined-",
            Fault::Declined(ErrorCode::INSUFFICIENT_FUNDS),
            "declines, whatever card the customer pays with",
            "`DECLINED`, `error.code` 4.01",
        ),
        row(
            "sandbox-amount-",
            Fault::OtherAmount(Amount::new(Decimal::new(9_875, 4))),
            "settles 98.75 % of what was asked for",
            "`COMPLETED`, `settledAmount` differs from `amount`, `flags` has `amount-differs`",
        ),
        row("sandbox-twice-", Fault::HookTwice, "tells the end twice", "one end: `COMPLETED` is told to you once"),
        row(
            "sandbox-late-",
            Fault::HookLate { millis: 120_000 },
            "tells the end after two minutes",
            "the end all the same, from the gateway's list; what comes late changes nothing",
        ),
        row(
            "sandbox-reordered-",
            Fault::HookShuffled { millis: 10_000 },
            "tells what happened by chance up to ten seconds late, the later perhaps first",
            "your events in their order; no state is gone back to",
        ),
        row("sandbox-never-", Fault::HookNever, "tells nothing", "the end, from the gateway's list"),
        row(
            "sandbox-forged-",
            Fault::HookForged,
            "is impersonated: the notice of the end bears a false signature",
            "nothing of it; the true end comes from the gateway's list",
        ),
        row(
            "sandbox-contradiction-",
            Fault::HookContradicted,
            "tells another end a moment after the true one",
            "the first one stays, `flags` has `contradiction`, and a person is called",
        ),
        row(
            "sandbox-pending-",
            Fault::Processing { millis: 600_000 },
            "takes ten minutes over it, unless `api trigger` ends it",
            "`PENDING` until then",
        ),
        row(
            "sandbox-held-",
            Fault::Held,
            "holds a withdrawal until you approve or reject it",
            "`AWAITING_APPROVAL`, `nextAction` is `approve`",
        ),
    ]
}

/// Has the simulated gateway know what the scenarios are called, if the settings open the sandbox. A real gateway is
/// refused: nothing but a question without a key is sent to it.
pub async fn open(settings: &Settings) -> Result<(), SandboxError> {
    if !settings.sandbox.enabled {
        return Ok(());
    }
    let scenarios = scenarios();
    let prefixes: Vec<(&str, Fault)> = scenarios.iter().map(|one| (one.prefix, one.fault.clone())).collect();
    let url = Url::parse(&settings.gateway.base_url)
        .map_err(|_| InvalidSettings::Wrong { key: "gateway.base_url".to_owned(), problem: "is no URL".to_owned() })?;
    Simulator::at(&url).await?.reserve(&prefixes).await?;
    tracing::warn!(gateway = %url, "the sandbox is open: every payment is simulated");
    Ok(())
}
