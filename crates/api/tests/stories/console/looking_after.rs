//! What is stuck, what came in, what differs, and files: seen and dealt with at the console.

use std::time::Duration;

use gateway_simulator::{Fault, SignatureMode, sign};
use serde_json::{Value, json};
use store::Scope;
use strum::VariantArray as _;

use super::person::Person;
use crate::app::{Kind, SIGNING_KEY, TestApp, eventually, on_every_store};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

async fn deliver(app: &TestApp, told: &Value) {
    let body = told.to_string();
    let signature = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes());
    assert_eq!(app.notify(&body, signature.as_deref()).await.status, 200);
}

on_every_store! {
    async fn a_lost_answer_is_found_understood_and_resolved(app: TestApp) {
        // The gateway made the payment; neither its answer nor its list tells, for a while.
        app.restart_with(&[("PAYMENTS__LOOK_UP_SECONDS", "86400"), ("SWEEP__ENABLED", "false")]).await;
        app.fault("order-1", Fault::LostAfter);
        assert_eq!(app.take("order-1").await.status, 202);
        app.pass(16 * MINUTE, 4 * MINUTE).await;

        let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
        let stuck = person.get("/console/stuck").await;
        let words = stuck.words();
        assert!(words.contains("Unknown outcome 1 oldest 16 min"), "{words}");
        assert!(words.contains("order-1") && words.contains("its outcome is not known"), "{words}");
        assert!(words.contains("Next: ask the gateway now"), "{words}");
        assert!(stuck.text.contains("href=\"/console/runbook#unknown-outcome\""), "{}", stuck.text);
        assert!(person.get("/console/runbook").await.text.contains("id=\"unknown-outcome\""));
        let id = app.payment("order-1").await["id"].as_str().unwrap().to_owned();
        let path = format!("/console/payments/{id}/check");
        let checked = person.submit(&stuck, &path, &[]).await;
        let words = person.follow(&checked).await.words();
        assert!(words.contains("CHECKOUT") && words.contains("waiting for the customer"), "{words}");
        assert!(person.get("/console/stuck").await.words().contains("Nothing is stuck here"));
    }

    async fn an_unmatched_webhook_is_run_again_by_a_person(app: TestApp) {
        app.gateway.with(|engine, _| engine.switches_mut().webhooks = gateway_simulator::WebhookDelivery::Dropped);
        app.fault("order-1", Fault::LostAfter);
        app.take("order-1").await;
        let gateway_id = app.gateway.with(|engine, _| engine.payments_of("order-1").next().unwrap().id().to_string());
        app.pay("order-1").await;
        deliver(&app, &json!({ "id": gateway_id, "state": "COMPLETED", "amount": 11.12, "currency": "EUR" })).await;
        app.advance(61 * MINUTE);
        app.run_workers_until_idle().await;

        let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
        let page = person.get("/console/webhooks-in?verdict=unmatched").await;
        assert!(page.words().contains(&gateway_id), "{}", page.words());
        let action = page.text.split("action=\"").find(|text| text.starts_with("/console/webhooks-in/")).unwrap();
        let again = person.submit(&page, action.split('"').next().unwrap(), &[]).await;
        let words = person.follow(&again).await.words();
        assert!(words.contains("was run again") && words.contains("confirms") && words.contains("last by test"), "{words}");
    }

    async fn the_same_is_done_to_all_that_fit_and_watched_and_stopped(app: TestApp) {
        app.gateway.with(|engine, _| engine.switches_mut().checkout_timeout_seconds = 7 * 24 * 60 * 60);
        app.gateway.with(|engine, _| engine.switches_mut().webhooks = gateway_simulator::WebhookDelivery::Dropped);
        for number in 0..3 {
            app.take(&format!("order-{number}")).await;
        }
        app.advance(25 * 60 * MINUTE);
        let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
        let stuck = person.get("/console/stuck?reason=waiting-for-customer").await;
        let link = "/console/bulk-actions/order?reason=waiting-for-customer";
        assert!(stuck.text.replace("&#38;", "").contains(&format!("href=\"{link}\"")), "{}", stuck.text);
        let asked = person.get(link).await;
        let words = asked.words();
        assert!(words.contains("3 payments") && words.contains("Waiting for customer") && !words.contains("3 webhooks"), "{words}");
        let path = "/console/bulk-actions";
        let unsaid = person.submit(&asked, path, &[("action", "assign")]).await;
        assert_eq!(unsaid.status, 422, "a reason is needed");
        let strange = person.submit(&asked, path, &[("action", "void"), ("reason", "x")]).await;
        assert_eq!(strange.status, 422, "nothing that moves money");
        assert_eq!(person.post(path, &[("action".to_owned(), "check".to_owned())]).await.status, 403, "no form of theirs");

        let said = [("action", "assign"), ("assignee", "the night shift"), ("reason", "<b>mine</b>")];
        let ordered = person.submit(&asked, path, &said).await;
        let page = person.follow(&ordered).await;
        let words = page.words();
        assert!(words.contains("0 of 3") && words.contains("waiting") && !page.text.contains("<b>mine"), "{words}");
        assert!(app.serving().bulk().act_due().await.unwrap());
        let shown = ordered.location().split('?').next().unwrap().to_owned();
        let done = person.get(&shown).await;
        assert!(done.words().contains("3 of 3") && done.words().contains("completed"), "{}", done.words());
        assert!(!done.has_form(&format!("{shown}/stop")), "it is over");
        assert!(person.get("/console/stuck").await.words().contains("looked after by the night shift"));

        let off = [("action", "snooze"), ("hours", "4"), ("reason", "in the morning")];
        let ordered = person.submit(&asked, path, &off).await;
        let page = person.follow(&ordered).await;
        let shown = ordered.location().split('?').next().unwrap().to_owned();
        let stopped = person.submit(&page, &format!("{shown}/stop"), &[]).await;
        let words = person.follow(&stopped).await.words();
        assert!(words.contains("It is stopped") && words.contains("Stopped by test"), "{words}");
        assert!(!app.serving().bulk().act_due().await.unwrap(), "nobody goes on");
        assert!(person.get("/console/bulk-actions").await.words().contains("stopped"));
        let mut reader = Person::signed_in(&app, "pk_reader", &[Scope::OpsRead], &[]).await;
        assert!(!reader.get("/console/stuck").await.text.contains("bulk-actions/order"));
        assert_eq!(reader.get(link).await.status, 403);
        assert_eq!(reader.get(&shown).await.status, 200);
    }

    async fn a_webhook_that_nothing_will_match_is_dismissed_by_a_person_and_restored(app: TestApp) {
        deliver(&app, &json!({ "id": "stranger", "state": "COMPLETED" })).await;
        app.advance(61 * MINUTE);
        app.run_workers_until_idle().await;
        let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
        let stuck = person.get("/console/stuck").await;
        let action = stuck.text.split("action=\"").find(|text| text.contains("/dismiss\"")).unwrap();
        let action = action.split('"').next().unwrap();
        assert_eq!(person.submit(&stuck, action, &[]).await.status, 422, "a reason is needed");
        assert_eq!(person.post(action, &[("reason".to_owned(), "x".to_owned())]).await.status, 403, "no form of theirs");
        let dismissed = person.submit(&stuck, action, &[("reason", "<b>theirs</b>")]).await;
        let page = person.follow(&dismissed).await;
        let words = page.words();
        assert!(words.contains("is dismissed") && words.contains("dismissed by test") && words.contains("unmatched"), "{words}");
        assert!(!page.text.contains("<b>theirs"), "a text of others is a text");
        assert!(!page.has_form(action));
        assert!(person.get("/console/stuck").await.words().contains("Nothing is stuck here"));
        assert_eq!(person.submit(&stuck, action, &[("reason", "again")]).await.status, 409);
        let restored = person.submit(&page, &action.replace("dismiss", "restore"), &[("reason", "ours after all")]).await;
        assert!(person.follow(&restored).await.words().contains("listed as stuck again"));
        assert!(person.get("/console/stuck").await.words().contains("stranger"));
        let mut reader = Person::signed_in(&app, "pk_reader", &[Scope::OpsRead], &[]).await;
        assert!(!reader.get("/console/stuck").await.has_form(action));
        assert!(!reader.get("/console/webhooks-in").await.has_form(action));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_off_is_listed_apart_and_comes_back_by_itself() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.gateway.with(|engine, _| engine.switches_mut().checkout_timeout_seconds = 7 * 24 * 60 * 60);
    app.take("order-1").await;
    app.pass(25 * 60 * MINUTE, 60 * MINUTE).await;
    let id = app.payment("order-1").await["id"].as_str().unwrap().to_owned();
    let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
    assert!(person.get("/console/stuck").await.words().contains("Waiting for customer 1"));
    let path = format!("/console/payments/{id}");
    let page = person.get(&path).await;
    let noted = person.submit(&page, &format!("{path}/assign"), &[("assignee", "the night shift")]).await;
    assert_eq!(noted.status, 303, "{}", noted.words());
    let off = [("hours", "4"), ("reason", "the customer pays by post")];
    assert_eq!(person.submit(&page, &format!("{path}/snooze"), &off).await.status, 303);
    let far = person.submit(&page, &format!("{path}/snooze"), &[("hours", "9999"), ("reason", "never")]).await;
    assert_eq!(far.status, 422);
    assert!(person.get("/console/stuck").await.words().contains("Nothing is stuck here"));
    let put_off = person.get("/console/stuck?snoozed=true").await.words();
    assert!(put_off.contains("order-1") && put_off.contains("looked after by the night shift"), "{put_off}");
    let words = person.get(&path).await.words();
    assert!(words.contains("put off until") && words.contains("the customer pays by post"), "{words}");
    app.pass(5 * 60 * MINUTE, 60 * MINUTE).await;
    assert!(person.get("/console/stuck").await.words().contains("order-1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_of_what_is_stuck_has_all_of_it_and_no_formula() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.gateway.with(|engine, _| engine.switches_mut().checkout_timeout_seconds = 7 * 24 * 60 * 60);
    for number in 0..7 {
        app.take(&format!("=order-{number}")).await;
    }
    deliver(&app, &json!({ "id": "stranger", "state": "COMPLETED", "amount": 1, "currency": "EUR" })).await;
    app.pass(25 * 60 * MINUTE, 60 * MINUTE).await;
    let mut person = Person::signed_in(&app, "pk_oncall", &[Scope::OpsRead], &[]).await;
    let file = person.get("/console/stuck.csv?limit=2").await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    assert!(file.headers["content-disposition"].to_str().unwrap().contains("attachment"));
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(file.text.as_bytes()).records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 8, "{}", file.text);
    let references: std::collections::BTreeSet<&str> = rows.iter().map(|row| &row[6]).collect();
    assert!((0..7).all(|number| references.contains(format!("'=order-{number}").as_str())), "{references:?}");
    let one = person.get("/console/stuck.csv?reason=unmatched-webhook").await;
    assert_eq!(one.text.lines().count(), 2, "the filter of the page: {}", one.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_is_found_owned_and_resolved() {
    let app = TestApp::start(Kind::Sqlite).await;
    let begun = app.moment();
    app.advance(SECOND);
    app.make_elsewhere("stranger-1").await;
    app.pass(62 * MINUTE, 10 * MINUTE).await;
    let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
    let page = person.get("/console/reconciliations").await;
    let ordered = person.submit(&page, "/console/reconciliations", &[("from", &begun), ("to", &app.moment())]).await;
    let waiting = person.follow(&ordered).await;
    assert!(waiting.words().contains("waiting"), "{}", waiting.words());
    let path = ordered.location().split('?').next().unwrap().to_owned();
    let mut words = String::new();
    eventually("the end of the comparison", async || {
        app.serving().reconciler().reconcile_due().await.unwrap();
        app.advance(SECOND);
        words = person.get(&path).await.words();
        words.contains("completed")
    })
    .await;
    assert!(words.contains("missing-here : 1"), "{words}");

    let list = person.get("/console/breaks?state=open").await;
    let link = list.text.split("href=\"").find(|text| text.starts_with("/console/breaks/")).unwrap();
    let path = link.split('"').next().unwrap().to_owned();
    let page = person.get(&path).await;
    let owned = person.submit(&page, &format!("{path}/assign"), &[("owner", "ledger team")]).await;
    assert!(person.follow(&owned).await.words().contains("Owner ledger team"));
    let resolved = person.submit(&page, &format!("{path}/resolve"), &[("reason", "made by hand")]).await;
    let after = person.follow(&resolved).await;
    assert!(after.words().contains("Reason made by hand") && after.words().contains("by test"), "{}", after.words());
    assert!(!after.has_form(&format!("{path}/resolve")), "it is over");
    let again = person.submit(&page, &format!("{path}/resolve"), &[("reason", "once more")]).await;
    assert_eq!(again.status, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_ordered_watched_and_taken_and_that_is_noted() {
    let app = TestApp::start(Kind::Sqlite).await;
    let begun = app.moment();
    app.take("order-1").await;
    app.pay("order-1").await;
    app.end_of("order-1").await;
    app.advance(SECOND);
    let now = orchestrator::Clock::now(&app.clock);
    app.database().await.books.post(now, 1_000).await.unwrap();
    app.advance(SECOND);
    let to = app.moment();
    app.advance(2 * MINUTE);
    let mut person = Person::signed_in(&app, "pk_all", Scope::VARIANTS, &[]).await;
    let page = person.get("/console/exports").await;
    let order = [("report", "transactions"), ("format", "csv"), ("from", begun.as_str()), ("to", to.as_str())];
    let ordered = person.submit(&page, "/console/exports", &order).await;
    let waiting = person.follow(&ordered).await.words();
    assert!(waiting.contains("waiting") && waiting.contains("It is ordered"), "{waiting}");
    let path = ordered.location().split('?').next().unwrap().to_owned();
    let early = person.get(&format!("{path}/file")).await;
    assert_eq!(early.status, 409, "{early:?}");
    eventually("the end of the export", async || {
        app.serving().exporter().export_due().await.unwrap();
        app.advance(SECOND);
        person.get(&path).await.words().contains("completed")
    })
    .await;
    let file = person.get(&format!("{path}/file")).await;
    assert_eq!(file.status, 200);
    assert!(file.text.contains("order-1"), "{}", file.text);
    assert!(file.headers["content-disposition"].to_str().unwrap().contains(".csv"));
    let after = person.get(&path).await.words();
    assert!(after.contains("Who took it test"), "{after}");
}
