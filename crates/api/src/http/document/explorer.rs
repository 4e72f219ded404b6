//! `/docs`: a page on which the document is read and tried (Swagger UI). It is whole in the program: nothing comes from elsewhere,
//! and the page may ask nobody else.

use std::sync::{Arc, LazyLock};

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Path;
use utoipa_swagger_ui::Config;

use crate::http::problem::{Kind, Problem};

const PAGE: &str = include_str!("explorer.html");

/// Swagger UI writes styles into elements, and draws with images that are written out in its styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page is told of itself. A validator would be somebody else's.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/openapi.json").validator_url("none").doc_expansion("list");
    Arc::new(config.display_request_duration(true).filter(true))
});

/// `GET /docs`.
pub(in crate::http) async fn explorer() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .content_type(ContentType::html())
        .body(PAGE)
}

/// `GET /docs/{file}`: what the page is made of.
pub(in crate::http) async fn explorer_file(file: Path<String>) -> Result<HttpResponse, Problem> {
    let found = utoipa_swagger_ui::serve(&file, CONFIG.clone()).map_err(|error| {
        tracing::error!(error = error.as_ref(), "a file of the page about the document could not be written");
        Problem::new(Kind::Internal, "the file could not be written")
    })?;
    let found = found.filter(|_| !file.is_empty()).ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok()
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .content_type(found.content_type)
        .body(found.bytes))
}
