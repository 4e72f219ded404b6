//! Random walks: the same steps through all three stores, which must answer alike and end alike.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Evidence, GatewayState, PaymentId, Seen, Source, Time};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Birth, Claim, Filed, Lease, Move, Name, Notice, Outcome, Stored, Write};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, without_reason};

const PAYMENTS: u8 = 6;
const NAMES: u8 = 5;

#[test]
fn three_stores_walk_alike() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let walks = prop::collection::vec(batch(), 1..40);
    runner.run(&walks, |walk| runtime.block_on(walk_alike(walk))).unwrap();
}

/// What happens at one moment.
#[derive(Debug, Clone)]
enum Batch {
    Open(Vec<BirthStep>),
    Commit(Vec<WriteStep>),
    Receive(Vec<NoticeStep>),
    ClaimDue(u32),
    ClaimNotices(u32),
    Forget,
}

#[derive(Debug, Clone)]
struct BirthStep {
    payment: u8,
    reference: u8,
    leased: bool,
    kept: bool,
}

#[derive(Debug, Clone)]
struct WriteStep {
    payment: u8,
    /// How many of the payment's rows ago this was decided on.
    age: usize,
    seen: SeenStep,
    with_epoch: bool,
    lease: u8,
    birth: Option<BirthStep>,
    files: Option<u8>,
}

#[derive(Debug, Clone)]
enum SeenStep {
    Sighting { gateway: u8, state: GatewayState, kind: u8 },
    Unknown,
    Refused,
    Nothing,
}

#[derive(Debug, Clone)]
struct NoticeStep {
    body: u8,
    gateway: Option<u8>,
    reference: Option<u8>,
}

fn batch() -> impl Strategy<Value = Batch> {
    prop_oneof![
        2 => prop::collection::vec(birth_step(), 0..5).prop_map(Batch::Open),
        6 => prop::collection::vec(write_step(), 0..7).prop_map(Batch::Commit),
        2 => prop::collection::vec(notice_step(), 0..5).prop_map(Batch::Receive),
        1 => (0_u32..5).prop_map(Batch::ClaimDue),
        1 => (0_u32..5).prop_map(Batch::ClaimNotices),
        1 => Just(Batch::Forget),
    ]
}

fn birth_step() -> impl Strategy<Value = BirthStep> {
    (0..PAYMENTS, 0..NAMES, any::<bool>(), any::<bool>()).prop_map(|(payment, reference, leased, kept)| BirthStep {
        payment,
        reference,
        leased,
        kept,
    })
}

fn write_step() -> impl Strategy<Value = WriteStep> {
    let birth = prop::option::weighted(0.15, birth_step());
    let files = prop::option::weighted(0.3, 0..NAMES);
    let age = prop_oneof![4 => Just(0_usize), 1 => 1_usize..3];
    (0..PAYMENTS, age, seen_step(), any::<bool>(), 0_u8..4, birth, files).prop_map(
        |(payment, age, seen, with_epoch, lease, birth, files)| WriteStep {
            payment,
            age,
            seen,
            with_epoch,
            lease,
            birth,
            files,
        },
    )
}

fn seen_step() -> impl Strategy<Value = SeenStep> {
    let state = prop::sample::select(vec![
        GatewayState::Checkout,
        GatewayState::Pending,
        GatewayState::Authorized,
        GatewayState::Completed,
        GatewayState::Declined,
    ]);
    prop_oneof![
        6 => (0..NAMES, state, 0_u8..4).prop_map(|(gateway, state, kind)| SeenStep::Sighting { gateway, state, kind }),
        1 => Just(SeenStep::Unknown),
        1 => Just(SeenStep::Refused),
        2 => Just(SeenStep::Nothing),
    ]
}

fn notice_step() -> impl Strategy<Value = NoticeStep> {
    (0..NAMES, prop::option::of(0..NAMES), prop::option::of(0..NAMES))
        .prop_map(|(body, gateway, reference)| NoticeStep { body, gateway, reference })
}

async fn walk_alike(walk: Vec<Batch>) -> Result<(), TestCaseError> {
    let stores = [TestStore::on_memory(), TestStore::on_sqlite().await, TestStore::on_postgres().await];
    let mut known = Known::default();
    for (moment, batch) in (1..).zip(walk) {
        let asked = known.ask(&batch, at(moment));
        let [memory, sqlite, postgres] =
            [asked.of(&stores[0]).await, asked.of(&stores[1]).await, asked.of(&stores[2]).await];
        prop_assert_eq!(&memory, &sqlite, "SQLite answers {:?}", batch);
        prop_assert_eq!(&memory, &postgres, "PostgreSQL answers {:?}", batch);
        known.look(&stores[0]).await;
    }
    let [memory, sqlite, postgres] = [end(&stores[0]).await, end(&stores[1]).await, end(&stores[2]).await];
    prop_assert_eq!(&memory, &sqlite);
    prop_assert_eq!(&memory, &postgres);
    for store in stores {
        store.check().await;
    }
    Ok(())
}

/// All that can be seen of a store, as text.
async fn end(store: &TestStore) -> String {
    let mut kept = Vec::new();
    let mut notices = Vec::new();
    for payment in 0..PAYMENTS {
        kept.push(store.store.kept_request(id(payment.into())).await.unwrap());
        notices.push(store.notices(id(payment.into())).await);
    }
    let mut holders = Vec::new();
    for gateway in 0..NAMES {
        let holder = store.load(Name::Gateway(shop(), gateway_id(&format!("gw{gateway}")))).await;
        holders.push(holder.map(|stored| stored.payment.id()));
    }
    format!("{:#?}", (store.all().await, store.outbox().await, kept, notices, holders))
}

/// The rows of each payment as they followed each other, the latest last: what a slow caller may still decide on.
#[derive(Default)]
struct Known(BTreeMap<PaymentId, Vec<Stored>>);

/// A batch in the store's words.
enum Asked {
    Open(Vec<Birth>),
    Commit(Vec<Write>),
    Receive(Vec<Notice>),
    ClaimDue(Claim),
    ClaimNotices(Claim),
    Forget(Time),
}

impl Asked {
    async fn of(&self, on: &TestStore) -> String {
        let store = &on.store;
        match self {
            Self::Open(births) => format!("{:#?}", on.open(births).await),
            Self::Commit(writes) => {
                let outcomes = store.commit(writes).await.unwrap();
                format!("{:#?}", outcomes.into_iter().map(without_reason).collect::<Vec<Outcome>>())
            }
            Self::Receive(notices) => format!("{:#?}", store.receive(notices).await.unwrap()),
            Self::ClaimDue(claim) => format!("{:#?}", store.claim_due(claim).await.unwrap()),
            Self::ClaimNotices(claim) => format!("{:#?}", store.claim_notices(claim).await.unwrap()),
            Self::Forget(before) => format!("{:#?}", store.forget_kept_requests(*before).await.unwrap()),
        }
    }
}

impl Known {
    async fn look(&mut self, store: &TestStore) {
        let names: Vec<Name> = (0..PAYMENTS).map(|payment| Name::Id(id(payment.into()))).collect();
        for there in store.store.load(&names).await.unwrap().into_iter().flatten() {
            let rows = self.0.entry(there.payment.id()).or_default();
            if rows.last() != Some(&there) {
                rows.push(there);
            }
        }
    }

    fn ask(&self, batch: &Batch, now: Time) -> Asked {
        let until = now.plus(std::time::Duration::from_secs(3));
        let claim = |limit| Claim { now, owner: owner(1), until, limit };
        match batch {
            Batch::Open(steps) => {
                // An id is made for one attempt, so that no batch has it twice.
                let mut ids = BTreeSet::new();
                let own = steps.iter().filter(|step| ids.insert(step.payment));
                Asked::Open(own.map(|step| step.birth(now)).collect())
            }
            Batch::Commit(steps) => Asked::Commit(steps.iter().filter_map(|step| self.write(step, now)).collect()),
            Batch::Receive(steps) => Asked::Receive(steps.iter().map(|step| step.notice(now)).collect()),
            Batch::ClaimDue(limit) => Asked::ClaimDue(claim(*limit)),
            Batch::ClaimNotices(limit) => Asked::ClaimNotices(claim(*limit)),
            Batch::Forget => Asked::Forget(now.minus(std::time::Duration::from_secs(5))),
        }
    }

    fn write(&self, step: &WriteStep, now: Time) -> Option<Write> {
        let rows = self.0.get(&id(step.payment.into()))?;
        let there = rows.get(rows.len().checked_sub(1 + step.age)?)?;
        let lease = match step.lease {
            0 => Lease::Release,
            1 => Lease::Take(owner(2), now.plus(std::time::Duration::from_secs(2))),
            _ => Lease::Keep,
        };
        let moved = Move {
            expected_epoch: step.with_epoch.then_some(there.epoch),
            lease,
            ..decided(there, &step.seen.evidence(there, now))
        };
        let notice = step.files.map(|body| Filed {
            id: Uuid::from_u128(body.into()),
            verdict: format!("by {}", step.payment),
            payment: Some(there.payment.id()),
            at: now,
        });
        Some(Write { birth: step.birth.as_ref().map(|step| step.birth(now)), notice, ..moves(moved) })
    }
}

impl BirthStep {
    fn birth(&self, now: Time) -> Birth {
        let opening = opening(self.payment.into(), &format!("order-{}", self.reference));
        let (payment, entry) = domain::Payment::open(opening, now);
        let after = |seconds| now.plus(std::time::Duration::from_secs(seconds));
        Birth {
            payment,
            entry,
            next_check_at: Some(after(2)),
            lease: self.leased.then(|| (owner(1), after(3))),
            kept_request: self.kept.then(|| vec![self.payment]),
        }
    }
}

impl SeenStep {
    fn evidence(&self, there: &Stored, now: Time) -> Evidence {
        let (source, seen) = match self {
            Self::Nothing => return missing(now),
            Self::Unknown => return outcome_unknown("timeout", now),
            Self::Refused => (Source::Response, Seen::Refused { attempt: 1, rejection: domain::Rejection::default() }),
            Self::Sighting { gateway, state, kind } => {
                let sighting = sighting(&there.payment, &format!("gw{gateway}"), *state);
                match kind {
                    0 => (Source::Response, Seen::Accepted { attempt: 1, sighting }),
                    1 => (Source::Poll, Seen::Found { sighting }),
                    2 => (Source::Poll, Seen::Reported { sighting }),
                    _ => (Source::Webhook, Seen::Reported { sighting }),
                }
            }
        };
        Evidence { source, at: now, begun_at: Some(now), seen }
    }
}

impl NoticeStep {
    fn notice(&self, now: Time) -> Notice {
        Notice {
            received_at: now,
            leased_until: now.plus(std::time::Duration::from_secs(2)),
            gateway_payment_id: self.gateway.map(|gateway| gateway_id(&format!("gw{gateway}"))),
            reference_id: self.reference.map(|reference_id| reference(&format!("order-{reference_id}"))),
            ..notice(self.body.into())
        }
    }
}
