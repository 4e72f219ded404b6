//! The connection below HTTP, for answers that no HTTP server would give.

use std::{
    any::Any,
    io::Write,
    net::{Shutdown, TcpStream},
    os::fd::AsFd,
};

use actix_web::{HttpRequest, HttpResponse, dev::Extensions, http::StatusCode, rt::net};

use crate::exchange::Response;

/// A second handle on a connection's socket. The server's own one finds the socket closed and gives up.
pub(super) struct Wire(TcpStream);

impl Wire {
    /// Keeps a handle beside each connection.
    pub(super) fn remember(connection: &dyn Any, beside: &mut Extensions) {
        let stream = connection.downcast_ref::<net::TcpStream>();
        if let Some(handle) = stream.and_then(|stream| stream.as_fd().try_clone_to_owned().ok()) {
            beside.insert(Self(handle.into()));
        }
    }

    /// Closes the connection of `request` without a byte.
    pub(super) fn cut(request: &HttpRequest) -> HttpResponse {
        Self::send_and_cut(request, &[])
    }

    /// Sends a head that promises the whole body and only `sent` bytes of it, then closes.
    pub(super) fn cut_short(request: &HttpRequest, response: &Response, sent: usize) -> HttpResponse {
        let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::OK);
        let mut bytes = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", response.body.len()).into_bytes();
        for (name, value) in &response.headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(response.body.iter().take(sent));
        Self::send_and_cut(request, &bytes)
    }

    /// The response that is returned never gets anywhere: the socket is closed when the server writes it.
    fn send_and_cut(request: &HttpRequest, bytes: &[u8]) -> HttpResponse {
        if let Some(Self(stream)) = request.conn_data::<Self>() {
            let mut stream = stream;
            let sent = stream.write_all(bytes);
            let closed = stream.shutdown(Shutdown::Both);
            if let Some(error) = sent.and(closed).err() {
                tracing::debug!(%error, "the other side had closed already");
            }
        }
        HttpResponse::InternalServerError().force_close().finish()
    }
}
