use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{PaymentId, Time};
use uuid::Uuid;

use super::PostgresStore;
use super::statement::{Bound, Effect};
use super::stored::{read, stored_columns};
use crate::{Filter, Page, Position, StoreError, Stored};

/// One page of a list. A filter that is not set is a null, and falls away when the statement is planned; what finds its
/// rows through another table stands as an array, so that the planner can begin there.
pub(super) const LIST: &str = concat!(
    "select ",
    stored_columns!(),
    " from payments p join payment_checks c on c.payment_id = p.payment_id
    where ($1::text is null or p.reference_id = $1)
      and ($2::text is null
           or p.payment_id = any (array(select payment_id from gateway_payments where gateway_payment_id = $2)))
      and ($3::text[] is null or p.state = any ($3))
      and ($4::text[] is null or c.open_state = any ($4))
      and ($5::text is null or p.payment_type = $5)
      and ($6::text is null or p.payment_method = $6)
      and ($7::text is null or p.currency = $7)
      and ($8::text[] is null or p.shop = any ($8))
      and ($9::timestamptz is null or p.created_at >= $9)
      and ($10::timestamptz is null or p.created_at < $10)
      and ($11::timestamptz is null or p.updated_at >= $11)
      and ($12::timestamptz is null or p.updated_at < $12)
      and ($13::text is null or (p.flags <> '{}' and p.flags @> array[$13]))
      and ($14::uuid is null or p.parent_payment_id = $14)
      and ($15::text is null or (p.metadata <> '{}' and p.metadata @> $15::jsonb))
      and ($16::timestamptz is null or (p.created_at, p.payment_id) < ($16, $17::uuid))
    order by p.created_at desc, p.payment_id desc
    limit $18"
);

/// Payments that have a text as one of their three names.
pub(super) const FIND: &str = concat!(
    "select ",
    stored_columns!(),
    " from payments p join payment_checks c on c.payment_id = p.payment_id
    where p.payment_id = any (array(
        select payment_id from payments where reference_id = $1
        union
        select payment_id from gateway_payments where gateway_payment_id = $1
        union
        select $2::uuid where $2 is not null))
    order by p.created_at desc, p.payment_id desc
    limit 20"
);

impl PostgresStore {
    pub(super) async fn list_page(&self, page: &Page) -> Result<Vec<Stored>, StoreError> {
        let Some(filters) = Filters::of(&page.filter) else { return Ok(Vec::new()) };
        let statement = || {
            filters
                .bind(sqlx::query(LIST))
                .bind(page.before.map(|Position { created_at, .. }| created_at.utc()))
                .bind(page.before.map(|Position { id, .. }| id.uuid()))
                .bind(i64::from(page.limit))
        };
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(read).collect()
    }

    pub(super) async fn find_by_name(&self, text: &str) -> Result<Vec<Stored>, StoreError> {
        if text.contains(NUL) {
            return Ok(Vec::new());
        }
        let id = text.parse::<PaymentId>().ok().map(PaymentId::uuid);
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(FIND).bind(text).bind(id)).await?;
        rows.iter().map(read).collect()
    }
}

/// In no stored text, so that looking for it finds nothing; PostgreSQL would not even look.
const NUL: char = '\0';

/// The filters of a page, as the list's first parameters.
struct Filters {
    reference_id: Option<String>,
    gateway_payment_id: Option<String>,
    states: Option<Vec<String>>,
    open_states: Option<Vec<String>>,
    payment_type: Option<String>,
    payment_method: Option<String>,
    currency: Option<String>,
    shops: Option<Vec<String>>,
    created_from: Option<DateTime<Utc>>,
    created_to: Option<DateTime<Utc>>,
    updated_from: Option<DateTime<Utc>>,
    updated_to: Option<DateTime<Utc>>,
    flag: Option<String>,
    parent: Option<Uuid>,
    metadata: Option<String>,
}

impl Filters {
    /// None if no payment can fit.
    fn of(filter: &Filter) -> Option<Self> {
        let metadata = pairs(&filter.metadata)?;
        let texts = filter.payment_method.iter().chain(&filter.currency);
        if texts.chain(metadata.keys().copied()).chain(metadata.values().copied()).any(|text| text.contains(NUL)) {
            return None;
        }
        let states = some(&filter.states);
        // Open payments are few among many, and payment_checks finds them by their state.
        let all_open = !filter.states.iter().any(|state| state.is_final());
        Some(Self {
            reference_id: filter.reference_id.as_ref().map(ToString::to_string),
            gateway_payment_id: filter.gateway_payment_id.as_ref().map(ToString::to_string),
            open_states: states.clone().filter(|_| all_open),
            states,
            payment_type: filter.payment_type.as_ref().map(ToString::to_string),
            payment_method: filter.payment_method.clone(),
            currency: filter.currency.clone(),
            shops: some(&filter.shops),
            created_from: filter.created_from.map(Time::utc),
            created_to: filter.created_to.map(Time::utc),
            updated_from: filter.updated_from.map(Time::utc),
            updated_to: filter.updated_to.map(Time::utc),
            flag: filter.flag.as_ref().map(ToString::to_string),
            parent: filter.parent.map(PaymentId::uuid),
            metadata: if metadata.is_empty() { None } else { serde_json::to_string(&metadata).ok() },
        })
    }

    fn bind<'q>(&'q self, statement: Bound<'q>) -> Bound<'q> {
        statement
            .bind(&self.reference_id)
            .bind(&self.gateway_payment_id)
            .bind(&self.states)
            .bind(&self.open_states)
            .bind(&self.payment_type)
            .bind(&self.payment_method)
            .bind(&self.currency)
            .bind(&self.shops)
            .bind(self.created_from)
            .bind(self.created_to)
            .bind(self.updated_from)
            .bind(self.updated_to)
            .bind(&self.flag)
            .bind(self.parent)
            .bind(&self.metadata)
    }
}

/// Words to choose from; none if every word will do.
fn some<'w, W: ToString + 'w>(words: impl IntoIterator<Item = &'w W>) -> Option<Vec<String>> {
    let words: Vec<String> = words.into_iter().map(ToString::to_string).collect();
    (!words.is_empty()).then_some(words)
}

/// The pairs as one object; none if a key would have to have two values.
fn pairs(metadata: &[(String, String)]) -> Option<BTreeMap<&String, &String>> {
    let mut pairs = BTreeMap::new();
    for (key, value) in metadata {
        if pairs.insert(key, value).is_some_and(|other| other != value) {
            return None;
        }
    }
    Some(pairs)
}
