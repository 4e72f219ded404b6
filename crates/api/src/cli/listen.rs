//! `api listen`: the feed of events, forwarded to a program that is being written.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args as ClapArgs;
use orchestrator::{Clock as _, EventPattern};
use reqwest::{StatusCode, redirect};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::sleep;
use url::Url;

use super::{CommandError, Ending, Output, serve};
use crate::clock::SystemClock;
use crate::receivers::{new_secret, sign};

/// `api listen --forward-to URL`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// Where each event is sent, one after the other, until it is taken.
    #[arg(long, value_name = "URL")]
    forward_to: Url,
    /// The service whose events they are.
    #[arg(long, value_name = "URL", env = "API_URL", default_value = "http://127.0.0.1:8080")]
    service: Url,
    /// A key with the scope payments:read.
    #[arg(long, env = "API_KEY", hide_env_values = true)]
    key: String,
    /// Only events of these types: deposit.completed, *.completed, refund.*
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<EventPattern>,
    /// With the payment beside each event, as it then was.
    #[arg(long)]
    full: bool,
    /// Where it is kept how far it came and what it signs with; the next start goes on there.
    #[arg(long, value_name = "FILE", default_value = ".listen.json")]
    state: PathBuf,
    /// From behind this cursor on; 0 for the first event of all. Without it: where it stood, or what happens from now on.
    #[arg(long, value_name = "CURSOR")]
    after: Option<u64>,
}

/// What is kept between two starts.
#[derive(Serialize, Deserialize)]
struct State {
    cursor: Option<String>,
    secret: String,
}

/// What the feed answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    data: Vec<Box<RawValue>>,
    next_cursor: String,
}

/// What is needed of an event to forward it.
#[derive(Deserialize)]
struct Head {
    id: String,
    r#type: String,
    data: HeadData,
}

#[derive(Deserialize)]
struct HeadData {
    cursor: String,
}

/// One event that was forwarded.
#[derive(Serialize)]
struct Forwarded<'a> {
    id: &'a str,
    r#type: &'a str,
    cursor: &'a str,
    status: u16,
}

/// What it is worth to try again after.
const PAUSES: [u64; 6] = [1, 2, 4, 8, 15, 30];

struct Listener<'a> {
    args: &'a Args,
    http: reqwest::Client,
    output: &'a Output,
    state: State,
}

/// Forwards events until somebody stops it. What was not taken is sent again, and nothing behind it before.
pub(super) async fn run(args: &Args, output: &Output) -> Result<Ending, CommandError> {
    let mut state = kept(&args.state)?;
    if let Some(after) = args.after {
        state.cursor = Some(after.to_string());
    }
    let http =
        reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(Duration::from_secs(90));
    let http = http.build().map_err(|error| CommandError::Usage(format!("nothing can be sent: {error}")))?;
    output.write(&serde_json::json!({ "forwardTo": args.forward_to, "secret": state.secret }), |_| {
        format!("Events go to {}, signed with {}\nCtrl-C stops; the next start goes on.", args.forward_to, state.secret)
    })?;
    let mut listener = Listener { args, http, output, state };
    listener.keep()?;
    tokio::select! {
        ended = listener.listen() => ended,
        stopped = serve::stop_signal() => { stopped?; Ok(Ending::Fine) }
    }
}

impl Listener<'_> {
    async fn listen(&mut self) -> Result<Ending, CommandError> {
        let mut failures = 0;
        loop {
            let after = self.state.cursor.clone().unwrap_or_else(|| "now".to_owned());
            match self.page(&after).await {
                Ok(page) => {
                    failures = 0;
                    for event in &page.data {
                        self.forward(event).await?;
                    }
                    self.state.cursor = Some(page.next_cursor);
                    self.keep()?;
                }
                Err(Unread::ForGood(why)) => return Err(CommandError::Usage(why)),
                Err(Unread::ForNow(why)) => {
                    self.output.error(&why);
                    pause(failures).await;
                    failures += 1;
                }
            }
        }
    }

    async fn page(&self, after: &str) -> Result<Page, Unread> {
        let wait = if after == "now" { "0" } else { "30" };
        let mut query = vec![("after", after.to_owned()), ("wait", wait.to_owned()), ("limit", "50".to_owned())];
        query.extend(self.args.types.iter().map(|pattern| ("type", pattern.to_string())));
        let body = self.get("/v1/events", &query).await?;
        serde_json::from_slice(&body).map_err(|_| Unread::ForNow("the service answers something else".to_owned()))
    }

    async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Vec<u8>, Unread> {
        let url = self.args.service.join(path).map_err(|error| Unread::ForGood(format!("--service: {error}")))?;
        let answer = self.http.get(url).query(query).bearer_auth(&self.args.key).send().await;
        let answer = answer.map_err(|_| Unread::ForNow("the service does not answer".to_owned()))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|_| Unread::ForNow("the answer broke off".to_owned()))?;
        match status {
            StatusCode::OK => Ok(body.to_vec()),
            StatusCode::TOO_MANY_REQUESTS => Err(Unread::ForNow("the service is busy".to_owned())),
            status if status.is_client_error() => Err(Unread::ForGood(told(status, &body))),
            status => Err(Unread::ForNow(told(status, &body))),
        }
    }

    /// Sends one event until it is taken.
    async fn forward(&mut self, event: &RawValue) -> Result<(), CommandError> {
        let unreadable = |error: serde_json::Error| CommandError::Usage(format!("an event cannot be read: {error}"));
        let head: Head = serde_json::from_str(event.get()).map_err(unreadable)?;
        let mut failures = 0;
        loop {
            match self.send(&head, event).await {
                Ok(status) => {
                    let (id, r#type, cursor) = (head.id.as_str(), head.r#type.as_str(), head.data.cursor.as_str());
                    let forwarded = Forwarded { id, r#type, cursor, status };
                    self.output.write(&forwarded, |one| {
                        format!("{:>8}  {status}  {:<26}  {}", one.cursor, one.r#type, one.id)
                    })?;
                    self.state.cursor = Some(head.data.cursor);
                    return Ok(self.keep()?);
                }
                Err(Unread::ForGood(why)) => return Err(CommandError::Usage(why)),
                Err(Unread::ForNow(why)) => {
                    self.output.error(&format!("{} {}: {why}; it is sent again", head.r#type, head.id));
                    pause(failures).await;
                    failures += 1;
                }
            }
        }
    }

    async fn send(&self, head: &Head, event: &RawValue) -> Result<u16, Unread> {
        let body = if self.args.full {
            self.get(&format!("/v1/events/{}", head.id), &[]).await?
        } else {
            event.get().as_bytes().to_vec()
        };
        let at = SystemClock.now().utc().timestamp();
        let signature = sign(&self.state.secret, &head.id, at, &body);
        let signature = signature.ok_or_else(|| {
            Unread::ForGood(format!("the secret in {} cannot be read; remove the file", self.args.state.display()))
        })?;
        let request = self.http.post(self.args.forward_to.clone()).header("content-type", "application/json");
        let request = request.header("webhook-id", &head.id).header("webhook-timestamp", at);
        let answer = request.header("webhook-signature", signature).body(body).send().await;
        let status = answer.map_err(|_| Unread::ForNow("no answer".to_owned()))?.status();
        if status.is_success() {
            Ok(status.as_u16())
        } else {
            Err(Unread::ForNow(format!("it answered {}", status.as_u16())))
        }
    }

    fn keep(&self) -> io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let (path, bytes) = (&self.args.state, serde_json::to_vec(&self.state).map_err(io::Error::from)?);
        let part = path.with_extension("part");
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(&bytes)?;
        fs::rename(&part, path)
    }
}

/// Why there is no answer to work with.
enum Unread {
    /// It may come.
    ForNow(String),
    /// Somebody must put something right.
    ForGood(String),
}

async fn pause(failures: usize) {
    sleep(Duration::from_secs(*PAUSES.get(failures).unwrap_or(&30))).await;
}

/// What the service says is wrong.
fn told(status: StatusCode, body: &[u8]) -> String {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("it says nothing more");
    format!("the service answers {}: {detail}", status.as_u16())
}

fn kept(path: &Path) -> Result<State, CommandError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            CommandError::Usage(format!("{} cannot be read ({error}); remove it to begin anew", path.display()))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(State { cursor: None, secret: new_secret().to_string() })
        }
        Err(error) => Err(error.into()),
    }
}
