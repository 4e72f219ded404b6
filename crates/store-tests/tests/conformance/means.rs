//! What payments were paid with.

use domain::PaymentId;
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store};

on_every_store! {
    async fn what_was_paid_with_is_kept_of_each_payment_as_it_was_told_last(store: &TestStore) {
        let means = store.means();
        let (one, other) = (PaymentId::from(Uuid::from_u128(1)), PaymentId::from(Uuid::from_u128(2)));
        assert_eq!(means.means(one).await.unwrap(), None);
        means.keep_means(one, b"a card", at(10)).await.unwrap();
        means.keep_means(other, b"\0\xff", at(20)).await.unwrap();
        assert_eq!(means.means(one).await.unwrap().unwrap(), b"a card");
        means.keep_means(one, b"a card and its token", at(30)).await.unwrap();
        means.keep_means(one, b"a card and its token", at(40)).await.unwrap();
        assert_eq!(means.means(one).await.unwrap().unwrap(), b"a card and its token");
        assert_eq!(means.means(other).await.unwrap().unwrap(), b"\0\xff");
    }
}
