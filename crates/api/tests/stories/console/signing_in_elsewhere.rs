//! Who gets in by OIDC, who does not, and under which name they then act.

use std::collections::BTreeMap;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use reqwest::redirect::Policy;
use serde_json::{Map, Value, json};
use store::Scope;

use super::person::{Page, Person};
use super::provider::{
    ACCESS_TOKEN, CLIENT, CLIENT_SECRET, CODE, DISCOVERY, KEYS, Provider, Signature, Signer, TOKEN, Trouble,
};
use crate::app::{Kind, SECOND_API_KEY, SECOND_SIGNING_KEY, TestApp, admit, on_every_store};
use crate::orders::payout;

const PAGE: &str = "/console/stuck";
const BEGIN: &str = "/console/sign-in/openid";
const CALLBACK: &str = "/console/sign-in/openid/callback";
const SESSION: &str = "console";
const BEGUN: &str = "console-openid";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

const GROUPS: &str = r#"[
    { group = "leads", scopes = ["admin"] },
    { group = "payments", scopes = ["ops:read", "ops:write", "payments:read", "deposits:write", "payouts:approve"] },
    { group = "second", scopes = ["ops:read", "payments:read"], shops = ["second"] },
    { group = "readers", scopes = ["ops:read", "payments:read"] },
]"#;

/// What the service is told of the provider.
pub(crate) fn settings<'a>(issuer: &'a str, public_url: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("CONSOLE__PUBLIC_URL", public_url),
        ("CONSOLE__OPENID__ISSUER", issuer),
        ("CONSOLE__OPENID__CLIENT_ID", CLIENT),
        ("CONSOLE__OPENID__CLIENT_SECRET", CLIENT_SECRET),
        ("CONSOLE__OPENID__NAME", "the <Login> of Xk7"),
        ("CONSOLE__OPENID__GROUPS", GROUPS),
        ("CONSOLE__OPENID__ANSWER_SECONDS", "5"),
        // A group sees one shop of two.
        ("SHOPS__SECOND__API_KEY", SECOND_API_KEY),
        ("SHOPS__SECOND__SIGNING_KEY", SECOND_SIGNING_KEY),
        ("DEFAULT_SHOP", "main"),
    ]
}

/// The application with a provider beside it.
async fn with_provider(app: &mut TestApp, more: &[(&str, &str)]) -> Provider {
    let provider = Provider::start();
    provider.keep_time_with(&app.clock);
    let url = app.url.clone();
    let pairs: Vec<_> = settings(&provider.url, &url).into_iter().chain(more.iter().copied()).collect();
    app.restart_with(&pairs).await;
    provider
}

async fn both() -> (TestApp, Provider) {
    let mut app = TestApp::start(Kind::Sqlite).await;
    let provider = with_provider(&mut app, &[]).await;
    (app, provider)
}

/// A browser: it keeps cookies, and sends the strict ones along only where one page of ours leads to another.
pub(crate) struct Browser {
    http: reqwest::Client,
    url: String,
    /// By name: the value, and whether it is strict.
    jar: BTreeMap<String, (String, bool)>,
}

impl Browser {
    pub(crate) fn at(url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { http, url: url.to_owned(), jar: BTreeMap::new() }
    }

    async fn send(&mut self, path: &str, from_elsewhere: bool) -> Page {
        let sent = self.jar.iter().filter(|(_, (_, strict))| !(from_elsewhere && *strict));
        let cookies: Vec<String> = sent.map(|(name, (value, _))| format!("{name}={value}")).collect();
        let request = self.http.get(format!("{}{path}", self.url)).header("cookie", cookies.join("; "));
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            assert!(cookie.contains("; HttpOnly") && cookie.contains("; Path=/"), "{cookie}");
            if cookie.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                let value = rest.split(';').next().unwrap().to_owned();
                self.jar.insert(name.to_owned(), (value, cookie.contains("SameSite=Strict")));
            }
        }
        Page { status, headers, text: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(path, false).await
    }

    /// Presses the button of the page to sign in, has the provider sign the person in, and says where it sends the browser.
    pub(crate) async fn go_there(&mut self, next: &str) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        let page = self.get(&format!("/console/sign-in?{query}")).await;
        let (_, link) = page.text.split_once(&format!("href=\"{BEGIN}")).unwrap_or_else(|| panic!("{}", page.text));
        let link = format!("{BEGIN}{}", link.split_once('"').unwrap().0);
        let away = self.get(&link).await;
        assert_eq!(away.status, 303, "{}", away.words());
        let there = self.http.get(away.location()).send().await.unwrap();
        assert_eq!(there.status(), 302, "{there:?}");
        let back = there.headers()["location"].to_str().unwrap();
        let callback = back.find(CALLBACK).unwrap();
        back[callback..].to_owned()
    }

    /// Comes back from there, whose page it was that led here.
    pub(crate) async fn come_back(&mut self, path: &str) -> Page {
        self.send(path, true).await
    }

    /// The whole way.
    pub(crate) async fn sign_in(&mut self) -> Page {
        let back = self.go_there(PAGE).await;
        self.come_back(&back).await
    }

    async fn is_signed_in(&mut self) -> bool {
        self.get(PAGE).await.status == 200
    }

    /// Where the page has the browser go by itself.
    fn goes_on_to(page: &Page) -> String {
        let (_, rest) = page.text.split_once("http-equiv=\"refresh\" content=\"0;url=").unwrap();
        rest.split_once('"').unwrap().0.replace("&#38;", "&")
    }

    /// Whoever sits before it, at the console.
    fn person<'a>(&self, app: &'a TestApp) -> Person<'a> {
        let mut person = Person::at(app);
        person.cookie = Some(format!("{SESSION}={}", self.jar[SESSION].0));
        person
    }
}

async fn signed_in<'a>(app: &'a TestApp, provider: &Provider, person: Value) -> Person<'a> {
    provider.is_signed_in(person);
    let mut browser = Browser::at(&app.url);
    let welcome = browser.sign_in().await;
    assert_eq!(welcome.status, 200, "{}", welcome.words());
    browser.person(app)
}

fn somebody(sub: &str, name: &str, group: &str) -> Value {
    json!({ "sub": sub, "email": name, "groups": [group] })
}

/// Comes back as if everything were fine; nobody is signed in, and a page says why.
async fn refused(app: &TestApp, what: &str) -> Page {
    let mut browser = Browser::at(&app.url);
    let page = browser.sign_in().await;
    assert!(!browser.is_signed_in().await, "{what}: {}", page.words());
    assert!(!browser.jar.contains_key(BEGUN), "{what}: that sign-in is over");
    check_refusal(&page, what);
    page
}

fn check_refusal(page: &Page, what: &str) {
    assert!(page.words().contains("You are not signed in"), "{what}: {}", page.words());
    assert!(page.text.contains("href=\"/console/sign-in"), "{what}: one can try again");
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"), "{what}");
    for secret in [CODE, ACCESS_TOKEN, CLIENT_SECRET, "Xk7Oops", "eyJ"] {
        assert!(!page.text.contains(secret), "{what}: {secret} is shown");
    }
}

/// Who did what to a payment, as the ledger has it.
async fn doers(app: &TestApp, id: &str) -> Vec<(String, String)> {
    fn find(value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(pairs) => {
                if let (Some(Value::String(key)), Some(Value::String(name))) = (pairs.get("key"), pairs.get("name")) {
                    found.push((key.clone(), name.clone()));
                }
                pairs.values().for_each(|value| find(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| find(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    find(&app.get(&format!("/v1/payments/{id}/events")).await.body, &mut found);
    found.retain(|(_, name)| name != "test");
    found
}

async fn note(person: &mut Person<'_>, id: &str, text: &str) -> Page {
    let page = person.get(&format!("/console/payments/{id}")).await;
    assert_eq!(page.status, 200, "{}", page.words());
    person.submit(&page, &format!("/console/payments/{id}/note"), &[("reason", text)]).await
}

on_every_store! {
    async fn a_person_signs_in_acts_under_their_name_and_signs_out(app: TestApp) {
        let provider = with_provider(&mut app, &[]).await;
        let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
        let mut browser = Browser::at(&app.url);
        let page = browser.get("/console/sign-in").await;
        assert!(page.text.contains("Sign in with the &#60;Login&#62; of Xk7"), "{}", page.text);
        let wanted = format!("/console/payments?q={id}&state=");
        let back = browser.go_there(&wanted).await;
        let begun = browser.jar[BEGUN].clone();
        assert!(!begun.1, "lax, as the provider's page leads here");

        let welcome = browser.come_back(&back).await;
        assert_eq!(welcome.status, 200, "no redirect: {}", welcome.words());
        assert!(!browser.jar.contains_key(BEGUN), "it is over");
        let (session, strict) = browser.jar[SESSION].clone();
        assert!(strict, "{session}");
        assert_eq!(Browser::goes_on_to(&welcome), wanted);
        assert!(welcome.text.contains("<meta name=\"referrer\" content=\"no-referrer\">"), "{}", welcome.text);
        assert_eq!(welcome.headers["cache-control"], "no-store");
        let inside = browser.get(PAGE).await;
        assert!(inside.words().contains("marta@xk7.example"), "{}", inside.words());
        assert_eq!(browser.get("/console/sign-in").await.status, 303, "nobody signs in twice");
        assert_eq!(browser.get(BEGIN).await.location(), "/console");

        let mut marta = browser.person(&app);
        assert_eq!(note(&mut marta, &id, "looked at it").await.status, 303);
        let done = doers(&app, &id).await;
        assert_eq!(done.len(), 1, "{done:?}");
        assert_eq!(done[0].1, "marta@xk7.example");

        // It outlives the process, and ends where it is ended.
        let url = app.url.clone();
        app.restart_with(&settings(&provider.url, &url)).await;
        let mut marta = browser.person(&app);
        let inside = marta.get(PAGE).await;
        assert_eq!(inside.status, 200);
        let out = marta.submit(&inside, "/console/sign-out", &[]).await;
        assert_eq!((out.status, out.location()), (303, "/console/sign-in"));
        assert_eq!(browser.get(PAGE).await.status, 303, "wherever its cookie lies");
    }

    async fn a_session_of_a_person_ends_after_its_hours_and_where_nobody_signs_in_that_way_any_more(app: TestApp) {
        let provider = with_provider(&mut app, &[]).await;
        let mut marta = signed_in(&app, &provider, somebody("7", "marta@xk7.example", "readers")).await;
        let moment = Duration::from_millis(1);
        app.advance(Duration::from_hours(8).saturating_sub(moment));
        assert_eq!(marta.get(PAGE).await.status, 200);
        app.advance(moment);
        assert_eq!(marta.get(PAGE).await.status, 303);
        let cookie = signed_in(&app, &provider, somebody("7", "marta@xk7.example", "readers")).await.cookie;
        app.restart().await;
        let mut marta = Person::at(&app);
        marta.cookie = cookie;
        assert_eq!(marta.get(PAGE).await.status, 303);
        for path in [BEGIN, CALLBACK] {
            assert_eq!(marta.get(path).await.status, 404, "{path}");
        }
        let page = marta.get("/console/sign-in").await;
        assert!(page.has_form("/console/sign-in") && !page.text.contains(BEGIN), "{}", page.text);
    }

    async fn the_same_person_is_one_whatever_they_are_called_and_two_are_two(app: TestApp) {
        let provider = with_provider(&mut app, &[]).await;
        let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
        for (sub, name) in [("7", "marta@xk7.example"), ("8", "marta@xk7.example"), ("7", "m@xk7.example")] {
            let mut person = signed_in(&app, &provider, somebody(sub, name, "payments")).await;
            assert_eq!(note(&mut person, &id, "a note").await.status, 303);
        }
        let done = doers(&app, &id).await;
        let names: Vec<&str> = done.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["marta@xk7.example", "marta@xk7.example", "m@xk7.example"]);
        assert_eq!(done[0].0, done[2].0, "one person, twice: {done:?}");
        assert_ne!(done[0].0, done[1].0, "two people of one name: {done:?}");

        // What two must decide, these two may, and neither alone.
        let database = app.database().await;
        let desk = std::sync::Arc::clone(app.serving().desk());
        let resolver = api::application::resolver(&app.settings, &database, desk);
        let [marta, other, again] = [0, 1, 2].map(|at| domain::Actor { key: done[at].0.parse().unwrap(), name: done[at].1.clone() });
        let proposal = store::Proposal {
            id: api::Ids.next(),
            payment: id.parse().unwrap(),
            shop: "main".parse().unwrap(),
            action: "nothing that could be done".to_owned(),
            version: 1,
            asked_by: marta,
            asked_at: domain::Time::EPOCH,
            not_before: domain::Time::EPOCH,
            decided: None,
        };
        let refused = resolver.approve(&proposal, again).await;
        assert!(matches!(refused, Err(orchestrator::DeedError::SamePerson)), "{refused:?}");
        let approved = resolver.approve(&proposal, other).await;
        assert!(matches!(approved, Err(orchestrator::DeedError::Sealed)), "it was begun: {approved:?}");
    }

    async fn a_withdrawal_that_a_key_ordered_is_approved_by_a_person(app: TestApp) {
        let provider = with_provider(&mut app, &[]).await;
        app.fault("payout-7", gateway_simulator::Fault::Held);
        let taken = app.post("/v1/payments", &payout("payout-7")).await;
        let id = taken.body["id"].as_str().unwrap().to_owned();
        assert_eq!(taken.body["state"], "AWAITING_APPROVAL", "{taken:?}");
        let mut marta = signed_in(&app, &provider, somebody("7", "marta@xk7.example", "payments")).await;
        let path = format!("/console/payments/{id}/approve");
        let page = marta.get(&path).await;
        let done = marta.submit(&page, &path, &[("reason", "checked with the bank")]).await;
        assert_eq!(done.status, 303, "{}", done.words());
        assert_eq!(doers(&app, &id).await[0].1, "marta@xk7.example");
        app.pass(MINUTE, 5 * SECOND).await;
        assert_eq!(app.payment("payout-7").await["state"], "COMPLETED");
        app.prove_the_books().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_only_read_changes_nothing_and_sees_their_shops_alone() {
    let (app, provider) = both().await;
    let id = app.take("order-1").await.body["id"].as_str().unwrap().to_owned();
    let mut reader = signed_in(&app, &provider, somebody("9", "reader@xk7.example", "readers")).await;
    let page = reader.get(&format!("/console/payments/{id}")).await;
    assert_eq!(page.status, 200);
    let mark = ("form".to_owned(), page.hidden("/console/sign-out").remove(0).1);
    for action in ["note", "assign", "check", "void"] {
        let reason = ("reason".to_owned(), "because".to_owned());
        let refused = reader.post(&format!("/console/payments/{id}/{action}"), &[mark.clone(), reason]).await;
        assert_eq!(refused.status, 403, "{action}: {}", refused.words());
        assert!(refused.words().contains("you have not the scope"), "{action}: {}", refused.words());
    }
    assert!(doers(&app, &id).await.is_empty(), "nothing was done");
    assert_eq!(reader.get("/console/breaks").await.status, 403, "nor seen");

    let mut of_second = signed_in(&app, &provider, somebody("10", "second@xk7.example", "second")).await;
    assert_eq!(of_second.get(PAGE).await.status, 200);
    assert_eq!(of_second.get(&format!("/console/payments/{id}")).await.status, 404, "of another shop");

    // The first of the groups counts, not all of them.
    let both = json!({ "sub": "11", "email": "b@xk7.example", "groups": ["readers", "second"] });
    let mut of_both = signed_in(&app, &provider, both).await;
    assert_eq!(of_both.get(&format!("/console/payments/{id}")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_not_the_providers_word_about_this_sign_in_opens_nothing() {
    let (app, provider) = both().await;
    let now = orchestrator::Clock::now(&app.clock).utc().timestamp();
    for (claim, value, why) in [
        ("nonce", json!("another"), "about another sign-in"),
        ("nonce", Value::Null, "about another sign-in"),
        ("exp", json!(now - 61), "has expired"),
        ("exp", json!("soon"), "says too little"),
        ("exp", Value::Null, "says too little"),
        ("iat", json!(now + 3_600), "was not made yet"),
        ("iat", Value::Null, "was not made yet"),
        ("nbf", json!(now + 3_600), "is not valid yet"),
        ("aud", json!("another-client"), "for somebody else"),
        ("aud", json!(["another-client", "and another"]), "for somebody else"),
        ("aud", json!([CLIENT, "another-client"]), "for somebody else"),
        ("azp", json!("another-client"), "for somebody else"),
        ("azp", json!(7), "for somebody else"),
        ("aud", Value::Null, "says too little"),
        ("iss", json!("https://another.example"), "of another issuer"),
        ("iss", json!([provider.url, "https://another.example"]), "of another issuer"),
        ("iss", json!(format!("{}/", provider.url)), "of another issuer"),
        ("iss", Value::Null, "says too little"),
        ("sub", Value::Null, "says too little"),
        ("sub", json!(""), "does not say whom it is about"),
        ("groups", Value::Null, "may use the console"),
        ("groups", json!(["staff"]), "may use the console"),
    ] {
        provider.state.lock().wrong = Map::from_iter([(claim.to_owned(), value.clone())]);
        let page = refused(&app, &format!("{claim} {value}")).await;
        assert_eq!(page.status, 403, "{claim} {value}: {}", page.words());
        assert!(page.words().contains(why), "{claim} {value}: {}", page.words());
    }
    provider.state.lock().wrong.clear();
    for signature in [
        Signature::None,
        Signature::WithThePublicKey,
        Signature::WithTheClientSecret,
        Signature::Forged,
        Signature::Changed,
    ] {
        provider.state.lock().signature = signature;
        let page = refused(&app, &format!("{signature:?}")).await;
        assert_eq!(page.status, 403, "{signature:?}");
        assert!(page.words().contains("signed"), "{signature:?}: {}", page.words());
    }
    provider.state.lock().signature = Signature::Good;

    // A little is no lie: clocks differ, and some audiences are more than one.
    for (claim, value) in [
        ("exp", json!(now - 59)),
        ("iat", json!(now + 59)),
        ("nbf", json!(now + 59)),
        ("exp", serde_json::from_str(&format!("{}.5", now + 100)).unwrap()),
        ("aud", json!([CLIENT])),
        ("azp", json!(CLIENT)),
    ] {
        provider.state.lock().wrong = Map::from_iter([(claim.to_owned(), value.clone())]);
        let page = Browser::at(&app.url).sign_in().await;
        assert_eq!(page.status, 200, "{claim} {value}: {}", page.words());
    }
    provider.state.lock().wrong =
        Map::from_iter([("aud".to_owned(), json!([CLIENT, "another"])), ("azp".to_owned(), json!(CLIENT))]);
    assert_eq!(Browser::at(&app.url).sign_in().await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_key_is_taken_and_a_new_one_is_found_once_a_minute() {
    let (app, provider) = both().await;
    for (kid, algorithm) in
        [("ed", Algorithm::EdDSA), ("rsa", Algorithm::RS256), ("rsa-pss", Algorithm::PS256), ("ec", Algorithm::ES256)]
    {
        provider.state.lock().keys.push(Signer::new(kid, algorithm));
        let page = Browser::at(&app.url).sign_in().await;
        assert_eq!(page.status, 200, "{kid}: {}", page.words());
        app.advance(MINUTE);
    }
    assert_eq!(provider.asked(DISCOVERY), 1, "what it says of itself is remembered");
    let before = provider.asked(KEYS);
    provider.state.lock().hidden = Some(Signer::new("not-published", Algorithm::ES256));
    for _ in 0..3 {
        let page = refused(&app, "a key that nobody knows").await;
        assert!(page.words().contains("signed with a key that is not"), "{}", page.words());
    }
    assert_eq!(provider.asked(KEYS), before + 1, "once a minute");
    {
        let mut state = provider.state.lock();
        let signer = state.hidden.take().unwrap();
        state.keys = vec![signer];
    }
    assert_eq!(refused(&app, "a moment too early").await.status, 403);
    app.advance(MINUTE);
    assert_eq!(Browser::at(&app.url).sign_in().await.status, 200, "it has changed its keys");
    assert_eq!(provider.asked(KEYS), before + 2);
    // A key that it has withdrawn is forgotten within the hour.
    {
        let mut state = provider.state.lock();
        state.hidden = state.keys.pop();
        state.keys = vec![Signer::new("newest", Algorithm::ES256)];
    }
    assert_eq!(Browser::at(&app.url).sign_in().await.status, 200);
    app.advance(60 * MINUTE);
    assert_eq!(refused(&app, "a key that was withdrawn").await.status, 403);
    assert_eq!(provider.asked(DISCOVERY), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_without_having_gone_or_twice_is_not_let_in() {
    let (app, provider) = both().await;
    let mut browser = Browser::at(&app.url);
    let back = browser.go_there(PAGE).await;
    let begun = browser.jar[BEGUN].clone();

    // Somebody else's browser, led to an address that the first one was given: else one would work in the other's name.
    let exchanged = provider.asked(TOKEN);
    let mut other = Browser::at(&app.url);
    let without = other.come_back(&back).await;
    other.go_there(PAGE).await;
    let with_another = other.come_back(&back).await;
    let (code, state) = back.split_once('?').unwrap().1.split_once('&').unwrap();
    let mut addresses = Vec::new();
    for query in [
        code.to_owned(),
        format!("{code}&state="),
        format!("{code}&state={}", "0".repeat(64)),
        format!("{code}&state=wrong&{state}"),
        String::new(),
    ] {
        browser.jar.insert(BEGUN.to_owned(), begun.clone());
        addresses.push(browser.come_back(&format!("{CALLBACK}?{query}")).await);
    }
    // What the browser keeps cannot be made by anybody else, nor be kept for long.
    for cookie in [
        format!("{}x", begun.0),
        begun.0.replacen('.', ".9", 1),
        begun.0.rsplit_once('.').unwrap().0.to_owned(),
        format!("{}.", begun.0.rsplit_once('.').unwrap().0),
        "...".to_owned(),
        String::new(),
    ] {
        browser.jar.insert(BEGUN.to_owned(), (cookie, false));
        addresses.push(browser.come_back(&back).await);
    }
    app.advance(10 * MINUTE);
    browser.jar.insert(BEGUN.to_owned(), begun.clone());
    addresses.push(browser.come_back(&back).await);
    for page in [without, with_another].into_iter().chain(addresses) {
        assert_eq!(page.status, 400, "{}", page.words());
        assert!(page.words().contains("was not begun in this browser"), "{}", page.words());
        check_refusal(&page, "not begun");
    }
    assert_eq!(provider.asked(TOKEN), exchanged, "no code was even tried");
    assert!(!browser.is_signed_in().await && !other.is_signed_in().await);

    // Once is once: the browser has forgotten it, and whoever has kept its cookie finds the code used.
    let back = browser.go_there(PAGE).await;
    let begun = browser.jar[BEGUN].clone();
    assert_eq!(browser.come_back(&back).await.status, 200);
    let mut thief = Browser::at(&app.url);
    assert_eq!(thief.come_back(&back).await.status, 400);
    thief.jar.insert(BEGUN.to_owned(), begun);
    let replayed = thief.come_back(&back).await;
    assert_eq!(replayed.status, 403);
    assert!(replayed.words().contains("does not take the code"), "{}", replayed.words());
    assert!(!thief.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_refuses_is_told_in_our_words() {
    let (app, provider) = both().await;
    let script = "<script>alert(1)</script>";
    for (error, status, told) in [
        ("access_denied", 403, "access_denied"),
        ("login_required", 403, "login_required"),
        ("temporarily_unavailable", 503, "temporarily_unavailable"),
        (script, 403, "for a reason of its own"),
        ("", 403, "for a reason of its own"),
    ] {
        let mut browser = Browser::at(&app.url);
        let back = browser.go_there("/console/webhooks-in").await;
        let (_, state) = back.split_once("&state=").unwrap();
        let state = state.split('&').next().unwrap();
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("error", error)
            .append_pair("error_description", script)
            .append_pair("error_uri", "javascript:alert(1)")
            .append_pair("state", state)
            .finish();
        let page = browser.come_back(&format!("{CALLBACK}?{query}")).await;
        assert_eq!(page.status, status, "{error}: {}", page.words());
        assert!(page.words().contains(told), "{error}: {}", page.words());
        assert!(!page.text.contains("alert(1)") && !page.text.contains("javascript"), "{}", page.text);
        assert!(page.text.contains("/console/sign-in?next=%2Fconsole%2Fwebhooks-in"), "what was wanted: {}", page.text);
        check_refusal(&page, error);
        // Without a sign-in that was begun, it is nobody's word.
        assert_eq!(browser.come_back(&format!("{CALLBACK}?{query}")).await.status, 400);
    }
    provider.state.lock().added = "&iss=https%3A%2F%2Fanother.example".to_owned();
    let page = refused(&app, "another issuer").await;
    assert!(page.words().contains("came back from another issuer"), "{}", page.words());
    let same: String = url::form_urlencoded::byte_serialize(provider.url.as_bytes()).collect();
    provider.state.lock().added = format!("&iss={same}");
    assert_eq!(Browser::at(&app.url).sign_in().await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_in_trouble_is_a_clear_page_and_keys_are_taken_all_the_same() {
    let mut app = TestApp::start(Kind::Sqlite).await;
    let patience = [("CONSOLE__OPENID__ANSWER_SECONDS", "1")];
    let provider = with_provider(&mut app, &patience).await;
    for (path, trouble, status, told) in [
        (DISCOVERY, Trouble::Silent, 503, "did not answer in time"),
        (DISCOVERY, Trouble::Huge, 502, "too long"),
        (DISCOVERY, Trouble::Broken, 503, "answers with an error"),
        (DISCOVERY, Trouble::Html, 502, "not the JSON"),
        (DISCOVERY, Trouble::Moved, 503, "answers with an error"),
        (TOKEN, Trouble::Silent, 503, "did not answer in time"),
        (TOKEN, Trouble::Huge, 502, "too long"),
        (TOKEN, Trouble::Broken, 503, "answers with an error"),
        (TOKEN, Trouble::Html, 502, "not the JSON"),
        (KEYS, Trouble::Silent, 503, "did not answer in time"),
        (KEYS, Trouble::Huge, 502, "too long"),
        (KEYS, Trouble::Broken, 503, "answers with an error"),
        (KEYS, Trouble::Html, 502, "not the JSON"),
    ] {
        let what = format!("{path} {trouble:?}");
        provider.state.lock().troubles.insert(path, trouble);
        let page = if path == DISCOVERY {
            let page = Browser::at(&app.url).get(&format!("{BEGIN}?next=/console/health")).await;
            assert!(page.text.contains("/console/sign-in?next=%2Fconsole%2Fhealth"), "{what}: {}", page.text);
            page
        } else {
            refused(&app, &what).await
        };
        assert_eq!(page.status, status, "{what}: {}", page.words());
        assert!(page.words().contains(told), "{what}: {}", page.words());
        check_refusal(&page, &what);
        provider.state.lock().troubles.clear();
    }
    assert_eq!(Browser::at(&app.url).sign_in().await.status, 200, "when it is over, it is over");
    admit(app.serving().keys(), "pk_oncall", &[Scope::OpsRead], &[]).await;
    provider.stop().await;
    app.advance(60 * MINUTE);
    let page = Browser::at(&app.url).get(BEGIN).await;
    assert_eq!(page.status, 503, "{}", page.words());
    assert!(page.words().contains("no connection could be made"), "{}", page.words());
    assert_eq!(Person::at(&app).sign_in("pk_oncall").await.status, 303);
    assert_eq!(app.take("order-1").await.status, 201, "payments know nothing of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_says_of_itself_is_held_against_the_settings() {
    for (name, value, told) in [
        ("issuer", json!("https://another.example"), "calls itself otherwise"),
        ("issuer", Value::Null, "not the JSON"),
        ("authorization_endpoint", json!("http://elsewhere.example/"), "does not begin with https://"),
        ("token_endpoint", json!("http://elsewhere.example/"), "does not begin with https://"),
        ("jwks_uri", json!("file:///etc/passwd"), "does not begin with https://"),
        ("authorization_endpoint", json!("javascript:alert(1)"), "does not begin with https://"),
        ("token_endpoint", json!("elsewhere"), "not the JSON"),
    ] {
        let (app, provider) = both().await;
        provider.state.lock().metadata = Map::from_iter([(name.to_owned(), value.clone())]);
        let page = Browser::at(&app.url).get(BEGIN).await;
        assert_eq!(page.status, 502, "{name} {value}: {}", page.words());
        assert!(page.words().contains(told), "{name} {value}: {}", page.words());
    }
    let (app, provider) = both().await;
    let only_in_the_form = json!(["client_secret_post"]);
    provider.state.lock().metadata =
        Map::from_iter([("token_endpoint_auth_methods_supported".to_owned(), only_in_the_form)]);
    assert_eq!(Browser::at(&app.url).sign_in().await.status, 200);

    let mut app = TestApp::start(Kind::Sqlite).await;
    let provider = with_provider(&mut app, &[("CONSOLE__OPENID__CLIENT_SECRET", "not-this-one")]).await;
    let page = refused(&app, "a wrong secret").await;
    assert_eq!((page.status, provider.asked(TOKEN)), (502, 1));
    assert!(page.words().contains("console.openid.client_id"), "{}", page.words());
    assert!(!page.text.contains("not-this-one"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_taken_beside_it_or_not_as_the_settings_say() {
    let (mut app, provider) = both().await;
    let mut by_key = Person::signed_in(&app, "pk_oncall", &[Scope::OpsRead], &[]).await;
    assert_eq!(by_key.get(PAGE).await.status, 200);
    let cookie = by_key.cookie.take();

    let url = app.url.clone();
    let mut pairs = settings(&provider.url, &url);
    pairs.push(("CONSOLE__KEYS", "false"));
    app.restart_with(&pairs).await;
    let mut by_key = Person::at(&app);
    let page = by_key.get("/console/sign-in").await;
    assert!(!page.has_form("/console/sign-in") && page.text.contains(BEGIN), "{}", page.text);
    // Nor by a form from before.
    let mark = hex_mark(by_key.cookie.as_deref().unwrap());
    let fields = [("form".to_owned(), mark), ("key".to_owned(), "pk_oncall".to_owned())];
    let refused = by_key.post("/console/sign-in", &fields).await;
    assert_eq!(refused.status, 401, "{}", refused.words());
    assert!(refused.words().contains("No key is taken here"), "{}", refused.words());
    by_key.cookie = cookie;
    assert_eq!(by_key.get(PAGE).await.status, 303, "sessions of keys are over");
    assert_eq!(Browser::at(&app.url).sign_in().await.status, 200);
    let called = app.send(app.http.get(app.at("/v1/stuck")).bearer_auth("pk_oncall")).await;
    assert_eq!(called.status, 200, "over HTTP keys are keys");
}

/// What a form says that was made for whoever has this cookie.
fn hex_mark(cookie: &str) -> String {
    use sha2::Digest as _;
    let token = cookie.split_once('=').unwrap().1;
    hex::encode(sha2::Sha256::digest(format!("form {token}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_back_is_what_the_settings_say_whatever_a_request_claims() {
    let mut app = TestApp::start(Kind::Sqlite).await;
    let elsewhere = [("CONSOLE__PUBLIC_URL", "https://payments.xk7.example/"), ("CONSOLE__PLAIN_COOKIES", "false")];
    with_provider(&mut app, &elsewhere).await;
    let client = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let request = client.get(app.at(BEGIN)).header("host", "evil.example").header("x-forwarded-host", "evil.example");
    let away = Person::at(&app).send(request).await;
    let way: url::Url = away.location().parse().unwrap();
    let callback = way.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1;
    assert_eq!(callback, format!("https://payments.xk7.example{CALLBACK}"));
    let cookie = away.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-console-openid="), "{cookie}");
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let (app, _provider) = both().await;
    for next in ["https://elsewhere.example/console/", "//elsewhere.example/console/", "/v1/payments", "/console/\\x"] {
        let mut browser = Browser::at(&app.url);
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        let away = browser.get(&format!("{BEGIN}?{query}")).await;
        let there = client.get(away.location()).send().await.unwrap();
        let back = there.headers()["location"].to_str().unwrap().to_owned();
        let welcome = browser.come_back(&back[back.find(CALLBACK).unwrap()..]).await;
        assert_eq!(Browser::goes_on_to(&welcome), "/console", "{next}");
    }
}
