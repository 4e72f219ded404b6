//! A later release has changed the schema, and this one still serves.

use std::time::Duration;

use fault_catalogue::struck;
use tokio::time::sleep;

use crate::deployment::{Deployment, on_every_store};
use crate::traffic::Traffic;

/// What a later release may do while an older one serves: it adds.
const ADDITIONS: [&str; 3] = [
    "alter table payments add column later text",
    "alter table payment_events add column later text",
    "alter table payment_checks add column later text",
];

on_every_store! {
    async fn what_a_later_release_adds_to_the_schema_does_not_disturb_this_one(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let mut service = deployment.serve().await;
        let (payments, added) = Traffic::to(&deployment)
            .around(async {
                let mut added = 0_u64;
                for addition in ADDITIONS {
                    sleep(Duration::from_millis(300)).await;
                    deployment.tamper(addition).await;
                    added += 1;
                }
                sleep(Duration::from_millis(300)).await;
                added
            })
            .await;
        assert!(payments > 10, "{payments} payments");
        assert!(!service.has_ended(), "{}", service.log());
        struck(52, added);
    }
}
