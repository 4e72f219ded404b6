//! PostgreSQL itself goes away under load, as in a crash, and comes back.

use fault_catalogue::struck;
use std::time::Duration;

use test_postgres::Cluster;
use tokio::time::sleep;

use crate::caller::Caller;
use crate::deployment::{Data, Deployment};
use crate::traffic::Traffic;
use crate::waiting::Waiting;

/// How often; `make gate` asks for more.
fn outages() -> usize {
    std::env::var("DATABASE_STOPS").map_or(3, |stops| stops.parse().expect("DATABASE_STOPS must be a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_under_load_is_waited_for_and_nothing_is_lost() {
    let data = Data::OwnServer(Cluster::start_private().await.unwrap());
    let deployment = Deployment::on(data).await;
    let Data::OwnServer(cluster) = &deployment.data else { unreachable!("it was chosen above") };
    let mut service = deployment.serve().await;
    let (caller, outages) = (deployment.caller(), outages());
    let traffic = Traffic::to(&deployment);
    let (payments, ()) = traffic
        .around(async {
            for outage in 0..outages {
                // Now and then everyone gets an answer, however busy the machine is: nobody is cut off for ever.
                if outage % 10 == 9 {
                    traffic.until_everyone_is_answered().await;
                }
                sleep(Duration::from_millis(rand::random_range(200..600))).await;
                cluster.stop_immediate().await.unwrap();
                until_readiness_is(503, &caller).await;
                assert_eq!(caller.try_get("/livez").await.unwrap().status, 200);
                cluster.start_again().await.unwrap();
                until_readiness_is(200, &caller).await;
            }
        })
        .await;
    let webhooks = deployment.prove_the_inbox().await;
    println!(
        "{outages} immediate stops of the database, {payments} payments and {webhooks} webhooks acknowledged: 0 lost, 0 doubled"
    );
    assert!(payments > outages, "{payments} payments");
    assert!(!service.has_ended(), "it recovers without a restart");
    struck(44, outages);
}

async fn until_readiness_is(status: u16, caller: &Caller) {
    let mut waiting = Waiting::until(format!("readiness is {status}"));
    while caller.try_get("/readyz").await.unwrap().status != status {
        waiting.pause().await;
    }
}
