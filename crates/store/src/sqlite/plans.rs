//! Every statement is prepared on its database, and the hot ones find their rows by an index.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    SqliteStore, books, breaks, bulk_actions, claim, commit, endpoints, events, exports, health, inbox, keys, ledger,
    list, load, means, named_requests, open, proposals, receive, reconciliations, replicas, samples, sessions,
    settlements, streams, stuck, sweep, switches, unmatched,
};
use crate::{Filter, Page, Position};

/// The statements whose cost must not grow with what is stored.
const HOT: [(&str, &str); 117] = [
    ("open payments", open::INSERT_PAYMENTS),
    ("open checks", open::INSERT_CHECKS),
    ("open events", open::INSERT_EVENTS),
    ("open outbox", open::INSERT_OUTBOX),
    ("open kept requests", open::INSERT_KEPT_REQUESTS),
    ("load", load::LOAD),
    ("kept request", load::KEPT_REQUEST),
    ("commit facts", commit::FACTS),
    ("commit payments", commit::UPDATE_PAYMENTS),
    ("commit checks", commit::UPDATE_CHECKS),
    ("commit claims", commit::INSERT_CLAIMS),
    ("commit kept requests", commit::DELETE_KEPT_REQUESTS),
    ("commit notices", commit::FILE_NOTICES),
    ("receive", receive::RECEIVE),
    ("claim due", claim::CLAIM_DUE),
    ("claimed", claim::CLAIMED),
    ("claim notices", claim::CLAIM_NOTICES),
    ("forget kept requests", claim::FORGET_KEPT_REQUESTS),
    ("ledger", ledger::LEDGER),
    ("notices", ledger::NOTICES),
    ("audit", ledger::AUDIT),
    ("find", list::FIND),
    ("keep means", means::KEEP_MEANS),
    ("means", means::MEANS),
    ("key by digest", keys::KEY_BY_DIGEST),
    ("revoke key", keys::REVOKE_KEY),
    ("rotate key", keys::ROTATE_KEY),
    ("note used", keys::NOTE_USED),
    ("claim sweep", sweep::CLAIM_SWEEP),
    ("record sweep", sweep::RECORD_SWEEP),
    ("file unmatched", unmatched::FILE_UNMATCHED),
    ("due unmatched", unmatched::DUE_UNMATCHED),
    ("commit movements", commit::INSERT_MOVEMENTS),
    ("end books", books::END_BOOKS),
    ("place before", books::PLACE_BEFORE),
    ("lines", books::LINES),
    ("order run", reconciliations::ORDER_RUN),
    ("ordered run", reconciliations::ORDERED_RUN),
    ("claim run", reconciliations::CLAIM_RUN),
    ("run", reconciliations::RUN),
    ("met", reconciliations::MET),
    ("fence", reconciliations::FENCE),
    ("meet", reconciliations::MEET),
    ("see again", reconciliations::SEE_AGAIN),
    ("bear", reconciliations::BEAR),
    ("reconcile", reconciliations::RECONCILE),
    ("close", reconciliations::CLOSE),
    ("forget met", reconciliations::FORGET_MET),
    ("reconciled", reconciliations::RECONCILED),
    ("covered payments", reconciliations::COVERED_PAYMENTS),
    ("unmatched notices", reconciliations::UNMATCHED_NOTICES),
    ("unfound breaks", breaks::UNFOUND_BREAKS),
    ("break", breaks::BREAK),
    ("tally", breaks::TALLY),
    ("assign break", breaks::ASSIGN_BREAK),
    ("resolve break", breaks::RESOLVE_BREAK),
    ("order export", exports::ORDER_EXPORT),
    ("record export", exports::RECORD_EXPORT),
    ("export", exports::EXPORT),
    ("exports completed before", exports::EXPORTS_COMPLETED_BEFORE),
    ("record download", exports::RECORD_DOWNLOAD),
    ("downloads", exports::DOWNLOADS),
    ("event", events::EVENT),
    ("due deliveries", events::DUE_DELIVERIES),
    ("waiting events", events::WAITING_EVENTS),
    ("record endpoint", events::RECORD_ENDPOINT),
    ("record delivery", events::RECORD_DELIVERY),
    ("resend", events::RESEND),
    ("forget deliveries", events::FORGET_DELIVERIES),
    ("end feed", events::END_FEED),
    ("feed end", events::FEED_END),
    ("endpoint", endpoints::ENDPOINT),
    ("change endpoint", endpoints::CHANGE_ENDPOINT),
    ("remove endpoint", endpoints::REMOVE_ENDPOINT),
    ("remove deliveries", endpoints::REMOVE_DELIVERIES),
    ("propose", proposals::PROPOSE),
    ("proposal", proposals::PROPOSAL),
    ("decide proposal", proposals::DECIDE_PROPOSAL),
    ("switch changes", switches::SWITCH_CHANGES),
    ("sample", samples::SAMPLE),
    ("claim sample", samples::CLAIM_SAMPLE),
    ("record sample", samples::RECORD_SAMPLE),
    ("open counts", samples::OPEN_COUNTS),
    ("stuck", stuck::STUCK),
    ("stuck in shops", stuck::STUCK_IN_SHOPS),
    ("stuck tallies in shops", stuck::STUCK_TALLIES_IN_SHOPS),
    ("snoozed", stuck::SNOOZED),
    ("stuck notices", stuck::STUCK_NOTICES),
    ("stuck tallies", stuck::STUCK_TALLIES),
    ("stuck notices tally", stuck::STUCK_NOTICES_TALLY),
    ("dismiss or restore", inbox::DISMISS_OR_RESTORE),
    ("add notice deed", inbox::ADD_NOTICE_DEED),
    ("notice deeds", inbox::NOTICE_DEEDS),
    ("order bulk action", bulk_actions::ORDER_BULK_ACTION),
    ("record bulk action", bulk_actions::RECORD_BULK_ACTION),
    ("stop bulk action", bulk_actions::STOP_BULK_ACTION),
    ("bulk action", bulk_actions::BULK_ACTION),
    ("begin session", sessions::BEGIN_SESSION),
    ("forget sessions", sessions::FORGET_SESSIONS),
    ("holder of session", sessions::HOLDER_OF_SESSION),
    ("end session", sessions::END_SESSION),
    ("serve as", replicas::SERVE_AS),
    ("keep lines", settlements::KEEP_LINES),
    ("keep settlement", settlements::KEEP_SETTLEMENT),
    ("settlement", settlements::SETTLEMENT),
    ("settlement lines", settlements::SETTLEMENT_LINES),
    ("note settled", settlements::NOTE_SETTLED),
    ("open settlement breaks", settlements::OPEN_SETTLEMENT_BREAKS),
    ("unsettled", settlements::UNSETTLED),
    ("claim stream", streams::CLAIM_STREAM),
    ("record stream", streams::RECORD_STREAM),
    ("unpublished events", streams::UNPUBLISHED_EVENTS),
    ("claim request", named_requests::CLAIM_REQUEST),
    ("held request", named_requests::HELD_REQUEST),
    ("keep answer", named_requests::KEEP_ANSWER),
    ("release request", named_requests::RELEASE_REQUEST),
    ("forget requests", named_requests::FORGET_REQUESTS),
];

/// Those that may read a whole table.
const COLD: [(&str, &str); 32] = [
    ("overdue", health::OVERDUE),
    ("add key", keys::ADD_KEY),
    ("all keys", keys::ALL_KEYS),
    ("counts", samples::COUNTS),
    // What people have asked for, the latest first, as far as a page goes.
    ("proposals", proposals::PROPOSALS),
    // What people have stopped, ever.
    ("switches", switches::SWITCHES),
    ("turn switch", switches::TURN_SWITCH),
    // All that waits, from an index of nothing else.
    ("waiting notices", samples::WAITING_NOTICES),
    ("event backlog", samples::EVENT_BACKLOG),
    ("health", health::HEALTH),
    ("sweeps", sweep::SWEEPS),
    ("oldest open", sweep::OLDEST_OPEN),
    ("unmatched", unmatched::UNMATCHED),
    // All that waits, from an index of nothing else.
    ("post", books::POST),
    ("books end", books::BOOKS_END),
    ("list notices", inbox::LIST_NOTICES),
    ("reopen notice", inbox::REOPEN_NOTICE),
    // What has not ended, from an index of nothing else.
    ("claim export", exports::CLAIM_EXPORT),
    ("exports wait", exports::EXPORTS_WAIT),
    ("claim bulk action", bulk_actions::CLAIM_BULK_ACTION),
    ("bulk actions wait", bulk_actions::BULK_ACTIONS_WAIT),
    // What people have ordered, the latest first, as far as a page goes.
    ("bulk actions", bulk_actions::BULK_ACTIONS),
    // All lines before a window, once for a summary of it.
    ("balances", exports::BALANCES),
    ("open amounts", exports::OPEN_AMOUNTS),
    // The endpoints, which are few.
    ("stamp", events::STAMP),
    ("events wait", events::EVENTS_WAIT),
    ("add endpoint", endpoints::ADD_ENDPOINT),
    ("endpoints", endpoints::ENDPOINTS),
    ("endpoint waits", endpoints::ENDPOINT_WAITS),
    ("claim endpoint", endpoints::CLAIM_ENDPOINT),
    // As many rows as there are processes.
    ("forget replicas", replicas::FORGET_REPLICAS),
    ("replicas", replicas::REPLICAS),
];

#[tokio::test]
async fn every_statement_is_taken_and_the_hot_ones_use_indexes() {
    let store = Fixture::new().await;
    for (name, statement) in HOT {
        store.assert_indexed(name, statement).await;
    }
    for (_, statement) in COLD.into_iter().chain(health::VIOLATIONS) {
        store.plan(statement).await;
    }
}

#[tokio::test]
async fn lists_of_few_payments_use_indexes() {
    let store = Fixture::new().await;
    let before = Some(Position { created_at: domain::Time::EPOCH, id: uuid::Uuid::nil().into() });
    let filters = [
        Filter::default(),
        Filter { reference_id: Some("order-1".parse().unwrap()), ..Filter::default() },
        Filter { gateway_payment_id: Some("gw1".parse().unwrap()), ..Filter::default() },
        Filter { parent: Some(uuid::Uuid::nil().into()), ..Filter::default() },
        Filter { shops: BTreeSet::from(["main".parse().unwrap()]), ..Filter::default() },
        Filter { flag: Some(domain::Flag::Surplus), ..Filter::default() },
        Filter { created_from: Some(domain::Time::EPOCH), ..Filter::default() },
    ];
    for filter in filters {
        let page = Page { filter, before, limit: 50 };
        let statement = list::statement(&page).sql().as_str().to_owned();
        let name = format!("{:?}", page.filter);
        store.assert_indexed(&name, &statement).await;
    }
}

struct Fixture {
    store: SqliteStore,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payments.db");
        let store = SqliteStore::connect(&path, 1, Duration::from_secs(5)).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, _folder: folder }
    }

    async fn plan(&self, statement: &str) -> Vec<String> {
        let explain = AssertSqlSafe(format!("explain query plan {statement}"));
        let rows = sqlx::query(explain).fetch_all(&self.store.writer).await.unwrap();
        rows.iter().map(|row| row.get("detail")).collect()
    }

    /// A parameter is scanned, and so is what the statement itself has made of it, or of a few rows; a table never is.
    async fn assert_indexed(&self, name: &str, statement: &str) {
        let plan = self.plan(statement).await;
        let of_its_own = [
            "SCAN given",
            "SCAN u",
            "SCAN n",
            "SCAN p",
            "SCAN next",
            "SCAN due",
            "SCAN (subquery-2)",
            "SCAN CONSTANT ROW",
        ];
        let harmless = |step: &str| step.contains("VIRTUAL TABLE") || of_its_own.contains(&step);
        let scans = plan.iter().filter(|step| step.starts_with("SCAN") && !harmless(step)).count();
        assert!(scans == 0, "{name}: {plan:#?}");
    }
}
