use sqlx::{QueryBuilder, Sqlite, SqlitePool};

use super::fault;
use super::read_row::{stored, stored_columns};
use crate::{Filter, Page, StoreError, Stored};

const LIST: &str = concat!(
    "select ",
    stored_columns!(),
    " from payments p join payment_checks c on c.payment_id = p.payment_id where true"
);

pub(super) const FIND: &str = concat!(
    "select ",
    stored_columns!(),
    " from payments p join payment_checks c on c.payment_id = p.payment_id
    where p.payment_id in (
        select ?1
        union all select r.payment_id from payments r where r.reference_id = ?2
        union all select g.payment_id from gateway_payments g where g.gateway_payment_id = ?2)
    order by p.created_at desc, p.payment_id desc
    limit 20"
);

pub(super) async fn list(readers: &SqlitePool, page: &Page) -> Result<Vec<Stored>, StoreError> {
    let mut query = statement(page);
    let rows = query.build().fetch_all(readers).await.map_err(fault::of_statement)?;
    rows.iter().map(stored).collect()
}

pub(super) async fn find(readers: &SqlitePool, text: &str) -> Result<Vec<Stored>, StoreError> {
    // An id may be written in other ways than it is stored.
    let id = text.parse::<domain::PaymentId>().map_or_else(|_| String::new(), |id| id.to_string());
    let rows = sqlx::query(FIND).bind(id).bind(text).fetch_all(readers).await.map_err(fault::of_statement)?;
    rows.iter().map(stored).collect()
}

/// Only what is asked for stands in the statement, so that the planner can choose an index for it.
pub(super) fn statement(page: &Page) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(LIST);
    names(&mut query, &page.filter);
    kinds(&mut query, &page.filter);
    times(&mut query, &page.filter);
    if let Some(before) = page.before {
        query.push(" and (p.created_at, p.payment_id) < (").push_bind(before.created_at.unix_micros());
        query.push(", ").push_bind(before.id.to_string()).push(")");
    }
    query.push(" order by p.created_at desc, p.payment_id desc limit ").push_bind(page.limit);
    query
}

fn names(query: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    if let Some(reference) = &filter.reference_id {
        query.push(" and p.reference_id = ").push_bind(reference.as_str().to_owned());
    }
    if let Some(id) = &filter.gateway_payment_id {
        query.push(" and p.payment_id in (select g.payment_id from gateway_payments g where g.gateway_payment_id = ");
        query.push_bind(id.as_str().to_owned()).push(")");
    }
    if let Some(parent) = &filter.parent {
        query.push(" and p.parent_payment_id = ").push_bind(parent.to_string());
    }
    if !filter.shops.is_empty() {
        any_of(query, "p.shop", filter.shops.iter().map(ToString::to_string));
    }
}

fn kinds(query: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    if !filter.states.is_empty() {
        any_of(query, "p.state", filter.states.iter().map(ToString::to_string));
    }
    if let Some(payment_type) = filter.payment_type {
        query.push(" and p.payment_type = ").push_bind(payment_type.to_string());
    }
    if let Some(method) = &filter.payment_method {
        query.push(" and p.payment_method = ").push_bind(method.clone());
    }
    if let Some(currency) = &filter.currency {
        query.push(" and p.currency = ").push_bind(currency.clone());
    }
    if let Some(flag) = filter.flag {
        // The first condition is the index's.
        query.push(" and p.flags <> '' and instr(',' || p.flags || ',', ").push_bind(format!(",{flag},")).push(") > 0");
    }
    for (key, value) in &filter.metadata {
        query.push(" and exists (select 1 from json_each(p.metadata) m where m.key = ").push_bind(key.clone());
        query.push(" and m.value = ").push_bind(value.clone()).push(")");
    }
}

fn times(query: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    let bounds = [
        (" and p.created_at >= ", filter.created_from),
        (" and p.created_at < ", filter.created_to),
        (" and p.updated_at >= ", filter.updated_from),
        (" and p.updated_at < ", filter.updated_to),
    ];
    for (condition, bound) in bounds {
        if let Some(bound) = bound {
            query.push(condition).push_bind(bound.unix_micros());
        }
    }
}

fn any_of(query: &mut QueryBuilder<Sqlite>, column: &'static str, words: impl Iterator<Item = String>) {
    query.push(" and ").push(column).push(" in (");
    let mut list = query.separated(", ");
    for word in words {
        list.push_bind(word);
    }
    query.push(")");
}
