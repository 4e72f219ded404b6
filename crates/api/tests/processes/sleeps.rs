//! A process that stands still while time goes on, as on a machine that swaps, or whose disk hangs.

use std::fs;

use fault_catalogue::struck;
use gateway_simulator::Fault;
use rustix::process::Signal;

use crate::caller::{HandedOut, has_redirect};
use crate::deployment::{Deployment, Kind};
use crate::process::Process;
use crate::waiting::Waiting;

const SLEEPS: usize = 3;

/// Each time it has sent its request and falls asleep over the answer, for longer than its lease; another process looks
/// after the payment, and what the first one commits when it wakes up changes nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_sleeps_through_its_lease_changes_nothing_when_it_wakes_up() {
    let deployment = Deployment::new(Kind::Postgres).await;
    let sleeper = deployment.serve().await;
    let (_awake, caller) = deployment.serve_another().await;
    let mut slept = 0_u64;
    for number in 0..SLEEPS {
        let reference = format!("order-{number}");
        deployment.fault(&reference, Fault::Slow { millis: 300 });
        let (mut handed_out, mut meanwhile) = (HandedOut::default(), HandedOut::default());
        let its_caller = deployment.caller();
        let sleep = async {
            let mut waiting = Waiting::until("the request is at the gateway");
            while deployment.posts_of(&reference) == 0 {
                waiting.pause().await;
            }
            sleeper.signal(Signal::STOP);
            let found = caller.payment(&reference, has_redirect, &mut meanwhile).await;
            slept += u64::from(stands_still(&sleeper));
            sleeper.signal(Signal::CONT);
            found
        };
        let (answer, found) = tokio::join!(its_caller.order(&reference, &mut handed_out), sleep);
        assert_eq!((&answer.body["id"], &answer.body["state"]), (&found["id"], &found["state"]), "{answer:?}");
        handed_out.note(&found);
        handed_out.prove_that_it_is_one();
        let id = found["id"].as_str().unwrap();
        let ledger = caller.try_get(&format!("/v1/payments/{id}/events")).await.unwrap().body;
        let entries = ledger["data"].as_array().unwrap();
        let adoptions = entries.iter().filter(|entry| entry["change"]["state"] == "CHECKOUT").count();
        assert_eq!((adoptions, deployment.posts_of(&reference)), (1, 1), "{ledger}");
        assert_eq!(deployment.gateway_payments_of(&reference), 1);
    }
    deployment.prove_the_books().await;
    struck(43, slept);
}

/// Whether the system says that it was stopped.
fn stands_still(process: &Process) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    status.lines().any(|line| line.starts_with("State:\tT"))
}
