//! `api reconcile` and `api breaks`, and a process that dies in the middle of a comparison.

use gateway_simulator::{Correction, Endpoint};
use serde_json::Value;

use crate::deployment::{Deployment, on_every_store};
use crate::waiting::Waiting;

pub(crate) const FROM: &str = "2026-01-01T00:00:00Z";

on_every_store! {
    async fn the_command_line_compares_shows_what_it_found_and_tells_by_its_exit_code(kind: Kind) {
        let deployment = Deployment::new(kind).await.with(&[("RECONCILIATION__WINDOW_DAYS_MAX", "100000")]);
        let service = deployment.serve().await;
        for number in 0..3 {
            assert_eq!(deployment.caller().try_order(&format!("order-{number}")).await.unwrap().status, 201);
        }
        let now = moment();
        let fine = deployment.run(&["reconcile", "--from", FROM, "--to", &now, "--json"]).await;
        assert_eq!(fine.status.code(), Some(0), "{fine:?}");
        let told: Value = serde_json::from_slice(&fine.stdout).unwrap();
        assert_eq!((&told["state"], &told["cause"], &told["items"]), (&"completed".into(), &"command-line".into(), &3.into()));
        assert_eq!(deployment.run(&["breaks"]).await.status.code(), Some(0));

        deployment.remove("order-1");
        let found = deployment.run(&["reconcile", "--from", FROM, "--to", &now]).await;
        assert_eq!(found.status.code(), Some(1), "{found:?}");
        let shown = String::from_utf8(found.stdout).unwrap();
        assert!(shown.contains("1 │ missing-at-gateway") && shown.contains("1 new"), "{shown}");
        let listed = deployment.run(&["breaks", "--kind", "missing-at-gateway", "--json"]).await;
        assert_eq!(listed.status.code(), Some(1), "{listed:?}");
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        assert_eq!((&listed[0]["referenceId"], &listed[0]["theirs"]["state"]), (&"order-1".into(), &Value::Null), "{listed}");
        let text = String::from_utf8(deployment.run(&["breaks"]).await.stdout).unwrap();
        assert!(text.contains("│ CHECKOUT 11.12 EUR │ none ") && text.contains("nobody"), "{text}");

        for wrong in [&["--from", "2026-01-02", "--to", "2026-01-01"][..], &["--from", "x", "--to", &now], &["--from", FROM, "--to", &now, "--shop", "nowhere"], &["--from", FROM]] {
            let output = deployment.run(&[&["reconcile"], wrong].concat()).await;
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{wrong:?}: {output:?}");
        }
        service.kill().await;
        let away = [("GATEWAY__BASE_URL", "http://127.0.0.1:1"), ("RECONCILIATION__FAILURES_MAX", "1"), ("GATEWAY__BREAKER_FAILURES", "1000")];
        let output = deployment.run_with(&["reconcile", "--from", FROM, "--to", &now, "--json"], &away).await;
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&told["state"], &told["failure"]), (&"failed".into(), &"the gateway's list cannot be read".into()));
    }

    async fn a_settlement_file_is_compared_by_hand(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let service = deployment.serve().await;
        let taken = deployment.caller().try_order("order-1").await.unwrap();
        deployment.caller().pay(&taken.body).await;
        let mut waiting = Waiting::until("it is paid");
        while deployment.caller().try_get("/v1/payments/by-reference/order-1").await.unwrap().body["state"] != "COMPLETED" {
            waiting.pause().await;
        }
        service.kill().await;
        let (header, id) = ("gateway_payment_id,amount,currency,date\n", taken.body["gatewayPaymentId"].as_str().unwrap());
        let written = |name: &str, rows: &str| {
            let path = deployment.folder.path().join(name);
            std::fs::write(&path, format!("{header}{rows}")).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let right = written("right.csv", &format!("{id},11.12,EUR,2026-11-02\n"));
        let fine = deployment.run(&["reconcile", "--settlement", &right, "--json"]).await;
        assert_eq!(fine.status.code(), Some(0), "{fine:?}");
        let told: Value = serde_json::from_slice(&fine.stdout).unwrap();
        assert_eq!((&told["against"], &told["items"]), (&"settlement".into(), &1.into()), "{told}");
        let again = deployment.run(&["reconcile", "--settlement", &right, "--json"]).await;
        assert_eq!(again.stdout, fine.stdout, "the same file is the same comparison");

        let other = written("other.csv", &format!("{id},11.13,EUR,2026-11-03\n"));
        let found = deployment.run(&["reconcile", "--settlement", &other]).await;
        assert_eq!(found.status.code(), Some(1), "{found:?}");
        assert!(String::from_utf8(found.stdout).unwrap().contains("1 │ settled-differs"));
        let broken = written("broken.csv", &format!("{id},11.13,EUR,soon\n"));
        let refused = deployment.run(&["reconcile", "--settlement", &broken]).await;
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(2) && said.contains("broken.csv: line 2: date is no day"), "{said}");
        for wrong in [&["--settlement", "/nowhere.csv"][..], &["--settlement", &right, "--from", "2026-01-01"]] {
            let output = deployment.run(&[&["reconcile"], wrong].concat()).await;
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{wrong:?}: {output:?}");
        }
    }

    async fn a_comparison_whose_process_was_killed_goes_on_where_it_stood(kind: Kind) {
        let deployment = Deployment::new(kind).await.with(&[("RECONCILIATION__WINDOW_DAYS_MAX", "100000"), ("RECONCILIATION__PAGE_ITEMS", "3")]);
        let service = deployment.serve().await;
        for number in 0..9 {
            assert_eq!(deployment.caller().try_order(&format!("order-{number}")).await.unwrap().status, 201);
        }
        service.kill().await;
        deployment.remove("order-0");
        let now = moment();
        let command = ["reconcile", "--from", FROM, "--to", &now, "--json"];
        let before = deployment.lists();
        let killed = deployment.run_with(&command, &[("FAILPOINT", "get:after:3")]).await;
        assert_eq!(killed.status.code(), None, "it was killed: {killed:?}");
        assert_eq!(deployment.lists() - before, 3);
        // Whoever comes next waits until the lease of the dead is over.
        let output = deployment.run(&command).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&told["state"], &told["items"], &told["pages"]), (&"completed".into(), &8.into(), &4.into()), "{told}");
        assert_eq!(deployment.lists() - before, 5, "the page at which it died, and the last one");
        assert_eq!((&told["found"]["missing-at-gateway"], &told["opened"]), (&1.into(), &1.into()), "{told}");
        deployment.prove_the_books().await;
    }
}

impl Deployment {
    fn remove(&self, reference: &str) {
        self.gateway.with(|engine, _| {
            let id = engine.payments_of(reference).next().unwrap().id();
            assert!(engine.correct(id, Correction::Removed));
        });
    }

    fn lists(&self) -> u64 {
        self.gateway.with(|engine, _| engine.counters().requests_to(Endpoint::List))
    }
}

#[allow(clippy::disallowed_methods, reason = "the processes live by the machine's clock")]
pub(crate) fn moment() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
