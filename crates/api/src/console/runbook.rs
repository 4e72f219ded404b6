use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use store::Scope;

use super::{Shell, Trouble, Visitor, html};
use crate::http::query::Query;

/// The runbook of the release that serves, so that it is at hand wherever the console is.
const RUNBOOK: &str = include_str!("../../../../docs/runbook.md");

/// `GET /console/runbook`: its sections bear the names of what is stuck, and of the alerts.
pub(super) async fn show(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::OpsRead)?;
    Query::of_page(&request).finish()?;
    let (beginning, sections) = sections(RUNBOOK);
    html(&RunbookPage { shell: visitor.shell("Runbook", None), beginning, sections })
}

/// What stands before the first section, and the sections by their names.
fn sections(text: &'static str) -> (&'static str, Vec<(&'static str, &'static str)>) {
    let mut parts = text.split("\n## ");
    let beginning = parts.next().unwrap_or_default().trim_start_matches("# Runbook").trim();
    let section = |part: &'static str| part.split_once('\n').map(|(name, text)| (name.trim(), text.trim()));
    (beginning, parts.filter_map(section).collect())
}

#[derive(Template)]
#[template(path = "console/runbook.html")]
struct RunbookPage {
    shell: Shell,
    beginning: &'static str,
    sections: Vec<(&'static str, &'static str)>,
}

#[cfg(test)]
mod tests {
    use domain::StuckReason;
    use strum::VariantArray as _;

    use super::*;

    #[test]
    fn each_reason_has_its_section() {
        let (beginning, sections) = sections(RUNBOOK);
        assert!(beginning.starts_with("For whoever is woken"), "{beginning}");
        for reason in StuckReason::VARIANTS {
            let found = sections.iter().find(|(name, _)| *name == reason.anchor());
            assert!(found.is_some_and(|(_, text)| !text.is_empty()), "{reason}");
        }
    }
}
