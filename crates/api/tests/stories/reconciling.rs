//! Our payments held against the gateway's: every difference that was planted is found, and none is invented.

#![allow(clippy::print_stdout, reason = "a figure counts only when it is shown")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gateway_simulator::{Amount, Correction, SignatureMode, sign};
use serde_json::{Value, json};
use store::Scope;

use crate::app::{API_KEY, SIGNING_KEY, TestApp, admit, on_every_store};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A comparison that takes more turns than this goes round in circles.
const TURNS_MAX: u32 = 1_000;

/// Kinds and subjects of breaks.
pub(crate) type Planted = BTreeSet<(String, String)>;

/// A payment that has come to its end.
pub(crate) struct Ended {
    pub(crate) id: String,
    pub(crate) is_paid: bool,
}

/// What is proven of no payment: both books tell its end, and not the same one.
pub(crate) const UNPROVEN: [&str; 5] =
    ["state-differs", "amount-differs", "currency-differs", "late-success", "missing-at-gateway"];

on_every_store! {
    async fn every_planted_difference_is_found_and_none_is_invented(app: TestApp) {
        app.restart_with(&[("GATEWAY__REQUESTS_PER_SECOND", "500"), ("GATEWAY__REQUESTS_BURST", "500")]).await;
        let begun = app.moment();
        let ended = app.make_payments(payments()).await;
        let each = payments().div_ceil(100);
        let (planted, removed) = app.plant(&ended, each).await;
        app.pass(62 * MINUTE, 10 * MINUTE).await;

        let run = app.reconcile(&begun).await;
        let found = app.breaks("state=open").await;
        assert_eq!(found, planted);
        let counted: u64 = run["found"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!((counted, &run["opened"]), (planted.len() as u64, &json!(planted.len())), "{run}");
        println!(
            "{} payments, {} of each kind planted, {} differences found in {} pages: {}",
            payments(), each, planted.len(), run["pages"], run["found"]
        );

        // Whatever has ended and is told alike by two sources is proven; what differs is not.
        let unproven = planted.iter().filter(|(kind, _)| UNPROVEN.contains(&kind.as_str())).count();
        let proven = app.count("select count(*) from reconciled_payments").await;
        assert_eq!(usize::try_from(proven).unwrap(), ended.len() - unproven);
        for (reference, Ended { id, .. }) in &ended {
            let is_planted = planted.iter().any(|(kind, subject)| subject == id && UNPROVEN.contains(&kind.as_str()));
            assert_eq!(app.payment(reference).await["reconciledAt"].is_null(), is_planted, "{reference}");
        }
        let listed = app.get("/v1/payments?state=COMPLETED&limit=200").await.body;
        assert!(listed["data"].as_array().unwrap().iter().any(|payment| payment["reconciledAt"].is_string()));

        let again = app.reconcile(&begun).await;
        assert_eq!((&again["found"], &again["opened"], &again["closed"]), (&run["found"], &json!(0), &json!(0)));
        assert_eq!(app.breaks("state=open").await, planted);

        // What was taken out of the gateway's records is put back.
        for id in &removed {
            app.correct(id, Correction::Restored);
        }
        let third = app.reconcile(&begun).await;
        assert_eq!((&third["opened"], &third["closed"]), (&json!(0), &json!(removed.len())), "{third}");
        let closed = app.get("/v1/breaks?state=closed").await.body;
        for one in closed["data"].as_array().unwrap() {
            assert_eq!((&one["kind"], &one["closedRun"]), (&json!("missing-at-gateway"), &third["id"]), "{one}");
            let reason = one["reason"].as_str().unwrap();
            assert!(reason.contains("the gateway says COMPLETED") && reason.contains("we say COMPLETED"), "{reason}");
        }
        assert_eq!(app.count("select count(*) from reconciliation_items").await, 0);
        app.prove_the_books().await;
    }

    async fn a_break_is_owned_and_resolved_and_stays_so_while_nothing_changes(app: TestApp) {
        let begun = app.moment();
        let ended = app.make_payments(5).await;
        let (reference, Ended { id, .. }) = ended.iter().next().unwrap();
        app.correct_reference(reference, &Correction::Amount(amount("1.5")));
        app.reconcile(&begun).await;
        let found = app.get(&format!("/v1/breaks?payment={id}")).await.body["data"][0].clone();
        let payment = app.payment(reference).await;
        assert_eq!((&found["kind"], &found["state"], &found["owner"]), (&json!("amount-differs"), &json!("open"), &json!(null)));
        assert_eq!(found["ours"], json!({ "state": "COMPLETED", "amount": payment["settledAmount"], "currency": payment["settledCurrency"] }));
        assert_eq!((&found["theirs"]["amount"], &found["paymentId"]), (&json!("1.50"), &payment["id"]), "{found}");
        assert!(found["difference"].as_str().unwrap().starts_with('-'), "{found}");

        let path = format!("/v1/breaks/{}", found["id"].as_str().unwrap());
        app.advance(MINUTE);
        let assigned = app.post(&format!("{path}/assign"), &json!({ "owner": "ledger team" })).await;
        assert_eq!((assigned.status, &assigned.body["owner"]), (200, &json!("ledger team")));
        assert!(assigned.body["ageSeconds"].as_u64().unwrap() >= 60, "{assigned:?}");
        assert_eq!(app.breaks("owner=ledger%20team").await.len(), 1);
        let resolved = app.post(&format!("{path}/resolve"), &json!({ "reason": "a partial payout, agreed by mail" })).await;
        assert_eq!((resolved.status, &resolved.body["state"], &resolved.body["resolvedBy"]), (200, &json!("resolved"), &json!("test")));
        let again = app.post(&format!("{path}/resolve"), &json!({ "reason": "once more" })).await;
        again.assert_problem("not-in-this-state");
        assert_eq!(app.get(&path).await.body["reason"], "a partial payout, agreed by mail");

        let second = app.reconcile(&begun).await;
        assert_eq!((&second["found"], &second["resolved"]), (&json!({}), &json!(1)), "{second}");
        app.correct_reference(reference, &Correction::Amount(amount("1.25")));
        let third = app.reconcile(&begun).await;
        assert_eq!((&third["opened"], &third["found"]), (&json!(1), &json!({ "amount-differs": 1 })), "{third}");
        app.correct_reference(reference, &Correction::AsOrdered);
        let fourth = app.reconcile(&begun).await;
        assert_eq!(fourth["closed"], 1, "{fourth}");
        assert!(app.payment(reference).await["reconciledAt"].is_string());
        assert_eq!(app.breaks("state=resolved").await.len() + app.breaks("state=closed").await.len(), 2, "nothing is deleted");
    }

    async fn what_makes_no_sense_is_refused_by_field_and_others_shops_are_not_there(app: TestApp) {
        let order = async |body: Value| app.post("/v1/reconciliations", &body).await;
        for (body, pointer) in [
            (json!({ "to": "2026-01-02" }), "/from"),
            (json!({ "from": "2026-01-01", "to": "soon" }), "/to"),
            (json!({ "from": "2026-01-02", "to": "2026-01-01" }), "/to"),
            (json!({ "from": "2026-01-01", "to": "2026-03-01" }), "/to"),
            (json!({ "from": app.moment(), "to": "2999-01-01" }), "/to"),
            (json!({ "from": "2026-01-01", "to": "2026-01-02", "zone": "Middle/Earth" }), "/zone"),
            (json!({ "from": "2026-01-01", "to": "2026-01-02", "shp": "main" }), "/shp"),
            (json!({ "from": "2026-01-01", "to": "2026-01-02", "shop": "a b" }), "/shop"),
        ] {
            let answer = order(body.clone()).await;
            answer.assert_problem("invalid-request");
            assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{body}: {answer:?}");
        }
        let elsewhere = order(json!({ "from": "2026-01-01", "to": "2026-01-02", "shop": "nowhere" })).await;
        elsewhere.assert_problem("not-found");

        let window = json!({ "from": "2026-01-01", "to": "2026-01-02", "zone": "Europe/Berlin" });
        let ordered = order(window.clone()).await;
        assert_eq!((ordered.status, &ordered.body["state"]), (202, &json!("waiting")), "{ordered:?}");
        assert_eq!((&ordered.body["from"], &ordered.body["orderedBy"]), (&json!("2025-12-31T23:00:00.000Z"), &json!("test")));
        assert_eq!(order(window).await.body["id"], ordered.body["id"], "one at a time for a window");
        let path = format!("/v1/reconciliations/{}", ordered.body["id"].as_str().unwrap());
        assert_eq!(ordered.headers["location"], path.as_str());
        admit(app.serving().keys(), "pk_second", &[Scope::FinanceRead, Scope::FinanceWrite], &["second"]).await;
        let of_second = async |path: &str| app.send(app.http.get(app.at(path)).bearer_auth("pk_second")).await;
        of_second(&path).await.assert_problem("not-found");
        assert_eq!(of_second("/v1/reconciliations").await.body["data"], json!([]));
        assert_eq!(of_second("/v1/reconciliations?shop=main").await.body["data"], json!([]));
        assert_eq!(of_second("/v1/breaks?shop=main").await.body["data"], json!([]));
        assert_eq!(app.get("/v1/reconciliations?state=waiting").await.body["data"][0]["id"], ordered.body["id"]);
        for path in ["/v1/reconciliations/none", "/v1/breaks/none", "/v1/breaks/00000000-0000-7000-8000-000000000000"] {
            app.get(path).await.assert_problem("not-found");
        }
        for query in ["kind=odd", "state=odd", "payment=7", "cursor=x", "limit=0", "sort=up"] {
            app.get(&format!("/v1/breaks?{query}")).await.assert_problem("invalid-request");
        }
    }
}

/// How many; `make gate` asks for more.
fn payments() -> usize {
    std::env::var("RECONCILED_PAYMENTS").map_or(240, |count| count.parse().expect("RECONCILED_PAYMENTS is a number"))
}

fn amount(text: &str) -> Amount {
    Amount::from_json_number(text).unwrap()
}

impl TestApp {
    pub(crate) fn moment(&self) -> String {
        orchestrator::Clock::now(&self.clock).to_string()
    }

    /// Deposits, withdrawals and refunds in three currencies, all of which end; by their references.
    async fn make_payments(&self, count: usize) -> BTreeMap<String, Ended> {
        let currencies = [("EUR", "11.12"), ("USD", "25"), ("JPY", "1200")];
        let mut taken_as = BTreeMap::new();
        for number in 0..count {
            let (currency, amount) = currencies[number % 3];
            let reference = format!("order-{number}");
            let paid_before = format!("order-{}", number - number.min(3));
            let taken = match number % 10 {
                8 if self.payment(&paid_before).await["state"] == "COMPLETED" => {
                    let deposit = self.payment(&paid_before).await;
                    let path = format!("/v1/payments/{}/refunds", deposit["id"].as_str().unwrap());
                    self.post(&path, &json!({ "referenceId": reference, "amount": "3" })).await
                }
                kind => {
                    let payment_type = if kind == 9 { "WITHDRAWAL" } else { "DEPOSIT" };
                    let order = json!({
                        "referenceId": reference, "paymentType": payment_type, "amount": amount, "currency": currency,
                    });
                    self.post("/v1/payments", &order).await
                }
            };
            assert!(matches!(taken.status, 201 | 202), "{taken:?}");
            if taken.status == 202 {
                // A busy machine has answered too late for the request; the payment is looked for.
                self.pass(2 * MINUTE, 5 * SECOND).await;
            }
            let deed = if number % 10 == 7 { "decline" } else { "pay" };
            if taken.body["paymentType"] == "DEPOSIT" {
                assert_eq!(self.customer(&reference, deed, &[]).await.status, 200);
                self.end_of(&reference).await;
            }
            taken_as.insert(reference, taken.body["id"].as_str().unwrap().to_owned());
            if number % 40 == 39 {
                // Confirmed by a look, so that they can be refunded.
                self.pass(30 * SECOND, 30 * SECOND).await;
            }
        }
        self.pass(3 * MINUTE, 10 * SECOND).await;
        let mut ended = BTreeMap::new();
        for (reference, id) in taken_as {
            let payment = self.payment(&reference).await;
            assert_eq!(payment["final"], true, "{payment}");
            ended.insert(reference, Ended { id, is_paid: payment["state"] == "COMPLETED" });
        }
        ended
    }

    /// Plants so many differences of each kind; answers what they are, and which gateway payments were taken away.
    pub(crate) async fn plant(&self, ended: &BTreeMap<String, Ended>, each: usize) -> (Planted, Vec<String>) {
        let (mut planted, mut removed) = (Planted::new(), Vec::new());
        let (mut paid, dead): (Vec<&String>, Vec<&String>) =
            ended.keys().partition(|reference| ended[*reference].is_paid);
        if paid.len().is_multiple_of(7) {
            paid.pop();
        }
        // Far from each other, so that all kinds of payments are met.
        let mut paid = (0..paid.len()).map(|index| paid[index * 7 % paid.len()]);
        assert!(dead.len() >= each && paid.len() >= 5 * each, "{} paid, {} dead", paid.len(), dead.len());
        for (number, revived) in dead.into_iter().enumerate().take(each) {
            let mut next = || paid.next().unwrap();
            let mut note = |kind: &str, reference: &str| planted.insert((kind.to_owned(), ended[reference].id.clone()));
            let gone = next();
            removed.push(self.correct_reference(gone, &Correction::Removed));
            note("missing-at-gateway", gone);
            let (other_state, other_sum, other_currency) = (next(), next(), next());
            self.correct_reference(other_state, &Correction::Declined);
            note("state-differs", other_state);
            self.correct_reference(other_sum, &Correction::Amount(amount("1.01")));
            note("amount-differs", other_sum);
            self.correct_reference(other_currency, &Correction::Currency("GBP".to_owned()));
            note("currency-differs", other_currency);
            self.correct_reference(revived, &Correction::Completed);
            note("late-success", revived);
            let twin = next();
            let twin_id = self.make_elsewhere(twin).await;
            self.pay(twin).await;
            planted.insert(("surplus".to_owned(), twin_id));
            planted.insert(("missing-here".to_owned(), self.make_elsewhere(&format!("stranger-{number}")).await));
            let unknown = format!("{number:032x}");
            let body = json!({ "id": unknown, "state": "COMPLETED", "paymentType": "DEPOSIT", "amount": 7, "currency": "EUR" });
            let body = body.to_string();
            let signature = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes()).unwrap();
            assert_eq!(self.notify(&body, Some(&signature)).await.status, 200);
            planted.insert(("unmatched-webhook".to_owned(), unknown));
        }
        (planted, removed)
    }

    /// Somebody else makes a deposit with our keys; answers the gateway's id.
    pub(crate) async fn make_elsewhere(&self, reference: &str) -> String {
        let url = format!("{}/api/v1/payments", self.gateway.url());
        let order = json!({ "paymentType": "DEPOSIT", "amount": 7, "currency": "EUR", "referenceId": reference });
        let made = self.send(self.http.post(url).json(&order).bearer_auth(API_KEY)).await;
        made.body["result"]["id"].as_str().unwrap().to_owned()
    }

    fn correct_reference(&self, reference: &str, correction: &Correction) -> String {
        let id = self.gateway.with(|engine, _| engine.payments_of(reference).next().unwrap().id().to_string());
        self.correct(&id, correction.clone());
        id
    }

    fn correct(&self, id: &str, correction: Correction) {
        assert!(self.gateway.with(|engine, _| engine.correct(id.parse().unwrap(), correction)));
    }

    /// Compares everything since `begun`; answers the run.
    pub(crate) async fn reconcile(&self, begun: &str) -> Value {
        self.advance(SECOND);
        let ordered = self.post("/v1/reconciliations", &json!({ "from": begun, "to": self.moment() })).await;
        assert_eq!(ordered.status, 202, "{ordered:?}");
        let path = format!("/v1/reconciliations/{}", ordered.body["id"].as_str().unwrap());
        let mut run = Value::Null;
        for _ in 0..TURNS_MAX {
            self.serving().reconciler().reconcile_due().await.unwrap();
            self.advance(SECOND);
            run = self.get(&path).await.body;
            if run["finishedAt"].is_string() {
                assert_eq!(run["state"], "completed", "{run}");
                return run;
            }
        }
        panic!("the comparison never ends: {run}");
    }

    /// All breaks that fit, page by page.
    pub(crate) async fn breaks(&self, filter: &str) -> Planted {
        let (mut all, mut cursor) = (Planted::new(), String::new());
        loop {
            let page = self.get(&format!("/v1/breaks?{filter}&limit=20{cursor}")).await.body;
            for one in page["data"].as_array().unwrap() {
                let subject = one["paymentId"].as_str().filter(|_| one["kind"] != "surplus");
                let subject = subject.or(one["gatewayPaymentId"].as_str()).unwrap();
                assert!(all.insert((one["kind"].as_str().unwrap().to_owned(), subject.to_owned())), "{one}");
            }
            let Some(next) = page["nextCursor"].as_str() else { return all };
            cursor = format!("&cursor={next}");
        }
    }
}
