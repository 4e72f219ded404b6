//! Keys over the API: made, changed over, bounded, revoked; each shown once.

use std::time::Duration;

use serde_json::{Value, json};
use store::Scope;
use strum::VariantArray as _;

use crate::app::{Answer, CALLER_KEY, Kind, SECOND_API_KEY, SECOND_SIGNING_KEY, TestApp, admit, on_every_store, order};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

async fn with(app: &TestApp, key: &str, path: &str, body: Option<&Value>) -> Answer {
    let request = match body {
        Some(body) => app.http.post(app.at(path)).json(body),
        None => app.http.get(app.at(path)),
    };
    app.send(request.bearer_auth(key)).await
}

/// A new key with these scopes: the key, and what is told of it.
async fn made(app: &TestApp, scopes: &[Scope]) -> (String, Value) {
    let order = json!({ "name": "shop", "scopes": scopes.iter().map(Scope::to_string).collect::<Vec<_>>() });
    let made = app.post("/v1/keys", &order).await;
    assert_eq!(made.status, 201, "{made:?}");
    (made.body["key"].as_str().unwrap().to_owned(), made.body)
}

async fn rotated(app: &TestApp, id: &Value, body: &Value) -> Answer {
    app.post(&format!("/v1/keys/{}/rotate", id.as_str().unwrap()), body).await
}

async fn opens(app: &TestApp, key: &str) -> bool {
    match with(app, key, "/v1/payments", None).await.status {
        200 => true,
        401 => false,
        status => panic!("{status}"),
    }
}

on_every_store! {
    async fn a_key_is_made_shown_once_and_may_do_what_it_says(app: TestApp) {
        let order = json!({
            "name": "checkout", "scopes": ["payments:read", "deposits:write"], "shops": ["main"],
            "networks": ["127.0.0.1/8", "::1/128"], "expiresAt": "2100-01-01T00:00:00+01:00",
        });
        let made = app.post("/v1/keys", &order).await;
        assert_eq!((made.status, &made.headers["cache-control"]), (201, &"no-store".parse().unwrap()), "{made:?}");
        let key = made.body["key"].as_str().unwrap().to_owned();
        let path = made.headers["location"].to_str().unwrap().to_owned();
        assert!(key.starts_with("pk_") && key.len() == 46, "{key}");
        let about = app.get(&path).await.body;
        let expected = json!({
            "id": path.rsplit('/').next().unwrap(), "name": "checkout", "scopes": ["payments:read", "deposits:write"],
            "shops": ["main"], "networks": ["127.0.0.0/8", "::1/128"], "createdAt": about["createdAt"],
            "expiresAt": "2099-12-31T23:00:00.000Z", "usedAt": null, "previousUntil": null, "revokedAt": null,
        });
        assert_eq!(about, expected);
        let listed = app.get("/v1/keys").await;
        assert!(listed.body["data"].as_array().unwrap().contains(&expected), "{listed:?}");
        assert!(!listed.body.to_string().contains(&key), "it was shown once");
        let told = app.data.everything().await;
        assert!(told.iter().all(|(_, row)| !row.contains(&key) && !row.to_lowercase().contains(&hex::encode(&key))));

        assert_eq!(with(&app, &key, "/v1/payments", Some(&crate::app::order("order-1"))).await.status, 201);
        with(&app, &key, "/v1/balances", None).await.assert_problem("missing-scope");
        with(&app, &key, "/v1/keys", None).await.assert_problem("missing-scope");
    }

    async fn what_is_wrong_with_a_key_is_told_by_field(app: TestApp) {
        let networks: Vec<String> = (0..51).map(|number| format!("10.{number}.0.0/16")).collect();
        for (field, wrong) in [
            ("name", json!("")), ("name", json!("n".repeat(101))), ("name", json!("4242 4242 4242 4242")),
            ("name", Value::Null), ("scopes", Value::Null), ("scopes", json!([])), ("scopes", json!(["everything"])),
            ("scopes", json!("admin")), ("shops", json!(["nowhere"])), ("shops", json!("main")),
            ("networks", json!(["10.0.0.0/33"])), ("networks", json!(["10.0.0.1"])), ("networks", json!(networks)),
            ("expiresAt", json!("tomorrow")), ("expiresAt", json!("2020-01-01T00:00:00Z")), ("kind", json!("test")),
        ] {
            let mut order = json!({ "name": "checkout", "scopes": ["payments:read"] });
            order[field] = wrong.clone();
            let refused = app.post("/v1/keys", &order).await;
            refused.assert_problem("invalid-request");
            assert_eq!(refused.pointers(), [format!("/{field}")], "{wrong}");
        }
        let (_, about) = made(&app, &[Scope::PaymentsRead]).await;
        for (field, wrong) in [("graceSeconds", json!(604_801)), ("graceSeconds", json!(-1)), ("stays", json!("both"))] {
            let refused = rotated(&app, &about["id"], &json!({ field: wrong })).await;
            assert_eq!((refused.status, refused.pointers()), (422, vec![format!("/{field}").as_str()]), "{refused:?}");
        }
        for path in ["/v1/keys/seven", "/v1/keys/01938d2c-7c1e-7b0a-9d55-3f0c7a9e1b42"] {
            app.get(path).await.assert_problem("not-found");
            app.post(&format!("{path}/rotate"), &json!({})).await.assert_problem("not-found");
        }
    }

    async fn an_owner_changes_over_and_nothing_is_refused_meanwhile(app: TestApp) {
        let (old, about) = made(&app, &[Scope::PaymentsRead, Scope::DepositsWrite]).await;
        assert!(opens(&app, &old).await);
        let answer = rotated(&app, &about["id"], &json!({})).await;
        assert_eq!((answer.status, &answer.body["id"]), (200, &about["id"]), "{answer:?}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.body["previousUntil"].is_string());
        let new = answer.body["key"].as_str().unwrap().to_owned();
        assert_ne!(old, new);
        assert!(opens(&app, &old).await && opens(&app, &new).await);
        // It is the same caller: what it has named before is known.
        let post = async |key: &str, reference: &str| {
            let request = app.http.post(app.at("/v1/payments")).json(&order(reference)).bearer_auth(key);
            app.send(request.header("Idempotency-Key", "\"a-name\"")).await
        };
        assert_eq!(post(&old, "order-1").await.status, 201);
        post(&new, "order-2").await.assert_problem("idempotency-key-reused");

        app.advance(DAY.saturating_sub(SECOND));
        assert!(opens(&app, &old).await && opens(&app, &new).await);
        app.advance(SECOND);
        assert!(!opens(&app, &old).await && opens(&app, &new).await);
        assert_eq!(app.get(&format!("/v1/keys/{}", about["id"].as_str().unwrap())).await.body["previousUntil"], Value::Null);
    }

    async fn of_two_that_are_live_somebody_says_which_one_stays(app: TestApp) {
        let (first, about) = made(&app, &[Scope::PaymentsRead]).await;
        let key = |answer: &Answer| answer.body["key"].as_str().unwrap().to_owned();
        let second = key(&rotated(&app, &about["id"], &json!({ "graceSeconds": 600 })).await);
        rotated(&app, &about["id"], &json!({})).await.assert_problem("not-in-this-state");
        assert!(opens(&app, &first).await && opens(&app, &second).await);
        // The answer with the second one was lost, and everybody still has the first one.
        let third = key(&rotated(&app, &about["id"], &json!({ "stays": "previous", "graceSeconds": 600 })).await);
        assert!(opens(&app, &first).await && !opens(&app, &second).await && opens(&app, &third).await);
        // Everybody has the third one, which got out.
        let fourth = key(&rotated(&app, &about["id"], &json!({ "stays": "current", "graceSeconds": 600 })).await);
        assert!(!opens(&app, &first).await && opens(&app, &third).await && opens(&app, &fourth).await);
        // At once.
        let fifth = key(&rotated(&app, &about["id"], &json!({ "stays": "current", "graceSeconds": 0 })).await);
        assert!(!opens(&app, &third).await && !opens(&app, &fourth).await && opens(&app, &fifth).await);
    }

    async fn a_key_ends_when_it_says_and_so_does_what_takes_its_place(app: TestApp) {
        let end = orchestrator::Clock::now(&app.clock).plus(2 * DAY);
        let order = json!({ "name": "audit", "scopes": ["payments:read"], "expiresAt": end.to_string() });
        let made = app.post("/v1/keys", &order).await.body;
        let key = made["key"].as_str().unwrap();
        assert!(opens(&app, key).await);
        app.advance(DAY);
        let rotated_key = rotated(&app, &made["id"], &json!({ "graceSeconds": 604_800 })).await.body;
        assert_eq!(rotated_key["expiresAt"], made["expiresAt"]);
        let new = rotated_key["key"].as_str().unwrap();
        assert!(opens(&app, key).await && opens(&app, new).await);
        app.advance(DAY);
        assert!(!opens(&app, key).await && !opens(&app, new).await);
        rotated(&app, &made["id"], &json!({ "stays": "current" })).await.assert_problem("not-in-this-state");
    }

    async fn a_revoked_key_is_good_for_nothing(app: TestApp) {
        let (key, about) = made(&app, &[Scope::PaymentsRead]).await;
        assert!(opens(&app, &key).await);
        let path = format!("/v1/keys/{}", about["id"].as_str().unwrap());
        for _ in 0..2 {
            let revoked = app.send(app.http.delete(app.at(&path)).bearer_auth(CALLER_KEY)).await;
            assert_eq!(revoked.status, 204, "{revoked:?}");
        }
        assert!(!opens(&app, &key).await, "at once, where it was revoked");
        assert!(app.get(&path).await.body["revokedAt"].is_string());
        rotated(&app, &about["id"], &json!({})).await.assert_problem("not-in-this-state");
    }

    async fn when_a_key_was_used_is_written_down_now_and_then(app: TestApp) {
        let (key, about) = made(&app, &[Scope::PaymentsRead]).await;
        let path = format!("/v1/keys/{}", about["id"].as_str().unwrap());
        app.serving().watch().await.unwrap();
        assert_eq!(app.get(&path).await.body["usedAt"], Value::Null);
        for _ in 0..3 {
            assert!(opens(&app, &key).await);
            app.advance(SECOND);
        }
        assert_eq!(app.get(&path).await.body["usedAt"], Value::Null, "no request waits for it");
        let last = orchestrator::Clock::now(&app.clock);
        app.serving().watch().await.unwrap();
        let used = app.get(&path).await.body["usedAt"].as_str().unwrap().to_owned();
        assert!(used < last.to_string() && used.as_str() > about["createdAt"].as_str().unwrap(), "{used}");
        // Also by whoever was refused for the scope: it is in use.
        with(&app, &key, "/v1/balances", None).await.assert_problem("missing-scope");
        app.serving().watch().await.unwrap();
        assert!(app.get(&path).await.body["usedAt"].as_str().unwrap() > used.as_str());
    }

    /// Its name in the ledger is the same: a new key makes nobody another person.
    async fn whoever_changes_over_does_not_approve_what_it_has_ordered(app: TestApp) {
        let (old, about) = made(&app, &[Scope::PayoutsWrite, Scope::PayoutsApprove, Scope::PaymentsRead]).await;
        let order = json!({
            "referenceId": "held-1", "paymentType": "WITHDRAWAL", "amount": "90", "currency": "EUR",
            "customer": { "accountNumber": "DE02120300000000202051" },
        });
        let taken = with(&app, &old, "/v1/payments", Some(&order)).await;
        assert_eq!(taken.body["state"], "AWAITING_APPROVAL", "{taken:?}");
        let new = rotated(&app, &about["id"], &json!({})).await.body["key"].as_str().unwrap().to_owned();
        let path = format!("/v1/payments/{}/approve", taken.body["id"].as_str().unwrap());
        for key in [&old, &new] {
            with(&app, key, &path, Some(&json!({}))).await.assert_problem("maker-approves");
        }
        assert_eq!(app.post(&path, &json!({})).await.status, 200, "somebody else");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sees_some_shops_gives_keys_to_no_others() {
    let shops = [
        ("SHOPS__SECOND__API_KEY", SECOND_API_KEY),
        ("SHOPS__SECOND__SIGNING_KEY", SECOND_SIGNING_KEY),
        ("DEFAULT_SHOP", "main"),
    ];
    let app = TestApp::start_with(Kind::Sqlite, &shops).await;
    admit(app.serving().keys(), "pk_main", Scope::VARIANTS, &["main"]).await;
    let order = |shops: Value| json!({ "name": "till", "scopes": ["payments:read"], "shops": shops });
    for (shops, is_given) in [
        (Value::Null, true),
        (json!(["main"]), true),
        (json!([]), false),
        (json!(["second"]), false),
        (json!(["main", "second"]), false),
    ] {
        let answer = with(&app, "pk_main", "/v1/keys", Some(&order(shops.clone()))).await;
        assert_eq!(answer.status, if is_given { 201 } else { 422 }, "{shops}: {answer:?}");
        if is_given {
            assert_eq!(answer.body["shops"], json!(["main"]));
        } else {
            assert_eq!(answer.pointers(), ["/shops"]);
        }
    }
    let wide = app.post("/v1/keys", &order(json!(["main", "second"]))).await.body;
    let (all, _) = made(&app, &[Scope::Admin]).await;
    let theirs = app.get("/v1/keys").await.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["shops"] != json!(["main"]))
        .count();
    assert_eq!(theirs, 3, "the caller's own, the wide one, and one of everything");
    let ours = with(&app, "pk_main", "/v1/keys", None).await.body;
    assert!(ours["data"].as_array().unwrap().iter().all(|key| key["shops"] == json!(["main"])), "{ours}");
    let path = format!("/v1/keys/{}", wide["id"].as_str().unwrap());
    with(&app, "pk_main", &path, None).await.assert_problem("not-found");
    with(&app, "pk_main", &format!("{path}/rotate"), Some(&json!({}))).await.assert_problem("not-found");
    app.send(app.http.delete(app.at(&path)).bearer_auth("pk_main")).await.assert_problem("not-found");
    assert!(opens(&app, &all).await && opens(&app, wide["key"].as_str().unwrap()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_some_networks_opens_nothing_from_elsewhere() {
    let mut app = TestApp::start(Kind::Sqlite).await;
    let key = async |app: &TestApp, network: &str| {
        let order = json!({ "name": "till", "scopes": ["payments:read", "ops:read"], "networks": [network] });
        app.post("/v1/keys", &order).await.body["key"].as_str().unwrap().to_owned()
    };
    let (here, there) = (key(&app, "127.0.0.0/8").await, key(&app, "203.0.113.0/24").await);
    let ask = async |app: &TestApp, key: &str, said: &str| {
        let request = app.http.get(app.at("/v1/payments")).bearer_auth(key).header("X-Forwarded-For", said);
        app.send(request).await
    };
    // Whoever connects may write whatever it likes.
    assert_eq!(ask(&app, &here, "203.0.113.9").await.status, 200);
    let refused = ask(&app, &there, "203.0.113.9").await;
    refused.assert_problem("network-not-allowed");
    assert!(refused.body["detail"].as_str().unwrap().contains("127.0.0.1"), "{refused:?}");

    // Behind a proxy of our own.
    app.restart_with(&[("CALLERS__TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    assert_eq!(ask(&app, &there, "198.51.100.1, 203.0.113.9").await.status, 200);
    ask(&app, &there, "203.0.113.9, 198.51.100.1").await.assert_problem("network-not-allowed");
    ask(&app, &there, "203.0.113.9, who?").await.assert_problem("network-not-allowed");
    ask(&app, &here, "203.0.113.9").await.assert_problem("network-not-allowed");
}
