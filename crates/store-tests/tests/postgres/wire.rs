//! The wire between the store and its server, with eyes and scissors.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A way to a server on which statements are counted, and cut where the test says so.
pub(crate) struct Wire {
    /// The database's address by this way.
    pub(crate) url: String,
    seen: Arc<Seen>,
}

/// What happens to the next statement that comes along, and to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It does not arrive.
    BeforeTheServer,
    /// It arrives, and its answer does not.
    BehindTheServer,
}

#[derive(Default)]
struct Seen {
    statements: AtomicUsize,
    cut: Mutex<Option<Cut>>,
}

impl Wire {
    /// Lays a wire to the database at `url`.
    pub(crate) async fn to(url: &str) -> Self {
        let server: PgConnectOptions = url.parse().unwrap();
        let target = (server.get_host().to_owned(), server.get_port());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Seen::default());
        tokio::spawn(serve(listener, target, Arc::clone(&seen)));
        let mut url = url::Url::parse(url).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(port)).unwrap();
        url.set_query(Some("sslmode=disable"));
        Self { url: url.into(), seen }
    }

    /// How many statements were executed since the last time. The question that is asked when a connection is taken from
    /// its pool is not one of them: it is a simple query.
    pub(crate) fn statements(&self) -> usize {
        self.seen.statements.swap(0, Ordering::SeqCst)
    }

    pub(crate) fn cut(&self, cut: Cut) {
        *self.seen.cut.lock().unwrap() = Some(cut);
    }
}

async fn serve(listener: TcpListener, target: (String, u16), seen: Arc<Seen>) {
    while let Ok((client, _)) = listener.accept().await {
        if let Ok(server) = TcpStream::connect(&target).await {
            tokio::spawn(carry(client, server, Arc::clone(&seen)));
        }
    }
}

/// Carries answers as they come, and statements message by message. Whichever way ends first ends both.
async fn carry(client: TcpStream, server: TcpStream, seen: Arc<Seen>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    tokio::select! {
        _ = &mut answers => {}
        carried = carry_statements(&mut from_client, &mut to_server, &seen) => {
            if let Ok(Cut::BehindTheServer) = carried {
                answers.abort();
                let _ = answers.await;
                let _ = carry_to_its_end(&mut from_client, &mut to_server).await;
            }
        }
    }
}

const BIND: u8 = b'B';
const SYNC: u8 = b'S';

/// Ends at the message that binds a statement which is to be cut.
async fn carry_statements(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, seen: &Seen) -> io::Result<Cut> {
    // The first message of a connection has no kind.
    let greeting = body(from).await?;
    to.write_all(&greeting).await?;
    loop {
        let kind = from.read_u8().await?;
        let message = body(from).await?;
        if kind == BIND {
            seen.statements.fetch_add(1, Ordering::SeqCst);
            let cut = seen.cut.lock().unwrap().take();
            match cut {
                Some(Cut::BeforeTheServer) => return Ok(Cut::BeforeTheServer),
                Some(Cut::BehindTheServer) => {
                    forward(to, kind, &message).await?;
                    return Ok(Cut::BehindTheServer);
                }
                None => {}
            }
        }
        forward(to, kind, &message).await?;
    }
}

/// Up to the message with which the server commits.
async fn carry_to_its_end(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> io::Result<()> {
    loop {
        let kind = from.read_u8().await?;
        let message = body(from).await?;
        forward(to, kind, &message).await?;
        if kind == SYNC {
            return Ok(());
        }
    }
}

/// The length, which counts itself, and what it counts.
async fn body(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(length as usize, 0);
    from.read_exact(&mut message[4..]).await?;
    Ok(message)
}

async fn forward(to: &mut OwnedWriteHalf, kind: u8, message: &[u8]) -> io::Result<()> {
    to.write_u8(kind).await?;
    to.write_all(message).await
}
