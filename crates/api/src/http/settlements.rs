//! `/v1/settlements`: files that say what was paid out.

use std::time::Duration;

use actix_web::http::header::{CONTENT_TYPE, HeaderName, LOCATION};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use domain::ShopName;
use orchestrator::{KeptSettlement, SettlementFile};
use schemars::JsonSchema;
use serde::Serialize;
use settlement::{Format, Statement};
use store::{Cause, Run, Scope, Settlement};
use uuid::Uuid;

use super::document::{Id, Moment};
use super::problem::{Kind, Problem};
use super::query::Query;
use super::reconciliations::RunView;
use super::{App, Caller, body};

/// How long a caller may take for a file.
const PATIENCE: Duration = Duration::from_mins(2);

/// `POST /v1/settlements?shop=`, the file being the body: 202, since it is compared in its turn; 200 if it is there already.
pub(super) async fn upload(request: HttpRequest, payload: Payload, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceWrite).await?;
    let mut query = Query::of(&request);
    let named: Option<ShopName> = query.proven("shop");
    query.finish()?;
    let format = format_of(&request)?;
    let shop = named.or_else(|| app.default_shop.clone());
    let shop = shop.filter(|shop| app.shops.contains(shop) && caller.may_see(shop)).ok_or_else(Problem::not_found)?;
    let bytes = body::read(payload, app.settlement_bytes_max, PATIENCE).await?;
    let (reconciler, columns, by) = (app.reconciler.clone(), app.settlement_columns.clone(), caller.actor());
    let bringing = async move {
        let read = move || {
            let statement = Statement::read(format, &columns, &bytes)?;
            Ok(SettlementFile::new(shop, format, &bytes, statement))
        };
        let file = match tokio::task::spawn_blocking(read).await {
            Ok(read) => read.map_err(|malformed: settlement::Malformed| malformed_file(&malformed))?,
            Err(_) => return Err(Problem::new(Kind::Internal, "the work ended without an outcome")),
        };
        Ok(reconciler.bring(&file, Cause::Ordered, Some(by)).await?)
    };
    let KeptSettlement { settlement, run, replay } = app.works.run(bringing).await??;
    let view = SettlementView::of(&settlement, Some(&run));
    if replay {
        let header = (HeaderName::from_static("idempotent-replayed"), "true");
        return Ok(HttpResponse::Ok().insert_header(header).json(view));
    }
    let location = format!("/v1/settlements/{}", settlement.id);
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location)).json(view))
}

fn malformed_file(malformed: &settlement::Malformed) -> Problem {
    Problem::new(Kind::InvalidRequest, malformed.to_string())
}

/// What the header says that the file is.
fn format_of(request: &HttpRequest) -> Result<Format, Problem> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "text/csv" => Ok(Format::Csv),
        "application/xml" | "text/xml" => Ok(Format::Camt053),
        _ => {
            let detail = "send the header Content-Type: text/csv, or application/xml for camt.053";
            Err(Problem::new(Kind::UnsupportedMediaType, detail))
        }
    }
}

/// `GET /v1/settlements/{id}`: the file, and how its comparison stands.
pub(super) async fn read(request: HttpRequest, id: Path<String>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceRead).await?;
    Query::of(&request).finish()?;
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let (settlements, records) = (app.reconciler.settlements().clone(), app.reconciler.records().clone());
    let found = async move { Ok::<_, store::StoreError>((settlements.settlement(id).await?, records.run(id).await?)) };
    let (settlement, run) = app.works.run(found).await??;
    let settlement = settlement.filter(|one| caller.may_see(&one.shop)).ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().json(SettlementView::of(&settlement, run.as_ref())))
}

/// A settlement file, as callers see it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Settlement")]
pub(super) struct SettlementView<'a> {
    #[schemars(with = "Id")]
    id: String,
    shop: &'a str,
    format: &'a str,
    sha256: &'a str,
    bytes: u64,
    lines: u64,
    unnamed: u64,
    #[schemars(with = "Moment")]
    from: String,
    #[schemars(with = "Moment")]
    to: String,
    uploaded_by: Option<&'a str>,
    #[schemars(with = "Moment")]
    uploaded_at: String,
    run: Option<RunView<'a>>,
}

impl<'a> SettlementView<'a> {
    /// With its comparison, if that is ordered.
    fn of(settlement: &'a Settlement, run: Option<&'a Run>) -> Self {
        let [from, to] = settlement.window;
        Self {
            id: settlement.id.to_string(),
            shop: settlement.shop.as_str(),
            format: &settlement.format,
            sha256: &settlement.digest,
            bytes: settlement.bytes,
            lines: settlement.lines,
            unnamed: settlement.unnamed,
            from: from.to_string(),
            to: to.to_string(),
            uploaded_by: settlement.uploaded_by.as_ref().map(|by| by.name.as_str()),
            uploaded_at: settlement.uploaded_at.to_string(),
            run: run.map(RunView::from),
        }
    }
}
