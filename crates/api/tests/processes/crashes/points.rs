//! Every durable step has a point at which a test lets the process die.

use std::collections::BTreeSet;
use std::path::Path;

/// A write that no deed waits for: what it forgets, it forgets the next time.
const WITHOUT: [&str; 1] = ["forget_kept_requests"];
/// What only reads.
const READING: [&str; 4] = ["load", "kept_request", "sweeps", "oldest_open"];

#[test]
fn every_durable_step_has_a_point_to_die_at() {
    let source = |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let store = source("../store/src/store.rs");
    let the_trait = store.split("pub trait Store").nth(1).unwrap().split("\n}\n").next().unwrap();
    let steps: BTreeSet<&str> =
        the_trait.lines().filter_map(|line| line.trim().strip_prefix("async fn ")?.split('(').next()).collect();
    assert!(steps.contains("commit") && steps.len() > 10, "{steps:?}");
    let points = source("src/failpoint/present.rs");
    let method = |step: &str| points.split(&format!("async fn {step}(")).nth(1)?.split("\n    }\n").next();
    let pointless: Vec<&str> = steps
        .into_iter()
        .filter(|step| !WITHOUT.contains(step) && !READING.contains(step) && *step != "due_unmatched")
        .filter(|step| !method(step).is_some_and(|body| body.contains("self.point.around(")))
        .collect();
    assert!(pointless.is_empty(), "no test can die at {pointless:?}");
}
