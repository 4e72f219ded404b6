use std::error::Error;
use std::io;

use crate::answer::{Failure, NotSentReason, UnknownReason};

/// What an error of the HTTP library proves.
///
/// It reports the same error whether the other side processed a request or never read it, so "not
/// sent" is only what proves that *no connection existed*: an error while building the request, or
/// one while connecting (name, refusal, TLS, the connect timeout). A total timeout that fires while
/// still connecting does not carry that proof and counts as unknown; so does whatever is new.
///
/// The error itself is dropped here, because it prints the URL with its query.
pub(super) fn of(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        Failure::NotSent(NotSentReason::Unbuildable)
    } else if error.is_connect() {
        Failure::NotSent(why_no_connection(error))
    } else {
        Failure::Unknown(why_unknown(error))
    }
}

fn why_no_connection(error: &reqwest::Error) -> NotSentReason {
    if error.is_dns() {
        NotSentReason::Unresolved
    } else if error.is_timeout() {
        NotSentReason::ConnectTimeout
    } else if has_io_kind(error, &[io::ErrorKind::ConnectionRefused]) {
        NotSentReason::ConnectionRefused
    } else if has_io_kind(error, &[io::ErrorKind::InvalidData]) {
        NotSentReason::Untrusted // how the TLS library reports bad certificates and bad peers
    } else {
        NotSentReason::NoConnection
    }
}

fn why_unknown(error: &reqwest::Error) -> UnknownReason {
    let http = causes(error).find_map(|cause| cause.downcast_ref::<hyper::Error>());
    if error.is_timeout() {
        UnknownReason::Timeout
    } else if http.is_some_and(hyper::Error::is_parse) {
        UnknownReason::NotHttp
    } else if http.is_some_and(|http| http.is_incomplete_message() || http.is_closed() || http.is_canceled())
        || has_io_kind(
            error,
            &[
                io::ErrorKind::ConnectionReset,
                io::ErrorKind::ConnectionAborted,
                io::ErrorKind::BrokenPipe,
                io::ErrorKind::UnexpectedEof,
            ],
        )
    {
        UnknownReason::ConnectionLost
    } else {
        UnknownReason::Transport
    }
}

fn has_io_kind(error: &reqwest::Error, kinds: &[io::ErrorKind]) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|io| kinds.contains(&io.kind()))
}

/// Every error below this one. An `io::Error` hides what it wraps from `source`, hence the detour.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| cause.source())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use reqwest::dns::{Name, Resolve, Resolving};

    use super::*;

    struct NobodyKnows;

    impl Resolve for NobodyKnows {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(async { Err("no such name".into()) })
        }
    }

    /// With a resolver of its own, so that no test asks the network.
    #[tokio::test]
    async fn a_name_without_an_address_means_not_sent() {
        let client = reqwest::Client::builder().dns_resolver(Arc::new(NobodyKnows)).no_proxy().build().unwrap();
        let error = client.post("https://gateway.invalid").send().await.unwrap_err();
        assert_eq!(of(&error), Failure::NotSent(NotSentReason::Unresolved));
    }
}
