//! The control endpoint of a simulated gateway, for whoever tries things out.

use std::time::Duration;

use gateway_simulator::{Fault, Outcome};
use reqwest::{Method, StatusCode, redirect};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// A gateway that has said that it is a simulated one. No key is ever sent to it.
pub(crate) struct Simulator {
    http: reqwest::Client,
    url: Url,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// Somebody else answers there, such as a real gateway.
    #[error("{0} is no simulated gateway, and only with one can things be tried out like this")]
    Real(Url),
    /// Nobody answers.
    #[error("nobody answers at {0}")]
    Silent(Url),
    /// It says no, in its words.
    #[error("the simulated gateway says: {0}")]
    Refused(String),
}

#[derive(Deserialize)]
struct Who {
    simulates: String,
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Simulator {
    /// The one at this address, if it is one: it is asked before anything is done there.
    pub(crate) async fn at(url: &Url) -> Result<Self, SimulatorError> {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(PATIENCE);
        let http = http.build().map_err(|_| SimulatorError::Silent(url.clone()))?;
        let simulator = Self { http, url: url.clone() };
        let (status, said) = simulator.ask(Method::GET, &[], None).await?;
        let who: Option<Who> = serde_json::from_value(said).ok();
        if status == StatusCode::OK && who.is_some_and(|who| who.simulates == "pay.tech") {
            Ok(simulator)
        } else {
            Err(SimulatorError::Real(url.clone()))
        }
    }

    /// Reserves prefixes: the first request of such a reference meets these faults.
    pub(crate) async fn reserve(&self, prefixes: &[(&str, Fault)]) -> Result<(), SimulatorError> {
        let body = serde_json::to_value(prefixes).unwrap_or_default();
        self.done(self.ask(Method::PUT, &["prefixes"], Some(&body)).await?).map(drop)
    }

    /// Brings a payment to its end; answers the state that it then has there.
    pub(crate) async fn conclude(&self, gateway_payment_id: &str, outcome: Outcome) -> Result<String, SimulatorError> {
        let outcome = serde_json::to_value(outcome).unwrap_or_default();
        let path = ["payments", gateway_payment_id, outcome.as_str().unwrap_or_default()];
        let ended = self.done(self.ask(Method::POST, &path, None).await?)?;
        Ok(ended["state"].as_str().unwrap_or_default().to_owned())
    }

    fn done(&self, (status, said): (StatusCode, Value)) -> Result<Value, SimulatorError> {
        if status.is_success() {
            return Ok(said);
        }
        let why = said["error"].as_str().map_or_else(|| format!("{status} at {}", self.url), str::to_owned);
        Err(SimulatorError::Refused(why))
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), SimulatorError> {
        let silent = || SimulatorError::Silent(self.url.clone());
        let mut url = self.url.clone();
        url.path_segments_mut().map_err(|()| silent())?.pop_if_empty().push("control").extend(path);
        let request = self.http.request(method, url);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.map_err(|_| silent())?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|_| silent())?;
        Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }
}
