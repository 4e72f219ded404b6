//! `kill -9` at random moments, under load.

use fault_catalogue::struck;
use std::time::Duration;

use tokio::time::sleep;

use crate::deployment::{Deployment, on_every_store};
use crate::traffic::Traffic;

on_every_store! {
    async fn a_service_killed_again_and_again_under_load_loses_nothing_and_doubles_nothing(kind: Kind) {
        let deployment = Deployment::new(kind).await.with(&SWEPT);
        let kills = kills();
        let mut service = deployment.serve().await;
        let traffic = Traffic::to(&deployment);
        let (payments, _service) = traffic
            .around(async {
                for kill in 0..kills {
                    // Every other one may do something first, however busy the machine is: a life that is too short
                    // to answer anybody proves nothing.
                    if kill % 50 == 49 {
                        traffic.until_everyone_is_answered().await;
                    } else if kill % 2 == 0 {
                        traffic.until_one_more_is_acknowledged().await;
                    }
                    // Any moment will do; this one is no wait for anything.
                    sleep(Duration::from_millis(rand::random_range(20..400))).await;
                    service.kill().await;
                    service = deployment.serve().await;
                }
                // It serves until everything has come to its end; dropped here, it would be killed once more.
                service
            })
            .await;
        let webhooks = deployment.prove_the_inbox().await;
        println!("{kind:?}: {kills} kills, {payments} payments and {webhooks} webhooks acknowledged, some captured, voided or refunded: 0 lost, 0 doubled");
        assert!(payments >= kills / 2, "the service was killed before it worked: {payments} payments, {kills} kills");
        struck(51, kills);
    }
}

/// The gateway's list is swept as well, over and over.
const SWEPT: [(&str, &str); 2] = [("SWEEP__ENABLED", "true"), ("SWEEP__INTERVAL_SECONDS", "1")];

/// How often; `make gate` asks for more.
fn kills() -> usize {
    std::env::var("CRASH_KILLS").map_or(10, |kills| kills.parse().expect("CRASH_KILLS must be a number"))
}
