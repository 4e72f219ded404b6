//! Streams that events are published to: leased, fenced, and never left behind.

use store::{StreamClaim, StreamPlace};

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn a_stream_begins_at_the_first_event_and_is_published_to_by_one(store: &TestStore) {
        let (database, events) = (store.database().unwrap(), store.events());
        let streams = &database.streams;
        assert_eq!(streams.unpublished_events("EVENTS").await.unwrap(), 0);
        for number in 1..=3 {
            store.open(&[birth(number, &format!("order-{number}"))]).await;
        }
        events.stamp(100).await.unwrap();
        assert_eq!(streams.unpublished_events("EVENTS").await.unwrap(), 3, "nobody has published to it");

        let first = streams.claim_stream(&claim(1, 10)).await.unwrap().unwrap();
        assert_eq!(first, StreamPlace { name: "EVENTS".to_owned(), position: 0, epoch: 1 });
        assert_eq!(streams.claim_stream(&claim(2, 69)).await.unwrap(), None, "somebody is on it");
        let told = StreamPlace { position: 2, ..first.clone() };
        assert!(streams.record_stream(&told, Some(at(80))).await.unwrap());
        assert_eq!(streams.unpublished_events("EVENTS").await.unwrap(), 1);
        assert_eq!(streams.unpublished_events("OTHERS").await.unwrap(), 3);
        assert_eq!(streams.claim_stream(&claim(2, 79)).await.unwrap(), None, "the lease was renewed");

        let second = streams.claim_stream(&claim(2, 80)).await.unwrap().unwrap();
        assert_eq!(second, StreamPlace { position: 2, epoch: 2, ..first });
        assert!(!streams.record_stream(&StreamPlace { position: 3, ..told }, None).await.unwrap(), "it overslept");
        assert!(streams.record_stream(&StreamPlace { position: 3, ..second.clone() }, None).await.unwrap());
        assert!(!streams.record_stream(&second, None).await.unwrap(), "it was given up");
        let third = streams.claim_stream(&claim(1, 81)).await.unwrap().unwrap();
        assert_eq!((third.position, third.epoch), (3, 3), "at once");
    }
}

/// A claim for a minute.
fn claim(process: u128, seconds: u64) -> StreamClaim {
    StreamClaim { name: "EVENTS".to_owned(), now: at(seconds), owner: owner(process), until: at(seconds + 60) }
}
