use std::time::Duration;

use orchestrator::{Clock as _, Verified};

use super::{CommandError, Ending, Output, connect, table};
use crate::clock::SystemClock;
use crate::settings::Settings;

/// How long something may be due and untouched (protocols, invariant I7): far longer than any pause between two looks.
const UNTOUCHED: Duration = Duration::from_mins(15);

/// Proves the books: every ledger folds to its payment, no invariant is broken, and nothing is due and untouched.
pub(super) async fn run(settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    let database = connect(settings).await?;
    let begun_before = SystemClock.now().minus(UNTOUCHED);
    let verified = Verified::run(database.reads.as_ref(), Some(begun_before)).await?;
    let told = serde_json::json!({
        "payments": verified.payments,
        "entries": verified.entries,
        "mismatches": verified.mismatches.iter().map(|mismatch| serde_json::json!({
            "payment": mismatch.payment.to_string(), "detail": mismatch.detail,
        })).collect::<Vec<_>>(),
        "rules": verified.broken().map(|(rule, found)| (rule.to_owned(), found.into()))
            .collect::<serde_json::Map<_, _>>(),
        "violations": verified.violations.iter().map(|violation| serde_json::json!({
            "rule": violation.rule, "of": violation.of, "detail": violation.detail,
        })).collect::<Vec<_>>(),
    });
    output.write(&told, |_| text(&verified))?;
    Ok(if verified.is_fine() { Ending::Fine } else { Ending::Found })
}

fn text(verified: &Verified) -> String {
    let mut parts = vec![format!("{} payments, {} ledger entries folded", verified.payments, verified.entries)];
    let folds = [verified.mismatches.len().to_string(), "I9 row is not the fold of its ledger".to_owned()];
    let rules = verified.broken().map(|(rule, found)| [found.to_string(), rule.to_owned()]);
    parts.push(table(["Found", "Rule"], std::iter::once(folds).chain(rules)));
    if !verified.mismatches.is_empty() {
        let rows = verified.mismatches.iter().map(|found| [found.payment.to_string(), found.detail.clone()]);
        parts.push(table(["Payment", "Is not the fold of its ledger"], rows));
    }
    if !verified.violations.is_empty() {
        let rows = verified.violations.iter().map(|found| [found.of.clone(), found.rule.clone(), found.detail.clone()]);
        parts.push(table(["Of", "Broken", "How"], rows));
    }
    if verified.is_fine() {
        parts.push("nothing found".to_owned());
    }
    parts.join("\n")
}
