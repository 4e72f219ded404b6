use async_trait::async_trait;
use domain::Time;
use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::read_row::{get, some_time, time, uuid};
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::columns::{Row, json_text, signed};
use crate::{Decided, Proposal, Proposals, ProposalsPage, StoreError};

/// What a statement selects of `proposals`, for [`proposal`].
macro_rules! proposal_columns {
    () => {
        "proposal_id, payment_id, shop, action, version, asked_by, asked_at, not_before, state, decided_by, decided_at"
    };
}

pub(super) const PROPOSE: &str = "
    insert into proposals (proposal_id, payment_id, shop, action, version, asked_by, asked_at, not_before, state)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'open')
    on conflict (payment_id) where state = 'open' do nothing
    returning proposal_id";

pub(super) const PROPOSAL: &str = concat!("select ", proposal_columns!(), " from proposals where proposal_id = ?1");

pub(super) const PROPOSALS: &str = concat!(
    "select ",
    proposal_columns!(),
    " from proposals
    where (?1 = '[]' or shop in (select value from json_each(?1))) and (not ?2 or state = 'open')
      and (?3 is null or (asked_at, proposal_id) < (?3, ?4))
    order by asked_at desc, proposal_id desc limit ?5"
);

pub(super) const DECIDE_PROPOSAL: &str = concat!(
    "update proposals set state = ?2, decided_by = ?3, decided_at = ?4
    where proposal_id = ?1 and state = 'open' returning ",
    proposal_columns!()
);

struct Propose(Proposal);

#[async_trait]
impl Deed for Propose {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let proposal = &self.0;
        let row = sqlx::query(PROPOSE)
            .bind(proposal.id.to_string())
            .bind(proposal.payment.to_string())
            .bind(proposal.shop.as_str())
            .bind(&proposal.action)
            .bind(signed(proposal.version))
            .bind(json_text(&proposal.asked_by)?)
            .bind(proposal.asked_at.unix_micros())
            .bind(proposal.not_before.unix_micros())
            .fetch_optional(connection)
            .await;
        Ok(row.map_err(fault::of_statement)?.is_some())
    }
}

struct Decide {
    id: Uuid,
    decided: Decided,
}

#[async_trait]
impl Deed for Decide {
    type Answer = Option<Proposal>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Proposal>, StoreError> {
        let Decided { done, by, at } = &self.decided;
        let row = sqlx::query(DECIDE_PROPOSAL)
            .bind(self.id.to_string())
            .bind(if *done { "done" } else { "declined" })
            .bind(json_text(by)?)
            .bind(at.unix_micros())
            .fetch_optional(connection)
            .await;
        row.map_err(fault::of_statement)?.as_ref().map(proposal).transpose()
    }
}

#[async_trait]
impl Proposals for SqliteStore {
    async fn propose(&self, proposal: &Proposal) -> Result<bool, StoreError> {
        write(&self.writer, Propose(proposal.clone())).await
    }

    async fn proposal(&self, id: Uuid) -> Result<Option<Proposal>, StoreError> {
        let row = sqlx::query(PROPOSAL).bind(id.to_string()).fetch_optional(&self.readers).await;
        row.map_err(fault::of_statement)?.as_ref().map(proposal).transpose()
    }

    async fn proposals(&self, page: &ProposalsPage) -> Result<Vec<Proposal>, StoreError> {
        let (at, id) = page.before.unzip();
        let rows = sqlx::query(PROPOSALS)
            .bind(json!(page.shops).to_string())
            .bind(page.open)
            .bind(at.map(Time::unix_micros))
            .bind(id.map(|id| id.to_string()))
            .bind(page.limit)
            .fetch_all(&self.readers)
            .await;
        rows.map_err(fault::of_statement)?.iter().map(proposal).collect()
    }

    async fn decide_proposal(&self, id: Uuid, decided: &Decided) -> Result<Option<Proposal>, StoreError> {
        write(&self.writer, Decide { id, decided: decided.clone() }).await
    }
}

fn proposal(row: &SqliteRow) -> Result<Proposal, StoreError> {
    let id = uuid(row, "proposal_id")?;
    let columns = Row(id);
    let decided_by: Option<&str> = get(row, "decided_by")?;
    let decided_by = decided_by.map(|by| columns.json("decided_by", by)).transpose()?;
    let done = get::<&str>(row, "state")? == "done";
    let decided = decided_by.zip(some_time(row, "decided_at")?).map(|(by, at)| Decided { done, by, at });
    Ok(Proposal {
        id,
        payment: uuid(row, "payment_id")?.into(),
        shop: columns.parse("shop", get(row, "shop")?)?,
        action: get(row, "action")?,
        version: columns.unsigned("version", get(row, "version")?)?,
        asked_by: columns.json("asked_by", get(row, "asked_by")?)?,
        asked_at: time(row, "asked_at")?,
        not_before: time(row, "not_before")?,
        decided,
    })
}
