//! `api export`, and processes that die while they write.

use std::fs;

use serde_json::Value;

use crate::deployment::{Deployment, on_every_store};
use crate::reconciling::{FROM, moment};
use crate::traffic::Traffic;
use crate::waiting::Waiting;

/// Each step of an export of one page.
const POINTS: [&str; 11] = [
    "claim_export:after:1",
    "open_amounts:before:1",
    "open_amounts:after:1",
    "record_export:before:1",
    "record_export:after:1",
    "record_export:before:2",
    "record_export:after:2",
    "record_export:before:3",
    "record_export:after:3",
    "record_export:before:4",
    "record_export:after:4",
];

on_every_store! {
    async fn an_export_whose_process_died_at_any_step_ends_with_the_bytes_of_an_undisturbed_one(kind: Kind) {
        let deployment = Deployment::new(kind).await.with(&SOON);
        let to = deployment.trade(5).await;
        for format in ["csv", "parquet"] {
            let command = ["export", "transactions", "--from", FROM, "--to", &to, "--format", format, "--json"];
            let undisturbed = deployment.run(&command).await;
            assert_eq!(undisturbed.status.code(), Some(0), "{undisturbed:?}");
            for point in POINTS {
                let killed = deployment.run_with(&command, &[("FAILPOINT", point)]).await;
                assert_eq!(killed.status.code(), None, "{point}: {killed:?}");
            }
            // Whoever comes next brings those of the dead to their end, once their leases are over.
            let service = deployment.serve().await;
            let mut waiting = Waiting::until("all files are there");
            while deployment.files(format).len() < POINTS.len() + 1 || !deployment.files("part").is_empty() {
                waiting.pause().await;
            }
            service.kill().await;
            let files = deployment.files(format);
            assert!(files.iter().all(|file| *file == files[0] && !file.is_empty()), "{format}");
            assert!(deployment.files("part").is_empty(), "nothing half is left");
        }
    }

    /// A workbook carries the name of its export, so one export is written twice: first by processes that die, then by one
    /// that nothing happens to.
    async fn a_workbook_whose_processes_died_is_the_one_of_an_undisturbed_one(kind: Kind) {
        let deployment = Deployment::new(kind).await.with(&SOON);
        let to = deployment.trade(5).await;
        for point in POINTS.iter().skip(4).step_by(3) {
            let command = ["export", "transactions", "--from", FROM, "--to", &to, "--format", "xlsx", "--json"];
            let killed = deployment.run_with(&command, &[("FAILPOINT", point)]).await;
            assert_eq!(killed.status.code(), None, "{point}: {killed:?}");
            let resumed = deployment.workbook().await;
            fs::remove_dir_all(deployment.folder.path().join("exports")).unwrap();
            deployment
                .tamper("update exports set state = 'waiting', manifest = null, finished_at = null, rows_done = 0")
                .await;
            let undisturbed = deployment.workbook().await;
            assert!(resumed == undisturbed, "{point}: {} bytes, then {}", resumed.len(), undisturbed.len());
            fs::remove_dir_all(deployment.folder.path().join("exports")).unwrap();
            deployment.tamper("delete from exports").await;
        }
    }

    /// Money moves while a file is written, and the file is what it would have been without that.
    async fn an_export_beside_traffic_is_the_same_as_one_afterwards(kind: Kind) {
        let deployment = Deployment::new(kind).await.with(&SOON);
        let service = deployment.serve().await;
        let traffic = Traffic::to(&deployment);
        let export = async |to: &str| {
            let command = ["export", "transactions", "--from", FROM, "--to", to, "--format", "ndjson", "--json"];
            let told = deployment.run(&command).await;
            assert_eq!(told.status.code(), Some(0), "{told:?}");
            let told: Value = serde_json::from_slice(&told.stdout).unwrap();
            let manifest = &told["manifest"];
            (manifest["rows"].as_u64().unwrap(), manifest["asOf"].clone(), manifest["totals"].clone())
        };
        let (count, (to, beside)) = traffic
            .around(async {
                traffic.until_everyone_is_answered().await;
                let mut waiting = Waiting::until("lines are posted");
                loop {
                    let to = moment();
                    let told = export(&to).await;
                    if told.0 >= 3 {
                        break (to, told);
                    }
                    waiting.pause().await;
                }
            })
            .await;
        let afterwards = export(&to).await;
        assert_eq!(beside, afterwards);
        let (all, ..) = export(&moment()).await;
        assert!(all > afterwards.0, "more was booked of the {count} payments: {all}");
        service.kill().await;
    }

    async fn the_command_line_writes_a_file_and_says_where_it_is(kind: Kind) {
        let deployment = Deployment::new(kind).await.with(&SOON);
        let to = deployment.trade(2).await;
        let out = deployment.folder.path().join("november.csv");
        let out = out.to_str().unwrap();
        let written = deployment.run(&["export", "transactions", "--from", FROM, "--to", &to, "--out", out]).await;
        assert_eq!(written.status.code(), Some(0), "{written:?}");
        let said = String::from_utf8(written.stdout).unwrap();
        assert!(said.contains("completed") && said.contains("2 rows") && said.contains(out), "{said}");
        assert_eq!(fs::read_to_string(out).unwrap().lines().count(), 3);
        for wrong in [
            &["transactions", "--from", "2026-01-02", "--to", "2026-01-01"][..],
            &["nothing", "--from", FROM, "--to", &to],
            &["breaks", "--from", FROM, "--to", &to, "--format", "pdf"],
            &["breaks", "--from", FROM, "--to", &to, "--zone", "Middle/Earth"],
            &["breaks", "--from", FROM, "--to", &to, "--shop", "nowhere"],
            &["breaks", "--from", FROM],
        ] {
            let output = deployment.run(&[&["export"], wrong].concat()).await;
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{wrong:?}: {output:?}");
        }
        let nowhere = [("EXPORTS__FOLDER", "/dev/null/exports"), ("EXPORTS__FAILURES_MAX", "1")];
        let output = deployment.run_with(&["export", "breaks", "--from", FROM, "--to", &to, "--json"], &nowhere).await;
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&told["state"], told["failure"].is_string()), (&"failed".into(), true), "{told}");
    }
}

/// What has ended is looked at at once, and a process that died is not waited for.
pub(crate) const SOON: [(&str, &str); 4] = [
    ("EXPORTS__WINDOW_DAYS_MAX", "100000"),
    ("EXPORTS__MARGIN_SECONDS", "0"),
    ("EXPORTS__LEASE_SECONDS", "1"),
    ("EXPORTS__RETRY_SECONDS", "1"),
];

impl Deployment {
    /// So many deposits are paid, and their lines posted, by a service that is gone then; answers a moment behind them.
    pub(crate) async fn trade(&self, count: usize) -> String {
        let service = self.serve().await;
        for number in 0..count {
            let taken = self.caller().try_order(&format!("order-{number}")).await.unwrap();
            self.caller().pay(&taken.body).await;
        }
        let mut waiting = Waiting::until("all lines are posted");
        let to = loop {
            let to = moment();
            let told = self
                .run(&["export", "transactions", "--from", FROM, "--to", &to, "--format", "ndjson", "--json"])
                .await;
            let told: Value = serde_json::from_slice(&told.stdout).unwrap();
            if told["manifest"]["rows"] == count {
                break to;
            }
            waiting.goes_on(told.to_string());
            waiting.pause().await;
        };
        service.kill().await;
        to
    }

    /// The one workbook, once a service has written it to its end.
    async fn workbook(&self) -> Vec<u8> {
        let service = self.serve().await;
        let mut waiting = Waiting::until("the workbook is there");
        while self.files("xlsx").is_empty() || !self.files("part").is_empty() {
            waiting.pause().await;
        }
        service.kill().await;
        let [file] = <[_; 1]>::try_from(self.files("xlsx")).unwrap();
        file
    }

    /// All files of a kind that are kept.
    pub(crate) fn files(&self, extension: &str) -> Vec<Vec<u8>> {
        let Ok(kept) = fs::read_dir(self.folder.path().join("exports")) else { return Vec::new() };
        let kept = kept.map(|entry| entry.unwrap().path());
        let kept = kept.filter(|path| path.extension().is_some_and(|found| found == extension));
        kept.map(|path| fs::read(path).unwrap()).collect()
    }
}
