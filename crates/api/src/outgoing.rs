//! How requests leave for whomever the settings or a caller name: receivers of events, collectors of traces, whoever signs people in.

use reqwest::{ClientBuilder, redirect, retry};

/// A client that does what it is told and no more: it follows nobody elsewhere, repeats nothing by itself, unpacks nothing, and
/// takes no way that only the environment names. How long it waits is for each to say.
pub(crate) fn client() -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("payments/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
}
