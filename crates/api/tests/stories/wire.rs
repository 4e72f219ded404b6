//! A caller that speaks HTTP by hand, byte by byte, and may stop at any of them.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::{Answer, CALLER_KEY, TestApp};

/// One connection.
pub(crate) struct Wire(TcpStream);

/// How long the service may take for anything here, before a story fails instead of waiting for ever.
const PATIENCE: Duration = Duration::from_secs(20);

impl Wire {
    pub(crate) async fn to(app: &TestApp) -> Self {
        Self(TcpStream::connect(app.serving().address()).await.unwrap())
    }

    /// Sends as much as the other side takes; it may close in the middle.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// Ends our half of the connection; the other half stays open.
    pub(crate) async fn finish(&mut self) {
        let _ = self.0.shutdown().await;
    }

    /// Closes the connection (FIN).
    pub(crate) fn hang_up(self) {
        drop(self.0);
    }

    /// Tears the connection down: nothing that is on its way arrives any more (RST).
    pub(crate) fn reset(self) {
        self.0.set_zero_linger().unwrap();
    }

    /// Everything until the other side closes; none if it tore the connection down.
    pub(crate) async fn read_to_the_end(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let reading = self.0.read_to_end(&mut bytes);
        let read = tokio::time::timeout(PATIENCE, reading).await.expect("the service neither answers nor closes");
        // What came before the connection was torn down counts.
        (read.is_ok() || !bytes.is_empty()).then_some(bytes)
    }

    /// Sends one byte after the other, slowly, until somebody answers or closes; says how many were taken.
    pub(crate) async fn drip(&mut self, bytes: &[u8], pause: Duration) -> usize {
        let mut answer = [0];
        for (count, byte) in bytes.iter().enumerate() {
            if !self.send(&[*byte]).await || tokio::time::timeout(pause, self.0.peek(&mut answer)).await.is_ok() {
                return count;
            }
        }
        bytes.len()
    }
}

impl TestApp {
    /// Sends a whole request by hand and reads what comes, if anything does.
    pub(crate) async fn by_hand(&self, request: &[u8]) -> Option<Answer> {
        let mut wire = Wire::to(self).await;
        wire.send(request).await;
        wire.finish().await;
        read_answer(&wire.read_to_the_end().await?)
    }
}

/// A request with our key; the head's end included.
pub(crate) fn request(method: &str, target: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {target} HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {CALLER_KEY}\r\n\
         content-length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The first answer in these bytes; none if there is none.
pub(crate) fn read_answer(bytes: &[u8]) -> Option<Answer> {
    let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..head_end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.append(reqwest::header::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    let length: usize = headers.get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    let body = &bytes[head_end + 4..];
    let body = &body[..length.min(body.len())];
    let body = serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into());
    Some(Answer { status, headers, body })
}
