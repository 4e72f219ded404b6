use std::collections::BTreeSet;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use domain::PaymentId;
use schemars::JsonSchema;
use serde::Serialize;
use store::{Filter, Page, Position, Scope, Stored};

use super::cursor::Cursor;
use super::order::METADATA_MAX;
use super::payment_view::PaymentView;
use super::problem::Problem;
use super::query::Query;
use super::{App, Caller};

/// `GET /v1/payments`: newest first, page by page behind a cursor.
pub(super) async fn list_payments(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::PaymentsRead).await?;
    let (found, next_cursor) = page(Query::of(&request), &caller, &app).await?;
    let ids: Vec<PaymentId> = found.iter().filter(|it| it.payment.state.is_final()).map(|it| it.payment.id()).collect();
    let records = app.reconciler.records().clone();
    let reconciled = app.works.run(async move { records.reconciled(&ids).await }).await??;
    let data = found.iter().map(|stored| PaymentView::from(stored).reconciled(stored, &reconciled)).collect();
    Ok(HttpResponse::Ok().json(PaymentsPage { data, next_cursor }))
}

/// The payments of a page that the caller may see, and the cursor of the next page.
pub(crate) async fn page(
    mut query: Query,
    caller: &Caller,
    app: &App,
) -> Result<(Vec<Stored>, Option<String>), Problem> {
    let limit = query.limit();
    let before = query
        .one::<Cursor>("cursor", "must be a cursor of this list")
        .map(|cursor| Position { created_at: cursor.at, id: cursor.id.into() });
    let filter = filter(&mut query, caller);
    query.finish()?;
    // Nothing is asked for when the filter names only shops that the key may not see.
    let Some(filter) = filter else { return Ok((Vec::new(), None)) };
    let reads = app.reads.clone();
    let page = Page { filter, before, limit: limit + 1 };
    let mut found = app.works.run(async move { reads.list(&page).await }).await??;
    let place = |last: &Stored| Cursor { at: last.payment.created_at, id: last.payment.id().uuid() };
    let next_cursor = Cursor::behind(&mut found, limit, place);
    Ok((found, next_cursor))
}

fn filter(query: &mut Query, caller: &Caller) -> Option<Filter> {
    let shops = query.shops(caller);
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
    shops.map(|shops| Filter { shops, ..filter })
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Payments")]
pub(super) struct PaymentsPage<'a> {
    data: Vec<PaymentView<'a>>,
    next_cursor: Option<String>,
}
