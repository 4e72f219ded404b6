use std::collections::BTreeSet;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Datelike as _;
use domain::{PaymentId, ShopName, Time};
use serde::Serialize;
use store::{Filter, Page, Position, Scope};
use uuid::Uuid;

use super::order::METADATA_MAX;
use super::payment_view::PaymentView;
use super::problem::Problem;
use super::query::Query;
use super::{App, Caller};

/// `GET /v1/payments`: newest first, page by page behind a cursor.
pub(super) async fn list_payments(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::PaymentsRead).await?;
    let mut query = Query::of(&request);
    let limit = query.limit();
    let before = query.one::<Cursor>("cursor", "must be a cursor of this list").map(|cursor| cursor.0);
    let filter = filter(&mut query, &caller);
    query.finish()?;
    // Nothing is asked for when the filter names only shops that the key may not see.
    let Some(filter) = filter else {
        return Ok(HttpResponse::Ok().json(PaymentsPage { data: Vec::new(), next_cursor: None }));
    };
    let reads = app.reads.clone();
    let page = Page { filter, before, limit: limit + 1 };
    let mut found = app.works.run(async move { reads.list(&page).await }).await??;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found
        .last()
        .filter(|_| more)
        .map(|last| Cursor(Position { created_at: last.payment.created_at, id: last.payment.id() }).to_string());
    Ok(HttpResponse::Ok().json(PaymentsPage { data: found.iter().map(PaymentView::from).collect(), next_cursor }))
}

fn filter(query: &mut Query, caller: &Caller) -> Option<Filter> {
    let named: BTreeSet<ShopName> = query.several("shop", "must be the name of a shop").into_iter().collect();
    let filter = Filter {
        reference_id: query.proven("referenceId"),
        gateway_payment_id: query.proven("gatewayPaymentId"),
        states: query.several("state", "must be the name of a state").into_iter().collect(),
        payment_type: query.one("paymentType", "must be DEPOSIT, WITHDRAWAL or REFUND"),
        payment_method: query.proven::<domain::PaymentMethod>("paymentMethod").map(String::from),
        currency: query.proven::<domain::Currency>("currency").map(String::from),
        created_from: query.time("createdFrom"),
        created_to: query.time("createdTo"),
        updated_from: query.time("updatedFrom"),
        updated_to: query.time("updatedTo"),
        flag: query.one("flag", "must be the name of a flag"),
        parent: query.one("parentPaymentId", "must be the id of a payment"),
        metadata: query.prefixed("metadata."),
        shops: BTreeSet::new(),
    };
    let clean = |text: &str| !text.contains('\0');
    let metadata_fits = filter.metadata.iter().all(|(name, value)| clean(name) && clean(value));
    query.check(metadata_fits, "metadata", "must not hold U+0000");
    query.check(filter.metadata.len() <= METADATA_MAX, "metadata", "must not have more than 15 pairs");
    let shops = match (named.is_empty(), caller.shops().is_empty()) {
        (true, _) => caller.shops().clone(),
        (false, true) => named,
        (false, false) => {
            let both: BTreeSet<ShopName> = named.intersection(caller.shops()).cloned().collect();
            if both.is_empty() {
                return None;
            }
            both
        }
    };
    Some(Filter { shops, ..filter })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PaymentsPage<'a> {
    data: Vec<PaymentView<'a>>,
    next_cursor: Option<String>,
}

/// A place in the list, opaque to callers: eight bytes of time and sixteen of id.
struct Cursor(Position);

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = self.0.created_at.unix_micros().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.0.id.uuid().as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl std::str::FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ())?;
        let (micros, id) = bytes.split_first_chunk::<8>().ok_or(())?;
        let created_at = Time::from_unix_micros(i64::from_be_bytes(*micros)).ok_or(())?;
        // No payment was made before 1970 or after 9999, and a database takes only so many years.
        if !(1970..=9999).contains(&created_at.utc().year()) {
            return Err(());
        }
        let id = PaymentId::from(Uuid::from_slice(id).map_err(|_| ())?);
        Ok(Self(Position { created_at, id }))
    }
}
