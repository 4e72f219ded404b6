//! The commands as an operator types them: what they print, how they end, and what they never show.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use crate::deployment::{API_KEY, Deployment, MASTER_KEY, SIGNING_KEY, on_every_store};
use crate::process::program;
use crate::waiting::Waiting;

const FINE: Option<i32> = Some(0);
const FOUND: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);
const UNAVAILABLE: Option<i32> = Some(3);

#[tokio::test]
async fn every_command_says_what_it_is_for() {
    let help = text(&run(&["--help"], &[]).await.stdout);
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let names: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(
        names,
        [
            "serve",
            "local",
            "migrate",
            "keys",
            "stuck",
            "why",
            "check",
            "care",
            "bulk",
            "resolve",
            "proposals",
            "switch",
            "webhooks",
            "reconcile",
            "export",
            "breaks",
            "listen",
            "events",
            "trigger",
            "verify",
            "settings",
            "help"
        ]
    );
    for name in &names[..names.len() - 1] {
        let own = run(&[name, "--help"], &[]).await;
        let about = text(&own.stdout).lines().next().unwrap().to_owned();
        assert!(own.status.success() && about.contains(' ') && help.contains(&about), "{name}: {about}");
    }
    let version = text(&run(&["--version"], &[]).await.stdout);
    assert_eq!(version.trim(), concat!("api ", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn what_cannot_be_understood_ends_with_2_and_one_clear_line() {
    for (arguments, named) in [
        (&["stroll"][..], "stroll"),
        (&["serve", "--fast"], "--fast"),
        (&["why"], "<NAME>"),
        (&["keys", "create", "--name", "x", "--scope", "everything"], "everything"),
        (&["keys", "create", "--name", "x", "--scope", "payments:read", "--shop", "a b"], "a b"),
        (&["keys", "revoke", "seven"], "seven"),
        (&["keys", "rotate", "seven"], "seven"),
        (&["keys", "create", "--name", "x", "--scope", "payments:read", "--network", "10.0.0.0/99"], "10.0.0.0/99"),
        (&["keys", "create", "--name", "x", "--scope", "payments:read", "--expires-at", "tomorrow"], "tomorrow"),
        (&["listen", "--forward-to", "nowhere", "--key", "x"], "nowhere"),
        (&["listen", "--forward-to", "http://127.0.0.1:1/", "--key", "x", "--type", "deposit.paid"], "deposit.paid"),
        (&["events", "resend", "evt_1", "--endpoint", "seven"], "seven"),
        (&["trigger", "deposit.paid", "order-1", "--key", "x"], "deposit.completed"),
        (&["trigger", "deposit.completed", "order-1", "--key", "x", "--gateway", "nowhere"], "nowhere"),
    ] {
        let output = run(arguments, &[]).await;
        let errors = text(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (USAGE, 0), "{errors}");
        assert!(errors.contains(named), "{errors}");
    }
    let scopes = text(&run(&["keys", "create", "--name", "x", "--scope", "everything"], &[]).await.stderr);
    assert!(scopes.contains("payments:read") && scopes.contains("deposits:write"), "{scopes}");
}

/// Settings with which the service cannot serve: the key is named, nothing listens, nothing is created.
#[tokio::test]
async fn settings_that_cannot_work_end_with_2_and_name_the_key() {
    let broken: [(&[(&str, &str)], &str); 56] = [
        (&[("MASTER_KEY", "")], "master_key: is missing; set MASTER_KEY"),
        (&[("MASTER_KEY", "short-master-key-x")], "master_key: is too short"),
        (&[("SHOPS__MAIN__API_KEY", "")], "shops.main.api_key: is missing; set SHOPS__MAIN__API_KEY"),
        (&[("SHOPS__MAIN__SIGNING_KEY", "")], "shops.main.signing_key: is missing; set SHOPS__MAIN__SIGNING_KEY"),
        (&[("SHOPS__MAIN__SECRET", "hidden-value-1")], "secret"),
        (&[("HTTP__PORT", "80")], "port"),
        (&[("HTTP__LISTEN", "somewhere")], "listen"),
        (&[("HTTP__BODY_SECONDS", "0")], "http.body_seconds: must be at least 1"),
        (&[("HTTP__BODY_SECONDS", "-1")], "body_seconds"),
        (&[("HTTP__BODY_SECONDS", "ten")], "body_seconds"),
        (&[("DATABASE__URL", "mysql://root:hidden-value-2@localhost/x")], "database.url"),
        (&[("GATEWAY__BASE_URL", "http://engine.pay.tech")], "gateway.base_url: must begin with https://"),
        (&[("GATEWAY__BASE_URL", "engine")], "gateway.base_url: is no URL"),
        (&[("GATEWAY__SIGNATURE", "rot13")], "signature"),
        (&[("PUBLIC_URL", "ftp://x.example")], "public_url: must begin with https://"),
        (&[("DEFAULT_SHOP", "other")], "default_shop: names no shop"),
        (&[("CALLERS__IDEMPOTENCY_DAYS", "0")], "callers.idempotency_days: must be at least 1"),
        (&[("CALLERS__REQUESTS_BURST", "0")], "callers.requests_burst: must be at least 1"),
        (&[("CALLERS__TRUSTED_PROXIES", "10.0.0.0/99")], "trusted_proxies"),
        (&[("PAYMENTS__LOOK_UP_SECONDS", "")], "payments.look_up_seconds: must be at least 1"),
        (&[("SWEEP__POLL_SECONDS", "")], "sweep.poll_seconds: must be at least 1"),
        (&[("SWEEP__PAGE_ITEMS", "1001")], "sweep.page_items: must be at most 1000"),
        (&[("RECONCILIATION__PAGE_ITEMS", "1")], "reconciliation.page_items: must be 2 to 1000"),
        (&[("RECONCILIATION__WINDOW_DAYS_MAX", "0")], "reconciliation.window_days_max: must be at least 1"),
        (&[("GATEWAY__REQUESTS_PER_SECOND", "0")], "gateway.requests_per_second: must be at least 1"),
        (&[("PAYMENTS__LEASE_SECONDS", "1")], "gateway.answer_seconds"),
        (&[("PAYMENTS__QUARANTINE_SECONDS", "3")], "payments.quarantine_seconds: must be at least"),
        (&[("PAYMENTS__FLOW_RULES", "REDIRECT")], "TOML"),
        (&[("PAYMENTS__FLOW_RULES", "[{}]")], "flow"),
        (&[("PAYMENTS__FLOW_RULES", r#"[{ flow = "SIDEWAYS" }]"#)], "SIDEWAYS"),
        (&[("PAYMENTS__FLOW_RULES", r#"[{ flow = "REDIRECT", method = "PIX" }]"#)], "method"),
        (&[("PAYMENTS__FLOW_RULES", r#"[{ flow = "REDIRECT", currency = "euro" }]"#)], "currency"),
        (
            &[("PAYMENTS__FLOW_RULES", r#"[{ flow = "REDIRECT" }, { flow = "REDIRECT", payment_method = "PIG" }]"#)],
            "payments.flow_rules: rule 2: payment_method is no payment method",
        ),
        (
            &[("PAYMENTS__FLOW_RULES", r#"[{ flow = "REDIRECT", payment_method = "PIGEON_*" }]"#)],
            "payments.flow_rules: rule 1: payment_method is no payment method",
        ),
        (
            &[("PAYMENTS__FLOW_RULES", r#"[{ flow = "REDIRECT", shop = "other" }]"#)],
            "payments.flow_rules: rule 1: shop names no shop",
        ),
        (
            &[("PAYMENTS__FLOW_RULES", r#"[{ flow = "H2H", payment_type = "WITHDRAWAL" }]"#)],
            "payments.flow_rules: rule 1: flow must be REDIRECT; only a deposit",
        ),
        (
            &[("SANDBOX__ENABLED", "true"), ("GATEWAY__BASE_URL", "https://engine-sandbox.pay.tech")],
            "sandbox.enabled: is only for a simulated gateway",
        ),
        (&[("NATS__URL", "nats://nats.shop.example:4222")], "nats.url: must begin with tls://"),
        (&[("NATS__URL", "tls://me:hidden-value-5@nats.shop.example")], "nats.url: must hold no user"),
        (&[("NATS__URL", "nats://127.0.0.1:4222"), ("NATS__STREAM", "a.b")], "nats.stream: must be"),
        (&[("NATS__URL", "nats://127.0.0.1:4222"), ("NATS__SUBJECT_PREFIX", "a..b")], "nats.subject_prefix: must be"),
        (
            &[("NATS__URL", "nats://127.0.0.1:4222"), ("NATS__USER", "me"), ("NATS__CREDENTIALS", "hidden-value-6")],
            "nats.credentials: is set beside nats.user",
        ),
        (&[("TRACING__ENDPOINT", "localhost:4318")], "tracing.endpoint: must begin with http"),
        (&[("TRACING__ENDPOINT", "http://")], "tracing.endpoint: is no URL"),
        (
            &[("TRACING__ENDPOINT", "https://me:hidden-value-7@otel.shop.example")],
            "tracing.endpoint: must hold no user",
        ),
        (&[("TRACING__ENDPOINT", "https://otel.shop.example/?key=hidden-value-8")], "tracing.endpoint: must be the"),
        (&[("TRACING__ENDPOINT", "http://127.0.0.1:4318/v1/traces")], "tracing.endpoint: must be the"),
        (&[("TRACING__HEADERS", "a=hidden-value-9")], "tracing.endpoint: is missing"),
        (
            &[("TRACING__ENDPOINT", "https://otel.shop.example"), ("TRACING__HEADERS", "hidden-value-10")],
            "tracing.headers: must be pairs",
        ),
        (
            &[("TRACING__ENDPOINT", "http://otel.shop.example"), ("TRACING__HEADERS", "a=hidden-value-11")],
            "tracing.headers: would travel in the clear",
        ),
        (&[("TRACING__RATIO", "1.5")], "tracing.ratio: must be 0 to 1"),
        (&[("TRACING__RATIO", "-0.1")], "tracing.ratio: must be 0 to 1"),
        (&[("TRACING__RATIO", "NaN")], "tracing.ratio: must be 0 to 1"),
        (&[("TRACING__QUEUE_MAX", "0")], "tracing.queue_max: must be at least 1"),
        (&[("LOG__LEVEL", "api=loud")], "log.level"),
        (&[("LOG__LEVEL", "loud")], "log.level"),
    ];
    for (pairs, named) in broken {
        assert_refused(pairs, named).await;
    }
}

async fn assert_refused(pairs: &[(&str, &str)], named: &str) {
    let deployment = Deployment::of_settings(pairs);
    let output = deployment.run(&["serve"]).await;
    let line = one_line(&output);
    assert_eq!(output.status.code(), USAGE, "{pairs:?}: {line}");
    assert!(line.contains(named), "{pairs:?}: {line}");
    assert!(!deployment.database_file().exists(), "{pairs:?}: it is refused before anything is opened");
    assert_shows_no_secret(&output);
}

/// What it takes to sign people in by OIDC, but for this.
fn open_id(wrong: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let whole = [
        ("CONSOLE__PUBLIC_URL", "https://payments.example"),
        ("CONSOLE__OPENID__ISSUER", "https://login.example"),
        ("CONSOLE__OPENID__CLIENT_ID", "payments"),
        ("CONSOLE__OPENID__CLIENT_SECRET", "hidden-value-5"),
        ("CONSOLE__OPENID__GROUPS", r#"[{ group = "leads", scopes = ["admin"] }]"#),
    ];
    whole.into_iter().chain(wrong.iter().copied()).collect()
}

/// The same of those by which people sign in at the console.
#[tokio::test]
async fn sign_in_settings_that_cannot_work_end_with_2_and_name_the_key() {
    let broken: [(&[(&str, &str)], &str); 22] = [
        (&[("CONSOLE__KEYS", "false")], "console.keys: is false, and nobody could sign in"),
        (&[("CONSOLE__PUBLIC_URL", "http://payments.example")], "console.public_url: must begin with https://"),
        (
            &[("CONSOLE__PUBLIC_URL", "https://payments.example/console")],
            "console.public_url: must be a scheme and a host",
        ),
        (&[("CONSOLE__OPENID__CLIENT_ID", "x")], "console.openid.issuer: is missing, and the rest of it is there"),
        (&[("CONSOLE__OPENID__ISSUER", "http://login.example")], "console.openid.issuer: must begin with https://"),
        (
            &[("CONSOLE__OPENID__ISSUER", "https://a:hidden-value-4@login.example")],
            "console.openid.issuer: must hold no",
        ),
        (&[("CONSOLE__OPENID__ISSUER", "https://login.example")], "console.public_url: is missing"),
        (&open_id(&[("CONSOLE__OPENID__CLIENT_ID", "")]), "console.openid.client_id: is missing"),
        (&open_id(&[("CONSOLE__OPENID__CLIENT_SECRET", "")]), "set CONSOLE__OPENID__CLIENT_SECRET"),
        (&open_id(&[("CONSOLE__OPENID__NAME", "")]), "console.openid.name: must have 1 to 60 characters"),
        (&open_id(&[("CONSOLE__OPENID__SCOPES", "email,profile")]), "console.openid.scopes: must be words"),
        (&open_id(&[("CONSOLE__OPENID__SCOPES", "openid,e mail")]), "console.openid.scopes: must be words"),
        (&open_id(&[("CONSOLE__OPENID__PERSON_CLAIM", "")]), "console.openid.person_claim: is missing"),
        (&open_id(&[("CONSOLE__OPENID__GROUPS_CLAIM", "")]), "console.openid.groups_claim: is missing"),
        (&open_id(&[("CONSOLE__OPENID__ANSWER_SECONDS", "0")]), "console.openid.answer_seconds: must be 1 to 60"),
        (&open_id(&[("CONSOLE__OPENID__GROUPS", "[]")]), "console.openid.groups: there is none"),
        (&open_id(&[("CONSOLE__OPENID__GROUPS", "leads")]), "TOML"),
        (&open_id(&[("CONSOLE__OPENID__GROUPS", r#"[{ group = "a", scopes = ["ops:all"] }]"#)]), "ops:all"),
        (
            &open_id(&[("CONSOLE__OPENID__GROUPS", r#"[{ group = "", scopes = ["ops:read"] }]"#)]),
            "console.openid.groups: group 1: has no name",
        ),
        (
            &open_id(&[("CONSOLE__OPENID__GROUPS", r#"[{ group = "a", scopes = ["payments:read"] }]"#)]),
            "console.openid.groups: group 1: must have the scope ops:read",
        ),
        (
            &open_id(&[(
                "CONSOLE__OPENID__GROUPS",
                r#"[{ group = "a", scopes = ["admin"] }, { group = "a", scopes = ["ops:read"] }]"#,
            )]),
            "console.openid.groups: group 2: stands there twice",
        ),
        (
            &open_id(&[("CONSOLE__OPENID__GROUPS", r#"[{ group = "a", scopes = ["admin"], shops = ["other"] }]"#)]),
            "console.openid.groups: group 1: names a shop that is none of [shops]",
        ),
    ];
    for (pairs, named) in broken {
        assert_refused(pairs, named).await;
    }
}

#[tokio::test]
async fn a_settings_file_that_is_missing_or_broken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    let path = file.to_str().unwrap();
    for (content, named) in [
        (None, "settings.toml"),
        (Some("[http\n"), "settings.toml"),
        (Some("[http]\nspeed = 9\n"), "speed"),
        (Some("[http]\nlisten = 7\n"), "listen"),
        (Some("[payments]\nmoving_methods = [\"A WORD\"]\n"), "moving_methods"),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let output = run(&["--settings", path, "settings"], &[]).await;
        assert_eq!(output.status.code(), USAGE, "{content:?}: {output:?}");
        assert!(one_line(&output).contains(named), "{content:?}: {output:?}");
    }
    // The environment wins over the file, the file over the defaults.
    std::fs::write(&file, "default_shop = \"two\"\n[http]\nbody_seconds = 7\nhead_seconds = 7\n").unwrap();
    let second_shop = [("SHOPS__TWO__API_KEY", "a-key"), ("SHOPS__TWO__SIGNING_KEY", "another")];
    let deployment = Deployment::of_settings(&[&second_shop[..], &[("HTTP__HEAD_SECONDS", "8")]].concat());
    let told = json(&deployment.run(&["--settings", path, "settings", "--json"]).await);
    assert_eq!((&told["http"]["body_seconds"], &told["http"]["head_seconds"]), (&7.into(), &8.into()), "{told}");
}

#[tokio::test]
async fn the_settings_in_force_are_shown_without_their_secrets() {
    let deployment = Deployment::of_settings(&[("DATABASE__URL", "postgres://pay:hidden-value-3@db.example/pay")]);
    for arguments in [&["settings"][..], &["settings", "--json"]] {
        let output = deployment.run(arguments).await;
        assert_eq!(output.status.code(), FINE, "{output:?}");
        assert_shows_no_secret(&output);
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["master_key"], "[set]");
        assert_eq!(told["shops"]["main"]["api_key"], "[set]");
        assert_eq!(told["shops"]["main"]["previous_signing_key"], "");
        assert_eq!(told["database"]["url"], "[set]");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_ends_with_3_and_one_line_without_its_password() {
    // Nobody listens there, and nobody may create it.
    for url in ["postgres://pay:hidden-value-4@127.0.0.1:1/pay", "sqlite:/proc/none/payments.db"] {
        let deployment = Deployment::of_settings(&[("DATABASE__URL", url)]);
        for arguments in [&["serve"][..], &["migrate"], &["keys", "list"], &["why", "order-1"], &["verify"]] {
            let output = deployment.run(arguments).await;
            assert_eq!(output.status.code(), UNAVAILABLE, "{arguments:?}: {output:?}");
            one_line(&output);
            assert_shows_no_secret(&output);
        }
    }
}

on_every_store! {
    async fn a_key_works_as_soon_as_it_is_made_and_not_for_long_when_it_is_revoked(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let _service = deployment.serve().await;
        let create = ["keys", "create", "--name", "checkout", "--scope", "payments:read,deposits:write", "--json"];
        let made = json(&deployment.run(&create).await);
        let key = made["key"].as_str().unwrap();
        let caller = deployment.caller_with(key);
        assert_eq!(caller.try_order("order-1").await.unwrap().status, 201);

        let listed = deployment.run(&["keys", "list"]).await;
        let line = text(&listed.stdout).lines().find(|line| line.contains("checkout")).unwrap().to_owned();
        assert!(line.contains("payments:read, deposits:write") && line.contains("live"), "{line}");
        assert!(!text(&listed.stdout).contains(key), "it was shown once");

        let id = made["id"].as_str().unwrap();
        assert_eq!(deployment.run(&["keys", "revoke", id]).await.status.code(), FINE);
        let again = deployment.run(&["keys", "revoke", id]).await;
        assert_eq!(again.status.code(), FOUND, "{again:?}");
        let mut waiting = Waiting::until("the revoked key is refused");
        while caller.try_order("order-1").await.unwrap().status != 401 {
            waiting.pause().await;
        }
        let listed = json(&deployment.run(&["keys", "list", "--json"]).await);
        assert!(listed.as_array().unwrap().iter().any(|key| key["id"] == id && key["revoked_at"].is_string()), "{listed}");
    }

    async fn a_payment_tells_why_by_each_of_its_names(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let _service = deployment.serve().await;
        let taken = deployment.caller().try_order("order-1001").await.unwrap().body;
        for name in ["id", "referenceId", "gatewayPaymentId"] {
            let name = taken[name].as_str().unwrap();
            let told = deployment.run(&["why", name]).await;
            let shown = text(&told.stdout);
            assert_eq!(told.status.code(), FINE, "{told:?}");
            assert!(shown.starts_with(&format!("{}  CHECKOUT\n", taken["id"].as_str().unwrap())), "{shown}");
            assert!(shown.contains("waiting for the customer") && shown.contains("│ #2 "), "{shown}");
            let told = json(&deployment.run(&["why", name, "--json"]).await);
            assert_eq!((&told[0]["id"], &told[0]["state"]), (&taken["id"], &"CHECKOUT".into()), "{told}");
        }
        let checked = json(&deployment.run(&["check", "order-1001", "--json"]).await);
        assert_eq!((&checked["id"], &checked["state"]), (&taken["id"], &"CHECKOUT".into()), "{checked}");
        for command in ["why", "check"] {
            let unknown = deployment.run(&[command, "order-1002"]).await;
            assert_eq!(unknown.status.code(), FOUND, "{unknown:?}");
            assert_eq!(one_line(&unknown), "api: no payment has this name");
        }
    }

    async fn books_that_were_tampered_with_are_found(kind: Kind) {
        let deployment = Deployment::new(kind).await;
        let service = deployment.serve().await;
        let taken = deployment.caller().try_order("order-1001").await.unwrap().body;
        service.kill().await;
        let fine = json(&deployment.run(&["verify", "--json"]).await);
        assert_eq!((&fine["payments"], &fine["entries"]), (&1.into(), &2.into()), "{fine}");
        let rules = fine["rules"].as_object().unwrap();
        for invariant in ["I1", "I2", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14"] {
            assert!(rules.keys().any(|rule| rule.starts_with(&format!("{invariant} "))), "{invariant}: {fine}");
        }
        assert!(rules.values().all(|found| *found == 0), "{fine}");

        deployment.tamper("update payments set state = 'COMPLETED'").await;
        let found = deployment.run(&["verify"]).await;
        assert_eq!(found.status.code(), FOUND, "{found:?}");
        let told = text(&found.stdout);
        assert!(told.contains(taken["id"].as_str().unwrap()), "{found:?}");
        assert!(told.contains("1 │ I9 row is not the fold of its ledger"), "{found:?}");
    }

    async fn a_schema_is_brought_up_to_date_once_and_asked_for_where_it_is_missing(kind: Kind) {
        let deployment = Deployment::without_schema(kind).await;
        for arguments in [&["keys", "list"][..], &["why", "order-1"], &["verify"]] {
            let output = deployment.run(arguments).await;
            assert_eq!(output.status.code(), UNAVAILABLE, "{arguments:?}: {output:?}");
            assert!(one_line(&output).contains("api migrate"), "{output:?}");
        }
        for _ in 0..2 {
            assert_eq!(text(&deployment.run(&["migrate"]).await.stdout).trim(), "the schema is up to date");
        }
        assert_eq!(deployment.run(&["keys", "list"]).await.status.code(), FINE);
    }
}

#[tokio::test]
async fn a_reader_who_goes_away_is_no_reason_to_panic() {
    let deployment = Deployment::of_settings(&[]);
    let mut command = program(["settings"]);
    let mut child = command.envs(deployment.settings()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
    assert!(child.wait().await.unwrap().code().is_some_and(|code| code == 0 || code == 3));
    assert!(!errors.contains("panicked"), "{errors}");
}

async fn run(arguments: &[&str], pairs: &[(&str, &str)]) -> Output {
    program(arguments).envs(pairs.iter().copied()).output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), FINE, "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The only line that a failed command writes.
fn one_line(output: &Output) -> String {
    let errors = text(&output.stderr);
    assert_eq!(errors.lines().count(), 1, "{output:?}");
    errors.trim_end().to_owned()
}

fn assert_shows_no_secret(output: &Output) {
    let shown = text(&output.stdout) + &text(&output.stderr);
    for secret in [MASTER_KEY, API_KEY, SIGNING_KEY, "short-master-key-x", "hidden-value"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
