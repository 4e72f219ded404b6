use async_trait::async_trait;
use domain::Switch;
use sqlx::postgres::PgRow;

use super::PostgresStore;
use super::statement::Effect;
use super::stored::{get, time};
use crate::columns::{Row, json_text, signed};
use crate::switches::TurnedBy;
use crate::{StoreError, SwitchChange, Switches};

pub(super) const SWITCHES: &str = r#"
    select distinct on (name) name, sequence, stopped, at, "by"::text as by_whom, reason
    from switches order by name, sequence desc"#;

pub(super) const TURN_SWITCH: &str = r#"
    insert into switches (name, sequence, stopped, at, "by", reason)
    select $1, $2, $3, $4, $5::text::jsonb, $6
    where $2 = (select coalesce(max(s.sequence), 0) + 1 from switches s where s.name = $1)
    on conflict (name, sequence) do nothing
    returning sequence"#;

pub(super) const SWITCH_CHANGES: &str = r#"
    select name, sequence, stopped, at, "by"::text as by_whom, reason
    from switches where name = $1 order by sequence desc limit $2"#;

#[async_trait]
impl Switches for PostgresStore {
    async fn switches(&self) -> Result<Vec<SwitchChange>, StoreError> {
        let rows = self.pools.reads.send(Effect::Reads, || sqlx::query(SWITCHES)).await?;
        rows.iter().map(change).collect()
    }

    async fn turn_switch(&self, change: &SwitchChange) -> Result<bool, StoreError> {
        let by = json_text(&TurnedBy { by: change.by.clone(), via: change.via })?;
        let statement = || {
            sqlx::query(TURN_SWITCH)
                .bind(<&str>::from(change.switch))
                .bind(signed(change.sequence))
                .bind(change.stopped)
                .bind(change.at.utc())
                .bind(&by)
                .bind(&change.reason)
        };
        let rows = self.pools.requests.send(Effect::Writes, statement).await?;
        Ok(!rows.is_empty())
    }

    async fn switch_changes(&self, switch: Switch, limit: u32) -> Result<Vec<SwitchChange>, StoreError> {
        let statement = || sqlx::query(SWITCH_CHANGES).bind(<&str>::from(switch)).bind(i64::from(limit));
        let rows = self.pools.reads.send(Effect::Reads, statement).await?;
        rows.iter().map(change).collect()
    }
}

fn change(row: &PgRow) -> Result<SwitchChange, StoreError> {
    let name: &str = get(row, "name")?;
    let columns = Row(name);
    let TurnedBy { by, via } = columns.json("by", get(row, "by_whom")?)?;
    Ok(SwitchChange {
        switch: columns.parse("name", name)?,
        sequence: columns.unsigned("sequence", get(row, "sequence")?)?,
        stopped: get(row, "stopped")?,
        at: time(row, "at")?,
        by,
        via,
        reason: get(row, "reason")?,
    })
}
