//! `GET /v1/webhooks-in` and `POST /v1/webhooks-in/{id}/rerun`: the inbox of the gateway's notices, for people.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use domain::{GatewayPaymentId, ShopName};
use serde::Serialize;
use store::{FiledNotice, InboxPage, NoticeId, Scope};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::problem::Problem;
use super::query::Query;
use super::{App, Caller};

/// Newest first, page by page. Never with what a notice held of a person or a card: only what was read of it.
pub(super) async fn list_webhooks_in(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsRead).await?;
    let (found, next_cursor) = page(Query::of(&request), &caller, &app).await?;
    let data = found.iter().map(WebhookInView::from).collect();
    Ok(HttpResponse::Ok().json(WebhooksInPage { data, next_cursor }))
}

/// The notices of a page that the caller may see, and the cursor of the next page.
pub(crate) async fn page(
    mut query: Query,
    caller: &Caller,
    app: &App,
) -> Result<(Vec<FiledNotice>, Option<String>), Problem> {
    let limit = query.limit();
    let verdict: Option<VerdictFilter> = query.one("verdict", VerdictFilter::NAMES);
    let page = InboxPage {
        id: None,
        shops: query.several::<ShopName>("shop", "must be the name of a shop").into_iter().collect(),
        verdict: verdict.map(|verdict| <&str>::from(verdict).to_owned()),
        payment: query.one("paymentId", "must be the id of a payment"),
        gateway_payment_id: query.proven::<GatewayPaymentId>("gatewayPaymentId"),
        received_from: query.time("receivedFrom"),
        received_to: query.time("receivedTo"),
        before: query.one("cursor", "must be a cursor of this list"),
        limit: limit + 1,
    };
    query.finish()?;
    let mut found = match visible(page, caller) {
        Some(page) => read(page, app).await?,
        None => Vec::new(),
    };
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| more).map(|last| last.record.id.to_string());
    Ok((found, next_cursor))
}

/// Runs a notice again over the bytes that were stored, as if it had just come: the same code as for every other. What it
/// told before changes nothing a second time.
pub(super) async fn rerun_webhook_in(
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsWrite).await?;
    Query::of(&request).finish()?;
    Ok(HttpResponse::Ok().json(WebhookInView::from(&rerun(&id, &caller, &app).await?)))
}

/// Has a notice run again, and answers with what became of it.
pub(crate) async fn rerun(id: &str, caller: &Caller, app: &App) -> Result<FiledNotice, Problem> {
    let id: NoticeId = id.parse().map_err(|_| Problem::not_found())?;
    one(id, caller, app).await?;
    let (desk, inbox, by) = (app.desk.clone(), app.inbox.clone(), caller.actor().name);
    app.works.run(async move { desk.rerun_notice(inbox.as_ref(), id, &by).await }).await??;
    one(id, caller, app).await
}

async fn one(id: NoticeId, caller: &Caller, app: &App) -> Result<FiledNotice, Problem> {
    let page = InboxPage { id: Some(id), limit: 1, ..InboxPage::default() };
    let found = read(page, app).await?.pop();
    found.filter(|notice| caller.may_see(&notice.record.shop)).ok_or_else(Problem::not_found)
}

async fn read(page: InboxPage, app: &App) -> Result<Vec<FiledNotice>, Problem> {
    let inbox = app.inbox.clone();
    Ok(app.works.run(async move { inbox.list_notices(&page).await }).await??)
}

/// The page within the caller's shops; none if it asks for others only.
fn visible(page: InboxPage, caller: &Caller) -> Option<InboxPage> {
    if caller.shops().is_empty() {
        return Some(page);
    }
    let shops = if page.shops.is_empty() {
        caller.shops().clone()
    } else {
        page.shops.intersection(caller.shops()).cloned().collect()
    };
    (!shops.is_empty()).then_some(InboxPage { shops, ..page })
}

/// What a notice came to, as it can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[allow(missing_docs, reason = "a verdict's word, `unmatched`, or `waiting` for none yet")]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum VerdictFilter {
    Moves,
    Confirms,
    Stale,
    Contradicts,
    Elsewhere,
    Unmatched,
    Waiting,
}

impl VerdictFilter {
    const NAMES: &'static str = "must be moves, confirms, stale, contradicts, elsewhere, unmatched or waiting";
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhooksInPage<'a> {
    data: Vec<WebhookInView<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebhookInView<'a> {
    id: String,
    shop: &'a str,
    received_at: String,
    deliveries: u64,
    gateway_payment_id: Option<&'a str>,
    state: Option<&'a str>,
    verdict: &'a str,
    payment_id: Option<String>,
    filed_at: Option<String>,
    reruns: u64,
    rerun_by: Option<&'a str>,
}

impl<'a> From<&'a FiledNotice> for WebhookInView<'a> {
    fn from(notice: &'a FiledNotice) -> Self {
        let record = &notice.record;
        Self {
            id: record.id.to_string(),
            shop: record.shop.as_str(),
            received_at: record.received_at.to_string(),
            deliveries: record.deliveries,
            gateway_payment_id: record.gateway_payment_id.as_deref(),
            state: record.state.as_deref(),
            verdict: record.verdict.as_deref().unwrap_or("waiting"),
            payment_id: notice.payment.map(|payment| payment.to_string()),
            filed_at: notice.filed_at.map(|at| at.to_string()),
            reruns: notice.reruns,
            rerun_by: notice.rerun_by.as_deref(),
        }
    }
}
