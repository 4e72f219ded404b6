use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_client::client::{Client, Settings};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, Identity};

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
    /// Reads a request, writes one byte of the answer more than on the connection before, none on the
    /// first, then closes.
    Cut(Vec<u8>),
    /// Answers the first request of a connection with these bytes, reads a second, then closes.
    AnswerOnce(Vec<u8>),
    /// Answers every request with these bytes, and keeps the connection.
    Answer(Vec<u8>),
    /// Reads, and never answers.
    Silence,
    /// Reads a request, and answers with these bytes, one every five milliseconds.
    Drip(Vec<u8>),
    /// Answers without having read anything.
    SpeakFirst(Vec<u8>),
    /// Reads a request, writes these bytes, and then chunks of spaces for as long as anybody takes them.
    Flood(Vec<u8>),
}

/// A gateway that misbehaves as told, and remembers what it saw.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Whom to trust, if it speaks TLS.
    root: Option<Vec<u8>>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    ended: usize,
    requests: Vec<String>,
    flooded: u64,
}

impl Server {
    /// Without TLS, as on this machine only.
    pub(crate) async fn start(act: Act) -> Self {
        Self::listen(act, None, None).await
    }

    /// With TLS, and a certificate that the client is told to trust.
    pub(crate) async fn start_tls(act: Act) -> Self {
        Self::start_as(act, &Authority::new(), Identity::Right).await
    }

    /// With TLS, and a certificate for that identity.
    pub(crate) async fn start_as(act: Act, authority: &Authority, identity: Identity) -> Self {
        Self::listen(act, Some(authority.acceptor(identity)), Some(authority.pem())).await
    }

    async fn listen(act: Act, tls: Option<TlsAcceptor>, root: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        tokio::spawn(accept(listener, act, tls, Arc::clone(&seen)));
        Self { address, root, seen }
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    /// How many bytes of a flood were taken from it.
    pub(crate) fn flooded(&self) -> u64 {
        self.seen.lock().unwrap().flooded
    }

    /// Once every connection has ended nothing can arrive any more.
    pub(crate) async fn requests_in_the_end(&self) -> usize {
        let all_ended = |seen: &Seen| seen.ended == seen.connections;
        while !all_ended(&self.seen.lock().unwrap()) {
            tokio::task::yield_now().await;
        }
        self.requests().len()
    }

    /// Limits small enough for a test, long enough for a busy machine.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            idle_timeout: Duration::from_mins(1),
            extra_roots: self.root.clone().unwrap_or_default(),
            ..Settings::new(self.base_url(self.address), KEY.into())
        }
    }

    /// The same gateway, seen at another address.
    pub(crate) fn base_url(&self, address: SocketAddr) -> String {
        let scheme = if self.root.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.settings()).unwrap()
    }
}

pub(crate) fn http(status_line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status_line}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn accept(listener: TcpListener, act: Act, tls: Option<TlsAcceptor>, seen: Arc<Mutex<Seen>>) {
    let mut before = 0;
    while let Ok((stream, _)) = listener.accept().await {
        seen.lock().unwrap().connections += 1;
        let act = match &act {
            Act::Cut(bytes) => Act::AnswerAndHangUp(bytes[..before.min(bytes.len())].to_vec()),
            other => other.clone(),
        };
        before += 1;
        tokio::spawn(serve(stream, tls.clone(), act, Arc::clone(&seen)));
    }
}

async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, act: Act, seen: Arc<Mutex<Seen>>) {
    match tls {
        None => _ = converse(stream, act, &seen).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                converse(stream, act, &seen).await;
            }
        }
    }
    seen.lock().unwrap().ended += 1;
}

/// The other side may be gone at any moment, which is what these tests are about.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, act: Act, seen: &Mutex<Seen>) -> Option<()> {
    match act {
        Act::HangUp => {}
        Act::SpeakFirst(bytes) => stream.write_all(&bytes).await.ok()?,
        Act::ReadAndHangUp => read_request(&mut stream, seen).await?,
        Act::AnswerAndHangUp(bytes) | Act::Cut(bytes) => {
            read_request(&mut stream, seen).await?;
            stream.write_all(&bytes).await.ok()?;
        }
        Act::AnswerOnce(bytes) => {
            read_request(&mut stream, seen).await?;
            stream.write_all(&bytes).await.ok()?;
            read_request(&mut stream, seen).await?;
        }
        Act::Answer(bytes) => loop {
            read_request(&mut stream, seen).await?;
            stream.write_all(&bytes).await.ok()?;
        },
        Act::Flood(head) => {
            read_request(&mut stream, seen).await?;
            stream.write_all(&head).await.ok()?;
            let spaces = [b"ffff\r\n".as_slice(), &b" ".repeat(0xffff), b"\r\n"].concat();
            while stream.write_all(&spaces).await.is_ok() {
                seen.lock().unwrap().flooded += spaces.len() as u64;
            }
        }
        Act::Silence => loop {
            read_request(&mut stream, seen).await?;
        },
        Act::Drip(bytes) => {
            read_request(&mut stream, seen).await?;
            for byte in bytes {
                stream.write_all(&[byte]).await.ok()?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    stream.shutdown().await.ok()
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin), seen: &Mutex<Seen>) -> Option<()> {
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
