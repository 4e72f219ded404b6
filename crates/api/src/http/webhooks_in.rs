//! `/v1/webhooks-in`: the inbox of the gateway's notices, for people, who run them again, dismiss and restore them.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::{GatewayPaymentId, ShopName, Via};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Dismissal, FiledNotice, InboxPage, NoticeDeed, NoticeDeedKind, NoticeId, Scope};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::document::{As, Id, Moment};
use super::form::Form;
use super::operate::text;
use super::problem::{Kind, Problem};
use super::query::Query;
use super::take_payment::BODY_MAX;
use super::{App, Caller, body};

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
        dismissed: query.one("dismissed", "must be true or false"),
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
    let id = read_id(id)?;
    one(id, caller, app).await?;
    let (desk, inbox, by) = (app.desk.clone(), app.inbox.clone(), caller.actor().name);
    app.works.run(async move { desk.rerun_notice(inbox.as_ref(), id, &by).await }).await??;
    one(id, caller, app).await
}

/// `GET /v1/webhooks-in/{id}`: one of them, with what people did with it.
pub(super) async fn read_webhook_in(
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsRead).await?;
    Query::of(&request).finish()?;
    let notice = one(read_id(&id)?, &caller, &app).await?;
    let (inbox, id) = (app.inbox.clone(), notice.record.id);
    let deeds = app.works.run(async move { inbox.notice_deeds(id).await }).await??;
    let deeds = deeds.iter().map(NoticeDeedView::from).collect();
    Ok(HttpResponse::Ok().json(OneWebhookInView { notice: WebhookInView::from(&notice), deeds }))
}

/// `{reason}`: nothing will ever match it, and it is not listed as stuck any more.
pub(super) async fn dismiss_webhook_in(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    decide(&request, &id, payload, NoticeDeedKind::Dismissed, &app).await
}

/// `{reason}`: it is listed again.
pub(super) async fn restore_webhook_in(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    decide(&request, &id, payload, NoticeDeedKind::Restored, &app).await
}

async fn decide(
    request: &HttpRequest,
    id: &str,
    payload: Payload,
    kind: NoticeDeedKind,
    app: &Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(request, app, Scope::OpsWrite).await?;
    Query::of(request).finish()?;
    body::check_json(request)?;
    let body = body::read(payload, BODY_MAX, app.body_patience).await?;
    let mut form = Form::read(&body)?;
    let errors = &mut Vec::new();
    let reason = text(&mut form, "reason", true, errors);
    form.finish(errors);
    let Some(reason) = reason.filter(|_| errors.is_empty()) else {
        return Err(Problem::fields(std::mem::take(errors)));
    };
    let notice = do_with(id, kind, reason, Via::Api, &caller, app).await?;
    Ok(HttpResponse::Ok().json(WebhookInView::from(&notice)))
}

/// Dismisses or restores a notice, and answers with it as it is then.
pub(crate) async fn do_with(
    id: &str,
    kind: NoticeDeedKind,
    reason: String,
    via: Via,
    caller: &Caller,
    app: &App,
) -> Result<FiledNotice, Problem> {
    let notice = one(read_id(id)?, caller, app).await?.record.id;
    let deed = NoticeDeed { notice, kind, at: app.desk.now(), by: caller.actor(), via, reason };
    let inbox = app.inbox.clone();
    if !app.works.run(async move { inbox.do_with_notice(&deed).await }).await?? {
        return Err(Problem::new(Kind::NotInThisState, refusal(kind)));
    }
    one(notice, caller, app).await
}

/// Why a notice is not dismissed or restored.
pub(crate) const fn refusal(kind: NoticeDeedKind) -> &'static str {
    match kind {
        NoticeDeedKind::Dismissed => "only a webhook that nothing matched is dismissed, and only once",
        NoticeDeedKind::Restored => "the webhook is not dismissed",
        NoticeDeedKind::Rerun => "there is no such webhook",
    }
}

fn read_id(id: &str) -> Result<NoticeId, Problem> {
    id.parse().map_err(|_| Problem::not_found())
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
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

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Notices")]
pub(super) struct WebhooksInPage<'a> {
    data: Vec<WebhookInView<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NoticeWithDeeds")]
pub(super) struct OneWebhookInView<'a> {
    #[serde(flatten)]
    notice: WebhookInView<'a>,
    deeds: Vec<NoticeDeedView<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NoticeDeed")]
struct NoticeDeedView<'a> {
    deed: &'static str,
    #[schemars(with = "Moment")]
    at: String,
    by: &'a str,
    #[schemars(with = "As<Via>")]
    via: Via,
    reason: &'a str,
}

impl<'a> From<&'a NoticeDeed> for NoticeDeedView<'a> {
    fn from(deed: &'a NoticeDeed) -> Self {
        Self { deed: deed.kind.into(), at: deed.at.to_string(), by: &deed.by.name, via: deed.via, reason: &deed.reason }
    }
}

#[derive(Serialize, JsonSchema)]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "Dismissal")]
pub(crate) struct DismissalView<'a> {
    #[schemars(with = "Moment")]
    pub at: String,
    pub by: &'a str,
    #[schemars(with = "As<Via>")]
    pub via: Via,
    pub reason: &'a str,
}

impl<'a> From<&'a Dismissal> for DismissalView<'a> {
    fn from(dismissal: &'a Dismissal) -> Self {
        let Dismissal { at, by, via, reason } = dismissal;
        Self { at: at.to_string(), by: &by.name, via: *via, reason }
    }
}

/// A notice, as callers and the command line see it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the runbook documents the fields")]
#[schemars(rename = "Notice")]
pub(crate) struct WebhookInView<'a> {
    #[schemars(with = "Id")]
    pub id: String,
    pub shop: &'a str,
    #[schemars(with = "Moment")]
    pub received_at: String,
    pub deliveries: u64,
    pub gateway_payment_id: Option<&'a str>,
    pub state: Option<&'a str>,
    pub verdict: &'a str,
    #[schemars(with = "Option<Id>")]
    pub payment_id: Option<String>,
    #[schemars(with = "Option<Moment>")]
    pub filed_at: Option<String>,
    pub reruns: u64,
    pub rerun_by: Option<&'a str>,
    /// None if nobody dismissed it.
    pub dismissed: Option<DismissalView<'a>>,
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
            dismissed: notice.dismissal.as_ref().map(DismissalView::from),
        }
    }
}
