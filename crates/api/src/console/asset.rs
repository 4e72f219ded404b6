use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("assets/console.css");
const SCRIPT: &str = include_str!("assets/console.js");
const ICON: &str = include_str!("assets/icon.svg");

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| versioned("/console/console.css", STYLE));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| versioned("/console/console.js", SCRIPT));

/// Where the style is, with a mark of what it says: another one has another address, so that no browser keeps an old one.
pub(super) fn style_path() -> &'static str {
    &STYLE_PATH
}

/// Likewise the script.
pub(super) fn script_path() -> &'static str {
    &SCRIPT_PATH
}

/// `GET /console/console.css`.
pub(super) async fn style() -> HttpResponse {
    answer("text/css; charset=utf-8", STYLE)
}

/// `GET /console/console.js`.
pub(super) async fn script() -> HttpResponse {
    answer("text/javascript; charset=utf-8", SCRIPT)
}

/// `GET /console/icon.svg`.
pub(super) async fn icon() -> HttpResponse {
    answer("image/svg+xml", ICON)
}

fn answer(media_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(text)
}

fn versioned(path: &str, text: &str) -> String {
    let mark: String = hex::encode(Sha256::digest(text)).chars().take(16).collect();
    format!("{path}?{mark}")
}
