//! One request and what comes of it, as bytes: nothing here knows a socket.

use std::str::FromStr;

use bytes::Bytes;
use chrono::TimeDelta;

use crate::payment::PaymentId;

/// The methods of the gateway contract, section 1; every other one is `Other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Post,
    Patch,
    Other,
}

impl FromStr for Method {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(match name {
            "GET" => Self::Get,
            "POST" => Self::Post,
            "PATCH" => Self::Patch,
            _ => Self::Other,
        })
    }
}

/// What a merchant sends.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method of the request line.
    pub method: Method,
    /// The target of the request line: `/api/v1/payments?limit=10`.
    pub path_and_query: &'a str,
    /// The whole value of the `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The whole value of the `Content-Type` header; only POST and PATCH need one.
    pub content_type: Option<&'a str>,
    /// The body, empty for a GET.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// A GET with this `Authorization`.
    pub const fn get(path_and_query: &'a str, authorization: &'a str) -> Self {
        Self { method: Method::Get, path_and_query, authorization: Some(authorization), content_type: None, body: &[] }
    }

    /// A POST of JSON with this `Authorization`.
    pub const fn post(path_and_query: &'a str, authorization: &'a str, body: &'a [u8]) -> Self {
        Self::with_json(Method::Post, path_and_query, authorization, body)
    }

    /// A PATCH of JSON with this `Authorization`.
    pub const fn patch(path_and_query: &'a str, authorization: &'a str, body: &'a [u8]) -> Self {
        Self::with_json(Method::Patch, path_and_query, authorization, body)
    }

    const fn with_json(method: Method, path_and_query: &'a str, authorization: &'a str, body: &'a [u8]) -> Self {
        Self {
            method,
            path_and_query,
            authorization: Some(authorization),
            content_type: Some("application/json"),
            body,
        }
    }

    pub(crate) fn path(&self) -> &'a str {
        self.path_and_query.split_once('?').map_or(self.path_and_query, |(path, _)| path)
    }

    pub(crate) fn query(&self) -> &'a str {
        self.path_and_query.split_once('?').map_or("", |(_, query)| query)
    }
}

/// What the gateway answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers beside those that every HTTP server sends by itself.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

impl Response {
    pub(crate) fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("content-type", "application/json".to_owned())], body: body.into() }
    }

    pub(crate) fn html(status: u16, body: &'static str) -> Self {
        Self {
            status,
            headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
            body: Bytes::from_static(body.as_bytes()),
        }
    }
}

/// What happened inside the gateway, and what of it reaches the caller. The two differ when a fault says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// The payment that this request created or moved; `None` when it changed nothing.
    pub effect: Option<PaymentId>,
    /// What the caller gets to see.
    pub answer: Answer,
}

/// What the caller gets to see of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// All of it, at once.
    Reply(Response),
    /// Nothing: the connection closes without a byte.
    Lost {
        /// Whether the request had been worked on before.
        after_effect: bool,
    },
    /// All of it, but only after a while.
    Delayed {
        /// How long the answer is held back.
        by: TimeDelta,
        /// The answer, as of the moment of the request.
        response: Response,
    },
    /// The head promises the whole body, the connection closes after a part of it.
    Truncated {
        /// The whole response.
        response: Response,
        /// How many bytes of its body are sent.
        sent: usize,
    },
}

impl Answer {
    /// The response in full, if the caller gets it at all, however late.
    pub const fn response(&self) -> Option<&Response> {
        match self {
            Self::Reply(response) | Self::Delayed { response, .. } => Some(response),
            Self::Lost { .. } | Self::Truncated { .. } => None,
        }
    }
}
