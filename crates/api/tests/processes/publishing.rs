//! Events on a stream of `NATS JetStream`: a real server, which is killed and started, and a service that is as well.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use async_nats::jetstream::{self, consumer, stream};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::deployment::{Deployment, Kind, on_every_store};
use crate::port::own_address;
use crate::telling::{pay, payments, whole_feed};
use crate::waiting::Waiting;

/// How often the service is killed while events flow.
const KILLS: usize = 4;

/// A server that comes back with what it had.
struct Nats {
    program: String,
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Nats {
    /// None, and it is said aloud, where there is no such program: `NATS_SERVER` names it, as `tools/gate` does.
    async fn start() -> Option<Self> {
        let program = std::env::var("NATS_SERVER").unwrap_or_else(|_| "nats-server".to_owned());
        let found = std::process::Command::new(&program).arg("--version").stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            println!("SKIPPED: no event was published, NATS_SERVER names no such program ({program})");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut nats = Self { program, folder, port: own_address().port(), process: None };
        nats.begin().await;
        Some(nats)
    }

    async fn begin(&mut self) {
        let mut command = Command::new(&self.program);
        command.args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"]).arg(self.folder.path());
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        self.process = Some(command.spawn().unwrap());
        let mut waiting = Waiting::until("the server listens");
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            waiting.pause().await;
        }
    }

    /// `kill -9`
    async fn kill(&mut self) {
        self.process.take().unwrap().kill().await.unwrap();
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    async fn jetstream(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(self.url()).await.unwrap())
    }

    /// How many messages there are; none where there is no stream yet.
    async fn messages(&self) -> u64 {
        match self.jetstream().await.get_stream("PAYMENTS").await {
            Ok(stream) => stream.cached_info().state.messages,
            Err(_) => 0,
        }
    }

    /// Everything that a consumer who begins at the beginning is given.
    async fn everything(&self, messages: u64) -> Vec<jetstream::Message> {
        let stream = self.jetstream().await.get_stream("PAYMENTS").await.unwrap();
        let consumer = stream.create_consumer(consumer::pull::OrderedConfig::default()).await.unwrap();
        let all = consumer.messages().await.unwrap().take(usize::try_from(messages).unwrap());
        all.try_collect().await.unwrap()
    }
}

fn header<'m>(message: &'m jetstream::Message, name: &str) -> &'m str {
    message.headers.as_ref().unwrap().get(name).unwrap().as_str()
}

on_every_store! {
    async fn every_event_is_published_in_order_although_server_and_service_are_killed(kind: Kind) {
        let Some(mut nats) = Nats::start().await else { return };
        let pairs = [("NATS__URL", nats.url()), ("SWEEP__INTERVAL_SECONDS", "1".to_owned())];
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let deployment = Deployment::new(kind).await.with(&pairs);
        let mut service = deployment.serve().await;
        let (caller, payments) = (deployment.caller(), payments());
        let flow = futures::stream::iter(0..payments)
            .for_each_concurrent(4, |number| pay(&caller, format!("order-{number}")));
        let kills = async {
            for round in 0..KILLS {
                let mut waiting = Waiting::until("some more is published");
                // All of it may come at once, when the server is back.
                let enough = (nats.messages().await + payments as u64 / 4).min(3 * payments as u64);
                while nats.messages().await < enough {
                    waiting.goes_on(format!("{} of {enough}", nats.messages().await));
                    waiting.pause().await;
                }
                if round % 2 == 0 {
                    nats.kill().await;
                }
                service.kill().await;
                service = deployment.serve().await;
                if round % 2 == 0 {
                    nats.begin().await;
                }
            }
            service
        };
        let ((), _service) = tokio::join!(flow, kills);
        let feed = whole_feed(&caller, 3 * payments).await;
        let mut waiting = Waiting::until("all of it is published");
        while nats.messages().await < feed.len() as u64 {
            waiting.goes_on(format!("{} of {}", nats.messages().await, feed.len()));
            waiting.pause().await;
        }
        let published = nats.everything(nats.messages().await).await;
        let events: Vec<Value> = published.iter().map(|one| serde_json::from_slice(&one.payload).unwrap()).collect();
        let names: BTreeMap<&str, usize> =
            published.iter().enumerate().map(|(place, one)| (header(one, "Nats-Msg-Id"), place)).collect();
        assert_eq!((events.len(), names.len()), (feed.len(), feed.len()), "none twice");
        assert_eq!(events, feed, "the same events, in the order of the feed");
        for (message, event) in published.iter().zip(&events) {
            assert_eq!(header(message, "Nats-Msg-Id"), event["id"]);
            assert_eq!(header(message, "Payments-Cursor"), event["data"]["cursor"]);
            let subject = format!("payments.main.{}", event["type"].as_str().unwrap());
            assert_eq!(message.subject.as_str(), subject);
        }
        println!("{kind:?}: {KILLS} kills of the service and 2 of the server, {} events published: 0 missed, 0 twice, 0 out of order", feed.len());
        deployment.prove_the_books().await;
    }

    async fn what_the_stream_lost_is_published_again_and_what_it_forgot_is_not(kind: Kind) {
        let Some(nats) = Nats::start().await else { return };
        let deployment = Deployment::new(kind).await.with(&[("NATS__URL", &nats.url())]);
        let (_service, caller) = (deployment.serve().await, deployment.caller());
        pay(&caller, "order-1".to_owned()).await;
        until_published(&nats, 3).await;
        let jetstream = nats.jetstream().await;
        let stream = jetstream.get_stream("PAYMENTS").await.unwrap();
        // By age, as it were: the place in the database says where to go on.
        stream.purge().await.unwrap();
        pay(&caller, "order-2".to_owned()).await;
        until_published(&nats, 3).await;
        assert_eq!(header(&nats.everything(1).await[0], "Payments-Cursor"), "4");
        // Another stream of the name, which has nothing: all of it is new there.
        jetstream.delete_stream("PAYMENTS").await.unwrap();
        pay(&caller, "order-3".to_owned()).await;
        until_published(&nats, 9).await;
        assert_eq!(header(&nats.everything(1).await[0], "Payments-Cursor"), "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_somebody_elses_making_is_left_as_it_is_and_payments_go_on() {
    let Some(nats) = Nats::start().await else { return };
    let theirs = stream::Config {
        name: "PAYMENTS".to_owned(),
        subjects: vec!["payments.>".to_owned()],
        max_age: Duration::from_hours(1),
        ..stream::Config::default()
    };
    let jetstream = nats.jetstream().await;
    let before = jetstream.create_stream(theirs).await.unwrap().cached_info().config.clone();
    let deployment = Deployment::new(Kind::Sqlite).await.with(&[("NATS__URL", &nats.url())]);
    let (service, caller) = (deployment.serve().await, deployment.caller());
    pay(&caller, "order-1".to_owned()).await;
    let mut waiting = Waiting::until("the log says what differs");
    while !service.log().contains("its messages live shorter than nats.max_age_days") {
        waiting.pause().await;
    }
    let mut stream = jetstream.get_stream("PAYMENTS").await.unwrap();
    assert_eq!((&stream.info().await.unwrap().config, nats.messages().await), (&before, 0));
    // Whoever owns it puts it right, and publishing goes on by itself.
    let right = stream::Config { max_age: Duration::from_hours(30 * 24), ..before };
    jetstream.update_stream(right).await.unwrap();
    until_published(&nats, 3).await;
}

async fn until_published(nats: &Nats, messages: u64) {
    let mut waiting = Waiting::until(format!("{messages} messages are there"));
    while nats.messages().await < messages {
        waiting.goes_on(nats.messages().await.to_string());
        waiting.pause().await;
    }
}
