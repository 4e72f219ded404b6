//! `deploy/settings.toml` is what the program was built with; here it is held against what the program takes.

use fault_catalogue::struck;
use std::path::Path;

use serde_json::{Map, Value};

use crate::deployment::{Deployment, MASTER_KEY};

/// The tables of shops are named by whoever has them, so the file shows one as a comment.
const SHOP_KEYS: [&str; 3] = ["api_key", "signing_key", "previous_signing_key"];

#[tokio::test]
async fn every_setting_stands_in_the_file_with_a_comment_and_nothing_else_does() {
    let told = settings(&[]).await;
    let mut known = keys(&told);
    known.retain(|key| !key.starts_with("shops."));
    let (mut table, mut listed, mut commented) = (String::new(), Vec::new(), true);
    for line in file().lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            listed.push(format!("{table}{key}"));
        }
        // A comment speaks for the keys that follow it without an empty line between.
        commented |= line.starts_with('#');
        assert!(commented || !line.contains(" = ") || PLAIN.contains(&line.split(' ').next().unwrap()), "{line}");
        commented &= !line.is_empty();
    }
    listed.sort();
    known.sort();
    assert_eq!(listed, known);
    for key in SHOP_KEYS {
        assert!(file().contains(&format!("# {key} = ")), "{key}");
    }
}

/// Keys whose name says all of it.
const PLAIN: [&str; 3] = ["listen", "base_url", "url"];

#[tokio::test]
async fn every_setting_can_be_given_by_its_name_in_the_environment() {
    let before = settings(&[]).await;
    for key in keys(&before) {
        let name = key.to_uppercase().replace('.', "__");
        let value = another(&key, at(&before, &key));
        let after = settings(&[(&name, &value)]).await;
        let shown = match at(&after, &key) {
            Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
            single => text(single),
        };
        // Of a secret only this is shown.
        let expected = if text(at(&before, &key)) == "[set]" { "[set]".to_owned() } else { value };
        let is_unset_secret = UNSET_SECRETS.iter().any(|name| key.ends_with(name));
        let expected = if is_unset_secret { "[set]".to_owned() } else { expected };
        // Tables are written one way there, and shown another.
        let expected = match key.as_str() {
            "payments.flow_rules" => RULE_SHOWN.to_owned(),
            "console.openid.groups" => GROUP_SHOWN.to_owned(),
            _ => expected,
        };
        assert_eq!(shown, expected, "{name}");
    }
}

const UNSET_SECRETS: [&str; 7] = [
    "previous_signing_key",
    "access_key_id",
    "secret_access_key",
    "nats.password",
    "nats.credentials",
    "openid.client_secret",
    "tracing.headers",
];

/// What a platform sets; the name of our own wins.
#[tokio::test]
async fn database_url_is_understood_as_well() {
    let deployment = Deployment::of_settings(&[("DATABASE_URL", "nonsense")]);
    assert_eq!(deployment.run(&["migrate"]).await.status.code(), Some(0));
    let mut command = crate::process::program(["migrate"]);
    let output = command.env("DATABASE_URL", "nonsense").env("MASTER_KEY", MASTER_KEY).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[tokio::test]
async fn a_secret_may_lie_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut deployment = Deployment::of_settings(&[("MASTER_KEY_FILE", &file("key", MASTER_KEY.as_bytes()))]);
    deployment.unset("MASTER_KEY");
    let database = format!("sqlite:{}\r\n", deployment.database_file().display());
    deployment.unset("DATABASE__URL");
    let deployment = deployment.with(&[("DATABASE_URL_FILE", &file("url", database.as_bytes()))]);
    assert_eq!(deployment.run(&["migrate"]).await.status.code(), Some(0));
    assert!(deployment.database_file().exists(), "the line's end is no part of it");
    assert_eq!(deployment.run(&["settings"]).await.status.code(), Some(0));

    let secret = b"a-secret-that-is-not-shown";
    for (name, path, problem) in [
        ("MASTER_KEY_FILE", folder.path().join("none").to_str().unwrap().to_owned(), "cannot be opened"),
        ("MASTER_KEY_FILE", file("empty", b""), "is empty"),
        ("MASTER_KEY_FILE", file("large", &b"x".repeat(70_000)), "is too large"),
        ("MASTER_KEY_FILE", file("bytes", &[0xff, 0xfe]), "cannot be read"),
        ("SHOPS__MAIN__API_KEY_FILE", file("twice", secret), "SHOPS__MAIN__API_KEY is set as well"),
        ("LOG__FORMAT_FILE", file("format", secret), "set as well"),
    ] {
        let mut deployment = Deployment::of_settings(&[(name, &path)]);
        deployment.unset("MASTER_KEY");
        let output = deployment.run(&["settings"]).await;
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), line.lines().count()), (Some(2), 1), "{line}");
        assert!(line.contains(name) && line.contains(problem) && !line.contains("a-secret"), "{line}");
    }
}

#[tokio::test]
async fn a_proxy_in_the_environment_is_refused_and_not_ignored() {
    let mut refused = 0_u64;
    for name in ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        let output = Deployment::of_settings(&[(name, "http://reader:password@proxy.example")]).run(&["serve"]).await;
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), line.lines().count()), (Some(2), 1), "{line}");
        assert!(line.contains(name) && line.contains("goes through no proxy") && !line.contains("password"), "{line}");
        refused += 1;
    }
    struck(19, refused);
}

const RULE: &str = r#"[{ payment_method = "P2P_*", shop = "main", flow = "REDIRECT" }]"#;
const RULE_SHOWN: &str = r#"{"flow":"REDIRECT","payment_method":"P2P_*","shop":"main"}"#;

const GROUP: &str = r#"[{ group = "On call, Cyprus", scopes = ["ops:read", "payments:read"], shops = ["main"] }]"#;
const GROUP_SHOWN: &str = r#"{"group":"On call, Cyprus","scopes":["payments:read","ops:read"],"shops":["main"]}"#;

/// The rules of a file are tables, as the comment in it says; those of the environment win.
#[tokio::test]
async fn flow_rules_stand_in_the_file_as_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    std::fs::write(
        &path,
        "[[payments.flow_rules]]\npayment_method = \"PIX\"\ncurrency = \"BRL\"\nflow = \"REDIRECT\"\n",
    )
    .unwrap();
    let deployment = Deployment::of_settings(&[]);
    let output = deployment.run(&["--settings", path.to_str().unwrap(), "settings", "--json"]).await;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rules = serde_json::json!([{ "payment_method": "PIX", "currency": "BRL", "flow": "REDIRECT" }]);
    assert_eq!(told["payments"]["flow_rules"], rules);
    let deployment = Deployment::of_settings(&[("PAYMENTS__FLOW_RULES", RULE)]);
    let output = deployment.run(&["--settings", path.to_str().unwrap(), "settings", "--json"]).await;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        told["payments"]["flow_rules"][0].to_string(),
        serde_json::from_str::<Value>(RULE_SHOWN).unwrap().to_string()
    );
}

/// A valid value other than the one in force.
fn another(key: &str, now: &Value) -> String {
    match key {
        "public_url" => "https://pay.example".to_owned(),
        "master_key" => "another-master-key-of-32-characters".to_owned(),
        "default_shop" => "main".to_owned(),
        "http.listen" => "127.0.0.1:9".to_owned(),
        "database.url" => "postgres://other.example/pay".to_owned(),
        "gateway.base_url" => "https://engine.pay.tech".to_owned(),
        "gateway.signature" => "base64".to_owned(),
        "payments.flow_rules" => RULE.to_owned(),
        "console.openid.groups" => GROUP.to_owned(),
        "console.openid.scopes" => "openid,groups".to_owned(),
        "payments.moving_methods" => "BASIC_CARD,PIX".to_owned(),
        "payments.look_up_seconds"
        | "payments.poll_seconds"
        | "sweep.poll_seconds"
        | "webhook_endpoints.retry_seconds" => "7,8,9".to_owned(),
        "callers.trusted_proxies" | "webhook_endpoints.allowed_networks" => "10.1.0.0/16,fd00::/8".to_owned(),
        "tracing.ratio" => "0.25".to_owned(),
        "log.level" => "debug,sqlx=warn".to_owned(),
        "log.format" => "json".to_owned(),
        _ => match now {
            Value::Bool(set) => (!set).to_string(),
            Value::Number(number) => (number.as_u64().unwrap() + 1).to_string(),
            _ => "another-value".to_owned(),
        },
    }
}

async fn settings(pairs: &[(&str, &str)]) -> Value {
    let output = Deployment::of_settings(pairs).run(&["settings", "--json"]).await;
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{pairs:?}: {output:?}"))
}

/// Every key with the tables that it stands in, as `http.listen`.
fn keys(settings: &Value) -> Vec<String> {
    fn collect(prefix: &str, table: &Map<String, Value>, keys: &mut Vec<String>) {
        for (key, value) in table {
            match value {
                Value::Object(inner) => collect(&format!("{prefix}{key}."), inner, keys),
                _ => keys.push(format!("{prefix}{key}")),
            }
        }
    }
    let mut all = Vec::new();
    collect("", settings.as_object().unwrap(), &mut all);
    all
}

fn at<'a>(settings: &'a Value, key: &str) -> &'a Value {
    settings.pointer(&format!("/{}", key.replace('.', "/"))).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn file() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/settings.toml")).unwrap()
}
