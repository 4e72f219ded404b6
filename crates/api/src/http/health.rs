use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::App;

/// How far our clock and the database's may be apart.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(5);

/// `GET /livez`: the process answers.
pub(super) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(Alive { status: "ok" })
}

/// `GET /readyz`: new requests can be served: the database answers, its schema is ours, the clocks agree. Never the
/// gateway: when it is away, requests are still answered, and a load balancer could not do better.
pub(super) async fn readyz(app: Data<App>) -> HttpResponse {
    let reads = app.reads.clone();
    let health = app.works.run(async move { reads.health().await }).await;
    let now = app.desk.now();
    let stopping = app.stopping.load(Ordering::Relaxed);
    let (database, schema, clock) = match health {
        Ok(Ok(health)) => {
            let apart = now.since(health.now).max(health.now.since(now));
            (
                "ok",
                if health.migrated { "ok" } else { "not migrated" },
                if apart <= CLOCKS_APART_MAX { "ok" } else { "apart" },
            )
        }
        Ok(Err(_)) | Err(_) => ("unreachable", "unknown", "unknown"),
    };
    let serves = !stopping && [database, schema, clock].iter().all(|check| *check == "ok");
    let status = if serves { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let answer = Ready { status: if serves { "ready" } else { "not ready" }, database, schema, clock, stopping };
    HttpResponse::build(status).json(answer)
}

/// The process answers.
#[derive(Serialize, JsonSchema)]
pub(super) struct Alive {
    status: &'static str,
}

/// Whether new requests can be served, and if not, why.
#[derive(Serialize, JsonSchema)]
pub(super) struct Ready {
    status: &'static str,
    database: &'static str,
    schema: &'static str,
    clock: &'static str,
    stopping: bool,
}
