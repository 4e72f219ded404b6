use async_trait::async_trait;
use domain::Time;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time, time_if_any};
use crate::columns::{Row, json_text, signed};
use crate::{Decided, Proposal, Proposals, ProposalsPage, StoreError};

/// What a statement selects of `proposals`, for [`proposal`].
macro_rules! proposal_columns {
    () => {
        "proposal_id, payment_id, shop, action::text as action, version, asked_by::text as asked_by, asked_at, \
         not_before, state, decided_by::text as decided_by, decided_at"
    };
}

pub(super) const PROPOSE: &str = "
    insert into proposals (proposal_id, payment_id, shop, action, version, asked_by, asked_at, not_before, state)
    values ($1, $2, $3, $4::text::jsonb, $5, $6::text::jsonb, $7, $8, 'open')
    on conflict (payment_id) where state = 'open' do nothing
    returning proposal_id";

pub(super) const PROPOSAL: &str = concat!("select ", proposal_columns!(), " from proposals where proposal_id = $1");

pub(super) const PROPOSALS: &str = concat!(
    "select ",
    proposal_columns!(),
    " from proposals
    where ($1::text[] = '{}' or shop = any ($1)) and (not $2 or state = 'open')
      and ($3::timestamptz is null or (asked_at, proposal_id) < ($3, $4::uuid))
    order by asked_at desc, proposal_id desc limit $5"
);

pub(super) const DECIDE_PROPOSAL: &str = concat!(
    "update proposals set state = $2, decided_by = $3::text::jsonb, decided_at = $4
    where proposal_id = $1 and state = 'open' returning ",
    proposal_columns!()
);

#[async_trait]
impl Proposals for PostgresStore {
    async fn propose(&self, proposal: &Proposal) -> Result<bool, StoreError> {
        let asked_by = json_text(&proposal.asked_by)?;
        let statement = || {
            sqlx::query(PROPOSE)
                .bind(proposal.id)
                .bind(proposal.payment.uuid())
                .bind(proposal.shop.as_str())
                .bind(&proposal.action)
                .bind(signed(proposal.version))
                .bind(&asked_by)
                .bind(proposal.asked_at.utc())
                .bind(proposal.not_before.utc())
        };
        let rows = self.pools.requests.send(Effect::Writes, statement).await?;
        Ok(!rows.is_empty())
    }

    async fn proposal(&self, id: Uuid) -> Result<Option<Proposal>, StoreError> {
        let rows = self.pools.requests.send(Effect::Reads, || sqlx::query(PROPOSAL).bind(id)).await?;
        rows.first().map(proposal).transpose()
    }

    async fn proposals(&self, page: &ProposalsPage) -> Result<Vec<Proposal>, StoreError> {
        let shops: Vec<String> = page.shops.iter().map(ToString::to_string).collect();
        let (at, id) = page.before.unzip();
        let statement = || {
            sqlx::query(PROPOSALS)
                .bind(&shops)
                .bind(page.open)
                .bind(at.map(Time::utc))
                .bind(id)
                .bind(i64::from(page.limit))
        };
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(proposal).collect()
    }

    async fn decide_proposal(&self, id: Uuid, decided: &Decided) -> Result<Option<Proposal>, StoreError> {
        let (state, by) = (if decided.done { "done" } else { "declined" }, json_text(&decided.by)?);
        let statement = || sqlx::query(DECIDE_PROPOSAL).bind(id).bind(state).bind(&by).bind(decided.at.utc());
        let rows = self.pools.requests.send(Effect::Writes, statement).await?;
        rows.first().map(proposal).transpose()
    }
}

fn proposal(row: &PgRow) -> Result<Proposal, StoreError> {
    let id: Uuid = get(row, "proposal_id")?;
    let columns = Row(id);
    let decided_by: Option<&str> = get(row, "decided_by")?;
    let decided_by = decided_by.map(|by| columns.json("decided_by", by)).transpose()?;
    let done = get::<&str>(row, "state")? == "done";
    let decided = decided_by.zip(time_if_any(row, "decided_at")?).map(|(by, at)| Decided { done, by, at });
    Ok(Proposal {
        id,
        payment: get::<Uuid>(row, "payment_id")?.into(),
        shop: columns.parse("shop", get(row, "shop")?)?,
        action: get(row, "action")?,
        version: columns.unsigned("version", get(row, "version")?)?,
        asked_by: columns.json("asked_by", get(row, "asked_by")?)?,
        asked_at: time(row, "asked_at")?,
        not_before: time(row, "not_before")?,
        decided,
    })
}
