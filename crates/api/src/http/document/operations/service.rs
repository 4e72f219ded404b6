use super::super::operation::{Operation, Tag};
use crate::http::health::{Alive, Ready};
use crate::http::problem::Kind;

pub(super) fn operation(deed: (&str, &str)) -> Option<Operation> {
    Some(match deed {
        ("GET", "/openapi.json") => open("readDocument", "Read this document")
            .answers::<serde_json::Map<String, serde_json::Value>>(200, "OpenAPI 3.1"),
        ("GET", "/docs") => open("exploreDocument", "Read this document in a browser, and try it").answers_as(
            "text/html",
            200,
            "a page",
        ),
        ("GET", "/docs/{file}") => open("exploreFile", "Fetch what that page is made of")
            .path::<String>("file", "the file")
            .answers_as("*/*", 200, "the file"),
        ("GET", "/problems") => open("listProblems", "Read of all problems").answers_as("text/html", 200, "a page"),
        ("GET", "/problems/{code}") => open("readProblem", "Read when a problem comes, and what to do")
            .path::<Kind>("code", "the `code` of a problem")
            .answers_as("text/html", 200, "a page"),
        ("GET", "/livez") => open("readLiveness", "Ask whether the process answers").answers::<Alive>(200, "it does"),
        ("GET", "/readyz") => open("readReadiness", "Ask whether it can serve")
            .answers::<Ready>(200, "it can")
            .answers::<Ready>(503, "it cannot, for what is not `ok`"),
        ("GET", "/metrics") => open("readMetrics", "Read what is counted").answers_as(
            "application/openmetrics-text",
            200,
            "OpenMetrics, for Prometheus",
        ),
        _ => return None,
    })
}

fn open(id: &'static str, summary: &'static str) -> Operation {
    Operation::open(id, Tag::Service, summary)
}
