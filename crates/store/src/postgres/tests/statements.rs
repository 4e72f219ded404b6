use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sqlx::{Executor as _, SqlSafeStr as _};

use super::{COOL, HOT, VIOLATIONS, fresh};

#[tokio::test]
async fn every_statement_is_one_that_the_database_takes() {
    let fresh = fresh().await;
    for (name, statement) in HOT.into_iter().chain(COOL).chain(VIOLATIONS) {
        if let Err(error) = fresh.pool.prepare(statement.into_sql_str()).await {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn the_walk_misses_no_statement() {
    let walked: BTreeSet<String> = HOT.into_iter().chain(COOL).map(|(name, _)| name.to_owned()).collect();
    assert_eq!(walked, statements_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/postgres")));
}

#[tokio::test]
async fn every_violation_view_is_asked() {
    let fresh = fresh().await;
    let views: Vec<String> = sqlx::query_scalar("select viewname from pg_views where viewname like 'violation%'")
        .fetch_all(&fresh.pool)
        .await
        .unwrap();
    let asked = |view: &String| VIOLATIONS.iter().any(|(_, statement)| statement.contains(&format!(" {view} ")));
    let forgotten: Vec<String> = views.iter().filter(|view| !asked(view)).cloned().collect();
    assert_eq!((views.len(), forgotten), (VIOLATIONS.len(), Vec::new()));
}

/// The names of the constants that hold one statement each.
fn statements_in(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let sources = files.filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let mut names = BTreeSet::new();
    for source in sources.map(|file| fs::read_to_string(file).unwrap()) {
        let declared = source.lines().filter_map(|line| line.strip_prefix("pub(super) const ")?.split_once(": &str"));
        names.extend(declared.map(|(name, _)| name.to_owned()));
    }
    names
}
