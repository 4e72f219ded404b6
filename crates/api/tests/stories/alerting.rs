//! What wakes somebody: the rules as they ship, evaluated by a real Prometheus over what the service really says, each made to
//! fire by a real fault. Only their windows are shortened, since nobody waits an hour in a test.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use gateway_simulator::{Endpoint, Fault, FaultRule, SignatureMode, WebhookDelivery, sign};
use serde_json::{Value, json};
use strum::VariantArray as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::app::{Kind, SIGNING_KEY, TestApp, eventually};
use crate::orders::payout;
use crate::receiver::{Behaviour, Receiver};

const RULES: &str = include_str!("../../../../deploy/alerts.yml");
const DASHBOARD: &str = include_str!("../../../../deploy/dashboard.json");
const RUNBOOK: &str = include_str!("../../../../docs/runbook.md");

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// The values of a key of the rules, line by line: they are written on one line each, or folded behind `>-`.
fn values(key: &str) -> Vec<String> {
    let mut lines = RULES.lines().peekable();
    let mut found = Vec::new();
    let name = format!("{key}: ");
    while let Some(line) = lines.next() {
        let text = line.trim_start().trim_start_matches("- ");
        let Some(value) = text.strip_prefix(&name) else { continue };
        let indent = line.len() - line.trim_start().len();
        let mut value = value.trim_matches('"').to_owned();
        if value == ">-" {
            value.clear();
            while lines.peek().is_some_and(|next| next.len() - next.trim_start().len() > indent) {
                value.push(' ');
                value.push_str(lines.next().unwrap().trim());
            }
        }
        found.push(value.trim().to_owned());
    }
    found
}

/// The names of metrics in an expression: what is no function, no keyword and no label.
fn metrics_of(expression: &str) -> BTreeSet<String> {
    const KEYWORDS: [&str; 8] = ["and", "or", "unless", "on", "ignoring", "by", "without", "bool"];
    let (mut names, mut rest) = (BTreeSet::new(), expression);
    while let Some(begin) = rest.find(|c: char| c.is_ascii_alphabetic() || "{[(\"".contains(c)) {
        rest = &rest[begin..];
        let closing = match rest.as_bytes()[0] {
            b'{' => Some('}'),
            b'[' => Some(']'),
            _ => None,
        };
        if let Some(closing) = closing {
            rest = &rest[rest.find(closing).unwrap() + 1..];
            continue;
        }
        if rest.starts_with('(') || rest.starts_with('"') {
            rest = &rest[1..];
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        rest = behind;
        if ["by", "without", "on", "ignoring"].contains(&name) {
            rest = &rest[rest.find(')').unwrap() + 1..];
        } else if !["(", "by ", "without "].iter().any(|next| rest.trim_start().starts_with(next))
            && !KEYWORDS.contains(&name)
        {
            names.insert(name.to_owned());
        }
    }
    names
}

fn dashboard() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn names_of_metrics_are_found_in_expressions() {
    let names = metrics_of("histogram_quantile(0.95, sum by (le) (rate(a_bucket{b=\"c\"}[5m]))) > 5 and max(d_e) == 1");
    assert_eq!(names, BTreeSet::from(["a_bucket".to_owned(), "d_e".to_owned()]));
}

#[test]
fn every_reason_and_every_alert_has_its_section_in_the_runbook() {
    let sections: BTreeSet<&str> = RUNBOOK.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    for reason in domain::StuckReason::VARIANTS {
        assert!(sections.contains(reason.anchor()), "{reason}");
    }
    let links = values("runbook_url");
    assert_eq!(links.len(), values("alert").len());
    for link in links {
        let anchor = link.strip_prefix("docs/runbook.md#").unwrap();
        assert!(anchor == "{{ $labels.reason }}" || sections.contains(anchor), "{anchor} is no section of the runbook");
    }
    for section in sections {
        let text = RUNBOOK.split(&format!("## {section}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
        assert!(text.len() > 200, "{section} says too little");
    }
}

/// As if a day had gone by: payments that ended, are open and are stuck, a notice, a sweep.
async fn a_days_work(app: &TestApp) {
    app.take("order-1").await;
    app.pay("order-1").await;
    app.end_of("order-1").await;
    app.fault("open-1", Fault::LostAfter);
    app.take("open-1").await;
    app.pass(MINUTE, 10 * SECOND).await;
    app.take("forgotten-1").await;
    app.advance(25 * HOUR);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_alerts_and_dashboard_ask_for_is_there_and_no_label_is_an_id() {
    let app = TestApp::start(Kind::Sqlite).await;
    a_days_work(&app).await;
    let text = app.metrics().await;
    let known = |name: &str| {
        text.lines().any(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")))
    };
    for expression in values("expr").into_iter().chain(dashboard()) {
        let names = metrics_of(&expression);
        assert!(!names.is_empty(), "{expression}");
        for name in names.iter().filter(|name| *name != "up") {
            assert!(known(name), "{name} of {expression} is not in\n{text}");
        }
    }
    for number in 0..20 {
        app.get(&format!("/v1/payments/01938d2c-7c1e-7b0a-9d55-3f0c7a9e1b{number}")).await;
        app.take(&format!("many-{number}")).await;
    }
    let series = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    let before = series(&app.metrics().await);
    for number in 20..40 {
        app.get(&format!("/v1/payments/01938d2c-7c1e-7b0a-9d55-3f0c7a9e1b{number}")).await;
        let taken = app.take(&format!("many-{number}")).await.body;
        app.get(&format!("/v1/payments/{}/operations", taken["id"].as_str().unwrap())).await;
    }
    let text = app.metrics().await;
    // The operations were asked for first here: one more route and template, whatever the number of payments.
    assert!(series(&text) < before + 40, "{} series, {before} before", series(&text));
    let is_id = |label: &str| {
        let long = label.len() >= 16 && label.bytes().filter(u8::is_ascii_digit).count() >= 4;
        long || label.contains("many-") || label.contains("order-")
    };
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let labels = line.split('{').nth(1).and_then(|rest| rest.rsplit_once('}')).map_or("", |(labels, _)| labels);
        assert!(!labels.split('"').any(is_id), "{line}");
    }
}

/// A Prometheus that reads what the service says several times a second.
struct Prometheus {
    _process: Child,
    http: reqwest::Client,
    url: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// None, and it is said aloud, unless `PROMETHEUS` names one, as `tools/gate` does where there is one.
    async fn watching(target: &str) -> Option<Self> {
        let program = std::env::var("PROMETHEUS").unwrap_or_default();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("alerts.yml"), hastened()).unwrap();
        let target = target.strip_prefix("http://").unwrap();
        let config = format!(
            "global: {{ scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms }}\n\
             rule_files: [alerts.yml]\n\
             scrape_configs:\n  - job_name: payments\n    static_configs: [{{ targets: ['{target}'] }}]\n"
        );
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let started = Command::new(&program)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"])
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) => {
                assert!(std::env::var("PROMETHEUS_NEEDED").is_err(), "{program}: {error}");
                #[allow(clippy::print_stdout, reason = "whoever runs it must know what was not seen")]
                {
                    println!(
                        "SKIPPED: the alerts were not made to fire, PROMETHEUS names no such program ({program}: {error})"
                    );
                }
                return None;
            }
        };
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("Prometheus ended");
            if line.contains("Listening on") {
                break line.split("address=").nth(1).unwrap().trim().to_owned();
            }
        };
        // Whatever else it says must have somewhere to go.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Some(Self { _process: process, http, url: format!("http://{address}"), _folder: folder })
    }

    /// Waits until the rules were looked at once more.
    async fn next_evaluation(&self) {
        let before = self.evaluated_at().await;
        while self.evaluated_at().await == before {
            tokio::task::yield_now().await;
        }
    }

    /// When each group of rules was evaluated last.
    async fn evaluated_at(&self) -> Vec<String> {
        let answer = self.http.get(format!("{}/api/v1/rules", self.url)).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        let groups = body["data"]["groups"].as_array().unwrap();
        groups.iter().map(|group| group["lastEvaluation"].as_str().unwrap().to_owned()).collect()
    }

    /// Whether an alert of this name fires, with all that it must say.
    async fn fires(&self, name: &str) -> bool {
        let firing = self.firing().await;
        let Some(alert) = firing.iter().find(|alert| alert["labels"]["alertname"] == name) else { return false };
        let annotations = &alert["annotations"];
        assert!(annotations["runbook_url"].as_str().unwrap().starts_with("docs/runbook.md#"), "{alert}");
        assert!(!annotations["summary"].as_str().unwrap().contains("<no value>"), "{alert}");
        true
    }

    /// The alerts that fire now, each with its labels.
    async fn firing(&self) -> Vec<Value> {
        let Ok(answer) = self.http.get(format!("{}/api/v1/alerts", self.url)).send().await else { return Vec::new() };
        let body: Value = answer.json().await.unwrap();
        let alerts = body["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts.into_iter().filter(|alert| alert["state"] == "firing").collect()
    }
}

/// The rules with seconds for minutes and hours: what takes an hour in the house takes a moment here. Thresholds stay.
fn hastened() -> String {
    let mut text = String::new();
    for line in RULES.lines() {
        let line = if line.trim_start().starts_with("for: ") {
            format!("{}for: 0s", &line[..line.len() - line.trim_start().len()])
        } else {
            ["[5m]", "[10m]", "[1h]"].iter().fold(line.to_owned(), |line, window| line.replace(window, "[3s]"))
        };
        text += &line;
        text.push('\n');
    }
    text
}

/// A service whose faults a Prometheus watches.
struct Drill {
    app: TestApp,
    prometheus: Prometheus,
    fired: BTreeSet<String>,
    orders: u32,
}

impl Drill {
    /// A reference that was not used yet.
    fn next(&mut self) -> String {
        self.orders += 1;
        format!("order-{}", self.orders)
    }

    /// Orders a deposit that meets this fault.
    async fn order_with(&mut self, fault: Option<Fault>) {
        let reference = self.next();
        if let Some(fault) = fault {
            self.app.fault(&reference, fault);
        }
        self.app.take(&reference).await;
    }

    /// Lets a fault go on until an alert of this name fires.
    async fn fires(&mut self, name: &str, mut fault: impl AsyncFnMut(&mut Self)) {
        let alarmed = async {
            loop {
                fault(self).await;
                // As the worker does, now and then.
                self.app.advance(2 * SECOND);
                let now = self.app.serving().desk().now();
                self.app.serving().sampler().step(now).await.unwrap();
                self.prometheus.next_evaluation().await;
                if self.prometheus.fires(name).await {
                    return;
                }
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(90), alarmed).await;
        assert!(came.is_ok(), "{name} never fired; firing are {:?}", self.prometheus.firing().await);
        self.fired.insert(name.to_owned());
    }

    /// Waits until an alert of this name fires by itself.
    async fn is_seen(&mut self, name: &str) {
        let alarmed = async {
            while !self.prometheus.fires(name).await {
                self.prometheus.next_evaluation().await;
            }
        };
        let came = tokio::time::timeout(Duration::from_mins(1), alarmed).await;
        assert!(came.is_ok(), "{name} never fired; firing are {:?}", self.prometheus.firing().await);
        self.fired.insert(name.to_owned());
    }

    async fn the_gateway_fails_and_is_slow(&mut self) {
        self.fires("GatewayFailing", async |drill| drill.order_with(Some(Fault::StatusBefore(503))).await).await;
        self.fires("GatewaySlow", async |drill| {
            let reference = drill.next();
            drill.app.fault(&reference, Fault::Slow { millis: 6_000 });
            let late = async {
                eventually("the request", async || drill.app.posts_of(&reference) > 0).await;
                drill.app.advance(7 * SECOND);
            };
            tokio::join!(drill.app.take(&reference), late);
        })
        .await;
    }

    async fn notices_are_forged_and_do_not_come(&mut self) {
        self.fires("WebhooksForged", async |drill| {
            for _ in 0..20 {
                drill.app.notify("{}", Some("forged")).await;
            }
        })
        .await;
        self.app.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
        self.fires("WebhooksMissing", async |drill| {
            for _ in 0..8 {
                let reference = drill.next();
                drill.app.take(&reference).await;
                drill.app.pay(&reference).await;
            }
            drill.app.pass(MINUTE, 30 * SECOND).await;
        })
        .await;
    }

    async fn payments_are_stuck_and_a_notice_waits(&mut self) {
        self.app.fault("payout-1", Fault::LostBefore);
        self.app.post("/v1/payments", &payout("payout-1")).await;
        self.app.advance(16 * MINUTE);
        self.fires("PaymentNeedsPersonNow", async |_| {}).await;
        self.app.fault("payout-2", Fault::Held);
        self.app.post("/v1/payments", &payout("payout-2")).await;
        self.app.advance(61 * MINUTE);
        self.fires("PaymentNeedsPerson", async |_| {}).await;
        self.fires("UnknownForTooLong", async |_| {}).await;
        self.fires("SweepStale", async |_| {}).await;
        let notice = json!({ "id": "0123456789abcdef0123456789abcdef", "state": "COMPLETED" }).to_string();
        let signature = sign(SignatureMode::HexLower, SIGNING_KEY, notice.as_bytes());
        self.app.notify(&notice, signature.as_deref()).await;
        self.app.advance(2 * HOUR);
        self.fires("WebhooksWaiting", async |_| {}).await;
    }

    /// Somebody takes no events, and nobody listens where they are published.
    async fn events_do_not_get_out(&mut self) {
        let receiver = Receiver::start().await;
        receiver.behaves(Behaviour::Says(503, ""));
        let endpoint = json!({ "url": receiver.url, "after": "0" });
        assert_eq!(self.app.post("/v1/webhook-endpoints", &endpoint).await.status, 201);
        for _ in 0..51 {
            self.order_with(None).await;
        }
        while self.app.serving().pusher().stamp().await.unwrap() > 0 {}
        assert!(self.app.serving().publisher().unwrap().step().await.is_err());
        self.fires("EventsBehind", async |_| {}).await;
        self.fires("EventsUnpublished", async |_| {}).await;
    }

    async fn people_stop_something_and_the_database_is_wrong_slow_and_not_counted(&mut self) {
        let stop = json!({ "stopped": true, "reason": "a drill" });
        assert_eq!(self.app.post("/v1/switches/withdrawals", &stop).await.status, 200);
        self.fires("StoppedByHand", async |_| {}).await;
        self.app.data.break_a_rule().await;
        self.fires("InvariantBroken", async |_| {}).await;
        self.app.data.slow_down().await;
        self.fires("StoreSlow", async |drill| drill.order_with(None).await).await;
        self.app.data.speed_up().await;
        self.app.advance(6 * MINUTE);
        self.is_seen("SamplesStale").await;
    }

    /// Nothing is taken any more, and callers are told so.
    async fn our_key_is_refused(&mut self) {
        let everything = |on| FaultRule { prefix: String::new(), fault: Fault::Unauthorized, on, times: None };
        self.app.gateway.with(|engine, _| {
            for on in [Endpoint::Create, Endpoint::List, Endpoint::Read] {
                engine.faults_mut().add_rule(everything(on));
            }
        });
        self.fires("GatewayRefusesOurKey", async |drill| {
            drill.order_with(None).await;
            drill.app.serving().desk().probe_gateways().await;
            drill.app.advance(10 * SECOND);
        })
        .await;
        self.fires("GatewayLeftAlone", async |_| {}).await;
        self.fires("ServiceFailing", async |drill| drill.order_with(None).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_alert_is_made_to_fire_by_a_real_fault() {
    let pairs = [
        ("GATEWAY__BREAKER_FAILURES", "1000"),
        ("METRICS__INTERVAL_SECONDS", "1"),
        ("METRICS__FULL_INTERVAL_SECONDS", "1"),
        ("WEBHOOK_ENDPOINTS__ALLOWED_NETWORKS", "127.0.0.1/32"),
        ("WEBHOOK_ENDPOINTS__ALLOW_HTTP", "true"),
        // Nobody listens there.
        ("NATS__URL", "nats://127.0.0.1:1"),
    ];
    let app = TestApp::start_with(Kind::Postgres, &pairs).await;
    let Some(prometheus) = Prometheus::watching(&app.url).await else { return };
    let mut drill = Drill { app, prometheus, fired: BTreeSet::new(), orders: 0 };
    drill.the_gateway_fails_and_is_slow().await;
    drill.notices_are_forged_and_do_not_come().await;
    drill.payments_are_stuck_and_a_notice_waits().await;
    drill.events_do_not_get_out().await;
    drill.people_stop_something_and_the_database_is_wrong_slow_and_not_counted().await;
    drill.our_key_is_refused().await;
    assert!(drill.app.application.take().unwrap().stop().await);
    drill.is_seen("ServiceDown").await;
    let all: BTreeSet<String> = values("alert").into_iter().collect();
    assert_eq!(drill.fired, all, "an alert that nobody has seen fire is no alert");
}
