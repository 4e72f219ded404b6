//! While a deposit is taken, looked for, and paid.

use fault_catalogue::struck;
use gateway_simulator::{Fault, WebhookDelivery};
use serde_json::Value;

use super::{REFERENCE, behind, both_sides, die, die_at_each};
use crate::caller::{Caller, HandedOut, has_redirect, is_settled};
use crate::deployment::{Deployment, Kind, on_every_store};
use crate::waiting::Waiting;

on_every_store! {
    async fn a_process_killed_anywhere_while_a_deposit_is_taken_and_paid_leaves_it_to_the_next_one(kind: Kind) {
        let points = [
            both_sides("open", 1..=3),
            both_sides("post", 1..=1),
            both_sides("commit", 1..=3),
            both_sides("load", 1..=3),
            both_sides("receive", 1..=2),
            behind("claim", 1..=1),
            both_sides("get", 1..=1),
        ];
        die_at_each(kind, &points.concat(), |kind, point| take(kind, None, point)).await;
        struck(1, struck_at(&points.concat(), "open:before"));
        struck(2, struck_at(&points.concat(), "open:after"));
        struck(3, struck_at(&points.concat(), "post:before"));
        struck(5, struck_at(&points.concat(), "post:after"));
        struck(6, struck_at(&points.concat(), "commit:after"));
        struck(7, struck_at(&points.concat(), "receive:"));
    }

    async fn a_process_killed_anywhere_while_a_lost_answer_is_looked_for_leaves_it_to_the_next_one(kind: Kind) {
        let points = [
            both_sides("commit", 1..=3),
            behind("claim", 1..=2),
            both_sides("get", 1..=2),
            both_sides("receive", 1..=1),
        ];
        die_at_each(kind, &points.concat(), |kind, point| take(kind, Some(Fault::LostAfter), point)).await;
    }

    async fn a_process_killed_anywhere_while_a_lost_request_is_found_missing_leaves_it_to_the_next_one(kind: Kind) {
        let points = [behind("claim", 1..=3), both_sides("get", 2..=3), both_sides("kept_request", 1..=1)];
        die_at_each(kind, &points.concat(), |kind, point| take(kind, Some(Fault::LostBefore), point)).await;
    }

    async fn a_process_killed_anywhere_while_an_unsent_request_is_sent_again_leaves_it_to_the_next_one(kind: Kind) {
        let points = [
            both_sides("commit", 1..=3),
            behind("claim", 1..=1),
            both_sides("get", 1..=1),
            both_sides("kept_request", 1..=1),
            both_sides("post", 2..=2),
        ];
        die_at_each(kind, &points.concat(), |kind, point| take(kind, Some(Fault::Unauthorized), point)).await;
    }

    async fn a_process_killed_over_a_notice_that_overtook_its_answer_leaves_it_to_the_next_one(kind: Kind) {
        let points = [both_sides("receive", 1..=1), both_sides("commit", 1..=2), behind("claim_notices", 1..=1)];
        die_at_each(kind, &points.concat(), |kind, point| take(kind, Some(Fault::HookEarly { millis: 300 }), point)).await;
    }

    async fn a_process_killed_while_the_gateway_answers_leaves_it_to_the_next_one(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        deployment.fault(REFERENCE, Fault::Slow { millis: 900 });
        let first = deployment.serve().await;
        let caller = deployment.caller();
        let mut handed_out = HandedOut::default();
        let killed = async {
            let mut waiting = Waiting::until("the request is at the gateway");
            while deployment.posts_of(REFERENCE) == 0 {
                waiting.pause().await;
            }
            first.kill().await;
            deployment.start_with(&[])
        };
        let (_, service) = tokio::join!(caller.order(REFERENCE, &mut handed_out), killed);
        caller.payment(REFERENCE, has_redirect, &mut handed_out).await;
        handed_out.prove_that_it_is_one();
        assert_eq!((deployment.posts_of(REFERENCE), deployment.gateway_payments_of(REFERENCE)), (1, 1));
        deployment.prove_the_books().await;
        service.kill().await;
        struck(4, deployment.posts_of(REFERENCE));
    }

    /// Lost on the way once, and once more since the process died over it: two requests of unknown outcome are the most
    /// that the machine makes. It says so and waits for a person.
    async fn a_request_lost_on_the_way_and_once_more_by_a_kill_is_not_sent_a_third_time(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        deployment.fault(REFERENCE, Fault::LostBefore);
        let mut dying = deployment.start_with(&[("FAILPOINT", "post:before:2")]);
        let caller = deployment.caller();
        let mut handed_out = HandedOut::default();
        caller.order(REFERENCE, &mut handed_out).await;
        dying.ended().await;

        let _service = deployment.serve().await;
        let looked_for = |payment: &Value| {
            let why = payment["why"].as_str().unwrap();
            let looks = why.split("looked up ").nth(1).and_then(|told| told.split(' ').next()?.parse::<u32>().ok());
            why.contains("request 2 was about to leave") && looks.is_some_and(|looks| looks >= 5)
        };
        let payment = caller.payment(REFERENCE, looked_for, &mut handed_out).await;
        assert_eq!(payment["state"], "SUBMITTED", "{payment}");
        assert_eq!(deployment.posts_of(REFERENCE), 1);
        handed_out.prove_that_it_is_one();
        deployment.prove_the_books().await;
    }
}

/// How many of these points are such.
fn struck_at(points: &[String], such: &str) -> usize {
    points.iter().filter(|point| point.starts_with(such)).count()
}

/// A process dies at `point` while a deposit is taken and paid, and the next one goes on.
async fn take(kind: Kind, fault: Option<Fault>, point: String) {
    let point = point.as_str();
    let deployment = Deployment::new(kind).await;
    // A request that was lost on its way to the gateway, or refused there, is made twice.
    let posts = if matches!(fault, Some(Fault::LostBefore | Fault::Unauthorized)) { 2 } else { 1 };
    let overtakes = matches!(fault, Some(Fault::HookEarly { .. }));
    if overtakes {
        // A second copy would come after the answer, and do without a worker what the first one waits for.
        deployment.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Once);
    }
    if let Some(fault) = fault {
        deployment.fault(REFERENCE, fault);
    }
    let caller = deployment.caller();
    let (handed_out, service) = die(&deployment, point, &[], deposit(&caller, overtakes)).await;

    handed_out.prove_that_it_is_one();
    assert_eq!(deployment.posts_of(REFERENCE), posts, "{point}: requests at the gateway");
    assert_eq!(deployment.gateway_payments_of(REFERENCE), 1, "{point}");
    deployment.prove_the_books().await;
    service.kill().await;
}

/// A caller and a customer with all their patience, from the order to its end. One who is afraid of having been
/// forgotten orders again, which changes nothing.
async fn deposit(caller: &Caller, is_paid_already: bool) -> HandedOut {
    let mut handed_out = HandedOut::default();
    caller.order(REFERENCE, &mut handed_out).await;
    caller.order(REFERENCE, &mut handed_out).await;
    if !is_paid_already {
        let payment = caller.payment(REFERENCE, has_redirect, &mut handed_out).await;
        caller.pay(&payment).await;
    }
    caller.payment(REFERENCE, is_settled, &mut handed_out).await;
    let again = caller.order(REFERENCE, &mut handed_out).await;
    assert_eq!(again.status, 200, "{again:?}");
    handed_out
}
