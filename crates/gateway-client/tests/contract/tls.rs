//! Before the first byte of a request comes TLS; what fails there proves that nothing was sent.

use std::net::SocketAddr;

use gateway_client::answer::{Failure, NotSentReason, UnknownReason};
use gateway_client::client::{Client, ClientError, Settings};
use gateway_client::request::{Class, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::authority::{Authority, Identity};
use crate::server::{Act, KEY, Server, http};
use crate::transport::{CREATED, patch, post, read};

fn each_kind() -> [Request; 4] {
    [post(Class::Moving), post(Class::Inert), patch(), read()]
}

async fn nothing_is_sent(client: &Client, expected: NotSentReason) {
    for request in each_kind() {
        assert_eq!(client.send(request).await, Err(Failure::NotSent(expected.clone())));
    }
}

fn answering() -> Act {
    Act::Answer(http("200 OK", "", CREATED))
}

#[tokio::test]
async fn an_extra_root_is_trusted() {
    let server = Server::start_tls(answering()).await;
    let client = server.client();
    for request in each_kind() {
        assert_eq!(client.send(request).await.unwrap().status, 200);
    }
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_gets_nothing() {
    let authority = Authority::new();
    for identity in [Identity::WrongName, Identity::Expired] {
        let server = Server::start_as(answering(), &authority, identity).await;
        nothing_is_sent(&server.client(), NotSentReason::Untrusted).await;
        assert_eq!(server.requests_in_the_end().await, 0);
    }
    let server = Server::start_as(answering(), &authority, Identity::Right).await;
    for extra_roots in [Vec::new(), Authority::new().pem()] {
        let stranger = Client::new(&Settings { extra_roots, ..server.settings() }).unwrap();
        nothing_is_sent(&stranger, NotSentReason::Untrusted).await;
    }
    assert_eq!((server.connections(), server.requests_in_the_end().await), (8, 0));
}

#[test]
fn extra_roots_that_are_no_certificates_are_refused() {
    for extra_roots in ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let settings =
            Settings { extra_roots: extra_roots.into(), ..Settings::new("https://gateway.example", KEY.into()) };
        let refused = Client::new(&settings).unwrap_err();
        assert!(matches!(refused, ClientError::ExtraRoots | ClientError::Build(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_peer_that_goes_away_instead_of_a_handshake_gets_nothing() {
    for act in [Act::HangUp, Act::SpeakFirst(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())] {
        let server = Server::start(act).await;
        let base_url = format!("https://{}", server.address);
        let client = Client::new(&Settings { base_url, ..server.settings() }).unwrap();
        for request in each_kind() {
            let received = client.send(request).await;
            assert!(matches!(received, Err(Failure::NotSent(_))), "{received:?}");
        }
    }
}

#[tokio::test]
async fn a_peer_that_read_the_request_and_went_away_may_have_acted() {
    let server = Server::start_tls(Act::ReadAndHangUp).await;
    let client = server.client();
    for (sent, request) in each_kind().into_iter().enumerate() {
        assert_eq!(client.send(request).await, Err(Failure::Unknown(UnknownReason::ConnectionLost)));
        assert_eq!(server.requests_in_the_end().await, sent + 1);
    }
}

/// Lets this many bytes of the gateway's pass, then cuts the connection; the nth connection `step`
/// bytes later than the one before.
async fn cutter(gateway: SocketAddr, step: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut passing = 0;
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, gateway, passing));
            passing += step as u64;
        }
    });
    address
}

async fn pass(mut client: TcpStream, gateway: SocketAddr, bytes: u64) -> Option<()> {
    let mut gateway = TcpStream::connect(gateway).await.ok()?;
    let (mut from_client, mut to_client) = client.split();
    let (from_gateway, mut to_gateway) = gateway.split();
    let mut from_gateway = from_gateway.take(bytes);
    let answers = async {
        tokio::io::copy(&mut from_gateway, &mut to_client).await?;
        to_client.shutdown().await
    };
    let requests = async {
        tokio::io::copy(&mut from_client, &mut to_gateway).await?;
        to_gateway.shutdown().await
    };
    // What the client still sends into the cut connection arrives: the worst that can happen.
    tokio::try_join!(answers, requests).ok().map(drop)
}

/// Through the greeting, the certificate and the session tickets into the answer: wherever the
/// gateway's bytes end, "not sent" is said only if nothing arrived, and "answered" only of the whole.
#[tokio::test]
async fn wherever_the_gateways_bytes_end_not_sent_is_the_truth() {
    const STEP: usize = 11;
    let server = Server::start_tls(answering()).await;
    let address = cutter(server.address, STEP).await;
    let mut seen = 0;
    let mut classes = Vec::new();
    for cut in (0..10_000).step_by(STEP) {
        // A new client each time: one that remembers a session makes a shorter handshake.
        let settings = Settings { base_url: server.base_url(address), ..server.settings() };
        let received = Client::new(&settings).unwrap().send(post(Class::Moving)).await;
        let arrived = server.requests_in_the_end().await - seen;
        seen += arrived;
        let class = match received {
            Err(Failure::NotSent(reason)) => {
                assert_eq!(arrived, 0, "cut at {cut}: {reason}, and it arrived");
                "not sent"
            }
            Err(Failure::Unknown(_)) => "unknown",
            Ok(_) => "answered",
        };
        assert!(arrived <= 1, "cut at {cut}");
        if classes.last() != Some(&class) {
            classes.push(class);
        }
        if class == "answered" {
            break;
        }
    }
    assert_eq!(classes, ["not sent", "unknown", "answered"]);
}
