//! A stop that was asked for.

use rustix::process::Signal;

use crate::deployment::{Deployment, Kind};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_told_to_stop_ends_well_and_finds_its_payments_again() {
    let deployment = Deployment::new(Kind::Sqlite).await;
    let mut service = deployment.serve().await;
    let taken = deployment.caller().try_order("order-1001").await.unwrap();
    assert_eq!(taken.status, 201);
    service.signal(Signal::TERM);
    assert_eq!(service.ended().await.code(), Some(0), "{}", service.log());

    let _again = deployment.serve().await;
    let replayed = deployment.caller().try_order("order-1001").await.unwrap();
    assert_eq!((replayed.status, &replayed.body["id"]), (200, &taken.body["id"]));
}
