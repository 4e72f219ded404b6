//! Settlement files, the third book of the same money: each difference is found once, and ends when a later file says so.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use store::Scope;

use crate::app::{Answer, CALLER_KEY, TestApp, admit, on_every_store};

const SECOND: Duration = Duration::from_secs(1);

/// A comparison that takes more turns than this goes round in circles.
const TURNS_MAX: u32 = 100;

const SETTINGS: [(&str, &str); 4] = [
    ("SETTLEMENTS__LAG_DAYS", "0"),
    ("SETTLEMENTS__CSV__REFERENCE_ID", "reference_id"),
    ("SETTLEMENTS__CSV__FEE", "fee"),
    ("SETTLEMENTS__BYTES_MAX", "4000"),
];

on_every_store! {
    async fn what_a_settlement_file_says_otherwise_is_found_and_ends_with_a_later_file(app: TestApp) {
        app.restart_with(&SETTINGS).await;
        // All of it on one day.
        let hour: u64 = app.moment()[11..13].parse().unwrap();
        app.advance(Duration::from_hours(25 - hour));
        app.trade(6).await;
        let listed = app.get("/v1/payments?state=COMPLETED&limit=50").await.body;
        let payments: Vec<Value> = listed["data"].as_array().unwrap().clone();
        let [right, by_reference, other_sum, missing, ..] = &payments[..] else { panic!("{payments:?}") };
        let day = app.moment()[..10].to_owned();
        let line = |payment: &Value, id: &str, amount: &str| {
            let (reference, currency) = (payment["referenceId"].as_str().unwrap(), payment["currency"].as_str().unwrap());
            format!("{id},{reference},{amount},,{currency},{day}\n")
        };
        let whole = |payment: &Value| {
            line(payment, payment["gatewayPaymentId"].as_str().unwrap(), payment["settledAmount"].as_str().unwrap())
        };
        let mut file = String::from("gateway_payment_id,reference_id,amount,fee,currency,date\n");
        file += &whole(right);
        file += &line(by_reference, "", &format!("-{}", by_reference["settledAmount"].as_str().unwrap()));
        let wrong = line(other_sum, other_sum["gatewayPaymentId"].as_str().unwrap(), "1.01");
        file += &wrong;
        file += &["ffffffffffffffffffffffffffffffff,stranger,7,0.10,EUR,", &day, "\n"].concat();
        payments[4..].iter().for_each(|payment| file += &whole(payment));

        let brought = app.bring(&file, "text/csv").await;
        assert_eq!((brought.status, &brought.body["lines"]), (202, &json!(6)), "{brought:?}");
        assert_eq!(brought.headers["location"], format!("/v1/settlements/{}", brought.body["id"].as_str().unwrap()));
        assert_eq!(brought.body["run"]["against"], "settlement");
        let run = app.compare(&brought.body).await;
        let id = |payment: &Value| payment["id"].as_str().unwrap().to_owned();
        let planted = BTreeSet::from([
            ("settled-differs".to_owned(), id(other_sum)),
            ("settled-unknown".to_owned(), "f".repeat(32)),
            ("not-settled".to_owned(), id(missing)),
        ]);
        assert_eq!(app.breaks("state=open").await, planted);
        assert_eq!((&run["opened"], &run["items"], &run["payments"]), (&json!(3), &json!(6), &json!(1)), "{run}");
        let found = app.get("/v1/breaks?kind=settled-differs").await.body["data"][0].clone();
        assert_eq!((&found["ours"]["amount"], &found["theirs"]["amount"]), (&other_sum["settledAmount"], &json!("1.01")));
        assert_eq!(found["theirs"]["state"], "SETTLED", "{found}");

        // The same bytes are the same file, and are not compared again.
        let again = app.bring(&file, "text/csv; charset=utf-8").await;
        assert_eq!((again.status, &again.body["id"]), (200, &brought.body["id"]));
        assert_eq!((&again.headers["idempotent-replayed"], &again.body["run"]["state"]), (&"true".parse().unwrap(), &json!("completed")));

        // What the gateway's list says is another matter: it ends none of these.
        let listed = app.reconcile(&format!("{day}T00:00:00Z")).await;
        assert_eq!((&listed["found"], &listed["closed"], &listed["against"]), (&json!({}), &json!(0), &json!("list")), "{listed}");

        // A bank's statement tells of the missing one, and of nothing else.
        let statement = camt(&day, missing);
        let statement = app.bring(&statement, "application/xml").await;
        assert_eq!((statement.status, &statement.body["format"]), (202, &json!("camt.053")), "{statement:?}");
        let run = app.compare(&statement.body).await;
        assert_eq!(run["state"], "completed", "{run}");
        let closed = app.get(&format!("/v1/breaks?payment={}", id(missing))).await.body["data"][0].clone();
        assert_eq!((&closed["state"], &closed["closedRun"]), (&json!("closed"), &statement.body["id"]), "{closed}");
        assert_eq!(app.breaks("state=open").await.len(), 2, "the others stay");
        assert_eq!(app.count("select count(*) from settled_payments").await, 6);

        // A corrected file ends what it says otherwise now; the stranger waits for a person.
        let corrected = app.bring(&file.replace(&wrong, &whole(other_sum)), "text/csv").await;
        assert_eq!(corrected.status, 202, "{corrected:?}");
        app.compare(&corrected.body).await;
        let stranger = BTreeSet::from([("settled-unknown".to_owned(), "f".repeat(32))]);
        assert_eq!(app.breaks("state=open").await, stranger);
        app.prove_the_books().await;
    }

    async fn what_is_no_settlement_file_is_refused_with_its_line_and_nothing_of_it_is_kept(app: TestApp) {
        app.restart_with(&SETTINGS).await;
        let header = "gateway_payment_id,reference_id,amount,fee,currency,date\n";
        for (body, media_type, status, said) in [
            (format!("{header}abc,,much,,EUR,2026-11-01\n"), "text/csv", 422, "line 2: amount must be a decimal number"),
            (format!("{header}abc,,1,,EUR,2026-11-01\nabc,,1\n"), "text/csv", 422, "line 3: it has 3 fields"),
            ("id;amount\n".to_owned(), "text/csv", 422, "line 1: there is no column named gateway_payment_id"),
            (header.to_owned(), "text/csv", 422, "line 1: nothing in the file tells of a payment"),
            ("<a></b>".to_owned(), "application/xml", 422, "line 1: it is no well-formed XML"),
            (header.to_owned(), "application/json", 415, "Content-Type: text/csv"),
            ("x".repeat(5_000), "text/csv", 413, "at most 4000 bytes"),
        ] {
            let answer = app.bring(&body, media_type).await;
            answer.assert_is_problem();
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(answer.status == status && detail.contains(said), "{body}: {answer:?}");
        }
        assert_eq!(app.count("select count(*) from settlement_lines").await, 0);
        assert_eq!(app.count("select count(*) from reconciliations").await, 0);

        let fine = format!("{header}abc,,1,,EUR,2026-11-01\n");
        let elsewhere = app.http.post(app.at("/v1/settlements?shop=nowhere")).body(fine.clone());
        let elsewhere = elsewhere.header("Content-Type", "text/csv").bearer_auth(CALLER_KEY);
        app.send(elsewhere).await.assert_problem("not-found");
        let brought = app.bring(&fine, "text/csv").await;
        admit(app.serving().keys(), "pk_second", &[Scope::FinanceRead], &["second"]).await;
        for path in [format!("/v1/settlements/{}", brought.body["id"].as_str().unwrap()), "/v1/settlements/none".to_owned()] {
            app.send(app.http.get(app.at(&path)).bearer_auth("pk_second")).await.assert_problem("not-found");
        }
    }
}

fn camt(day: &str, payment: &Value) -> String {
    let (id, amount) = (payment["gatewayPaymentId"].as_str().unwrap(), payment["settledAmount"].as_str().unwrap());
    let currency = payment["currency"].as_str().unwrap();
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"><BkToCstmrStmt><Stmt><Ntry>\
         <Amt Ccy=\"{currency}\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>\
         <BookgDt><Dt>{day}</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId>\
         <TxId>{id}</TxId></Refs></TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"
    )
}

impl TestApp {
    async fn bring(&self, file: &str, media_type: &str) -> Answer {
        let request = self.http.post(self.at("/v1/settlements")).body(file.to_owned());
        self.send(request.header("Content-Type", media_type).bearer_auth(CALLER_KEY)).await
    }

    /// Compares until this file has been compared; answers the run.
    async fn compare(&self, brought: &Value) -> Value {
        let path = format!("/v1/settlements/{}", brought["id"].as_str().unwrap());
        for _ in 0..TURNS_MAX {
            self.advance(SECOND);
            self.serving().reconciler().reconcile_due().await.unwrap();
            let run = self.get(&path).await.body["run"].clone();
            if run["finishedAt"].is_string() {
                return run;
            }
        }
        panic!("the comparison never ends");
    }
}
