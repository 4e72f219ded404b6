//! Two processes of the service on one database.

use std::collections::BTreeSet;

use fault_catalogue::struck;
use futures::StreamExt as _;
use futures::future::{join, join_all};
use serde_json::{Value, json};

use crate::caller::{Answer, Caller, HandedOut, is_settled};
use crate::deployment::{Deployment, Kind};
use crate::process::Process;
use crate::waiting::Waiting;

/// References that are asked for by several at the same time; `make gate` asks for more.
fn contested() -> usize {
    std::env::var("CONTESTED_REFERENCES")
        .map_or(500, |count| count.parse().expect("CONTESTED_REFERENCES must be a number"))
}

/// So many of them at a time.
const AT_ONCE: usize = 16;
/// Callers of each, half of them at each process.
const CALLERS: usize = 4;
/// Payments whose notice and whose looks race.
const NOTICED: usize = 60;

/// Two processes that serve the same payments.
struct Twins {
    deployment: Deployment,
    callers: [Caller; 2],
    _processes: [Process; 2],
}

impl Twins {
    async fn start() -> Self {
        let deployment = Deployment::new(Kind::Postgres).await;
        let one = deployment.serve().await;
        let (other, caller) = deployment.serve_another().await;
        Self { callers: [deployment.caller(), caller], deployment, _processes: [one, other] }
    }

    /// The same order by so many callers at once, of both processes.
    async fn contest(&self, reference: &str, callers: usize) -> Vec<Answer> {
        let orders = (0..callers).map(|number| self.callers[number % 2].try_order(reference));
        join_all(orders).await.into_iter().map(Result::unwrap).collect()
    }

    /// One is taken, the others replay it, and everything that was given out is one.
    async fn prove_that_it_is_one(&self, reference: &str, answers: &[Answer]) {
        let of_status = |status| answers.iter().filter(|answer| answer.status == status).count();
        // On a busy machine the gateway's answer may be late, and then all of them are told that it is not known yet.
        assert!(of_status(201) <= 1, "{reference}: {answers:?}");
        assert_eq!(of_status(200) + of_status(201) + of_status(202), answers.len(), "{reference}: {answers:?}");
        let all = |told: fn(&Value) -> &Value| -> BTreeSet<String> {
            answers.iter().map(|answer| told(&answer.body).to_string()).collect()
        };
        let mut pages = all(|body| &body["nextAction"]["url"]);
        pages.remove("null");
        assert!(all(|body| &body["id"]).len() == 1 && pages.len() <= 1, "{reference}: {answers:?}");
        if of_status(202) == answers.len() {
            // What was durable too late to be sent under its first lease is sent by a worker.
            let is_accepted = |payment: &Value| payment["gatewayPaymentId"].is_string();
            self.callers[0].payment_until(reference, is_accepted).await;
        }
        assert_eq!(self.deployment.posts_of(reference), 1, "{reference}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_callers_of_two_processes_with_one_reference_get_one_payment() {
    let twins = Twins::start().await;
    let answers = twins.contest("order-1001", 200).await;
    twins.prove_that_it_is_one("order-1001", &answers).await;
    twins.deployment.prove_the_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_references_that_are_contested_at_two_processes_are_one_payment_each() {
    let (twins, contested) = (Twins::start().await, contested());
    futures::stream::iter(0..contested)
        .for_each_concurrent(AT_ONCE, |number| {
            let twins = &twins;
            async move {
                let reference = format!("order-{number}");
                let answers = twins.contest(&reference, CALLERS).await;
                twins.prove_that_it_is_one(&reference, &answers).await;
            }
        })
        .await;
    println!("{contested} contested references, {CALLERS} callers each");
    twins.deployment.prove_the_books().await;
    struck(53, contested);
}

/// Captures whose refunds are raced for; `make gate` asks for more.
fn refund_races() -> usize {
    std::env::var("REFUND_RACES").map_or(10, |count| count.parse().expect("REFUND_RACES must be a number"))
}

/// Refunds of one euro each; eleven of them fit into 11.12 EUR.
const REFUNDS: usize = 50;
const FITTING: usize = 11;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_refunds_at_two_processes_never_get_more_than_was_captured() {
    let (twins, races) = (Twins::start().await, refund_races());
    futures::stream::iter(0..races).for_each_concurrent(4, |race| race_for_a_capture(&twins, race)).await;
    println!("{races} captures, {REFUNDS} refunds of each at once, {FITTING} of them fit");
    twins.deployment.prove_the_books().await;
    struck(56, races);
}

async fn race_for_a_capture(twins: &Twins, race: usize) {
    let (reference, mut handed_out) = (format!("order-{race}"), HandedOut::default());
    let [one, _] = &twins.callers;
    let taken = one.order(&reference, &mut handed_out).await;
    one.pay(&taken.body).await;
    let paid = one.payment(&reference, is_settled, &mut handed_out).await;
    let path = format!("/v1/payments/{}/refunds", paid["id"].as_str().unwrap());
    let refunds = (0..REFUNDS).map(|number| {
        let body = json!({ "referenceId": format!("refund-{race}-{number}"), "amount": "1" });
        twins.callers[number % 2].post_until_answered(&path, body)
    });
    let answers = join_all(refunds).await;
    // On a busy machine some are not answered in time, by the gateway or by the service, and are asked about again.
    let taken = answers.iter().filter(|answer| (200..=202).contains(&answer.status)).count();
    let refused = answers.iter().filter(|answer| answer.status == 422).count();
    assert_eq!((taken, refused), (FITTING, REFUNDS - FITTING), "{reference}: {answers:?}");
    // One that came too late to be sent under its first lease is sent by a worker; none is sent twice.
    let posts: Vec<u32> =
        (0..REFUNDS).map(|number| twins.deployment.posts_of(&format!("refund-{race}-{number}"))).collect();
    assert!(posts.iter().all(|posts| *posts <= 1), "{reference}: {posts:?}");
    assert!(posts.iter().sum::<u32>() as usize <= FITTING, "{reference}: {posts:?}");
}

/// The notice goes to one process, twice, while both are told to look at the gateway: whoever comes first moves the
/// payment, and it moves once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_that_races_against_looks_at_two_processes_completes_its_payment_once() {
    let twins = Twins::start().await;
    futures::stream::iter(0..NOTICED)
        .for_each_concurrent(AT_ONCE, |number| pay_amid_looks(&twins, format!("order-{number}")))
        .await;
    twins.deployment.prove_the_books().await;
}

async fn pay_amid_looks(twins: &Twins, reference: String) {
    let [one, other] = &twins.callers;
    let taken = one.order(&reference, &mut HandedOut::default()).await.body;
    let id = taken["id"].as_str().unwrap();
    let looks = |caller| async move {
        let mut waiting = Waiting::until("COMPLETED, as a look finds it");
        loop {
            let looked = Caller::try_check(caller, id).await.unwrap();
            assert!(looked.status == 200 || looked.tells_to_ask_again(), "{looked:?}");
            if looked.body["state"] == "COMPLETED" {
                return;
            }
            waiting.pause().await;
        }
    };
    join(one.pay(&taken), join(looks(one), looks(other))).await;
    let ledger = one.try_get(&format!("/v1/payments/{id}/events")).await.unwrap().body;
    let entries = ledger["data"].as_array().unwrap();
    let completions: Vec<&Value> = entries.iter().filter(|entry| entry["change"]["state"] == "COMPLETED").collect();
    assert_eq!(completions.len(), 1, "{ledger}");
}
