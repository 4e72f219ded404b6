//! The callers' keys.

use std::collections::BTreeSet;

use store::{KeyRecord, KeyRotation, PreviousKey, Scope, StoreError};
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
            expires_at: Some(at(1_000)),
            networks: ["10.1.0.0/16", "fd00::/8", "192.0.2.7/32"].map(|net| net.parse().unwrap()).into(),
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

    async fn a_key_is_changed_over_and_both_are_known_for_a_while(store: &TestStore) {
        let keys = &store.database().unwrap().keys;
        let old = key(1, 10);
        keys.add_key(&old).await.unwrap();
        keys.add_key(&key(2, 20)).await.unwrap();
        let order = rotation(&old, b"new", &old.digest, 100);
        let rotated = keys.rotate_key(&order).await.unwrap().unwrap();
        assert_eq!(rotated, KeyRecord { digest: b"new".to_vec(), previous: Some(order.previous.clone()), ..old.clone() });
        for digest in [old.digest.as_slice(), b"new"] {
            assert_eq!(keys.key_by_digest(digest).await.unwrap().as_ref(), Some(&rotated));
        }
        assert_eq!(keys.rotate_key(&order).await.unwrap(), None, "somebody was faster");
        assert!(rotated.opens(b"new", at(99)) && rotated.opens(&old.digest, at(99)));
        assert!(rotated.opens(b"new", at(100)) && !rotated.opens(&old.digest, at(100)) && !rotated.opens(b"else", at(0)));

        // Nobody knows the new one: the old one stays.
        let again = keys.rotate_key(&rotation(&rotated, b"third", &old.digest, 200)).await.unwrap().unwrap();
        assert_eq!(keys.key_by_digest(b"new").await.unwrap(), None);
        assert!(again.opens(&old.digest, at(199)) && again.opens(b"third", at(199)));
        assert!(keys.revoke_key(old.id, at(30)).await.unwrap());
        assert_eq!(keys.rotate_key(&rotation(&again, b"fourth", b"third", 300)).await.unwrap(), None, "it is revoked");
        let revoked = keys.key_by_digest(b"third").await.unwrap().unwrap();
        assert!(!revoked.opens(b"third", at(30)) && !revoked.opens(&old.digest, at(30)));
        assert_eq!(keys.key_by_digest(&key(2, 20).digest).await.unwrap(), Some(key(2, 20)), "the others are as they were");
    }

    async fn when_a_key_was_used_last_is_noted_and_never_goes_back(store: &TestStore) {
        let keys = &store.database().unwrap().keys;
        for number in [1, 2, 3] {
            keys.add_key(&key(number, 10)).await.unwrap();
        }
        let id = |number: u128| Uuid::from_u128(number);
        keys.note_used(&[(id(1), at(50)), (id(2), at(60)), (id(9), at(70))]).await.unwrap();
        keys.note_used(&[(id(1), at(40)), (id(2), at(65))]).await.unwrap();
        keys.note_used(&[]).await.unwrap();
        let used: Vec<_> = keys.keys().await.unwrap().into_iter().map(|key| key.used_at).collect();
        assert_eq!(used, [Some(at(50)), Some(at(65)), None]);
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
    let digest = vec![u8::try_from(number).unwrap(); 32];
    KeyRecord {
        scopes: BTreeSet::from([Scope::DepositsWrite]),
        ..KeyRecord::new(Uuid::from_u128(number), format!("key {number}"), digest, at(created))
    }
}

/// A change over that was decided on the key as it is in `seen`; `kept` is taken for so long.
fn rotation(seen: &KeyRecord, digest: &[u8], kept: &[u8], seconds: u64) -> KeyRotation {
    let previous = PreviousKey { digest: kept.to_vec(), until: at(seconds) };
    KeyRotation { id: seen.id, seen: seen.digest.clone(), digest: digest.to_vec(), previous }
}
