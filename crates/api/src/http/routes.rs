use std::future::ready;

use actix_web::http::Method;
use actix_web::web::{self, PathConfig, ServiceConfig};
use actix_web::{HttpResponse, Route as Handler};

use super::idempotency::KeyUse;
use super::problem::{Kind, Problem};
use super::{
    breaks, bulk_actions, command, document, events, exports, gateway_reads, health, keys, list_payments, operate,
    problem_page, read_payment, reconciliations, refund, resolve, settlements, stuck, switches, take_payment, webhook,
    webhook_endpoints, webhooks_in,
};
use crate::metrics;

/// One deed at one path.
pub struct Route {
    /// The method that it takes.
    pub method: Method,
    /// Its path, with names in braces.
    pub path: &'static str,
    /// What an `Idempotency-Key` is to it.
    pub key_use: KeyUse,
    handler: fn() -> Handler,
}

/// All routes, those of one path beside each other. One that is not here does not exist.
pub const ROUTES: [Route; 74] = [
    creates("/v1/payments", || web::post().to(take_payment::take_payment)),
    get("/v1/payments", || web::get().to(list_payments::list_payments)),
    get("/v1/payments/by-reference/{reference}", || web::get().to(read_payment::read_by_reference)),
    get("/v1/payments/by-gateway-id/{id}", || web::get().to(read_payment::read_by_gateway_id)),
    get("/v1/payments/{id}", || web::get().to(read_payment::read_payment)),
    get("/v1/payments/{id}/events", || web::get().to(read_payment::read_events)),
    creates("/v1/payments/{id}/refunds", || web::post().to(refund::refund)),
    post("/v1/payments/{id}/capture", || web::post().to(command::capture)),
    post("/v1/payments/{id}/void", || web::post().to(command::void)),
    post("/v1/payments/{id}/approve", || web::post().to(command::approve)),
    post("/v1/payments/{id}/reject", || web::post().to(command::reject)),
    post("/v1/payments/{id}/check", || web::post().to(read_payment::check_payment)),
    post("/v1/payments/{id}/assign", || web::post().to(operate::assign)),
    post("/v1/payments/{id}/note", || web::post().to(operate::note)),
    post("/v1/payments/{id}/snooze", || web::post().to(operate::snooze)),
    post("/v1/payments/{id}/settle", || web::post().to(operate::settle)),
    post("/v1/payments/{id}/resolve", || web::post().to(resolve::resolve)),
    get("/v1/payments/{id}/operations", || web::get().to(gateway_reads::read_operations)),
    get("/v1/proposals", || web::get().to(resolve::list)),
    post("/v1/proposals/{id}/approve", || web::post().to(resolve::approve)),
    post("/v1/proposals/{id}/decline", || web::post().to(resolve::decline)),
    get("/v1/switches", || web::get().to(switches::list)),
    get("/v1/switches/{name}", || web::get().to(switches::changes)),
    post("/v1/switches/{name}", || web::post().to(switches::turn)),
    get("/v1/stuck", || web::get().to(stuck::list)),
    post("/v1/bulk-actions", || web::post().to(bulk_actions::order)),
    get("/v1/bulk-actions", || web::get().to(bulk_actions::list)),
    get("/v1/bulk-actions/{id}", || web::get().to(bulk_actions::read)),
    post("/v1/bulk-actions/{id}/stop", || web::post().to(bulk_actions::stop)),
    get("/v1/webhooks-in", || web::get().to(webhooks_in::list_webhooks_in)),
    get("/v1/webhooks-in/{id}", || web::get().to(webhooks_in::read_webhook_in)),
    post("/v1/webhooks-in/{id}/rerun", || web::post().to(webhooks_in::rerun_webhook_in)),
    post("/v1/webhooks-in/{id}/dismiss", || web::post().to(webhooks_in::dismiss_webhook_in)),
    post("/v1/webhooks-in/{id}/restore", || web::post().to(webhooks_in::restore_webhook_in)),
    get("/v1/balances", || web::get().to(gateway_reads::read_balances)),
    get("/v1/customers/{customer}/card-tokens", || web::get().to(gateway_reads::read_card_tokens)),
    post("/v1/reconciliations", || web::post().to(reconciliations::order)),
    get("/v1/reconciliations", || web::get().to(reconciliations::list)),
    get("/v1/reconciliations/{id}", || web::get().to(reconciliations::read)),
    takes_in("/v1/settlements", || web::post().to(settlements::upload)),
    get("/v1/settlements/{id}", || web::get().to(settlements::read)),
    post("/v1/exports", || web::post().to(exports::order)),
    get("/v1/exports", || web::get().to(exports::list)),
    get("/v1/exports/{id}", || web::get().to(exports::read)),
    get("/v1/exports/{id}/file", || web::get().to(exports::file)),
    get("/v1/events", || web::get().to(events::list)),
    get("/v1/events/{id}", || web::get().to(events::read)),
    post("/v1/events/{id}/resend", || web::post().to(events::resend)),
    shows_a_secret("/v1/webhook-endpoints", || web::post().to(webhook_endpoints::add)),
    get("/v1/webhook-endpoints", || web::get().to(webhook_endpoints::list)),
    get("/v1/webhook-endpoints/{id}", || web::get().to(webhook_endpoints::read)),
    patch("/v1/webhook-endpoints/{id}", || web::patch().to(webhook_endpoints::change)),
    delete("/v1/webhook-endpoints/{id}", || web::delete().to(webhook_endpoints::remove)),
    shows_a_secret("/v1/webhook-endpoints/{id}/rotate-secret", || web::post().to(webhook_endpoints::rotate)),
    post("/v1/webhook-endpoints/{id}/replay", || web::post().to(webhook_endpoints::replay)),
    get("/v1/webhook-endpoints/{id}/deliveries", || web::get().to(webhook_endpoints::deliveries)),
    get("/v1/breaks", || web::get().to(breaks::list)),
    get("/v1/breaks/{id}", || web::get().to(breaks::read)),
    post("/v1/breaks/{id}/assign", || web::post().to(breaks::assign)),
    post("/v1/breaks/{id}/resolve", || web::post().to(breaks::resolve)),
    shows_a_secret("/v1/keys", || web::post().to(keys::add)),
    get("/v1/keys", || web::get().to(keys::list)),
    get("/v1/keys/{id}", || web::get().to(keys::read)),
    delete("/v1/keys/{id}", || web::delete().to(keys::revoke)),
    shows_a_secret("/v1/keys/{id}/rotate", || web::post().to(keys::rotate_one)),
    takes_in("/webhooks/paytech/{shop}", || web::post().to(webhook::hear)),
    get("/openapi.json", || web::get().to(document::read)),
    get("/docs", || web::get().to(document::explorer)),
    get("/docs/{file}", || web::get().to(document::explorer_file)),
    get("/problems", || web::get().to(problem_page::list)),
    get("/problems/{code}", || web::get().to(problem_page::read)),
    get("/livez", || web::get().to(health::livez)),
    get("/readyz", || web::get().to(health::readyz)),
    get("/metrics", || web::get().to(metrics::scrape)),
];

/// One that reads.
pub(crate) const fn get(path: &'static str, handler: fn() -> Handler) -> Route {
    Route { method: Method::GET, path, key_use: KeyUse::None, handler }
}

/// One that does.
pub(crate) const fn post(path: &'static str, handler: fn() -> Handler) -> Route {
    Route { method: Method::POST, path, key_use: KeyUse::OfRequest, handler }
}

/// One that makes what its caller has a reference for.
const fn creates(path: &'static str, handler: fn() -> Handler) -> Route {
    Route { method: Method::POST, path, key_use: KeyUse::OfReference, handler }
}

/// One that takes in what is recognised by its bytes.
const fn takes_in(path: &'static str, handler: fn() -> Handler) -> Route {
    Route { method: Method::POST, path, key_use: KeyUse::None, handler }
}

/// One whose answer shows a secret, this once.
const fn shows_a_secret(path: &'static str, handler: fn() -> Handler) -> Route {
    Route { method: Method::POST, path, key_use: KeyUse::Refused, handler }
}

const fn patch(path: &'static str, handler: fn() -> Handler) -> Route {
    Route { method: Method::PATCH, path, key_use: KeyUse::None, handler }
}

const fn delete(path: &'static str, handler: fn() -> Handler) -> Route {
    Route { method: Method::DELETE, path, key_use: KeyUse::None, handler }
}

/// Makes them known to the web framework.
pub fn routes(config: &mut ServiceConfig) {
    config.app_data(PathConfig::default().error_handler(|_, _| Problem::not_found().into()));
    register(config, &ROUTES);
    config.default_service(web::to(not_found));
}

/// Makes some of them known: each path with the methods that it takes, which are told to whoever tries another one.
pub(crate) fn register(config: &mut ServiceConfig, routes: &[Route]) {
    for at_one_path in routes.chunk_by(|one, next| one.path == next.path) {
        let Some(Route { path, .. }) = at_one_path.first() else { continue };
        let resource =
            at_one_path.iter().fold(web::resource(*path), |resource, route| resource.route((route.handler)()));
        let allowed = at_one_path.iter().map(|route| route.method.as_str()).collect::<Vec<_>>().join(", ");
        config.service(resource.default_service(web::to(move || ready(method_not_allowed(&allowed)))));
    }
}

/// There is nothing at this path.
pub(crate) async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::new(Kind::NotFound, "there is no such resource"))
}

/// There is something at this path, which takes other methods.
pub(crate) fn method_not_allowed(allowed: &str) -> Result<HttpResponse, Problem> {
    Err(Problem::method_not_allowed(allowed.to_owned()))
}
