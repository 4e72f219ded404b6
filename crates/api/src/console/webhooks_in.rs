use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::{Text, Time, Via};
use store::{FiledNotice, NoticeDeedKind, Scope};
use strum::VariantArray as _;

use super::fields::Fields;
use super::given::Given;
use super::moment::Moment;
use super::payments::shops;
use super::said::Said;
use super::sign_in::go_to;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::query::Query;
use crate::http::webhooks_in::{self, VerdictFilter};
use crate::http::{App, stray_card};

/// `GET /console/webhooks-in`: the gateway's notices with what each came to, newest first.
pub(super) async fn list(visitor: Visitor, request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsRead)?;
    let mut query = Query::of_page(&request);
    let said: Option<Said> = query.one("said", Said::OTHERWISE);
    let (notices, next) = webhooks_in::page(query, visitor.caller(), &app).await?;
    let given = Given::of(&request);
    let now = app.desk.now();
    html(&WebhooksPage {
        shell: visitor.shell("Webhooks in", Some(Tab::WebhooksIn)).saying(said).live(),
        next: next.map(|cursor| given.with("cursor", &cursor)),
        given,
        verdicts: VerdictFilter::VARIANTS.iter().map(|verdict| (*verdict).into()).collect(),
        shops: shops(&visitor, &app),
        may_write: visitor.caller().may(Scope::OpsWrite),
        rows: notices.iter().map(|notice| Row::of(notice, now)).collect(),
    })
}

/// `POST /console/webhooks-in/{id}/rerun`: over the bytes that were stored.
pub(super) async fn rerun(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsWrite)?;
    Fields::of(&request, payload, Some(visitor.token()), &app).await?.finish()?;
    let notice = webhooks_in::rerun(&id, visitor.caller(), &app).await?;
    Ok(show_again(&notice, Said::Rerun))
}

/// `POST /console/webhooks-in/{id}/dismiss`: nothing will ever match it.
pub(super) async fn dismiss(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    decide(&visitor, &request, &id, payload, NoticeDeedKind::Dismissed, &app).await
}

/// `POST /console/webhooks-in/{id}/restore`: it is listed as stuck again.
pub(super) async fn restore(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    decide(&visitor, &request, &id, payload, NoticeDeedKind::Restored, &app).await
}

async fn decide(
    visitor: &Visitor,
    request: &HttpRequest,
    id: &str,
    payload: Payload,
    kind: NoticeDeedKind,
    app: &App,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsWrite)?;
    let mut fields = Fields::of(request, payload, Some(visitor.token()), app).await?;
    let reason: Option<Text<500>> = fields.need("reason");
    stray_card::refuse_in_text("reason", reason.as_ref().map(Text::as_str), fields.errors());
    fields.finish()?;
    let reason = reason.map(String::from).unwrap_or_default();
    let notice = webhooks_in::do_with(id, kind, reason, Via::Console, visitor.caller(), app).await?;
    Ok(show_again(&notice, if notice.dismissal.is_some() { Said::Dismissed } else { Said::Restored }))
}

/// To the page of all that was told about the same gateway payment.
fn show_again(notice: &FiledNotice, said: Said) -> HttpResponse {
    let about = notice.record.gateway_payment_id.as_deref().unwrap_or_default();
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("gatewayPaymentId", about).finish();
    go_to(&format!("{}&{query}", said.at("/console/webhooks-in")))
}

struct Row {
    id: String,
    shop: String,
    received: Moment,
    deliveries: u64,
    gateway_id: Option<String>,
    state: Option<String>,
    verdict: String,
    tone: &'static str,
    payment: Option<String>,
    reruns: u64,
    rerun_by: Option<String>,
    /// Whether nothing matched it, and nobody has dismissed it.
    is_stuck: bool,
    /// Who dismissed it, when and why.
    dismissal: Option<(String, Moment, String)>,
}

impl Row {
    fn of(notice: &FiledNotice, now: Time) -> Self {
        let record = &notice.record;
        let verdict = record.verdict.clone().unwrap_or_else(|| "waiting".to_owned());
        Self {
            id: record.id.to_string(),
            shop: record.shop.to_string(),
            received: Moment::of(record.received_at, now),
            deliveries: record.deliveries,
            gateway_id: record.gateway_payment_id.clone(),
            state: record.state.clone(),
            tone: tone(&verdict),
            is_stuck: verdict == "unmatched" && notice.dismissal.is_none(),
            dismissal: notice
                .dismissal
                .as_ref()
                .map(|dismissal| (dismissal.by.name.clone(), Moment::of(dismissal.at, now), dismissal.reason.clone())),
            verdict,
            payment: notice.payment.map(|payment| payment.to_string()),
            reruns: notice.reruns,
            rerun_by: notice.rerun_by.clone(),
        }
    }
}

fn tone(verdict: &str) -> &'static str {
    match verdict {
        "moves" | "confirms" => "good",
        "unmatched" | "contradicts" => "unknown",
        "waiting" => "open",
        _ => "dead",
    }
}

#[derive(Template)]
#[template(path = "console/webhooks_in.html")]
struct WebhooksPage {
    shell: Shell,
    given: Given,
    verdicts: Vec<&'static str>,
    shops: Vec<String>,
    may_write: bool,
    rows: Vec<Row>,
    next: Option<String>,
}
