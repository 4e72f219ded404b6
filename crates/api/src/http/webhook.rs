use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use domain::ShopName;
use orchestrator::NoticeError;
use schemars::JsonSchema;
use serde::Serialize;

use super::problem::Problem;
use super::{App, body};
use crate::traces::Told;

/// The largest notice (REST contract).
const NOTICE_MAX: usize = 1024 * 1024;

/// `POST /webhooks/paytech/{shop}`: 200 once the notice is durable, whatever we then make of it.
pub(super) async fn hear(
    request: HttpRequest,
    shop: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let shop: ShopName = shop.parse().map_err(|_| Problem::not_found())?;
    let notice = body::read(payload, NOTICE_MAX, app.body_patience).await?;
    let signature = request.headers().get("Signature").map(|value| value.as_bytes().to_vec());
    let (desk, id) = (app.desk.clone(), app.ids.next());
    let heard = app.works.run(async move { desk.hear(&shop, id, signature.as_deref(), &notice).await }).await?;
    match &heard {
        Ok(notice) => {
            app.metrics.taken(&notice.heard);
            if let Some(payment) = notice.payment {
                request.extensions_mut().insert(Told { payment, trace: notice.trace });
            }
        }
        Err(NoticeError::Signature(_)) => app.metrics.heard("forged"),
        Err(NoticeError::Unreadable(_)) => app.metrics.heard("unreadable"),
        Err(NoticeError::UnknownShop(_)) => app.metrics.heard("unknown-shop"),
        Err(NoticeError::Store(_)) => app.metrics.heard("not-stored"),
    }
    heard?;
    Ok(HttpResponse::Ok().json(Received { received: true }))
}

/// It is durable.
#[derive(Serialize, JsonSchema)]
pub(super) struct Received {
    received: bool,
}
