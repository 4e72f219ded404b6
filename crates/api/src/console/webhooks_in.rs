use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::Time;
use store::{FiledNotice, Scope};
use strum::VariantArray as _;

use super::fields::Fields;
use super::given::Given;
use super::moment::Moment;
use super::payments::shops;
use super::said::Said;
use super::sign_in::go_to;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::http::App;
use crate::http::query::Query;
use crate::http::webhooks_in::{self, VerdictFilter};

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
        may_rerun: visitor.caller().may(Scope::OpsWrite),
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
    let about = notice.record.gateway_payment_id.as_deref().unwrap_or_default();
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("gatewayPaymentId", about).finish();
    Ok(go_to(&format!("{}&{query}", Said::Rerun.at("/console/webhooks-in"))))
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
    may_rerun: bool,
    rows: Vec<Row>,
    next: Option<String>,
}
