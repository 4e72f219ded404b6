//! What can be seen only from inside: the statements themselves, their plans, and the pools.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod plans;
mod pools;
mod statements;

use sqlx::postgres::PgPool;

use super::PostgresStore;
use super::books::{BOOKS_END, LINES, PLACE_BEFORE, POST};
use super::breaks::{ASSIGN_BREAK, BREAK, BREAKS, RESOLVE_BREAK, TALLY, UNFOUND_BREAKS};
use super::bulk_actions::{
    BULK_ACTION, BULK_ACTIONS, CLAIM_BULK_ACTION, ORDER_BULK_ACTION, RECORD_BULK_ACTION, STOP_BULK_ACTION,
};
use super::claim::{CLAIM_DUE, CLAIM_NOTICES, FORGET_KEPT_REQUESTS, KEPT_REQUEST};
use super::commit::{COMMIT, HOLDERS};
use super::endpoints::{ADD_ENDPOINT, CHANGE_ENDPOINT, CLAIM_ENDPOINT, ENDPOINT, ENDPOINTS, REMOVE_ENDPOINT};
use super::events::{
    DELIVERIES, DUE_DELIVERIES, EVENT, EVENTS, EVENTS_OF, FEED_END, FORGET_DELIVERIES, RECORD_PUSH, RESEND, STAMP,
    WAITING_EVENTS,
};
use super::exports::{
    BALANCES, CLAIM_EXPORT, DOWNLOADS, EXPORT, EXPORTS, EXPORTS_COMPLETED_BEFORE, OPEN_AMOUNTS, ORDER_EXPORT,
    RECORD_DOWNLOAD, RECORD_EXPORT,
};
use super::inbox::{DO_WITH_NOTICE, LIST_NOTICES, NOTICE_DEEDS, REOPEN_NOTICE};
use super::keys::{ADD_KEY, ALL_KEYS, KEY_BY_DIGEST, REVOKE_KEY};
use super::list::{FIND, LIST};
use super::load::LOAD;
use super::means::{KEEP_MEANS, MEANS};
use super::proposals::{DECIDE_PROPOSAL, PROPOSAL, PROPOSALS, PROPOSE};
use super::reads::{APPLIED_MIGRATIONS, AUDIT, HEALTH, LEDGER, NOTICES, OVERDUE, VIOLATIONS};
use super::receive::RECEIVE;
use super::reconciliations::{
    CLAIM_RUN, COVERED_PAYMENTS, FORGET_MET, MET, ORDER_RUN, ORDERED_RUN, RECONCILED, RECORD_STEP, RUN, RUNS,
    UNMATCHED_NOTICES,
};
use super::replicas::{FORGET_REPLICAS, REPLICAS, SERVE_AS};
use super::samples::{CLAIM_SAMPLE, COUNTS, EVENT_BACKLOG, OPEN_COUNTS, RECORD_SAMPLE, SAMPLE, WAITING_NOTICES};
use super::sessions::{BEGIN_SESSION, END_SESSION, FORGET_SESSIONS, KEY_OF_SESSION};
use super::settlements::{
    KEEP_LINES, KEEP_SETTLEMENT, NOTE_SETTLED, OPEN_SETTLEMENT_BREAKS, SETTLEMENT, SETTLEMENT_LINES, UNSETTLED,
};
use super::streams::{CLAIM_STREAM, RECORD_STREAM, UNPUBLISHED_EVENTS};
use super::stuck::{
    SNOOZED, STUCK, STUCK_IN_SHOPS, STUCK_NOTICES, STUCK_NOTICES_TALLY, STUCK_TALLIES, STUCK_TALLIES_IN_SHOPS,
};
use super::sweep::{CLAIM_SWEEP, OLDEST_OPEN, RECORD_SWEEP, SWEEPS};
use super::switches::{SWITCH_CHANGES, SWITCHES, TURN_SWITCH};
use super::unmatched::{DUE_UNMATCHED, FILE_UNMATCHED, UNMATCHED};
use crate::{DatabaseUrl, PoolSettings, database_url::Place};

/// Every statement of the write path and of the look-ups by name: their cost may not grow with what is stored.
const HOT: [(&str, &str); 20] = [
    ("COMMIT", COMMIT),
    ("HOLDERS", HOLDERS),
    ("LOAD", LOAD),
    ("RECEIVE", RECEIVE),
    ("CLAIM_DUE", CLAIM_DUE),
    ("CLAIM_NOTICES", CLAIM_NOTICES),
    ("KEPT_REQUEST", KEPT_REQUEST),
    ("FORGET_KEPT_REQUESTS", FORGET_KEPT_REQUESTS),
    ("KEEP_MEANS", KEEP_MEANS),
    ("MEANS", MEANS),
    ("ADD_KEY", ADD_KEY),
    ("KEY_BY_DIGEST", KEY_BY_DIGEST),
    ("REVOKE_KEY", REVOKE_KEY),
    ("CLAIM_SWEEP", CLAIM_SWEEP),
    ("RECORD_SWEEP", RECORD_SWEEP),
    ("FILE_UNMATCHED", FILE_UNMATCHED),
    ("DUE_UNMATCHED", DUE_UNMATCHED),
    ("BEGIN_SESSION", BEGIN_SESSION),
    ("END_SESSION", END_SESSION),
    ("SERVE_AS", SERVE_AS),
];

/// All the others.
const COOL: [(&str, &str); 105] = [
    ("KEY_OF_SESSION", KEY_OF_SESSION),
    ("FORGET_SESSIONS", FORGET_SESSIONS),
    ("ALL_KEYS", ALL_KEYS),
    ("LIST", LIST),
    ("FIND", FIND),
    ("LEDGER", LEDGER),
    ("NOTICES", NOTICES),
    ("AUDIT", AUDIT),
    ("OVERDUE", OVERDUE),
    ("COUNTS", COUNTS),
    ("HEALTH", HEALTH),
    ("APPLIED_MIGRATIONS", APPLIED_MIGRATIONS),
    ("SWEEPS", SWEEPS),
    ("OLDEST_OPEN", OLDEST_OPEN),
    ("UNMATCHED", UNMATCHED),
    ("LIST_NOTICES", LIST_NOTICES),
    ("REOPEN_NOTICE", REOPEN_NOTICE),
    ("DO_WITH_NOTICE", DO_WITH_NOTICE),
    ("NOTICE_DEEDS", NOTICE_DEEDS),
    ("POST", POST),
    ("BOOKS_END", BOOKS_END),
    ("PLACE_BEFORE", PLACE_BEFORE),
    ("LINES", LINES),
    ("ORDER_RUN", ORDER_RUN),
    ("ORDERED_RUN", ORDERED_RUN),
    ("CLAIM_RUN", CLAIM_RUN),
    ("RUN", RUN),
    ("RUNS", RUNS),
    ("MET", MET),
    ("RECORD_STEP", RECORD_STEP),
    ("COVERED_PAYMENTS", COVERED_PAYMENTS),
    ("UNMATCHED_NOTICES", UNMATCHED_NOTICES),
    ("FORGET_MET", FORGET_MET),
    ("RECONCILED", RECONCILED),
    ("BREAK", BREAK),
    ("BREAKS", BREAKS),
    ("UNFOUND_BREAKS", UNFOUND_BREAKS),
    ("TALLY", TALLY),
    ("ASSIGN_BREAK", ASSIGN_BREAK),
    ("RESOLVE_BREAK", RESOLVE_BREAK),
    ("ORDER_EXPORT", ORDER_EXPORT),
    ("CLAIM_EXPORT", CLAIM_EXPORT),
    ("RECORD_EXPORT", RECORD_EXPORT),
    ("EXPORT", EXPORT),
    ("EXPORTS", EXPORTS),
    ("EXPORTS_COMPLETED_BEFORE", EXPORTS_COMPLETED_BEFORE),
    ("RECORD_DOWNLOAD", RECORD_DOWNLOAD),
    ("DOWNLOADS", DOWNLOADS),
    ("BALANCES", BALANCES),
    ("OPEN_AMOUNTS", OPEN_AMOUNTS),
    ("ADD_ENDPOINT", ADD_ENDPOINT),
    ("CHANGE_ENDPOINT", CHANGE_ENDPOINT),
    ("CLAIM_ENDPOINT", CLAIM_ENDPOINT),
    ("ENDPOINT", ENDPOINT),
    ("ENDPOINTS", ENDPOINTS),
    ("REMOVE_ENDPOINT", REMOVE_ENDPOINT),
    ("DELIVERIES", DELIVERIES),
    ("DUE_DELIVERIES", DUE_DELIVERIES),
    ("EVENT", EVENT),
    ("EVENTS", EVENTS),
    ("EVENTS_OF", EVENTS_OF),
    ("FEED_END", FEED_END),
    ("FORGET_DELIVERIES", FORGET_DELIVERIES),
    ("RECORD_PUSH", RECORD_PUSH),
    ("RESEND", RESEND),
    ("STAMP", STAMP),
    ("WAITING_EVENTS", WAITING_EVENTS),
    ("PROPOSE", PROPOSE),
    ("PROPOSAL", PROPOSAL),
    ("PROPOSALS", PROPOSALS),
    ("DECIDE_PROPOSAL", DECIDE_PROPOSAL),
    ("SWITCHES", SWITCHES),
    ("TURN_SWITCH", TURN_SWITCH),
    ("SWITCH_CHANGES", SWITCH_CHANGES),
    ("SAMPLE", SAMPLE),
    ("CLAIM_SAMPLE", CLAIM_SAMPLE),
    ("RECORD_SAMPLE", RECORD_SAMPLE),
    ("OPEN_COUNTS", OPEN_COUNTS),
    ("WAITING_NOTICES", WAITING_NOTICES),
    ("EVENT_BACKLOG", EVENT_BACKLOG),
    ("ORDER_BULK_ACTION", ORDER_BULK_ACTION),
    ("CLAIM_BULK_ACTION", CLAIM_BULK_ACTION),
    ("RECORD_BULK_ACTION", RECORD_BULK_ACTION),
    ("STOP_BULK_ACTION", STOP_BULK_ACTION),
    ("BULK_ACTION", BULK_ACTION),
    ("BULK_ACTIONS", BULK_ACTIONS),
    ("STUCK", STUCK),
    ("STUCK_IN_SHOPS", STUCK_IN_SHOPS),
    ("STUCK_TALLIES_IN_SHOPS", STUCK_TALLIES_IN_SHOPS),
    ("SNOOZED", SNOOZED),
    ("STUCK_NOTICES", STUCK_NOTICES),
    ("STUCK_TALLIES", STUCK_TALLIES),
    ("STUCK_NOTICES_TALLY", STUCK_NOTICES_TALLY),
    ("FORGET_REPLICAS", FORGET_REPLICAS),
    ("REPLICAS", REPLICAS),
    ("KEEP_LINES", KEEP_LINES),
    ("KEEP_SETTLEMENT", KEEP_SETTLEMENT),
    ("SETTLEMENT", SETTLEMENT),
    ("SETTLEMENT_LINES", SETTLEMENT_LINES),
    ("NOTE_SETTLED", NOTE_SETTLED),
    ("OPEN_SETTLEMENT_BREAKS", OPEN_SETTLEMENT_BREAKS),
    ("UNSETTLED", UNSETTLED),
    ("CLAIM_STREAM", CLAIM_STREAM),
    ("RECORD_STREAM", RECORD_STREAM),
    ("UNPUBLISHED_EVENTS", UNPUBLISHED_EVENTS),
];

struct Fresh {
    store: PostgresStore,
    /// A session of the test's own, with the server's own settings.
    pool: PgPool,
    _database: test_postgres::TestDatabase,
}

async fn fresh() -> Fresh {
    let database = test_postgres::database().await;
    let url: DatabaseUrl = database.url.parse().unwrap();
    let Place::Postgres(server) = url.0 else { panic!("{url} is not PostgreSQL") };
    PostgresStore::migrate(&server).await.unwrap();
    let settings = PoolSettings { requests: 1, webhooks: 1, workers: 1, reads: 1, ..PoolSettings::default() };
    let store = PostgresStore::connect(&server, &settings).await.unwrap();
    let pool = PgPool::connect_with(*server).await.unwrap();
    Fresh { store, pool, _database: database }
}
