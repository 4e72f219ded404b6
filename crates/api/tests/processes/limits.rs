//! What the system gives runs out: room on the disk, open files.

use std::process::Stdio;
use std::time::Duration;

use fault_catalogue::struck;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::caller::{HandedOut, is_settled};
use crate::deployment::{Deployment, Kind};
use crate::exporting::SOON;
use crate::process::{Process, program};
use crate::reconciling::FROM;
use crate::waiting::Waiting;

fn limit(service: &Process, resource: Resource, to: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(service.id()).unwrap());
    let maximum = getrlimit(resource).maximum;
    prlimit(pid, resource, Rlimit { current: to.or(maximum), maximum }).unwrap();
}

/// The signal that would end the process when a file may not grow is what a disk does not send.
fn serve_on_a_disk_that_fills(deployment: &Deployment) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" serve", env!("CARGO_BIN_EXE_api")]);
    command.env_clear().envs(deployment.settings()).stdin(Stdio::null()).kill_on_drop(true);
    Process::start(command, deployment.folder.path().join("log"))
}

/// A file that may not grow is a full disk to whoever writes it (`SQLITE_FULL`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_acknowledges_nothing_and_there_is_no_need_to_start_again() {
    let deployment = Deployment::new(Kind::Sqlite).await;
    let mut service = serve_on_a_disk_that_fills(&deployment);
    let caller = deployment.caller();
    caller.until_ready(&mut service).await;
    let mut handed_out = HandedOut::default();
    let before = caller.order("before", &mut handed_out).await;

    limit(&service, Resource::Fsize, Some(1));
    let mut refused = 0_u64;
    for number in 0..5 {
        let answer = caller.try_order(&format!("full-{number}")).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error:?}: {}\n{}", service.has_ended(), service.log()));
        assert_eq!((answer.status, &answer.body["code"]), (503, &"store-unavailable".into()), "{answer:?}");
        assert_eq!(deployment.posts_of(&format!("full-{number}")), 0, "nothing leaves that is not durable");
        refused += 1;
    }
    // Its notice finds no room, and comes again.
    caller.pay(&before.body).await;
    assert!(!service.has_ended(), "{}", service.log());

    limit(&service, Resource::Fsize, None);
    for number in 0..5 {
        caller.order(&format!("full-{number}"), &mut HandedOut::default()).await;
        assert_eq!(deployment.posts_of(&format!("full-{number}")), 1);
    }
    caller.payment("before", is_settled, &mut handed_out).await;
    deployment.prove_the_inbox().await;
    deployment.prove_the_books().await;
    struck(48, refused);
}

/// No file is better than half of one, and the export is written once there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_finds_no_room_says_so_and_is_written_when_there_is_some() {
    let patient = [("EXPORTS__FAILURES_MAX", "1000")];
    let deployment = Deployment::new(Kind::Postgres).await.with(&SOON).with(&patient);
    let to = deployment.trade(5).await;
    let mut service = serve_on_a_disk_that_fills(&deployment);
    let caller = deployment.caller();
    caller.until_ready(&mut service).await;

    limit(&service, Resource::Fsize, Some(100));
    let order = json!({ "report": "transactions", "format": "csv", "from": FROM, "to": to });
    let ordered = caller.try_post("/v1/exports", &order).await.unwrap();
    assert_eq!(ordered.status, 202, "{ordered:?}");
    let path = format!("/v1/exports/{}", ordered.body["id"].as_str().unwrap());
    let mut waiting = Waiting::until("it is said that there is no room");
    let stumbled = loop {
        let export = caller.try_get(&path).await.unwrap().body;
        if export["failure"].is_string() {
            break export;
        }
        waiting.pause().await;
    };
    assert_eq!((&stumbled["state"], &stumbled["manifest"]), (&json!("running"), &json!(null)), "{stumbled}");
    assert!(stumbled["failure"].as_str().unwrap().contains("could not be written"), "{stumbled}");
    assert!(deployment.files("csv").is_empty() && !service.has_ended(), "{}", service.log());

    limit(&service, Resource::Fsize, None);
    let mut waiting = Waiting::until("the file is there");
    let written = loop {
        let export = caller.try_get(&path).await.unwrap().body;
        if export["finishedAt"].is_string() {
            break export;
        }
        waiting.pause().await;
    };
    assert_eq!((&written["state"], &written["failure"]), (&json!("completed"), &json!(null)), "{written}");
    assert_eq!((&written["manifest"]["rows"], deployment.files("part").len()), (&json!(5), 0), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_a_file_to_spare_goes_on_when_there_are_some() {
    let deployment = Deployment::new(Kind::Sqlite).await;
    let mut service = deployment.serve().await;
    let caller = deployment.caller();
    let mut handed_out = HandedOut::default();
    caller.order("before", &mut handed_out).await;
    limit(&service, Resource::Nofile, Some(64));
    let address = deployment.setting("HTTP__LISTEN").to_owned();
    let mut idle = Vec::new();
    for _ in 0..200 {
        // The system takes them; whether the service does is another matter.
        if let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(&address)).await {
            idle.push(stream);
        }
    }
    let crowd = idle.len();
    // A connection of its own: the caller's is kept.
    let stranded = deployment.caller().try_within(Duration::from_millis(500), "/livez").await;
    drop(idle);
    let mut waiting = Waiting::until("it serves again");
    while !caller.try_within(Duration::from_secs(2), "/readyz").await {
        waiting.pause().await;
    }
    assert!(!service.has_ended(), "{}", service.log());
    caller.order("after", &mut HandedOut::default()).await;
    caller.order("before", &mut handed_out).await;
    handed_out.prove_that_it_is_one();
    deployment.prove_the_books().await;
    assert!(!stranded, "{crowd} connections left it a file to spare");
    struck(63, crowd);
}

/// Whoever reads its lines has gone: each of them meets a closed pipe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_lines_nobody_reads_any_more_goes_on() {
    let deployment = Deployment::new(Kind::Sqlite).await;
    let mut command = program(["serve"]);
    command.envs(deployment.settings()).env("LOG__LEVEL", "debug").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut service = command.spawn().unwrap();
    drop((service.stdout.take(), service.stderr.take()));
    let caller = deployment.caller();
    let mut waiting = Waiting::until("it serves");
    while !caller.try_within(Duration::from_secs(2), "/readyz").await {
        assert_eq!(service.try_wait().unwrap(), None, "it ended");
        waiting.pause().await;
    }
    let mut taken = 0_u64;
    for number in 0..5 {
        let (reference, mut handed_out) = (format!("order-{number}"), HandedOut::default());
        let order = caller.order(&reference, &mut handed_out).await;
        caller.pay(&order.body).await;
        caller.payment(&reference, is_settled, &mut handed_out).await;
        taken += 1;
    }
    let pid = Pid::from_raw(i32::try_from(service.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(service.wait().await.unwrap().code(), Some(0), "and it ends well");
    deployment.prove_the_books().await;
    struck(63, taken);
}
