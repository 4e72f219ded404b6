//! Events reach whoever wants to be told, whatever becomes of the process that sends them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::caller::{Caller, HandedOut, is_settled};
use crate::deployment::{CALLER_KEY, Deployment, Kind, on_every_store};
use crate::process::{Process, program};
use crate::receiver::{Behaviour, Receiver};
use crate::waiting::Waiting;

/// Payments, of three events each; `make gate` and `make soak` may ask for more.
pub(crate) fn payments() -> usize {
    std::env::var("TOLD_PAYMENTS").map_or(60, |count| count.parse().expect("TOLD_PAYMENTS must be a number"))
}

/// How often the process is killed while they flow.
const KILLS: usize = 8;

/// Receivers are on this machine, and are asked again soon.
const LOCAL: [(&str, &str); 4] = [
    ("WEBHOOK_ENDPOINTS__ALLOWED_NETWORKS", "127.0.0.1/32"),
    ("WEBHOOK_ENDPOINTS__ALLOW_HTTP", "true"),
    ("WEBHOOK_ENDPOINTS__RETRY_SECONDS", "1"),
    // Whoever was killed holds its leases for so long.
    ("WEBHOOK_ENDPOINTS__LEASE_SECONDS", "3"),
];

on_every_store! {
    async fn every_event_reaches_three_receivers_in_order_although_the_process_is_killed_again_and_again(kind: Kind) {
        let patience = [("WEBHOOK_ENDPOINTS__ANSWER_SECONDS", "1"), ("SWEEP__INTERVAL_SECONDS", "1")];
        let deployment = Deployment::new(kind).await.with(&LOCAL).with(&patience);
        let mut service = deployment.serve().await;
        let (caller, payments) = (deployment.caller(), payments());
        let receivers = [Receiver::start().await, Receiver::start().await, Receiver::start().await];
        for receiver in &receivers {
            let body = json!({ "url": receiver.url, "payload": "full" });
            assert_eq!(caller.post_until_answered("/v1/webhook-endpoints", body).await.status, 201);
        }
        // One does not answer for a while, and one refuses what it is told of checkouts.
        receivers[1].behaves(Behaviour::Hangs);
        receivers[2].behaves(Behaviour::TakesAllBut("deposit.checkout"));
        let flow = futures::stream::iter(0..payments)
            .for_each_concurrent(4, |number| pay(&caller, format!("order-{number}")));
        let kills = async {
            for _ in 0..KILLS {
                // Any moment will do; this one is no wait for anything.
                sleep(Duration::from_millis(rand::random_range(50..500))).await;
                service.kill().await;
                service = deployment.serve().await;
            }
            service
        };
        let ((), _service) = tokio::join!(flow, kills);
        receivers[1].behaves(Behaviour::Takes);
        receivers[2].behaves(Behaviour::Takes);

        let feed = whole_feed(&caller, 3 * payments).await;
        let names: BTreeSet<String> = feed.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names.len(), feed.len(), "no event is there twice");
        for receiver in &receivers {
            let mut waiting = Waiting::until("a receiver is told of everything");
            while receiver.names() != names {
                waiting.goes_on(format!("{} of {}", receiver.names().len(), names.len()));
                waiting.pause().await;
            }
            assert_in_order(receiver);
        }
        let told: usize = receivers.iter().map(|receiver| receiver.told().len()).sum();
        println!("{kind:?}: {KILLS} kills, {} events to 3 receivers in {told} messages: 0 missed, 0 out of order", feed.len());
        deployment.prove_the_books().await;
    }
}

/// A program that is being written: it refuses, it is told again, and whoever forwards to it is stopped and started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_forwarded_to_a_program_and_the_next_start_goes_on() {
    let deployment = Deployment::new(Kind::Sqlite).await;
    let (_service, caller, program_of_theirs) =
        (deployment.serve().await, deployment.caller(), Receiver::start().await);
    pay(&caller, "order-1".to_owned()).await;
    let listening = listen(&deployment, &program_of_theirs, &["--after", "0"]);
    until_told(&program_of_theirs, 3).await;
    program_of_theirs.behaves(Behaviour::Says(500, ""));
    pay(&caller, "order-2".to_owned()).await;
    let mut waiting = Waiting::until("the program refuses one");
    while program_of_theirs.told().iter().all(|told| told.taken) {
        waiting.pause().await;
    }
    listening.kill().await;
    program_of_theirs.behaves(Behaviour::Takes);
    let _listening = listen(&deployment, &program_of_theirs, &[]);
    until_told(&program_of_theirs, 6).await;
    let feed = whole_feed(&caller, 6).await;
    let taken: Vec<Value> =
        program_of_theirs.told().into_iter().filter(|told| told.taken).map(|told| told.event).collect();
    assert_eq!(taken, feed, "each once, in the order of the feed");
    let state: Value =
        serde_json::from_slice(&std::fs::read(deployment.folder.path().join("listen.json")).unwrap()).unwrap();
    let secret = state["secret"].as_str().unwrap();
    assert!(program_of_theirs.told().iter().all(|told| told.is_accepted_with(secret)));

    for (key, problem) in [("pk_nobody", "401"), ("", "401")] {
        let refused = deployment
            .run(&[
                "listen",
                "--forward-to",
                &program_of_theirs.url,
                "--service",
                &deployment.url(),
                "--key",
                key,
                "--state",
                "/dev/null/x",
            ])
            .await;
        assert!(refused.status.code() == Some(3), "a state that cannot be kept: {refused:?}");
        let state = deployment.folder.path().join("other.json").display().to_string();
        let refused = deployment
            .run(&[
                "listen",
                "--forward-to",
                &program_of_theirs.url,
                "--service",
                &deployment.url(),
                "--key",
                key,
                "--state",
                &state,
            ])
            .await;
        let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && errors.contains(problem), "{errors}");
    }
}

fn listen(deployment: &Deployment, receiver: &Receiver, more: &[&str]) -> Process {
    let state = deployment.folder.path().join("listen.json").display().to_string();
    let url = deployment.url();
    let usual = ["listen", "--forward-to", &receiver.url, "--service", &url, "--key", CALLER_KEY, "--state", &state];
    let mut command = program(usual.iter().chain(more));
    command.stdout(std::process::Stdio::null());
    Process::start(command, deployment.folder.path().join("listen.log"))
}

async fn until_told(receiver: &Receiver, events: usize) {
    let mut waiting = Waiting::until(format!("{events} events are taken"));
    while receiver.names().len() < events {
        waiting.goes_on(receiver.names().len().to_string());
        waiting.pause().await;
    }
}

pub(crate) async fn pay(caller: &Caller, reference: String) {
    let mut handed_out = HandedOut::default();
    let taken = caller.order(&reference, &mut handed_out).await;
    caller.pay(&taken.body).await;
    caller.payment(&reference, is_settled, &mut handed_out).await;
}

/// The feed from its beginning, once at least so many events are in it and no more come: its places and each payment's
/// sequences have no gap.
pub(crate) async fn whole_feed(caller: &Caller, events: usize) -> Vec<Value> {
    let (mut after, mut seen) = (0, Vec::new());
    let mut waiting = Waiting::until(format!("{events} events are in the feed"));
    loop {
        let page = caller.try_get(&format!("/v1/events?after={after}&limit=200&wait=3")).await;
        if let Ok(page) = page
            && page.status == 200
        {
            let more = page.body["data"].as_array().unwrap();
            if more.is_empty() && seen.len() >= events {
                break;
            }
            seen.extend(more.clone());
            after = page.body["nextCursor"].as_str().unwrap().parse::<u64>().unwrap();
        }
        waiting.goes_on(format!("{}", seen.len()));
        waiting.pause().await;
    }
    let mut sequences: BTreeMap<String, u64> = BTreeMap::new();
    for (place, event) in (1..).zip(&seen) {
        let data = &event["data"];
        assert_eq!(data["cursor"], json!(u64::to_string(&place)));
        let last = sequences.entry(data["paymentId"].to_string()).or_default();
        *last += 1;
        assert_eq!(data["sequence"], *last, "{event}");
    }
    seen
}

/// What comes again is ignored by whoever keeps the greatest sequence; what comes first comes in order.
fn assert_in_order(receiver: &Receiver) {
    let mut greatest: BTreeMap<String, u64> = BTreeMap::new();
    for told in receiver.told().iter().filter(|told| told.taken) {
        let data = &told.event["data"];
        let (payment, sequence) = (data["paymentId"].to_string(), data["sequence"].as_u64().unwrap());
        let last = greatest.entry(payment).or_default();
        assert!(sequence <= *last + 1, "{sequence} came before {}", *last + 1);
        *last = sequence.max(*last);
        assert_eq!(data["payment"]["version"], data["version"]);
    }
}
