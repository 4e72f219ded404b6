//! Files for finance in a bucket of an S3-compatible store: the same bytes as in a folder, whole or not there at all.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use serde_json::{Value, json};
use sha2::Digest as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::{TestApp, on_every_store};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

on_every_store! {
    async fn files_in_a_bucket_are_whole_and_leave_it_when_their_time_is_over(app: TestApp) {
        let store = BucketStore::start().await;
        app.keep_in(&store, &[("EXPORTS__RETENTION_DAYS", "2")]).await;
        let begun = app.moment();
        app.trade(6).await;
        let to = app.post_lines().await;
        for format in ["csv", "xlsx", "parquet", "ndjson"] {
            let export = app.export("transactions", format, &begun, &to).await;
            let file = app.file_of(&export).await;
            assert_eq!(export["manifest"]["sha256"], hex::encode(sha2::Sha256::digest(&file)), "{format}");
            assert_eq!(store.object(&export), Some(file), "{format}");
        }
        assert_eq!(fs::read_dir(&app.settings.exports.folder).unwrap().count(), 0, "nothing is left where they were written");

        let export = app.export("breaks", "csv", &begun, &to).await;
        app.advance(2 * DAY + MINUTE);
        assert!(app.serving().exporter().export_due().await.unwrap());
        assert_eq!(store.object(&export), None);
        app.get(&format!("/v1/exports/{}/file", export["id"].as_str().unwrap())).await.assert_problem("file-gone");
    }

    /// Whoever dies in the middle of an upload leaves something behind that nobody sees, and that costs money.
    async fn an_upload_that_was_cut_off_is_cleared_away_and_begun_again(app: TestApp) {
        let store = BucketStore::start().await;
        app.keep_in(&store, &[]).await;
        let begun = app.moment();
        app.trade(10).await;
        app.make_metadata_large().await;
        let to = app.post_lines().await;
        let ordered = app.order_export("transactions", "ndjson", &begun, &to).await;
        {
            let mut writing = Box::pin(app.serving().exporter().export_due());
            let begun = async {
                while store.parts() == 0 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                written = &mut writing => panic!("nothing was cut off: {written:?}"),
                () = begun => {}
            }
        }
        assert_eq!(store.object(&ordered), None, "nothing is there before all is");
        app.advance(2 * MINUTE);
        let export = app.write(&ordered).await;
        assert_eq!(export["state"], "completed", "{export}");
        let file = app.file_of(&export).await;
        assert!(file.len() > 16 << 20, "it was uploaded in parts: {}", file.len());
        assert_eq!(export["manifest"]["sha256"], hex::encode(sha2::Sha256::digest(&file)));
        assert_eq!(store.parts(), 0, "what the first one had uploaded is gone");
    }

    async fn a_bucket_that_is_away_or_refuses_us_is_tried_again_and_then_said(app: TestApp) {
        let store = BucketStore::start().await;
        let often = ("EXPORTS__FAILURES_MAX", "2");
        app.keep_in(&store, &[often, ("EXPORTS__BUCKET__SECRET_ACCESS_KEY", "not-the-key")]).await;
        let begun = app.moment();
        app.trade(3).await;
        let to = app.post_lines().await;
        let refused = app.order_export("transactions", "csv", &begun, &to).await;
        let refused = app.write(&refused).await;
        assert_eq!((&refused["state"], &refused["manifest"]), (&json!("failed"), &json!(null)), "{refused}");
        let said = refused["failure"].as_str().unwrap();
        assert!(said.contains("refuses our key") && !said.contains(KEY_ID) && !said.contains("not-the-key"), "{said}");
        assert_eq!(fs::read_dir(&app.settings.exports.folder).unwrap().count(), 0);

        app.keep_in(&store, &[often]).await;
        let kept = app.export("transactions", "csv", &begun, &to).await;
        store.serving.abort();
        let away = app.order_export("transactions", "csv", &begun, &to).await;
        assert_eq!(app.write(&away).await["state"], "failed");
        app.get(&format!("/v1/exports/{}/file", kept["id"].as_str().unwrap())).await.assert_problem("file-not-here");
    }
}

const KEY_ID: &str = "AKIDOFTESTS";
const KEY: &str = "a-secret-access-key-of-tests";

/// A store for buckets on this machine, with one bucket in it.
struct BucketStore {
    folder: tempfile::TempDir,
    url: String,
    serving: JoinHandle<()>,
}

impl BucketStore {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("finance")).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY_ID, KEY));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { folder, url, serving }
    }

    /// The file of an export, if it is in the bucket.
    fn object(&self, export: &Value) -> Option<Vec<u8>> {
        let id = export["id"].as_str().unwrap();
        let found = |path: &Path| path.file_stem().is_some_and(|stem| stem == id);
        let mut files = fs::read_dir(self.folder.path().join("finance/of-tests")).into_iter().flatten();
        files
            .find_map(|entry| Some(entry.unwrap().path()).filter(|path| found(path)))
            .map(|path| fs::read(path).unwrap())
    }

    /// What lies there of uploads that are not complete.
    fn parts(&self) -> usize {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".upload_id-")).count()
    }
}

impl TestApp {
    async fn keep_in(&mut self, store: &BucketStore, pairs: &[(&str, &str)]) {
        let bucket = [
            ("EXPORTS__BUCKET__NAME", "finance"),
            ("EXPORTS__BUCKET__ENDPOINT", store.url.as_str()),
            ("EXPORTS__BUCKET__PREFIX", "of-tests/"),
            ("EXPORTS__BUCKET__ACCESS_KEY_ID", KEY_ID),
            ("EXPORTS__BUCKET__SECRET_ACCESS_KEY", KEY),
        ];
        self.restart_with(&[&bucket, pairs].concat()).await;
    }

    /// Two megabytes for each payment, past the service, so that a few of them make a large file.
    async fn make_metadata_large(&self) {
        let sqlite = "update payments set metadata = (
            with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
            select json_group_object('k' || i, hex(zeroblob(240))) from n)";
        let postgres = "update payments set metadata = (
            select jsonb_object_agg('k' || i, repeat('0', 480)) from generate_series(1, 4000) i)";
        self.data.execute(sqlite, postgres).await;
    }
}
