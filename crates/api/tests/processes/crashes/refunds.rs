//! While a refund is ordered: its reservation, its request, and what its deposit is told.

use fault_catalogue::struck;
use serde_json::{Value, json};

use super::{REFERENCE, both_sides, die, die_at_each};
use crate::caller::{HandedOut, is_settled};
use crate::deployment::{Deployment, Kind, on_every_store};

const REFUND: &str = "refund-1001";

on_every_store! {
    async fn a_process_killed_anywhere_while_a_refund_is_ordered_leaves_it_to_the_next_one(kind: Kind) {
        let points =
            [both_sides("load", 1..=2), both_sides("commit", 1..=2), both_sides("post", 1..=1)].concat();
        die_at_each(kind, &points, refund).await;
        struck(8, points.len());
    }
}

/// Whatever happens, the request leaves at most once, and its money is held or gone, once.
async fn refund(kind: Kind, point: String) {
    let deployment = Deployment::new(kind).await;
    let caller = deployment.caller();
    let first = deployment.serve().await;
    let mut handed_out = HandedOut::default();
    let taken = caller.order(REFERENCE, &mut handed_out).await;
    caller.pay(&taken.body).await;
    let paid = caller.payment(REFERENCE, is_settled, &mut handed_out).await;
    first.kill().await;

    let path = format!("/v1/payments/{}/refunds", paid["id"].as_str().unwrap());
    let body = json!({ "referenceId": REFUND, "amount": "11" });
    let (answer, service) = die(&deployment, &point, &[], caller.post_until_answered(&path, body)).await;
    assert!(matches!(answer.status, 200..=202), "{point}: {answer:?}");
    let posts = deployment.posts_of(REFUND);
    if posts == 0 {
        // It was about to leave when the process died, and nobody can know that it did not.
        let unknown =
            |payment: &Value| payment["state"] == "SUBMITTED" && payment["why"].as_str().unwrap().contains("looked up");
        caller.payment_until(REFUND, unknown).await;
    } else {
        caller.payment_until(REFUND, |payment| payment["state"] == "COMPLETED").await;
        caller.payment_until(REFERENCE, |payment| payment["refundedAmount"] == "11.00").await;
    }
    assert!(posts <= 1, "{point}: {posts} requests");
    let deposit = caller.payment_until(REFERENCE, |payment| payment["refundableAmount"] == "0.12").await;
    assert_eq!(deposit["state"], "COMPLETED", "{point}");
    let again = caller.post_until_answered(&path, json!({ "referenceId": "refund-1002", "amount": "1" })).await;
    assert_eq!(again.status, 422, "{point}: {again:?}");
    deployment.prove_the_books().await;
    service.kill().await;
}
