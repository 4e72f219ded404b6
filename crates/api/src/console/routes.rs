use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};

use super::{
    asset, breaks, bulk_actions, care, confirm, dress, exports, gateway_now, health, open_id, payment, payments,
    reconciliations, runbook, sign_in, stuck, webhooks_in,
};
use crate::http::{Route, get, not_found, post, register};

/// All pages and deeds below `/console`, those of one path beside each other.
pub const ROUTES: [Route; 43] = [
    get("", || web::get().to(sign_in::home)),
    get("/sign-in", || web::get().to(sign_in::page)),
    post("/sign-in", || web::post().to(sign_in::sign_in)),
    get("/sign-in/openid", || web::get().to(open_id::begin)),
    get("/sign-in/openid/callback", || web::get().to(open_id::come_back)),
    post("/sign-out", || web::post().to(sign_in::sign_out)),
    get("/console.css", || web::get().to(asset::style)),
    get("/console.js", || web::get().to(asset::script)),
    get("/icon.svg", || web::get().to(asset::icon)),
    get("/stuck", || web::get().to(stuck::list)),
    get("/stuck.csv", || web::get().to(stuck::file)),
    get("/bulk-actions", || web::get().to(bulk_actions::list)),
    post("/bulk-actions", || web::post().to(bulk_actions::order)),
    get("/bulk-actions/order", || web::get().to(bulk_actions::ask)),
    get("/bulk-actions/{id}", || web::get().to(bulk_actions::show)),
    post("/bulk-actions/{id}/stop", || web::post().to(bulk_actions::stop)),
    get("/payments", || web::get().to(payments::list)),
    get("/payments/{id}", || web::get().to(payment::show)),
    get("/payments/{id}/gateway", || web::get().to(gateway_now::show)),
    post("/payments/{id}/check", || web::post().to(payment::check)),
    post("/payments/{id}/assign", || web::post().to(care::assign)),
    post("/payments/{id}/note", || web::post().to(care::note)),
    post("/payments/{id}/snooze", || web::post().to(care::snooze)),
    post("/payments/{id}/settle", || web::post().to(care::settle)),
    get("/payments/{id}/{action}", || web::get().to(confirm::ask)),
    post("/payments/{id}/{action}", || web::post().to(confirm::give)),
    get("/webhooks-in", || web::get().to(webhooks_in::list)),
    post("/webhooks-in/{id}/rerun", || web::post().to(webhooks_in::rerun)),
    post("/webhooks-in/{id}/dismiss", || web::post().to(webhooks_in::dismiss)),
    post("/webhooks-in/{id}/restore", || web::post().to(webhooks_in::restore)),
    get("/reconciliations", || web::get().to(reconciliations::list)),
    post("/reconciliations", || web::post().to(reconciliations::order)),
    get("/reconciliations/{id}", || web::get().to(reconciliations::show)),
    get("/breaks", || web::get().to(breaks::list)),
    get("/breaks/{id}", || web::get().to(breaks::show)),
    post("/breaks/{id}/assign", || web::post().to(breaks::assign)),
    post("/breaks/{id}/resolve", || web::post().to(breaks::resolve)),
    get("/exports", || web::get().to(exports::list)),
    post("/exports", || web::post().to(exports::order)),
    get("/exports/{id}", || web::get().to(exports::show)),
    get("/exports/{id}/file", || web::get().to(exports::file)),
    get("/runbook", || web::get().to(runbook::show)),
    get("/health", || web::get().to(health::show)),
];

/// Makes them known to the web framework. All answers below `/console` are dressed alike.
pub fn routes(config: &mut ServiceConfig) {
    let pages = web::scope("/console").wrap(from_fn(dress::dress));
    config.service(pages.configure(|config| register(config, &ROUTES)).default_service(web::to(not_found)));
}
