//! The line between the service and its gateway: it can be cut, and somebody else can sit at its end.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::app::{Data, Kind, TestApp};

pub(crate) struct Line {
    address: SocketAddr,
    end: Arc<Mutex<End>>,
    serving: Option<JoinHandle<()>>,
}

/// Who sits at the line's end.
#[derive(Clone)]
pub(crate) enum End {
    /// Nobody whom one could reach yet.
    Nobody,
    /// The gateway.
    Gateway(SocketAddr),
    /// The gateway, behind something that sends every request twice.
    Doubling(SocketAddr),
    /// Something that says this to everybody and hangs up.
    Saying(Vec<u8>),
}

impl Line {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut line =
            Self { address: listener.local_addr().unwrap(), end: Arc::new(Mutex::new(End::Nobody)), serving: None };
        line.serve(listener);
        line
    }

    pub(crate) fn lead_to(&self, end: End) {
        *self.end.lock() = end;
    }

    /// Whoever calls is refused.
    pub(crate) async fn cut(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            // The socket is closed when the task is gone.
            let _ = serving.await;
        }
    }

    pub(crate) async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    fn serve(&mut self, listener: TcpListener) {
        let end = Arc::clone(&self.end);
        self.serving = Some(tokio::spawn(async move {
            // They end with the line.
            let mut calls = tokio::task::JoinSet::new();
            while let Ok((call, _)) = listener.accept().await {
                let end = end.lock().clone();
                calls.spawn(carry(call, end));
            }
        }));
    }
}

async fn carry(mut call: TcpStream, end: End) {
    match end {
        End::Nobody => {}
        End::Gateway(address) => {
            if let Ok(mut gateway) = TcpStream::connect(address).await {
                let _ = tokio::io::copy_bidirectional(&mut call, &mut gateway).await;
            }
        }
        End::Doubling(address) => {
            let mut request = vec![0; 64 * 1024];
            let length = call.read(&mut request).await.unwrap_or(0);
            for _ in 0..2 {
                if let Ok(mut gateway) = TcpStream::connect(address).await {
                    let _ = gateway.write_all(&request[..length]).await;
                    let mut answer = vec![0; 64 * 1024];
                    let length = gateway.read(&mut answer).await.unwrap_or(0);
                    // The second answer finds nobody who listens any more.
                    let _ = call.write_all(&answer[..length]).await;
                    let _ = call.shutdown().await;
                }
            }
        }
        End::Saying(words) => {
            let mut heard = [0; 16 * 1024];
            let _ = call.read(&mut heard).await;
            let _ = call.write_all(&words).await;
            let _ = call.shutdown().await;
            // Until the other side has read it: a socket that is closed with unread bytes is torn down.
            let _ = call.read(&mut heard).await;
        }
    }
}

impl TestApp {
    /// An application whose way to the gateway is ours.
    pub(crate) async fn start_on_a_line(kind: Kind, pairs: &[(&str, &str)]) -> (Self, Line) {
        let line = Line::new().await;
        let url = format!("http://{}", line.address);
        let mut pairs = pairs.to_vec();
        // One connection for each request, so that a cut is felt at once.
        pairs.extend([("GATEWAY__BASE_URL", url.as_str()), ("GATEWAY__IDLE_SECONDS", "0")]);
        let app = Self::start_on(Data::new(kind).await, &pairs).await;
        line.lead_to(End::Gateway(app.gateway.address()));
        (app, line)
    }
}
