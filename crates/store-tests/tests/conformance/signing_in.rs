//! Sessions of people at the console.

use std::collections::BTreeSet;

use store::{Holder, KeyRecord, Person, Proof, Scope, Session};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};

on_both_databases! {
    async fn a_session_is_its_key_until_it_ends_expires_or_the_key_is_revoked(store: &TestStore) {
        let database = store.database().unwrap();
        let (keys, sessions) = (&database.keys, &database.sessions);
        let of = async |session: &Session, seconds| {
            match sessions.holder_of_session(&session.digest, at(seconds)).await.unwrap() {
                Some(Holder::Key(key)) => Some(key.id),
                Some(Holder::Person(person)) => panic!("nobody has shown who they are but by a key: {person:?}"),
                None => None,
            }
        };
        for number in [1, 2] {
            keys.add_key(&key(number)).await.unwrap();
        }
        let (one, other, third) = (session(1, key(1).id, 10), session(2, key(1).id, 10), session(3, key(2).id, 10));
        for session in [&one, &other, &third] {
            sessions.begin_session(session).await.unwrap();
        }
        assert_eq!(of(&one, 10).await, Some(key(1).id));
        assert_eq!(of(&one, 109).await, Some(key(1).id));
        assert_eq!(of(&one, 110).await, None, "it has expired");
        assert_eq!(of(&session(9, key(1).id, 10), 10).await, None, "nobody's");

        sessions.end_session(&one.digest).await.unwrap();
        sessions.end_session(&one.digest).await.unwrap();
        assert_eq!(of(&one, 20).await, None);
        assert_eq!(of(&other, 20).await, Some(key(1).id), "the other one goes on");

        assert!(keys.revoke_key(key(1).id, at(30)).await.unwrap());
        assert_eq!(of(&other, 30).await, None, "at once");
        assert_eq!(of(&third, 30).await, Some(key(2).id));

        let ends = KeyRecord { expires_at: Some(at(40)), ..key(3) };
        keys.add_key(&ends).await.unwrap();
        let fourth = session(4, ends.id, 30);
        sessions.begin_session(&fourth).await.unwrap();
        assert_eq!((of(&fourth, 39).await, of(&fourth, 40).await), (Some(ends.id), None), "it ends with its key");
    }

    async fn a_session_of_a_person_is_what_they_may_do_until_it_ends_or_expires(store: &TestStore) {
        let sessions = &store.database().unwrap().sessions;
        let all = Person {
            id: Uuid::from_u128(7),
            name: "marta@shop.example".to_owned(),
            scopes: [Scope::OpsRead, Scope::PaymentsRead].into(),
            shops: [].into(),
        };
        let one_shop = Person { id: Uuid::from_u128(8), scopes: [Scope::Admin].into(), shops: [shop()].into(), ..all.clone() };
        let session_of = |number, person: &Person| Session {
            proof: Proof::Person(person.clone()),
            ..session(number, Uuid::nil(), 10)
        };
        let (first, second) = (session_of(1, &all), session_of(2, &one_shop));
        for session in [&first, &second] {
            sessions.begin_session(session).await.unwrap();
        }
        let of = async |session: &Session, seconds| {
            sessions.holder_of_session(&session.digest, at(seconds)).await.unwrap()
        };
        assert_eq!(of(&first, 109).await, Some(Holder::Person(all)));
        assert_eq!(of(&first, 110).await, None, "it has expired");
        assert_eq!(of(&second, 10).await, Some(Holder::Person(one_shop)));
        sessions.end_session(&second.digest).await.unwrap();
        assert_eq!(of(&second, 10).await, None);
    }

    async fn what_has_expired_is_forgotten_when_the_next_one_begins(store: &TestStore) {
        let database = store.database().unwrap();
        let sessions = &database.sessions;
        database.keys.add_key(&key(1)).await.unwrap();
        let first = session(1, key(1).id, 10);
        sessions.begin_session(&first).await.unwrap();
        sessions.begin_session(&session(2, key(1).id, 109)).await.unwrap();
        assert!(sessions.holder_of_session(&first.digest, at(20)).await.unwrap().is_some());
        sessions.begin_session(&session(3, key(1).id, 110)).await.unwrap();
        assert!(sessions.holder_of_session(&first.digest, at(20)).await.unwrap().is_none());
    }
}

/// A session of a hundred seconds.
pub(crate) fn session(number: u128, key: Uuid, begun: u64) -> Session {
    Session {
        digest: number.to_be_bytes().repeat(2),
        proof: Proof::Key(key),
        begun_at: at(begun),
        expires_at: at(begun + 100),
    }
}

fn key(number: u128) -> KeyRecord {
    KeyRecord {
        scopes: BTreeSet::from([Scope::OpsRead]),
        ..KeyRecord::new(Uuid::from_u128(number), "key", vec![u8::try_from(number).unwrap(); 32], at(0))
    }
}
