use async_trait::async_trait;
use domain::Switch;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use super::read_row::{get, time};
use super::transaction::{Deed, write};
use super::{SqliteStore, fault};
use crate::columns::{Row, json_text, signed};
use crate::switches::TurnedBy;
use crate::{StoreError, SwitchChange, Switches};

/// Of each name the one with the highest sequence: there are few rows, written by people.
pub(super) const SWITCHES: &str = r#"
    select name, max(sequence) as sequence, stopped, at, "by" as by_whom, reason from switches group by name"#;

pub(super) const TURN_SWITCH: &str = r#"
    insert into switches (name, sequence, stopped, at, "by", reason)
    select ?1, ?2, ?3, ?4, ?5, ?6
    where ?2 = (select coalesce(max(s.sequence), 0) + 1 from switches s where s.name = ?1)
    returning sequence"#;

pub(super) const SWITCH_CHANGES: &str = r#"
    select name, sequence, stopped, at, "by" as by_whom, reason
    from switches where name = ?1 order by sequence desc limit ?2"#;

struct Turned(SwitchChange);

#[async_trait]
impl Deed for Turned {
    type Answer = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        let change = &self.0;
        let row = sqlx::query(TURN_SWITCH)
            .bind(<&str>::from(change.switch))
            .bind(signed(change.sequence))
            .bind(change.stopped)
            .bind(change.at.unix_micros())
            .bind(json_text(&TurnedBy { by: change.by.clone(), via: change.via })?)
            .bind(&change.reason)
            .fetch_optional(connection)
            .await;
        Ok(row.map_err(fault::of_statement)?.is_some())
    }
}

#[async_trait]
impl Switches for SqliteStore {
    async fn switches(&self) -> Result<Vec<SwitchChange>, StoreError> {
        let rows = sqlx::query(SWITCHES).fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        rows.iter().map(change).collect()
    }

    async fn turn_switch(&self, change: &SwitchChange) -> Result<bool, StoreError> {
        write(&self.writer, Turned(change.clone())).await
    }

    async fn switch_changes(&self, switch: Switch, limit: u32) -> Result<Vec<SwitchChange>, StoreError> {
        let bound = sqlx::query(SWITCH_CHANGES).bind(<&str>::from(switch)).bind(limit);
        let rows = bound.fetch_all(&self.readers).await.map_err(fault::of_statement)?;
        rows.iter().map(change).collect()
    }
}

fn change(row: &SqliteRow) -> Result<SwitchChange, StoreError> {
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
