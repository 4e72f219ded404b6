//! A stop that was asked for.

use fault_catalogue::struck;
use std::time::Duration;

use futures::future::join_all;
use gateway_simulator::Fault;
use rustix::process::Signal;
use tokio::time::Instant;

use crate::deployment::{Deployment, Kind, on_every_store};
use crate::waiting::Waiting;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_told_to_stop_ends_well_and_finds_its_payments_again() {
    let deployment = Deployment::new(Kind::Sqlite).await;
    let mut service = deployment.serve().await;
    let taken = deployment.caller().try_order("order-1001").await.unwrap();
    assert_eq!(taken.status, 201);
    service.signal(Signal::TERM);
    assert_eq!(service.ended().await.code(), Some(0), "{}", service.log());

    let _again = deployment.serve().await;
    let replayed = deployment.caller().try_order("order-1001").await.unwrap();
    assert_eq!((replayed.status, &replayed.body["id"]), (200, &taken.body["id"]));
}

on_every_store! {
    async fn who_waits_for_a_slow_gateway_while_it_stops_is_answered(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let mut service = deployment.serve_with(&PATIENT).await;
        let caller = deployment.caller();
        let references: Vec<String> = (0..8).map(|number| format!("order-{number}")).collect();
        for reference in &references {
            deployment.fault(reference, Fault::Slow { millis: 1_500 });
        }
        let stopped = async {
            let mut waiting = Waiting::until("all requests are at the gateway");
            while references.iter().any(|reference| deployment.posts_of(reference) == 0) {
                waiting.pause().await;
            }
            service.signal(Signal::TERM);
            let status = service.ended().await;
            (status, service.log())
        };
        let (answers, (status, log)) =
            tokio::join!(join_all(references.iter().map(|reference| caller.try_order(reference))), stopped);
        for answer in answers {
            assert_eq!(answer.unwrap().status, 201);
        }
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(caller.try_order("late").await.is_err(), "nobody listens any more");
        deployment.prove_the_books().await;
        struck(11, references.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_does_not_wait_and_the_next_start_finds_what_was_left() {
    let deployment = Deployment::new(Kind::Sqlite).await;
    let mut service = deployment.serve_with(&PATIENT).await;
    deployment.fault("order-1001", Fault::Slow { millis: 20_000 });
    let caller = deployment.caller();
    let begun = Instant::now();
    let stopped = async {
        let mut waiting = Waiting::until("the request is at the gateway");
        while deployment.posts_of("order-1001") == 0 {
            waiting.pause().await;
        }
        service.signal(Signal::TERM);
        let mut waiting = Waiting::until("it says that it is stopping");
        while !service.log().contains("stopping") {
            waiting.pause().await;
        }
        service.signal(Signal::INT);
        service.ended().await
    };
    let (unanswered, status) = tokio::join!(caller.try_order("order-1001"), stopped);
    // The caller is not told that nothing happened.
    assert!(unanswered.as_ref().map_or(true, |answer| answer.body["outcome"] == "unknown"), "{unanswered:?}");
    assert_eq!(status.code(), Some(0), "{}", service.log());
    assert!(begun.elapsed() < Duration::from_secs(4), "it waited for the gateway");

    let _again = deployment.serve().await;
    let found =
        caller.payment("order-1001", crate::caller::has_redirect, &mut crate::caller::HandedOut::default()).await;
    assert_eq!((&found["state"], deployment.posts_of("order-1001")), (&"CHECKOUT".into(), 1));
    struck(11, deployment.posts_of("order-1001"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_served_from_is_not_served_from_twice() {
    let deployment = Deployment::new(Kind::Sqlite).await;
    let service = deployment.serve().await;
    let elsewhere = crate::port::own_address().to_string();
    let second = deployment.run_with(&["serve"], &[("HTTP__LISTEN", &elsewhere)]).await;
    let line = String::from_utf8(second.stderr).unwrap();
    assert_eq!((second.status.code(), line.lines().count()), (Some(3), 1), "{line}");
    assert!(line.contains("payments.db is in use by another process"), "{line}");
    assert_eq!(deployment.caller().try_order("order-1001").await.unwrap().status, 201, "the first one goes on");

    service.kill().await;
    let _next = deployment.serve().await;
}

/// A gateway may take its time, and so may a request that it is asked for.
const PATIENT: [(&str, &str); 4] = [
    ("GATEWAY__ANSWER_SECONDS", "5"),
    ("PAYMENTS__LEASE_SECONDS", "10"),
    ("PAYMENTS__COMMAND_LEASE_SECONDS", "10"),
    ("PAYMENTS__QUARANTINE_SECONDS", "10"),
];
