//! Reading: by every name, waiting for what comes, page by page, and the ledger.

use std::time::{Duration, Instant};

use gateway_simulator::Fault;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, on_every_store, order};

const MINUTE: Duration = Duration::from_mins(1);

on_every_store! {
    async fn a_payment_has_three_names_and_one_face(app: TestApp) {
        let taken = app.take("order-1").await.body;
        let (id, gateway_id) = (taken["id"].as_str().unwrap(), taken["gatewayPaymentId"].as_str().unwrap());
        for path in [
            format!("/v1/payments/{id}"),
            format!("/v1/payments/{}", id.to_uppercase()),
            "/v1/payments/by-reference/order-1".to_owned(),
            "/v1/payments/by-reference/order-1?shop=main".to_owned(),
            format!("/v1/payments/by-gateway-id/{gateway_id}"),
        ] {
            let found = app.get(&path).await;
            assert_eq!((found.status, &found.body), (200, &taken), "{path}");
        }
        app.get("/v1/payments/by-reference/order-2").await.assert_problem("not-found");
        app.get(&format!("/v1/payments/by-gateway-id/{}", gateway_id.to_uppercase())).await.assert_problem("not-found");
    }

    async fn who_waits_for_the_end_is_answered_when_it_comes(app: TestApp) {
        let taken = app.take("order-1").await.body;
        let by_every_name = [
            format!("/v1/payments/{}?wait=60", taken["id"].as_str().unwrap()),
            "/v1/payments/by-reference/order-1?wait=60".to_owned(),
            format!("/v1/payments/by-gateway-id/{}?wait=60", taken["gatewayPaymentId"].as_str().unwrap()),
        ];
        let begun = Instant::now();
        let waiting = futures::future::join_all(by_every_name.iter().map(|path| app.get(path)));
        let (answers, ()) = tokio::join!(waiting, app.pay("order-1"));
        for answer in answers {
            assert_eq!(answer.body["state"], "COMPLETED", "{answer:?}");
        }
        // What is final already is answered at once.
        for path in &by_every_name {
            assert_eq!(app.get(path).await.body["state"], "COMPLETED");
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the wait is over when the payment is");
    }

    async fn who_waits_in_vain_gets_what_there_is(app: TestApp) {
        app.take("order-1").await;
        let begun = Instant::now();
        let answer = app.get("/v1/payments/by-reference/order-1?wait=1").await;
        assert_eq!((answer.status, &answer.body["state"]), (200, &json!("CHECKOUT")));
        assert!(begun.elapsed() >= Duration::from_secs(1));
        assert_eq!(app.get("/v1/payments/by-reference/order-1?wait=0").await.body["state"], "CHECKOUT");
        app.get("/v1/payments/by-reference/nobody?wait=60").await.assert_problem("not-found");
    }

    async fn who_waits_for_news_is_answered_by_any_change(app: TestApp) {
        app.fault("order-1", Fault::LostAfter);
        let taken = app.take("order-1").await.body;
        let version = taken["version"].as_u64().unwrap();
        let path = |after: u64| format!("/v1/payments/by-reference/order-1?wait=60&after={after}");
        assert_eq!(app.get(&path(version - 1)).await.body["version"], version, "it has changed already");
        let found = async {
            app.advance(Duration::from_secs(3));
            app.run_workers_until_idle().await;
        };
        let (news, ()) = tokio::join!(async { app.get(&path(version)).await }, found);
        assert_eq!((&news.body["state"], &news.body["final"]), (&json!("CHECKOUT"), &json!(false)));
        assert!(news.body["version"].as_u64().unwrap() > version);
    }

    async fn pages_show_each_payment_once_while_new_ones_come_in(app: TestApp) {
        // Some of them made in the same moment.
        for count in 0..9 {
            app.take(&format!("old-{count}")).await;
            if count % 3 == 0 {
                app.advance(MINUTE);
            }
        }
        let (mut seen, mut next) = (Vec::new(), Some(String::new()));
        for page in 0..5 {
            let cursor = next.take().expect("a page is missing");
            let page_now = app.get(&format!("/v1/payments?limit=2{cursor}")).await;
            assert_eq!(page_now.status, 200, "{page_now:?}");
            seen.extend(references(&page_now));
            next = page_now.body["nextCursor"].as_str().map(|cursor| format!("&cursor={cursor}"));
            app.take(&format!("new-{page}")).await;
        }
        assert_eq!(next, None, "nine payments are five pages");
        let newest_first: Vec<String> = (0..9).rev().map(|count| format!("old-{count}")).collect();
        assert_eq!(seen, newest_first);
        let all = app.get("/v1/payments?limit=200").await;
        assert_eq!((references(&all).len(), &all.body["nextCursor"]), (14, &Value::Null));
        let exactly_full = app.get("/v1/payments?limit=14").await;
        assert_eq!(exactly_full.body["nextCursor"], Value::Null);
    }

    async fn a_list_shows_what_fits_every_filter(app: TestApp) {
        let started = app.payment_made("plain", |_| ()).await["createdAt"].as_str().unwrap().to_owned();
        app.advance(MINUTE);
        app.payment_made("in-dollars", |order| order["currency"] = json!("USD")).await;
        app.payment_made("by-pix", |order| order["paymentMethod"] = json!("PIX")).await;
        app.payment_made("with-basket", |order| order["metadata"] = json!({ "basket": "17", "a.b c": "ž" })).await;
        app.advance(MINUTE);
        let paid = app.payment_made("paid", |order| order["metadata"] = json!({ "basket": "18" })).await;
        app.fault("paid", Fault::OtherAmount(gateway_simulator::Amount::new(rust_decimal::Decimal::new(5, 1))));
        app.pay("paid").await;
        let paid_at = app.end_of("paid").await["updatedAt"].as_str().unwrap().to_owned();
        app.fault("lost", Fault::LostBefore);
        app.take("lost").await;

        let all = ["lost", "paid", "with-basket", "by-pix", "in-dollars", "plain"];
        let gateway_id = paid["gatewayPaymentId"].as_str().unwrap();
        for (query, fitting) in [
            (String::new(), &all[..]),
            ("referenceId=by-pix".to_owned(), &["by-pix"]),
            ("referenceId=nobody".to_owned(), &[]),
            (format!("gatewayPaymentId={gateway_id}"), &["paid"]),
            ("state=COMPLETED".to_owned(), &["paid"]),
            ("state=COMPLETED,SUBMITTED".to_owned(), &["lost", "paid"]),
            ("state=COMPLETED&state=SUBMITTED".to_owned(), &["lost", "paid"]),
            ("state=DECLINED".to_owned(), &[]),
            ("paymentType=DEPOSIT".to_owned(), &all[..]),
            ("paymentType=REFUND".to_owned(), &[]),
            ("paymentMethod=PIX".to_owned(), &["by-pix"]),
            ("currency=USD".to_owned(), &["in-dollars"]),
            ("shop=main".to_owned(), &all[..]),
            ("shop=second".to_owned(), &[]),
            ("shop=second,main&state=COMPLETED".to_owned(), &["paid"]),
            (format!("createdTo={started}"), &[]),
            (format!("createdFrom={started}"), &all[..]),
            (format!("createdFrom={paid_at}"), &["lost", "paid"]),
            (format!("createdTo={paid_at}"), &["with-basket", "by-pix", "in-dollars", "plain"]),
            (format!("updatedFrom={paid_at}"), &["lost", "paid"]),
            (format!("updatedTo={paid_at}&createdFrom={}", later(&started)), &["with-basket", "by-pix", "in-dollars"]),
            ("metadata.basket=17".to_owned(), &["with-basket"]),
            ("metadata.basket=17&metadata.a.b%20c=%C5%BE".to_owned(), &["with-basket"]),
            ("metadata.basket=17&metadata.basket=18".to_owned(), &[]),
            ("metadata.basket=1".to_owned(), &[]),
            ("metadata.basket=".to_owned(), &[]),
            ("flag=amount-differs".to_owned(), &["paid"]),
            ("flag=surplus".to_owned(), &[]),
            (format!("parentPaymentId={}", paid["id"].as_str().unwrap()), &[]),
            ("state=COMPLETED&currency=USD".to_owned(), &[]),
        ] {
            let list = app.get(&format!("/v1/payments?{query}")).await;
            assert_eq!(list.status, 200, "{query}: {list:?}");
            assert_eq!(references(&list), fitting, "{query}");
        }
    }

    async fn the_ledger_tells_everything_that_was_seen_and_nothing_of_a_person(app: TestApp) {
        let mut order = order("order-1");
        order["customer"] = json!({ "firstName": "Xk7Marta", "email": "xk7@person.example", "ip": "81.4.178.167" });
        order["description"] = json!("Xk7Description");
        order["metadata"] = json!({ "basket": "17" });
        app.fault("order-1", Fault::LostAfter);
        app.post("/v1/payments", &order).await;
        app.pass(Duration::from_secs(5), Duration::from_secs(1)).await;
        app.pay("order-1").await;
        let end = app.end_of("order-1").await;
        let id = end["id"].as_str().unwrap();

        let ledger = app.get(&format!("/v1/payments/{id}/events")).await;
        assert_eq!((ledger.status, &ledger.body["nextCursor"]), (200, &Value::Null), "{ledger:?}");
        let entries = ledger.body["data"].as_array().unwrap();
        assert_eq!(json!(entries.len()), end["version"]);
        for (entry, sequence) in entries.iter().zip(1..) {
            assert_eq!(entry["sequence"], sequence);
            assert!(entry["at"].as_str().unwrap().ends_with('Z'));
        }
        let kinds: Vec<&str> = entries.iter().map(|entry| entry["seen"]["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["opened", "outcome-unknown", "reported", "found", "reported", "reported"]);
        let sources: Vec<&str> = entries.iter().map(|entry| entry["source"].as_str().unwrap()).collect();
        assert_eq!(sources, ["request", "response", "sweep", "sweep", "poll", "webhook"]);
        assert_eq!(entries[0]["seen"]["metadata"], json!({ "basket": "17" }));
        let text = ledger.body.to_string().to_lowercase();
        for hidden in ["fingerprint", "xk7", "person.example", "81.4.178"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }

        let first = app.get(&format!("/v1/payments/{id}/events?limit=3")).await.body;
        let cursor = first["nextCursor"].as_str().unwrap();
        let second = app.get(&format!("/v1/payments/{id}/events?limit=3&cursor={cursor}")).await.body;
        assert_eq!(second["nextCursor"], Value::Null);
        let paged = [first["data"].as_array().unwrap().clone(), second["data"].as_array().unwrap().clone()].concat();
        assert_eq!(&paged, entries);
    }

    async fn a_person_may_ask_the_gateway_now(app: TestApp) {
        app.fault("order-1", Fault::LostAfter);
        let lost = app.take("order-1").await.body;
        let path = format!("/v1/payments/{}/check", lost["id"].as_str().unwrap());
        let found = app.post(&path, &json!({})).await;
        assert_eq!((found.status, &found.body["state"]), (200, &json!("CHECKOUT")), "{found:?}");

        app.fault("order-1", Fault::HookNever);
        app.pay("order-1").await;
        assert_eq!(app.payment("order-1").await["state"], "CHECKOUT", "nobody has told us");
        let checked = app.post(&path, &json!({})).await;
        assert_eq!((&checked.body["state"], &checked.body["refundableAmount"]), (&json!("COMPLETED"), &json!("11.12")));
        let again = app.post(&path, &json!({})).await;
        assert_eq!((again.status, &again.body), (200, &checked.body), "a look without news changes nothing");
        assert_eq!(app.posts_of("order-1"), 1);
        app.prove_the_books().await;
    }
}

impl TestApp {
    async fn payment_made(&self, reference: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut order = order(reference);
        change(&mut order);
        let taken = self.post("/v1/payments", &order).await;
        assert_eq!(taken.status, 201, "{taken:?}");
        taken.body
    }
}

fn references(list: &Answer) -> Vec<String> {
    let payments = list.body["data"].as_array().unwrap();
    payments.iter().map(|payment| payment["referenceId"].as_str().unwrap().to_owned()).collect()
}

/// A moment later: stamps are told in milliseconds and kept in microseconds.
fn later(stamp: &str) -> String {
    let time = chrono::DateTime::parse_from_rfc3339(stamp).unwrap() + chrono::TimeDelta::seconds(1);
    time.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
