use domain::PaymentId;
use uuid::Uuid;

use super::PostgresStore;
use super::statement::{Bound, Effect};
use super::stored::{get, read, stored_columns};
use super::table::table;
use crate::{Name, StoreError, Stored};

/// Payments by their names; a name that nobody has brings no row.
pub(super) const LOAD: &str = concat!(
    "with by_reference as materialized (
        select payment_id, shop, reference_id from payments where reference_id = any ($5)
    ),
    by_gateway_id as materialized (
        select payment_id, shop, gateway_payment_id from gateway_payments where gateway_payment_id = any ($8)
    ),
    named as materialized (
        select n.ordinal, n.payment_id
        from unnest($1::int4[], $2::uuid[]) as n(ordinal, payment_id)
        union all
        select n.ordinal, r.payment_id
        from unnest($3::int4[], $4::text[], $5::text[]) as n(ordinal, shop, reference_id)
        join by_reference r on r.reference_id = n.reference_id and r.shop = n.shop
        union all
        select n.ordinal, g.payment_id
        from unnest($6::int4[], $7::text[], $8::text[]) as n(ordinal, shop, gateway_payment_id)
        join by_gateway_id g on g.gateway_payment_id = n.gateway_payment_id and g.shop = n.shop
    )
    select n.ordinal, ",
    stored_columns!(),
    " from named n
    join payments p on p.payment_id = n.payment_id
    join payment_checks c on c.payment_id = n.payment_id
    where p.payment_id = any (array(select payment_id from named))
      and c.payment_id = any (array(select payment_id from named))"
);

table! { IdRow in Ids { ordinal: i32, payment_id: Uuid, } }
table! { ReferenceRow in References { ordinal: i32, shop: String, reference_id: String, } }
table! { GatewayIdRow in GatewayIds { ordinal: i32, shop: String, gateway_payment_id: String, } }

#[derive(Default)]
struct Names {
    ids: Ids,
    references: References,
    gateway_ids: GatewayIds,
}

impl PostgresStore {
    pub(super) async fn load_all(&self, names: &[Name]) -> Result<Vec<Option<Stored>>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let sorted = Names::of(names);
        let rows = self.pools.requests.send(Effect::Reads, || sorted.bind(sqlx::query(LOAD))).await?;
        let mut found = vec![None; names.len()];
        for row in &rows {
            let ordinal: i32 = get(row, "ordinal")?;
            if let Some(place) = usize::try_from(ordinal).ok().and_then(|index| found.get_mut(index)) {
                *place = Some(read(row)?);
            }
        }
        Ok(found)
    }
}

impl Names {
    fn of(names: &[Name]) -> Self {
        let mut sorted = Self::default();
        for (ordinal, name) in (0..).zip(names) {
            match name {
                Name::Id(id) => sorted.ids.push(IdRow { ordinal, payment_id: PaymentId::uuid(*id) }),
                Name::Reference(shop, reference) => sorted.references.push(ReferenceRow {
                    ordinal,
                    shop: shop.to_string(),
                    reference_id: reference.to_string(),
                }),
                Name::Gateway(shop, id) => sorted.gateway_ids.push(GatewayIdRow {
                    ordinal,
                    shop: shop.to_string(),
                    gateway_payment_id: id.to_string(),
                }),
            }
        }
        sorted
    }

    fn bind<'q>(&'q self, statement: Bound<'q>) -> Bound<'q> {
        self.gateway_ids.bind(self.references.bind(self.ids.bind(statement)))
    }
}
