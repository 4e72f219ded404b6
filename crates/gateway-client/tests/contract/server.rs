use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_client::client::{Client, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const KEY: &str = "shop-api-key-for-tests";

/// What the other side does with each connection.
#[derive(Clone)]
pub(crate) enum Act {
    /// Closes without reading.
    HangUp,
    /// Reads a request, then closes.
    ReadAndHangUp,
    /// Reads a request, writes these bytes, then closes.
    AnswerAndHangUp(Vec<u8>),
    /// Answers every request with these bytes, and keeps the connection.
    Answer(Vec<u8>),
    /// Reads, and never answers.
    Silence,
    /// Reads a request, and answers with these bytes, one every five milliseconds.
    Drip(Vec<u8>),
    /// Answers without having read anything.
    SpeakFirst(Vec<u8>),
}

/// A gateway that misbehaves as told, and remembers what it saw.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

impl Server {
    pub(crate) async fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        tokio::spawn(accept(listener, act, Arc::clone(&seen)));
        Self { address, seen }
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// Limits small enough for a test, long enough for a busy machine.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            idle_timeout: Duration::from_mins(1),
            ..Settings::new(format!("http://{}", self.address), KEY.into())
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.settings()).unwrap()
    }
}

pub(crate) fn http(status_line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status_line}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn accept(listener: TcpListener, act: Act, seen: Arc<Mutex<Seen>>) {
    while let Ok((stream, _)) = listener.accept().await {
        seen.lock().unwrap().connections += 1;
        tokio::spawn(converse(stream, act.clone(), Arc::clone(&seen)));
    }
}

/// The other side may be gone at any moment, which is what these tests are about.
async fn converse(mut stream: TcpStream, act: Act, seen: Arc<Mutex<Seen>>) -> Option<()> {
    match act {
        Act::HangUp => {}
        Act::SpeakFirst(bytes) => stream.write_all(&bytes).await.ok()?,
        Act::ReadAndHangUp => read_request(&mut stream, &seen).await?,
        Act::AnswerAndHangUp(bytes) => {
            read_request(&mut stream, &seen).await?;
            stream.write_all(&bytes).await.ok()?;
        }
        Act::Answer(bytes) => loop {
            read_request(&mut stream, &seen).await?;
            stream.write_all(&bytes).await.ok()?;
        },
        Act::Silence => loop {
            read_request(&mut stream, &seen).await?;
        },
        Act::Drip(bytes) => {
            read_request(&mut stream, &seen).await?;
            for byte in bytes {
                stream.write_all(&[byte]).await.ok()?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    stream.shutdown().await.ok()
}

async fn read_request(stream: &mut TcpStream, seen: &Mutex<Seen>) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            seen.lock().unwrap().requests.push(text.into_owned());
            return Some(());
        }
    }
}
