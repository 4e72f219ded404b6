//! Two processes of the service on one database.

use std::collections::BTreeSet;

use futures::future::join_all;

use crate::deployment::{Deployment, Kind};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_callers_of_two_processes_with_one_reference_get_one_payment() {
    let deployment = Deployment::new(Kind::Postgres).await;
    let _one = deployment.serve().await;
    let (_other, other) = deployment.serve_another().await;
    let callers = [deployment.caller(), other];

    let orders = (0..200).map(|number| callers[number % 2].try_order("order-1001"));
    let answers: Vec<_> = join_all(orders).await.into_iter().map(Result::unwrap).collect();

    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let replayed = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((created, replayed), (1, 199), "{answers:?}");
    let ids: BTreeSet<String> = answers.iter().map(|answer| answer.body["id"].to_string()).collect();
    let pages: BTreeSet<String> = answers.iter().map(|answer| answer.body["nextAction"]["url"].to_string()).collect();
    assert_eq!((ids.len(), pages.len()), (1, 1));
    assert_eq!(deployment.posts_of("order-1001"), 1);
    deployment.prove_the_books().await;
}
