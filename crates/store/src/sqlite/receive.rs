use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use domain::ShopName;
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::fault;
use super::load;
use super::read_row::{get, uuid};
use super::transaction::Deed;
use crate::flaw::without_nul;
use crate::{Name, Notice, NoticeId, Received, StoreError, Stored};

/// Stores notices, each body once, and counts those that are there already.
pub(super) const RECEIVE: &str = "
    with given as materialized (select value as row from jsonb_each(?1))
    insert into webhook_notices (
        notice_id, shop, received_at, last_received_at, deliveries, body, digest, gateway_payment_id, reference_id,
        state, attempts, leased_until)
    select
        row ->> 'notice_id', row ->> 'shop', row ->> 'received_at', row ->> 'received_at', 1,
        unhex(row ->> 'body'), unhex(row ->> 'digest'), row ->> 'gateway_payment_id', row ->> 'reference_id',
        row ->> 'state', 0, row ->> 'leased_until'
    from given where true
    on conflict (digest, shop) do update set
        deliveries = deliveries + 1,
        last_received_at = max(last_received_at, excluded.last_received_at)
    returning notice_id, shop, digest, deliveries, verdict";

/// Notices that came together.
pub(super) struct Receipt {
    bodies: Vec<Body>,
    /// The parameter of [`RECEIVE`].
    rows: String,
    /// What each may be about: by gateway id, else by reference.
    subjects: Vec<[Option<Name>; 2]>,
}

/// What tells one body from another.
type Body = (String, Vec<u8>);

/// A body as it is stored.
struct There {
    id: NoticeId,
    verdict: Option<String>,
}

impl Receipt {
    pub(super) fn of(notices: &[Notice]) -> Self {
        Self {
            bodies: notices.iter().map(|notice| (notice.shop.to_string(), notice.digest.clone())).collect(),
            rows: Value::Array(notices.iter().map(row).collect()).to_string(),
            subjects: notices.iter().map(subjects).collect(),
        }
    }
}

#[async_trait]
impl Deed for Receipt {
    type Answer = Vec<Received>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<Received>, StoreError> {
        let rows = sqlx::query(RECEIVE).bind(self.rows.as_str()).fetch_all(&mut *connection).await;
        let mut there = BTreeMap::new();
        let mut new = BTreeSet::new();
        for row in &rows.map_err(fault::of_statement)? {
            let body: Body = (get(row, "shop")?, get(row, "digest")?);
            if get::<i64>(row, "deliveries")? == 1 {
                new.insert(body.clone());
            }
            there.insert(body, There { id: uuid(row, "notice_id")?, verdict: get(row, "verdict")? });
        }
        let mut payments = self.payments(connection).await?.into_iter();
        let received = |body: &Body| {
            let There { id, verdict } = there.get(body)?;
            // Of twins in one batch the first one is new, and the others repeat it.
            let repeat = !new.remove(body);
            Some(Received { id: *id, repeat, filed: verdict.clone(), payment: payments.next()?.map(Box::new) })
        };
        let received: Option<Vec<Received>> = self.bodies.iter().map(received).collect();
        received.ok_or(StoreError::Refused(sqlx::Error::RowNotFound))
    }
}

impl Receipt {
    /// The payments that they are about, in one statement for all.
    async fn payments(&self, connection: &mut SqliteConnection) -> Result<Vec<Option<Stored>>, StoreError> {
        let names: Vec<Name> = self.subjects.iter().flatten().flatten().cloned().collect();
        let mut found = load::load_with(connection, &names).await?.into_iter();
        let mut next = |name: &Option<Name>| name.as_ref().and_then(|_| found.next()).flatten();
        Ok(self
            .subjects
            .iter()
            .map(|[by_gateway_id, by_reference]| {
                let (first, second) = (next(by_gateway_id), next(by_reference));
                first.or(second)
            })
            .collect())
    }
}

fn row(notice: &Notice) -> Value {
    json!({
        "notice_id": notice.id,
        "shop": notice.shop,
        "received_at": notice.received_at.unix_micros(),
        "body": hex::encode(&notice.body),
        "digest": hex::encode(&notice.digest),
        "gateway_payment_id": notice.gateway_payment_id,
        "reference_id": notice.reference_id,
        "state": notice.state.as_deref().map(without_nul),
        "leased_until": notice.leased_until.unix_micros(),
    })
}

fn subjects(notice: &Notice) -> [Option<Name>; 2] {
    let shop: &ShopName = &notice.shop;
    [
        notice.gateway_payment_id.clone().map(|id| Name::Gateway(shop.clone(), id)),
        notice.reference_id.clone().map(|reference| Name::Reference(shop.clone(), reference)),
    ]
}
