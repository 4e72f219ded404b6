//! Whoever is woken at night, with a terminal and the runbook.

use std::process::Output;

use gateway_simulator::{SignatureMode, sign};
use serde_json::Value;

use crate::deployment::{CALLER_KEY, Deployment, SIGNING_KEY, on_every_store};
use crate::waiting::Waiting;

const FINE: Option<i32> = Some(0);
const FOUND: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);

on_every_store! {
    async fn what_the_runbook_says_can_be_done_from_a_terminal(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let _service = deployment.serve().await;
        let caller = deployment.caller();
        let taken = caller.try_order("order-1").await.unwrap().body;
        let calm = deployment.run(&["stuck"]).await;
        assert_eq!((calm.status.code(), text(&calm.stdout).trim()), (FINE, "nothing is stuck"));

        let noted = by_hand(&deployment, &["care", "order-1", "--note", "they were called", "--ticket", "OPS-1"]).await;
        assert_eq!(noted.status.code(), FINE, "{noted:?}");
        let why = text(&deployment.run(&["why", "order-1"]).await.stdout);
        assert!(why.contains("they were called") && why.contains("test"), "{why}");
        let card = by_hand(&deployment, &["care", "order-1", "--note", "paid with 4000 0000 0000 0002"]).await;
        assert_eq!(card.status.code(), USAGE, "{card:?}");
        assert!(!text(&card.stderr).contains("0002"), "{card:?}");
        let stranger = deployment.run(&["care", "order-1", "--key", "pk_nobody", "--note", "x"]).await;
        assert_eq!(stranger.status.code(), USAGE, "{stranger:?}");
        let nameless = by_hand(&deployment, &["care", "order-99", "--note", "x"]).await;
        assert_eq!(nameless.status.code(), FOUND, "{nameless:?}");

        let agreed = by_hand(&deployment, &["resolve", "order-1", "--action", "accept", "--dry-run"]).await;
        assert_eq!(agreed.status.code(), FOUND, "{agreed:?}");
        assert!(text(&agreed.stderr).contains("CHECKOUT already"), "{agreed:?}");
        let disproven = by_hand(&deployment, &["resolve", "order-1", "--state", "DECLINED", "--dry-run", "--json"]).await;
        assert_eq!(disproven.status.code(), FOUND, "{disproven:?}");
        let told: Value = serde_json::from_slice(&disproven.stderr).unwrap();
        assert!(told["error"].as_str().unwrap().contains("the gateway shows it as CHECKOUT"), "{told}");
        let said = ["--reason", "their support says so", "--ticket", "OPS-1"];
        let forced = ["resolve", "order-1", "--state", "COMPLETED", "--version"];
        let old = by_hand(&deployment, &[&forced[..], &["1"], &said].concat()).await;
        assert_eq!(old.status.code(), FOUND, "{old:?}");
        assert!(text(&old.stderr).contains("version"), "{old:?}");
        let version = caller.try_get("/v1/payments/by-reference/order-1").await.unwrap().body["version"].to_string();
        let unproven = by_hand(&deployment, &[&forced[..], &[&version], &said].concat()).await;
        assert_eq!(unproven.status.code(), FOUND, "the gateway does not show it as paid: {unproven:?}");
        assert_eq!(caller.try_get("/v1/payments/by-reference/order-1").await.unwrap().body["state"], taken["state"]);
        let waiting = by_hand(&deployment, &["proposals"]).await;
        assert_eq!((waiting.status.code(), text(&waiting.stdout).trim()), (FINE, "nothing waits for a second person"));
        deployment.prove_the_books().await;
    }

    async fn a_webhook_that_nothing_will_match_is_dismissed_from_a_terminal_and_restored(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let service = deployment.serve().await;
        deliver(&deployment, r#"{"id":"stranger","state":"COMPLETED"}"#).await;
        service.kill().await;
        // As it is an hour later.
        deployment.tamper("update webhook_notices set verdict = 'unmatched', filed_at = received_at").await;
        let listed = deployment.run(&["webhooks", "list", "--verdict", "unmatched", "--json"]).await;
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        let id = listed[0]["id"].as_str().unwrap();
        assert_eq!(deployment.run(&["stuck"]).await.status.code(), FOUND);

        let unsaid = by_hand(&deployment, &["webhooks", "dismiss", id]).await;
        assert_eq!(unsaid.status.code(), USAGE, "{unsaid:?}");
        let said = ["--reason", "theirs, not ours"];
        let dismissed = by_hand(&deployment, &[&["webhooks", "dismiss", id][..], &said].concat()).await;
        assert_eq!(dismissed.status.code(), FINE, "{dismissed:?}");
        assert!(text(&dismissed.stdout).contains("by test: theirs, not ours"), "{dismissed:?}");
        let calm = deployment.run(&["stuck"]).await;
        assert_eq!((calm.status.code(), text(&calm.stdout).trim()), (FINE, "nothing is stuck"));
        let shown = text(&deployment.run(&["webhooks", "list", "--dismissed"]).await.stdout);
        assert!(shown.contains(id) && shown.contains("│ unmatched │"), "{shown}");
        let again = by_hand(&deployment, &[&["webhooks", "dismiss", id][..], &said].concat()).await;
        assert_eq!(again.status.code(), FOUND, "{again:?}");

        let restored = by_hand(&deployment, &[&["webhooks", "restore", id][..], &said].concat()).await;
        assert_eq!(restored.status.code(), FINE, "{restored:?}");
        assert_eq!(deployment.run(&["stuck"]).await.status.code(), FOUND);
        let none = text(&deployment.run(&["webhooks", "list", "--dismissed"]).await.stdout);
        assert_eq!(none.trim(), "no webhook fits");
        let rerun = by_hand(&deployment, &["webhooks", "rerun", id, "--json"]).await;
        let rerun: Value = serde_json::from_slice(&rerun.stdout).unwrap();
        assert_eq!((&rerun["reruns"], &rerun["rerunBy"]), (&1.into(), &"test".into()), "{rerun}");
        let unknown = by_hand(&deployment, &["webhooks", "rerun", "00000000-0000-0000-0000-000000000000"]).await;
        assert_eq!(unknown.status.code(), FOUND, "{unknown:?}");
    }

    async fn what_is_stuck_is_a_table_for_people_and_the_same_as_ever_for_scripts(kind: Kind) {
        let deployment = Deployment::new(kind).await.with(&[("STUCK__CUSTOMER_SECONDS", "1")]);
        let _service = deployment.serve().await;
        let taken = deployment.caller().try_order("order-1").await.unwrap().body;
        let id = taken["id"].as_str().unwrap();
        let mut waiting = Waiting::until("a person is to know of it");
        let listed = loop {
            let listed = deployment.run(&["stuck"]).await;
            if listed.status.code() == FOUND {
                break text(&listed.stdout);
            }
            waiting.pause().await;
        };
        assert!(listed.contains("│ Items │ Reason ") && listed.contains("│     1 │ waiting-for-customer │ 0 min "), "{listed}");
        assert!(listed.contains(id) && listed.contains("11.12 EUR") && listed.contains("next: "), "{listed}");
        let told = by_hand(&deployment, &["stuck", "--json"]).await;
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!((&told["counts"][0]["items"], &told["data"][0]["paymentId"]), (&1.into(), &id.into()), "{told}");
        let checked = text(&deployment.run(&["check", "order-1"]).await.stdout);
        assert!(checked.contains("│ Payment ") && checked.contains("│ CHECKOUT │"), "{checked}");
    }

    /// Whatever it dies at, whoever serves goes on once the lease of the dead is over, and nothing is done twice.
    async fn a_bulk_action_whose_process_died_at_any_step_is_brought_to_its_end(kind: Kind) {
        let deployment = Deployment::new(kind).await.with(&[("STUCK__CUSTOMER_SECONDS", "1")]);
        let service = deployment.serve().await;
        for number in 0..3 {
            assert_eq!(deployment.caller().try_order(&format!("order-{number}")).await.unwrap().status, 201);
        }
        let mut waiting = Waiting::until("all of them need a person");
        while told(&deployment.run(&["stuck", "--json"]).await)["data"].as_array().unwrap().len() < 3 {
            waiting.pause().await;
        }
        service.kill().await;
        let dry = by_hand(&deployment, &["bulk", "assign", "--dry-run"]).await;
        assert_eq!(text(&dry.stdout).trim(), "it would be done to 3");
        let points = ["claim_bulk_action:after:1", "commit:after:1", "record_bulk_action:before:2", "record_bulk_action:after:2"];
        for (number, point) in points.iter().enumerate() {
            let (who, why) = (format!("shift-{number}"), format!("round {number}"));
            let command = ["bulk", "assign", "--assignee", &who, "--reason", &why];
            let environment = [("OPERATOR_KEY", CALLER_KEY), ("FAILPOINT", *point)];
            let killed = deployment.run_with(&command, &environment).await;
            assert_eq!(killed.status.code(), None, "{point}: {killed:?}");
        }
        let service = deployment.serve().await;
        let mut waiting = Waiting::until("those of the dead are done");
        loop {
            let all = told(&by_hand(&deployment, &["bulk", "--json"]).await);
            if all.as_array().unwrap().iter().all(|one| one["state"] == "completed" && one["done"] == 3) {
                break;
            }
            waiting.pause().await;
        }
        service.kill().await;
        for number in 0..3 {
            let why = told(&deployment.run(&["why", &format!("order-{number}"), "--json"]).await);
            let timeline = why[0]["timeline"].to_string();
            for round in 0..points.len() {
                assert_eq!(timeline.matches(&format!("assigned to shift-{round} by test")).count(), 1, "{timeline}");
            }
        }
        let shown = by_hand(&deployment, &["bulk", "check", "--stuck", "waiting-for-customer", "--reason", "to be sure"]).await;
        assert_eq!(shown.status.code(), FINE, "{shown:?}");
        assert!(text(&shown.stdout).contains("│ completed │ 3 of 3 │"), "{shown:?}");
        for wrong in [&["bulk", "void", "--reason", "x"][..], &["bulk", "check"], &["bulk", "snooze", "--reason", "x"]] {
            let refused = by_hand(&deployment, wrong).await;
            assert_eq!(refused.status.code(), USAGE, "{wrong:?}: {refused:?}");
        }
        let over = told(&by_hand(&deployment, &["bulk", "--json"]).await)[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(by_hand(&deployment, &["bulk", "--stop", &over]).await.status.code(), FOUND);
        deployment.prove_the_books().await;
    }

    async fn new_payments_are_stopped_from_a_terminal_and_let_go_again(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let _service = deployment.serve().await;
        let caller = deployment.caller();
        let unsaid = by_hand(&deployment, &["switch", "new-payments", "stop"]).await;
        assert_eq!(unsaid.status.code(), USAGE, "a reason is needed: {unsaid:?}");
        let stopped = by_hand(&deployment, &["switch", "new-payments", "stop", "--reason", "a leak"]).await;
        assert_eq!(stopped.status.code(), FOUND, "{stopped:?}");
        let mut waiting = Waiting::until("orders are refused");
        for number in 0.. {
            let answer = caller.try_order(&format!("order-{number}")).await.unwrap();
            if answer.status == 503 {
                assert_eq!(answer.body["code"], "stopped", "{answer:?}");
                break;
            }
            waiting.pause().await;
        }
        let going = by_hand(&deployment, &["switch", "new-payments", "go", "--reason", "mended"]).await;
        assert_eq!(going.status.code(), FINE, "{going:?}");
        let taken = caller.post_until_answered("/v1/payments", crate::caller::order("order-late")).await;
        assert_eq!(taken.status, 201, "{taken:?}");
        let shown = text(&by_hand(&deployment, &["switch"]).await.stdout);
        assert!(shown.contains("mended") && !shown.contains("STOPPED"), "{shown}");
    }
}

/// Tells the service something, as the gateway does.
async fn deliver(deployment: &Deployment, told: &str) {
    let signature = sign(SignatureMode::HexLower, SIGNING_KEY, told.as_bytes()).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let notice = http.post(format!("{}/webhooks/paytech/main", deployment.url())).header("Signature", signature);
    assert_eq!(notice.body(told.to_owned()).send().await.unwrap().status(), 200);
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

async fn by_hand(deployment: &Deployment, arguments: &[&str]) -> Output {
    deployment.run_with(arguments, &[("OPERATOR_KEY", CALLER_KEY)]).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
