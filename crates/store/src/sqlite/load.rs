use domain::PaymentId;
use serde_json::json;
use sqlx::{Executor, Sqlite, SqlitePool};

use super::fault;
use super::read_row::{get, stored, stored_columns};
use crate::{Name, StoreError, Stored};

/// Payments by their names; a name that nobody has brings no row.
pub(super) const LOAD: &str = concat!(
    "with named as materialized (select key as ordinal, value as name from jsonb_each(?1))
    select n.ordinal, ",
    stored_columns!(),
    " from named n
    cross join payments p on p.payment_id = case n.name ->> 0
        when 'id' then n.name ->> 1
        when 'reference' then
            (select r.payment_id from payments r where r.reference_id = n.name ->> 2 and r.shop = n.name ->> 1)
        else (select g.payment_id from gateway_payments g
              where g.gateway_payment_id = n.name ->> 2 and g.shop = n.name ->> 1)
    end
    cross join payment_checks c on c.payment_id = p.payment_id"
);

pub(super) const KEPT_REQUEST: &str = "select body from kept_requests where payment_id = ?1";

pub(super) async fn load(readers: &SqlitePool, names: &[Name]) -> Result<Vec<Option<Stored>>, StoreError> {
    load_with(readers, names).await
}

/// As [`load`], on a connection that may be inside of a transaction.
pub(super) async fn load_with<'c>(
    executor: impl Executor<'c, Database = Sqlite>,
    names: &[Name],
) -> Result<Vec<Option<Stored>>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(LOAD).bind(parameter(names)).fetch_all(executor).await.map_err(fault::of_statement)?;
    let mut found = vec![None; names.len()];
    for row in &rows {
        let ordinal: i64 = get(row, "ordinal")?;
        if let Some(place) = usize::try_from(ordinal).ok().and_then(|index| found.get_mut(index)) {
            *place = Some(stored(row)?);
        }
    }
    Ok(found)
}

pub(super) async fn kept_request(readers: &SqlitePool, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
    let request = sqlx::query_scalar(KEPT_REQUEST).bind(payment.to_string());
    request.fetch_optional(readers).await.map_err(fault::of_statement)
}

fn parameter(names: &[Name]) -> String {
    let name = |name: &Name| match name {
        Name::Id(id) => json!(["id", id]),
        Name::Reference(shop, reference) => json!(["reference", shop, reference]),
        Name::Gateway(shop, id) => json!(["gateway", shop, id]),
    };
    serde_json::Value::Array(names.iter().map(name).collect()).to_string()
}
