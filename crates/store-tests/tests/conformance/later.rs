//! A later release has added to every table, under connections that know each statement already.

use fault_catalogue::struck;
use store::{
    BreakFilter, BreaksPage, BulkAction, BulkActionsPage, BulkRecorded, Claim, DeliveriesPage, Download, EventsPage,
    Export, ExportState, ExportsPage, Filed, InboxPage, KeyRecord, Name, Notice, NoticeDeedKind, Opened, Outcome, Page,
    Reconciled, Resolution, Run, RunState, RunsPage, SampleClaim, Scope, Step, StuckPage, SweepClaim, UnmatchedPayment,
    Write,
};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_both_databases};
use crate::{exporting, naming, reconciling, serving, settling, signing_in, telling};

const TABLES: [&str; 34] = [
    "payments",
    "payment_events",
    "payment_checks",
    "payment_means",
    "kept_requests",
    "outbox",
    "gateway_payments",
    "unmatched_gateway_payments",
    "webhook_notices",
    "notice_deeds",
    "sweeps",
    "movements",
    "books",
    "api_keys",
    "named_requests",
    "reconciliations",
    "reconciliation_items",
    "reconciled_payments",
    "breaks",
    "bulk_actions",
    "exports",
    "export_downloads",
    "event_feed",
    "event_streams",
    "webhook_endpoints",
    "webhook_deliveries",
    "samples",
    "proposals",
    "switches",
    "console_sessions",
    "replicas",
    "settlements",
    "settlement_lines",
    "settled_payments",
];

on_both_databases! {
    async fn columns_that_a_later_release_adds_disturb_nobody(store: &TestStore) {
        // Twice, so that nothing is prepared for the first time later.
        everything(store, 1).await;
        everything(store, 2).await;
        let mut added = 0_u64;
        for table in TABLES {
            store.execute(&format!("alter table {table} add column later text")).await;
            added += 1;
        }
        everything(store, 3).await;
        everything(store, 4).await;
        struck(52, added);
    }
}

/// Each statement that there is, so that each connection has it.
async fn everything(store: &TestStore, round: u128) {
    let (database, number) = (store.database().unwrap(), round * 100);
    let seconds = 1_000 * u64::try_from(round).unwrap();
    let born = store::Birth { kept_request: Some(vec![1]), ..birth(number, &format!("order-{number}")) };
    assert_eq!(store.open(std::slice::from_ref(&born)).await, [Opened::New]);
    assert!(matches!(store.open(&[born]).await.as_slice(), [Opened::Existing(_)]));
    assert!(store.store.kept_request(id(number)).await.unwrap().is_some());
    let there = store.load_id(id(number)).await;
    let gateway = format!("gw{number}");
    let paid = found(sighting(&there.payment, &gateway, domain::GatewayState::Completed), at(seconds));
    assert_eq!(store.commit(&[write(&there, &paid)]).await, [Outcome::Won]);
    assert!(store.load(Name::Gateway(shop(), gateway_id(&gateway))).await.is_some());
    assert!(store.load(Name::Reference(shop(), reference(&format!("order-{number}")))).await.is_some());

    let told = Notice { gateway_payment_id: Some(gateway_id(&gateway)), ..notice(number) };
    let received = store.store.receive(&[told.clone(), notice(number + 1)]).await.unwrap();
    assert!(received[0].payment.is_some());
    let claim = Claim { now: at(seconds + 90), owner: owner(1), until: at(seconds + 95), limit: 10 };
    assert_eq!(store.store.claim_due(&claim).await.unwrap().len(), usize::try_from(round).unwrap());
    assert!(!store.store.claim_notices(&claim).await.unwrap().is_empty());
    let filed = Filed { id: told.id, verdict: "stale".to_owned(), payment: Some(id(number)), at: at(seconds) };
    assert_eq!(store.commit(&[Write { notice: Some(filed), ..Write::default() }]).await, [Outcome::Won]);
    assert_eq!(store.notices(id(number)).await.len(), 1);
    assert!(!database.inbox.list_notices(&InboxPage { limit: 10, ..InboxPage::default() }).await.unwrap().is_empty());
    assert!(database.inbox.reopen_notice(told.id, "somebody", at(seconds)).await.unwrap().is_some());
    let rerun = crate::dismissing::deed(number, NoticeDeedKind::Rerun, seconds);
    assert!(database.inbox.do_with_notice(&rerun).await.unwrap());
    assert_eq!(database.inbox.notice_deeds(told.id).await.unwrap(), [rerun]);

    let sweeping = SweepClaim { shop: shop(), now: at(seconds), owner: owner(1), until: at(seconds + 9) };
    let sweep = store.store.claim_sweep(&sweeping).await.unwrap().unwrap();
    assert!(store.store.record_sweep(&sweep).await.unwrap());
    assert_eq!(store.store.sweeps().await.unwrap().len(), 1);
    store.store.oldest_open(&shop()).await.unwrap();
    let stranger = UnmatchedPayment {
        shop: shop(),
        sighting: sighting(&there.payment, &format!("stranger{number}"), domain::GatewayState::Pending),
        first_seen_at: at(seconds),
        last_seen_at: at(seconds),
        tries: 0,
        next_try_at: Some(at(seconds)),
        matched: None,
    };
    store.store.file_unmatched(&[stranger]).await.unwrap();
    assert!(!store.store.due_unmatched(&shop(), at(seconds), 10).await.unwrap().is_empty());
    assert!(!store.unmatched(&shop()).await.is_empty());

    let of_stream = store::StreamClaim {
        name: format!("EVENTS-{round}"),
        now: at(seconds),
        owner: owner(1),
        until: at(seconds + 9),
    };
    let place = database.streams.claim_stream(&of_stream).await.unwrap().unwrap();
    assert!(database.streams.record_stream(&place, None).await.unwrap());
    database.streams.unpublished_events(&place.name).await.unwrap();

    database.means.keep_means(id(number), b"a card", at(seconds)).await.unwrap();
    assert!(database.means.means(id(number)).await.unwrap().is_some());
    let books = store.books();
    assert_eq!(books.post(at(seconds), 10).await.unwrap(), 1);
    assert!(!books.lines(0, 100, 100).await.unwrap().is_empty() && books.books_end().await.unwrap().place > 0);
    assert!(books.place_before(at(seconds + 1)).await.unwrap() > 0);
    let key = KeyRecord {
        scopes: [Scope::Admin].into(),
        shops: [shop()].into(),
        ..KeyRecord::new(Uuid::from_u128(number), "a key", number.to_be_bytes().to_vec(), at(0))
    };
    database.keys.add_key(&key).await.unwrap();
    assert_eq!(database.keys.key_by_digest(&key.digest).await.unwrap(), Some(key.clone()));
    assert!(!database.keys.keys().await.unwrap().is_empty());
    let session = signing_in::session(number, key.id, seconds);
    database.sessions.begin_session(&session).await.unwrap();
    assert!(database.sessions.holder_of_session(&session.digest, at(seconds)).await.unwrap().is_some());
    database.sessions.end_session(&session.digest).await.unwrap();
    database.replicas.serve_as(&serving::replica(number, seconds), at(0)).await.unwrap();
    assert!(!database.replicas.replicas().await.unwrap().is_empty());
    change_over(store, &key, number, seconds).await;
    assert!(database.keys.revoke_key(key.id, at(seconds)).await.unwrap());

    let bulk = BulkAction { shops: [].into(), ..crate::bulk::bulk_action(number, seconds) };
    assert_eq!(database.bulk_actions.order_bulk_action(&bulk).await.unwrap(), bulk);
    let mine = database.bulk_actions.claim_bulk_action(&crate::bulk::claim(1, seconds)).await.unwrap().unwrap();
    assert_eq!(database.bulk_actions.record_bulk_action(&mine, None).await.unwrap(), BulkRecorded::Kept);
    assert!(database.bulk_actions.stop_bulk_action(bulk.id, &mine.ordered_by, at(seconds)).await.unwrap());
    let page = BulkActionsPage { shops: [].into(), before: None, limit: 9 };
    assert!(!database.bulk_actions.bulk_actions(&page).await.unwrap().is_empty());
    name_a_request(store, number, seconds).await;

    compare(store, &there.payment, number, seconds).await;
    write_a_file(store, number, seconds).await;
    tell_somebody(store, number, seconds).await;
    settle(store, number).await;

    let reads = store.reads();
    let page = Page { filter: store::Filter::default(), before: None, limit: 10 };
    assert!(!reads.list(&page).await.unwrap().is_empty());
    assert_eq!(reads.find(&gateway).await.unwrap().len(), 1);
    assert_eq!(reads.ledger(id(number), 0, 10).await.unwrap().len(), 2);
    count(store, seconds).await;
    assert!(reads.health().await.unwrap().migrated);
    // And each ledger folded, the outbox read, and every view of what must not be.
    store.check().await;
}

/// A key that is used, and that another one takes the place of.
async fn change_over(store: &TestStore, key: &KeyRecord, number: u128, seconds: u64) {
    let database = store.database().unwrap();
    let seen = key.digest.clone();
    let previous = store::PreviousKey { digest: seen.clone(), until: at(seconds) };
    let rotation = store::KeyRotation { id: key.id, seen, digest: format!("new {number}").into_bytes(), previous };
    assert!(database.keys.rotate_key(&rotation).await.unwrap().is_some());
    database.keys.note_used(&[(key.id, at(seconds))]).await.unwrap();
}

/// A request that its caller has named, answered once.
async fn name_a_request(store: &TestStore, number: u128, seconds: u64) {
    let (requests, named) = (&store.database().unwrap().named_requests, naming::claim(number, number, seconds));
    assert_eq!(requests.claim_request(&named).await.unwrap(), store::Claimed::Ours);
    assert!(requests.keep_answer(&named.digest, named.attempt, b"an answer").await.unwrap());
    assert!(matches!(requests.claim_request(&named).await.unwrap(), store::Claimed::Answered { .. }));
    requests.release_request(b"nobody's", named.attempt).await.unwrap();
    requests.forget_requests(at(0)).await.unwrap();
}

/// An endpoint from its first word to its removal, with an event that it does not take at once.
async fn tell_somebody(store: &TestStore, number: u128, seconds: u64) {
    let events = store.events();
    assert!(events.stamp(100).await.unwrap() > 0);
    let through = events.feed_end().await.unwrap();
    let page = EventsPage { after: 0, through, shops: [shop()].into(), payment: None, limit: 1_000 };
    assert!(!events.events(&page).await.unwrap().is_empty());
    let of_one = EventsPage { payment: Some(id(number)), ..page };
    let event = events.events(&of_one).await.unwrap().remove(0);
    assert_eq!(events.event(event.payment, event.sequence).await.unwrap().as_ref(), Some(&event));
    let order = telling::endpoint(number, seconds);
    assert!(events.add_endpoint(&order, 9).await.unwrap());
    assert!(events.change_endpoint(&order).await.unwrap());
    assert!(events.endpoint(order.id).await.unwrap().is_some() && !events.endpoints().await.unwrap().is_empty());
    let claimed = events.claim_endpoint(&telling::claim(1, seconds)).await.unwrap().unwrap();
    let parked = telling::parked(&event, seconds);
    assert!(events.record_push(&claimed, std::slice::from_ref(&parked)).await.unwrap());
    assert_eq!(events.waiting_events(order.id, &[event.payment]).await.unwrap().len(), 1);
    assert_eq!(events.due_deliveries(order.id, at(seconds), 9).await.unwrap(), std::slice::from_ref(&parked));
    let page = DeliveriesPage { endpoint: order.id, state: None, before: None, limit: 9 };
    assert_eq!(events.deliveries(&page).await.unwrap(), [parked]);
    events.resend(order.id, &event, at(seconds)).await.unwrap();
    events.forget_deliveries(at(seconds), 9).await.unwrap();
    assert!(events.remove_endpoint(order.id).await.unwrap());
}

/// What is counted for the metrics, and what needs a person.
async fn count(store: &TestStore, seconds: u64) {
    let database = store.database().unwrap();
    let samples = database.samples.as_ref();
    let claim = SampleClaim { name: "open", fresh_since: at(seconds), now: at(seconds), until: at(seconds + 1) };
    assert!(samples.claim_sample(&claim).await.unwrap());
    samples.record_sample("open", at(seconds), "{}").await.unwrap();
    assert_eq!(samples.sample("open").await.unwrap(), Some((at(seconds), "{}".to_owned())));
    assert!(!samples.counts().await.unwrap().is_empty());
    samples.open_counts().await.unwrap();
    samples.waiting_notices().await.unwrap();
    for (snoozed, shops) in [(false, [].into()), (false, [shop()].into()), (true, [shop()].into())] {
        let page = StuckPage { reasons: [].into(), shops, now: at(seconds), snoozed, after: None, limit: 10 };
        database.reads.stuck(&page).await.unwrap();
        database.reads.stuck_tallies(&page.shops, at(seconds), 10).await.unwrap();
    }
}

/// A run from its order to its end, with a break that somebody takes and resolves.
async fn compare(store: &TestStore, payment: &domain::Payment, number: u128, seconds: u64) {
    let runs = store.reconciliations();
    let order = reconciling::run(number, seconds);
    assert_eq!(runs.order_run(&order).await.unwrap(), order);
    let claimed = runs.claim_run(&reconciling::claim(1, seconds)).await.unwrap().unwrap();
    let (gateway, name) = (format!("foreign{number}"), Uuid::from_u128(number + 1));
    let state = domain::PaymentState::Completed;
    let proven = Reconciled { payment: payment.id(), at: at(seconds), run: order.id, state, money: None };
    let first = Step {
        met: vec![reconciling::met(&gateway, true)],
        findings: vec![(name, reconciling::finding(&gateway, "1.00"))],
        reconciled: vec![proven],
        ..reconciling::step(&claimed, seconds)
    };
    assert!(runs.record_step(&first).await.unwrap());
    assert_eq!(runs.met(order.id, &[gateway_id(&gateway)]).await.unwrap(), [true]);
    assert_eq!(runs.reconciled(&[payment.id()]).await.unwrap().len(), 1);
    assert!(runs.assign_break(name, "somebody").await.unwrap().is_some());
    let resolution = Resolution { reason: "booked".to_owned(), by: reconciling::actor(), at: at(seconds) };
    assert!(runs.resolve_break(name, &resolution).await.unwrap().is_some());
    assert!(runs.one_break(name).await.unwrap().is_some());
    runs.covered_payments(&claimed, None, 10).await.unwrap();
    runs.unmatched_notices(&claimed, None, 10).await.unwrap();
    runs.unfound_breaks(&claimed, None, 10).await.unwrap();
    runs.tally(order.id).await.unwrap();
    assert_eq!(runs.forget_met(order.id, 10).await.unwrap(), 1);
    let done = Run { state: RunState::Completed, finished_at: Some(at(seconds)), ..claimed };
    assert!(runs.record_step(&reconciling::step(&done, seconds)).await.unwrap());
    assert_eq!(runs.run(order.id).await.unwrap().unwrap().state, RunState::Completed);
    let breaks = BreaksPage { filter: BreakFilter::default(), before: None, limit: 10 };
    assert!(!runs.breaks(&breaks).await.unwrap().is_empty());
    let page = RunsPage { shops: [shop()].into(), state: None, before: None, limit: 10 };
    assert!(!runs.runs(&page).await.unwrap().is_empty());
}

/// An export from its order to its end, and who took it.
async fn write_a_file(store: &TestStore, number: u128, seconds: u64) {
    let exports = store.exports();
    let order = exporting::export(number, seconds);
    assert_eq!(exports.order_export(&order).await.unwrap(), order);
    let claimed = exports.claim_export(&exporting::claim(1, seconds)).await.unwrap().unwrap();
    assert!(!exports.balances(100).await.unwrap().is_empty());
    exports.open_amounts().await.unwrap();
    let (manifest, finished_at) = (Some("{}".to_owned()), Some(at(seconds)));
    let done = Export { state: ExportState::Completed, manifest, finished_at, ..claimed };
    assert!(exports.record_export(&done, None).await.unwrap());
    assert!(!exports.exports_completed_before(at(seconds + 1), 10).await.unwrap().is_empty());
    exports.record_download(order.id, &Download { by: exporting::actor(), at: at(seconds) }).await.unwrap();
    assert_eq!(exports.downloads(order.id).await.unwrap().len(), 1);
    let page = ExportsPage { shops: [shop()].into(), before: None, limit: 10 };
    assert!(!exports.exports(&page).await.unwrap().is_empty());
}

/// A settlement file from its first line on.
async fn settle(store: &TestStore, number: u128) {
    let (files, name) = (store.settlements(), Uuid::from_u128(number));
    files.keep_lines(name, &[(1, "{}".to_owned())]).await.unwrap();
    assert!(files.keep_settlement(&settling::settlement(name)).await.unwrap());
    assert!(files.settlement(name).await.unwrap().is_some());
    assert_eq!(files.settlement_lines(name, 0, 10).await.unwrap().len(), 1);
    assert_eq!(files.unsettled(&shop(), [at(0), at(1_000_000)], None, 10).await.unwrap().len(), 1);
    files.note_settled(name, &[id(number)]).await.unwrap();
    assert!(files.open_settlement_breaks(&[id(number)]).await.unwrap().is_empty());
    assert_eq!(files.unsettled(&shop(), [at(0), at(1_000_000)], None, 10).await.unwrap(), []);
}
