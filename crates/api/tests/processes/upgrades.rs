//! A later release has changed the schema, and this one still serves.

use std::time::Duration;

use fault_catalogue::struck;
use tokio::time::sleep;

use crate::deployment::{Deployment, on_every_store};
use crate::traffic::Traffic;

/// What a later release may do while an older one serves: it adds, and notes its migration.
const ADDITIONS: [&str; 5] = [
    "alter table payments add column later text",
    "alter table payment_events add column later text",
    "alter table payment_checks add column later text",
    "create table later (number bigint primary key)",
    "insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
     select 9999, 'later', installed_on, success, checksum, 0 from _sqlx_migrations where version = 1",
];

on_every_store! {
    async fn what_a_later_release_adds_to_the_schema_does_not_disturb_this_one(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let (mut service, caller) = (deployment.serve().await, deployment.caller());
        let (payments, (added, mut service)) = Traffic::to(&deployment)
            .around(async {
                let mut added = 0_u64;
                for addition in ADDITIONS {
                    sleep(Duration::from_millis(300)).await;
                    deployment.tamper(addition).await;
                    added += 1;
                    let ready = caller.try_get("/readyz").await.unwrap();
                    assert_eq!(ready.status, 200, "it is not taken from its callers: {addition}: {ready:?}");
                }
                // And one of its replicas has to start again, while the later release is not everywhere yet.
                service.kill().await;
                service = deployment.serve().await;
                sleep(Duration::from_millis(300)).await;
                (added, service)
            })
            .await;
        assert!(payments > 10, "{payments} payments");
        assert!(!service.has_ended(), "{}", service.log());
        struck(52, added);
    }
}
