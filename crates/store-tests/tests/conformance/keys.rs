//! The callers' keys.

use std::collections::BTreeSet;

use store::{KeyRecord, Scope, StoreError};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn a_key_is_added_found_and_revoked(store: &TestStore) {
        let keys = &store.database().unwrap().keys;
        let plain = key(1, 20);
        let wide = KeyRecord {
            name: "finance 🙂, \"reports\"".to_owned(),
            scopes: BTreeSet::from([Scope::PaymentsRead, Scope::FinanceRead, Scope::Admin]),
            shops: BTreeSet::from([shop(), other_shop()]),
            ..key(2, 10)
        };
        keys.add_key(&plain).await.unwrap();
        keys.add_key(&wide).await.unwrap();
        assert_eq!(keys.keys().await.unwrap(), [wide.clone(), plain.clone()]);
        assert_eq!(keys.key_by_digest(&plain.digest).await.unwrap(), Some(plain.clone()));
        assert_eq!(keys.key_by_digest(&wide.digest).await.unwrap(), Some(wide));
        assert_eq!(keys.key_by_digest(b"nobody's").await.unwrap(), None);

        assert!(keys.revoke_key(plain.id, at(30)).await.unwrap());
        assert!(!keys.revoke_key(plain.id, at(40)).await.unwrap());
        assert!(!keys.revoke_key(Uuid::from_u128(9), at(30)).await.unwrap());
        let revoked = KeyRecord { revoked_at: Some(at(30)), ..plain.clone() };
        assert_eq!(keys.key_by_digest(&plain.digest).await.unwrap(), Some(revoked));
    }

    async fn two_keys_cannot_be_the_same(store: &TestStore) {
        let keys = &store.database().unwrap().keys;
        keys.add_key(&key(1, 10)).await.unwrap();
        let twin = KeyRecord { id: Uuid::from_u128(2), ..key(1, 10) };
        assert!(matches!(keys.add_key(&twin).await, Err(StoreError::Refused(_))));
        assert_eq!(keys.keys().await.unwrap(), [key(1, 10)]);
    }
}

fn key(number: u128, created: u64) -> KeyRecord {
    KeyRecord {
        id: Uuid::from_u128(number),
        name: format!("key {number}"),
        digest: vec![u8::try_from(number).unwrap(); 32],
        scopes: BTreeSet::from([Scope::DepositsWrite]),
        shops: BTreeSet::new(),
        created_at: at(created),
        revoked_at: None,
    }
}
