use std::time::Duration;

use orchestrator::{Clock as _, Verified};

use super::{CommandError, Ending, Output, connect};
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
    let mut lines = vec![format!("{} payments, {} ledger entries folded", verified.payments, verified.entries)];
    lines.push(format!("{:>6}  I9 row is not the fold of its ledger", verified.mismatches.len()));
    lines.extend(verified.broken().map(|(rule, found)| format!("{found:>6}  {rule}")));
    lines.extend(verified.mismatches.iter().map(|mismatch| format!("{}: {}", mismatch.payment, mismatch.detail)));
    lines.extend(verified.violations.iter().map(|found| format!("{} ({}): {}", found.rule, found.of, found.detail)));
    if verified.is_fine() {
        lines.push("nothing found".to_owned());
    }
    lines.join("\n")
}
