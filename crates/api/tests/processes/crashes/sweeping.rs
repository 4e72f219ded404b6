//! While the gateway's list is swept, and no notice ever comes.

use fault_catalogue::struck;
use gateway_simulator::WebhookDelivery;

use super::{REFERENCE, behind, both_sides, die, die_at_each};
use crate::caller::{HandedOut, is_settled};
use crate::deployment::{Deployment, Kind, on_every_store};

const SWEPT: [(&str, &str); 3] =
    [("SWEEP__ENABLED", "true"), ("SWEEP__INTERVAL_SECONDS", "1"), ("SWEEP__POLL_SECONDS", "86400")];

on_every_store! {
    async fn a_process_killed_anywhere_in_a_sweep_leaves_it_to_the_next_one(kind: Kind) {
        let points = [
            behind("claim_sweep", 1..=2),
            both_sides("get", 1..=2),
            both_sides("load", 1..=2),
            both_sides("commit", 1..=2),
            both_sides("record_sweep", 1..=2),
        ]
        .concat();
        die_at_each(kind, &points, sweep).await;
        struck(8, points.len());
    }
}

/// What was paid while nobody served is found by the sweep alone.
async fn sweep(kind: Kind, point: String) {
    let deployment = Deployment::new(kind).await;
    deployment.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
    let caller = deployment.caller();
    let first = deployment.serve().await;
    let mut handed_out = HandedOut::default();
    let taken = caller.order(REFERENCE, &mut handed_out).await;
    first.kill().await;
    caller.pay(&taken.body).await;
    let ((), service) = die(&deployment, &point, &SWEPT, async {}).await;
    caller.payment(REFERENCE, is_settled, &mut handed_out).await;
    handed_out.prove_that_it_is_one();
    assert_eq!(deployment.posts_of(REFERENCE), 1, "{point}");
    deployment.prove_the_books().await;
    service.kill().await;
}
