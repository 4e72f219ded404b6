//! Somebody who is told of events: a small server that notes what comes and answers what a story wants.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It takes everything.
    Takes,
    /// It takes all but events of these types.
    TakesAllBut(&'static str),
    /// A status, and a header.
    Says(u16, &'static str),
    /// Nothing, and it keeps the connection.
    Hangs,
}

/// A message that came.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) event: Value,
    /// Whether it was taken.
    pub(crate) taken: bool,
}

impl Told {
    /// Whether one of its signatures is the one that the reference library makes with this secret.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let header = |name: &str| self.headers[name].to_str().unwrap();
        let at = header("webhook-timestamp").parse().unwrap();
        let theirs = Webhook::new(secret).unwrap().sign(header("webhook-id"), at, &self.body).unwrap();
        header("webhook-signature").split(' ').any(|signature| signature == theirs)
    }

    /// Whether the reference library accepts it, as somebody who has just got it.
    pub(crate) fn is_accepted_with(&self, secret: &str) -> bool {
        Webhook::new(secret).unwrap().verify(&self.body, &self.headers).is_ok()
    }

    pub(crate) fn kind(&self) -> &str {
        self.event["type"].as_str().unwrap()
    }
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

struct State {
    behaviour: Behaviour,
    told: Vec<Told>,
    connections: u64,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { behaviour: Behaviour::Takes, told: Vec::new(), connections: 0 }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(socket, Arc::clone(&shared)));
            }
        });
        Self { url: format!("http://127.0.0.1:{port}/events"), port, state, task }
    }

    pub(crate) fn behaves(&self, behaviour: Behaviour) {
        self.state.lock().unwrap().behaviour = behaviour;
    }

    /// Everything that came so far, in its order.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.state.lock().unwrap().told.clone()
    }

    /// The types and sequences of what was taken.
    pub(crate) fn taken(&self) -> Vec<(String, u64)> {
        let all = self.told().into_iter().filter(|one| one.taken);
        all.map(|one| (one.kind().to_owned(), one.event["data"]["sequence"].as_u64().unwrap())).collect()
    }

    /// The names of what was taken.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let all = self.told().into_iter().filter(|one| one.taken);
        all.map(|one| one.event["id"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn connections(&self) -> u64 {
        self.state.lock().unwrap().connections
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut socket: TcpStream, state: Arc<Mutex<State>>) {
    let mut read = Vec::new();
    while let Some((headers, body)) = next(&mut socket, &mut read).await {
        let event: Value = serde_json::from_slice(&body).unwrap();
        let (answer, hangs) = {
            let mut state = state.lock().unwrap();
            let (status, header, hangs) = match &state.behaviour {
                Behaviour::Takes => (204, "", false),
                Behaviour::TakesAllBut(kind) => (if event["type"] == **kind { 500 } else { 204 }, "", false),
                Behaviour::Says(status, header) => (*status, *header, false),
                Behaviour::Hangs => (500, "", true),
            };
            state.told.push(Told { headers, body, event, taken: (200..300).contains(&status) });
            let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
            (format!("HTTP/1.1 {status} Answer\r\ncontent-length: 0\r\n{header}\r\n"), hangs)
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next request on a connection.
async fn next(socket: &mut TcpStream, read: &mut Vec<u8>) -> Option<(http::HeaderMap, Vec<u8>)> {
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(read[..end].to_vec()).unwrap();
            let mut headers = http::HeaderMap::new();
            for line in head.lines().skip(1) {
                let (name, value) = line.split_once(": ").unwrap();
                headers.insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
            }
            let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
            let whole = end + 4 + length;
            if read.len() >= whole {
                let body = read[end + 4..whole].to_vec();
                read.drain(..whole);
                return Some((headers, body));
            }
        }
        let mut some = [0; 4096];
        match socket.read(&mut some).await {
            Ok(count) if count > 0 => read.extend_from_slice(&some[..count]),
            Ok(_) | Err(_) => return None,
        }
    }
}
