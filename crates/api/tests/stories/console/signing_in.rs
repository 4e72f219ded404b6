//! Who gets in, with what, and for how long.

use std::time::Duration;

use api::http::digest;
use domain::Time;
use store::{KeyRecord, Scope};

use super::person::Person;
use crate::app::{Kind, TestApp, admit, on_every_store};

const PAGE: &str = "/console/stuck";

on_every_store! {
    async fn whoever_shows_a_key_is_in_until_the_session_ends_and_nobody_else_is(app: TestApp) {
        let mut person = Person::at(&app);
        let away = person.get(PAGE).await;
        assert_eq!((away.status, away.location()), (303, "/console/sign-in?next=%2Fconsole%2Fstuck"));
        let page = person.follow(&away).await;
        assert_eq!(page.status, 200);

        admit(app.serving().keys(), "pk_oncall", &[Scope::OpsRead], &[]).await;
        admit(app.serving().keys(), "pk_shop", &[Scope::DepositsWrite, Scope::PaymentsRead], &[]).await;
        for (key, told) in [("pk_nobody", "unknown or revoked"), ("", "unknown or revoked"), ("pk_shop", "ops:read")] {
            let refused = person.submit(&page, "/console/sign-in", &[("key", key)]).await;
            assert_eq!(refused.status, 401, "{key}");
            assert!(refused.words().contains(told), "{}", refused.words());
            assert!(!refused.text.contains("pk_"), "a key is not repeated");
            assert_eq!(person.get(PAGE).await.status, 303, "{key} opens nothing");
        }

        let before = person.cookie.clone();
        let answer = person.submit(&page, "/console/sign-in", &[("key", "pk_oncall")]).await;
        assert_eq!((answer.status, answer.location()), (303, PAGE), "what was wanted first");
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=28800"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        assert_eq!(person.get(PAGE).await.status, 303, "what was there before has not become a session");
        person.cookie = cookie.split(';').next().map(str::to_owned);
        assert_ne!(person.cookie, before);
        let inside = person.get(PAGE).await;
        assert_eq!(inside.status, 200);
        assert_eq!(person.get("/console/sign-in").await.status, 303, "nobody signs in twice");

        // It ends where it is ended, wherever its token may lie.
        let mut twin = Person::at(&app);
        twin.cookie.clone_from(&person.cookie);
        assert_eq!(twin.get(PAGE).await.status, 200);
        let out = person.submit(&inside, "/console/sign-out", &[]).await;
        assert_eq!((out.status, out.location()), (303, "/console/sign-in"));
        assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
        assert_eq!(twin.get(PAGE).await.status, 303);
    }

    async fn a_key_of_some_networks_opens_the_console_from_there_only(app: TestApp) {
        for (key, network) in [("pk_here", "127.0.0.0/8"), ("pk_there", "203.0.113.0/24")] {
            let record = KeyRecord::new(api::Ids.next(), "test", digest(key).to_vec(), Time::EPOCH);
            let networks = [network.parse().unwrap()].into();
            app.serving().keys().add_key(&KeyRecord { scopes: [Scope::OpsRead].into(), networks, ..record }).await.unwrap();
        }
        let mut person = Person::at(&app);
        let away = person.get(PAGE).await;
        let page = person.follow(&away).await;
        for (key, status) in [("pk_there", 403), ("pk_here", 303)] {
            assert_eq!(person.submit(&page, "/console/sign-in", &[("key", key)]).await.status, status, "{key}");
        }
    }

    async fn a_session_of_a_revoked_key_ends_at_once_and_every_one_after_its_hours(app: TestApp) {
        let mut first = Person::signed_in(&app, "pk_first", &[Scope::OpsRead], &[]).await;
        let mut second = Person::signed_in(&app, "pk_second", &[Scope::OpsRead], &[]).await;
        assert_eq!((first.get(PAGE).await.status, second.get(PAGE).await.status), (200, 200));

        let keys = app.serving().keys();
        let key = keys.key_by_digest(&api::http::digest("pk_first")).await.unwrap().unwrap();
        assert!(keys.revoke_key(key.id, domain::Time::EPOCH).await.unwrap());
        assert_eq!((first.get(PAGE).await.status, second.get(PAGE).await.status), (303, 200), "not a moment later");
        let refused = Person::at(&app).sign_in("pk_first").await;
        assert_eq!(refused.status, 401);

        let moment = Duration::from_millis(1);
        app.advance(Duration::from_hours(8).saturating_sub(moment));
        assert_eq!(second.get(PAGE).await.status, 200);
        app.advance(moment);
        assert_eq!(second.get(PAGE).await.status, 303);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tls_the_cookie_travels_by_tls_alone_and_nobody_can_plant_one() {
    let app = TestApp::start_with(Kind::Sqlite, &[("CONSOLE__PLAIN_COOKIES", "false")]).await;
    let page = Person::at(&app).get("/console/sign-in").await;
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-console=") && cookie.contains("; Secure"), "{cookie}");
    assert!(page.headers["strict-transport-security"].to_str().unwrap().starts_with("max-age="));
    let plain = TestApp::start(Kind::Sqlite).await;
    let page = Person::at(&plain).get("/console/sign-in").await;
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("console=") && !cookie.contains("Secure"), "{cookie}");
    assert!(!page.headers.contains_key("strict-transport-security"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_afterwards_is_a_page_of_ours_and_no_other() {
    let app = TestApp::start(Kind::Sqlite).await;
    admit(app.serving().keys(), "pk_oncall", &[Scope::OpsRead], &[]).await;
    for (next, then) in [
        ("/console/webhooks-in?verdict=unmatched", "/console/webhooks-in?verdict=unmatched"),
        ("https://elsewhere.example/console/", "/console"),
        ("//elsewhere.example/console/", "/console"),
        ("/console/\\..\\elsewhere", "/console"),
        ("/v1/payments", "/console"),
        ("/console/\r\nset-cookie: a=b", "/console"),
        ("", "/console"),
    ] {
        let mut person = Person::at(&app);
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        let page = person.get(&format!("/console/sign-in?{query}")).await;
        assert_eq!(page.status, 200, "{next}");
        let answer = person.submit(&page, "/console/sign-in", &[("key", "pk_oncall")]).await;
        assert_eq!((answer.status, answer.location()), (303, then), "{next}");
        // The same, said by a form that somebody has changed.
        let answer = person.submit(&page, "/console/sign-in", &[("key", "pk_oncall"), ("next", next)]).await;
        assert_eq!(answer.location(), then, "{next}");
    }
}
