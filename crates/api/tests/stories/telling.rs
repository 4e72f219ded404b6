//! Events out: whoever wants to be told misses nothing, hears it in order, and can prove both.

use std::collections::BTreeMap;
use std::time::Duration;

use fault_catalogue::struck;
use serde_json::{Value, json};
use store::Scope;

use crate::app::{Answer, Kind, TestApp, admit, eventually, on_every_store};
use crate::receiver::{Behaviour, Receiver};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Receivers of stories are on this machine.
const LOCAL: [(&str, &str); 2] =
    [("WEBHOOK_ENDPOINTS__ALLOWED_NETWORKS", "127.0.0.1/32"), ("WEBHOOK_ENDPOINTS__ALLOW_HTTP", "true")];

const ENDPOINTS: &str = "/v1/webhook-endpoints";

impl TestApp {
    /// The same service, which may send to this machine.
    pub(crate) async fn with_receivers(mut self) -> Self {
        self.restart_with(&LOCAL).await;
        self
    }

    pub(crate) async fn add_endpoint(&self, body: Value) -> Value {
        let added = self.post(ENDPOINTS, &body).await;
        assert_eq!(added.status, 201, "{added:?}");
        assert_eq!(added.headers["cache-control"], "no-store");
        added.body
    }

    async fn endpoint(&self, endpoint: &Value) -> Value {
        let found = self.get(&path_of(endpoint)).await;
        assert_eq!(found.status, 200, "{found:?}");
        assert!(found.body.get("secret").is_none(), "a secret is shown once");
        found.body
    }

    /// Stamps what changed, and tells everybody what is due.
    pub(crate) async fn tell(&self) {
        let pusher = self.serving().pusher();
        while pusher.stamp().await.unwrap() > 0 {}
        let mut rounds = 0;
        while pusher.push_due().await.unwrap() {
            rounds += 1;
            assert!(rounds < 200, "it never comes to rest");
        }
    }

    /// A deposit from its order to its end: three changes.
    async fn deposit(&self, reference: &str) -> Value {
        assert_eq!(self.take(reference).await.status, 201);
        self.pay(reference).await;
        self.end_of(reference).await
    }

    async fn feed(&self, query: &str) -> Value {
        let page = self.get(&format!("/v1/events{query}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.body
    }

    async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.http.patch(self.at(path)).json(body).bearer_auth(crate::app::CALLER_KEY)).await
    }
}

fn path_of(endpoint: &Value) -> String {
    format!("{ENDPOINTS}/{}", endpoint["id"].as_str().unwrap())
}

fn kinds(told: &[(String, u64)]) -> Vec<&str> {
    told.iter().map(|(kind, _)| kind.as_str()).collect()
}

const WHOLE: [&str; 3] = ["deposit.submitted", "deposit.checkout", "deposit.completed"];

on_every_store! {
    async fn every_change_is_told_in_order_and_the_reference_library_accepts_it(app: TestApp) {
        let (app, receiver) = (app.with_receivers().await, Receiver::start().await);
        let endpoint = app.add_endpoint(json!({ "url": receiver.url, "description": "the shop" })).await;
        let secret = endpoint["secret"].as_str().unwrap();
        let paid = app.deposit("order-1").await;
        app.tell().await;
        let told = receiver.told();
        assert_eq!(kinds(&receiver.taken()), WHOLE);
        for (number, one) in (1..).zip(&told) {
            assert!(one.is_signed_with(secret) && one.is_accepted_with(secret), "{one:?}");
            let another = secret.replace(&secret[10..12], "zz");
            assert!(!one.is_signed_with(&another) && !one.is_accepted_with(&another), "any secret would do");
            let (id, data) = (&one.event["id"], &one.event["data"]);
            assert_eq!((one.headers["webhook-id"].to_str().unwrap(), data["sequence"].as_u64()), (id.as_str().unwrap(), Some(number)));
            assert_eq!((&data["paymentId"], &data["referenceId"], &data["shop"]), (&paid["id"], &json!("order-1"), &json!("main")));
            assert_eq!((&data["amount"], &data["currency"], &data["payment"]), (&json!("11.12"), &json!("EUR"), &Value::Null));
        }
        let sent: Vec<Value> = told.iter().map(|one| one.event.clone()).collect();
        assert_eq!(app.feed("").await["data"], json!(sent), "what is sent is what the feed has");
        app.tell().await;
        assert_eq!(receiver.told().len(), 3, "what was taken is not sent again");
        let seen = app.endpoint(&endpoint).await;
        assert_eq!((&seen["cursor"], &seen["failures"], &seen["enabled"]), (&json!("3"), &json!(0), &json!(true)));
        app.prove_the_books().await;
    }

    async fn the_feed_has_no_gap_and_can_be_waited_for(app: TestApp) {
        for number in 0..3 {
            app.deposit(&format!("order-{number}")).await;
        }
        assert_eq!(app.feed("?after=0").await["data"], json!([]), "what has no place yet is not told");
        app.tell().await;
        let (mut after, mut seen) = ("0".to_owned(), Vec::new());
        loop {
            let page = app.feed(&format!("?after={after}&limit=4")).await;
            seen.extend(page["data"].as_array().unwrap().clone());
            page["nextCursor"].as_str().unwrap().clone_into(&mut after);
            if page["hasMore"] == false {
                break;
            }
        }
        let cursors: Vec<&str> = seen.iter().map(|event| event["data"]["cursor"].as_str().unwrap()).collect();
        assert_eq!(cursors, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        let mut sequences: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for event in &seen {
            let data = &event["data"];
            sequences.entry(data["referenceId"].as_str().unwrap()).or_default().push(data["sequence"].as_u64().unwrap());
        }
        assert!(sequences.len() == 3 && sequences.values().all(|one| *one == [1, 2, 3]), "{sequences:?}");

        let completed = app.feed("?type=*.completed&type=refund.*").await;
        assert_eq!((completed["data"].as_array().unwrap().len(), &completed["nextCursor"]), (3, &json!("9")));
        let id = seen[0]["data"]["paymentId"].as_str().unwrap();
        assert_eq!(app.feed(&format!("?paymentId={id}")).await["data"], json!(seen[..3]));

        let waiting = app.feed("?after=9&wait=20");
        let happening = async {
            app.take("order-9").await;
            app.tell().await;
        };
        let (page, ()) = tokio::join!(waiting, happening);
        assert_eq!(page["data"][0]["data"]["referenceId"], "order-9", "{page}");
        assert_eq!(app.feed("?after=now").await["nextCursor"], "11");
        let none = app.feed("?after=11&wait=1").await;
        assert_eq!((&none["data"], &none["nextCursor"], &none["hasMore"]), (&json!([]), &json!("11"), &json!(false)));
    }

    async fn an_event_tells_the_payment_as_it_then_was(app: TestApp) {
        let (app, receiver) = (app.with_receivers().await, Receiver::start().await);
        app.add_endpoint(json!({ "url": receiver.url, "payload": "full" })).await;
        app.deposit("order-1").await;
        app.tell().await;
        let states: Vec<Value> = receiver.told().iter().map(|one| one.event["data"]["payment"]["state"].clone()).collect();
        assert_eq!(states, ["SUBMITTED", "CHECKOUT", "COMPLETED"]);
        for one in receiver.told() {
            let id = one.event["id"].as_str().unwrap();
            let read = app.get(&format!("/v1/events/{id}")).await;
            assert_eq!((read.status, &read.body), (200, &one.event), "what is read is what was sent");
            assert_eq!(one.event["data"]["payment"]["version"], one.event["data"]["version"]);
        }
        let last = receiver.told().pop().unwrap().event["data"]["payment"].clone();
        let now = app.payment("order-1").await;
        assert_eq!((&last["settledAmount"], &last["gatewayPaymentId"]), (&now["settledAmount"], &now["gatewayPaymentId"]));
        for unknown in ["evt_x", "evt_00000000000000000000000000000000_1", "nonsense"] {
            app.get(&format!("/v1/events/{unknown}")).await.assert_problem("not-found");
        }
    }

    async fn only_what_is_wanted_is_told(app: TestApp) {
        let (app, receiver) = (app.with_receivers().await, Receiver::start().await);
        let endpoint = app.add_endpoint(json!({ "url": receiver.url, "eventTypes": ["*.completed"] })).await;
        app.deposit("order-1").await;
        app.deposit("order-2").await;
        app.tell().await;
        assert_eq!(kinds(&receiver.taken()), ["deposit.completed", "deposit.completed"]);
        let changed = app.patch(&path_of(&endpoint), &json!({ "eventTypes": [], "enabled": false })).await;
        assert_eq!((changed.status, &changed.body["disabledReason"]), (200, &json!("somebody disabled it")), "{changed:?}");
        app.deposit("order-3").await;
        app.tell().await;
        assert_eq!(receiver.told().len(), 2, "it is told of nothing");
        app.patch(&path_of(&endpoint), &json!({ "enabled": true })).await;
        app.tell().await;
        assert_eq!(kinds(&receiver.taken())[2..], WHOLE, "and nothing was forgotten");
    }

    /// One that is not taken holds up its own payment, and nobody else's.
    async fn what_is_not_taken_waits_with_its_payment_and_comes_in_order(app: TestApp) {
        let (app, receiver) = (app.with_receivers().await, Receiver::start().await);
        let endpoint = app.add_endpoint(json!({ "url": receiver.url })).await;
        receiver.behaves(Behaviour::TakesAllBut("deposit.checkout"));
        assert_eq!(app.take("order-1").await.status, 201);
        app.tell().await;
        // What happens later comes behind what waits.
        app.pay("order-1").await;
        app.end_of("order-1").await;
        app.tell().await;
        app.advance(SECOND);
        assert_eq!(kinds(&receiver.taken()), ["deposit.submitted"]);
        let waiting = app.get(&format!("{}/deliveries?state=waiting", path_of(&endpoint))).await.body;
        let seen: Vec<_> = waiting["data"].as_array().unwrap().iter().map(|one| (one["eventType"].clone(), one["attempts"].clone(), one["nextAt"].is_null())).collect();
        assert_eq!(seen, [(json!("deposit.completed"), json!(0), true), (json!("deposit.checkout"), json!(1), false)]);
        assert_eq!(waiting["data"][1]["lastFailure"], "it answered 500");

        app.advance(4 * SECOND);
        app.tell().await;
        assert_eq!(receiver.told().len(), 3, "it was tried again after five seconds");
        app.tell().await;
        assert_eq!(receiver.told().len(), 3, "and not at once once more");
        receiver.behaves(Behaviour::Takes);
        app.advance(MINUTE);
        app.tell().await;
        assert_eq!(kinds(&receiver.taken()), WHOLE);
        let done = app.get(&format!("{}/deliveries", path_of(&endpoint))).await.body;
        assert!(done["data"].as_array().unwrap().iter().all(|one| one["state"] == "delivered"), "{done}");
    }

    async fn a_dead_receiver_is_left_alone_then_disabled_and_misses_nothing_when_it_is_back(app: TestApp) {
        let (app, receiver) = (app.with_receivers().await, Receiver::start().await);
        let endpoint = app.add_endpoint(json!({ "url": receiver.url })).await;
        receiver.behaves(Behaviour::Says(503, ""));
        for number in 0..20 {
            app.take(&format!("order-{number}")).await;
        }
        app.tell().await;
        let tried = receiver.told().len();
        assert!((5..=12).contains(&tried), "it is left alone after five, and what was on its way: {tried}");
        let mut hours = 0;
        while app.endpoint(&endpoint).await["enabled"] == true {
            app.advance(HOUR);
            hours += 1;
            app.tell().await;
            assert!(hours <= 74, "it is never disabled");
        }
        assert!(hours >= 71, "{hours}");
        let messages = receiver.told().len();
        assert!(messages <= 100, "a dead receiver costs a request an hour: {messages}");
        let seen = app.endpoint(&endpoint).await;
        assert!(seen["disabledReason"].as_str().unwrap().starts_with("it has taken no message since"), "{seen}");

        app.deposit("order-late").await;
        receiver.behaves(Behaviour::Takes);
        let enabled = app.patch(&path_of(&endpoint), &json!({ "enabled": true })).await;
        assert_eq!((enabled.status, &enabled.body["failures"]), (200, &json!(0)), "{enabled:?}");
        app.advance(9 * HOUR);
        app.tell().await;
        let feed: Vec<Value> = app.feed("?limit=200").await["data"].as_array().unwrap().clone();
        assert_eq!(receiver.names(), feed.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect());
        // Twice twenty, what became of them when nobody paid, and three of the last one.
        assert_eq!(feed.len(), 63);
        struck(62, messages);
    }

    /// Nothing is lost to whoever comes back: a message is signed anew each time, by the clock of that time.
    async fn whoever_was_away_for_three_days_gets_everything_in_order_by_either_way(app: TestApp) {
        let (app, receiver) = (app.with_receivers().await, Receiver::start().await);
        let endpoint = app.add_endpoint(json!({ "url": receiver.url })).await;
        let secret = endpoint["secret"].as_str().unwrap();
        app.deposit("order-0").await;
        app.tell().await;
        let cursor = app.feed("?after=0").await["nextCursor"].as_str().unwrap().to_owned();
        receiver.behaves(Behaviour::Says(503, ""));
        for day in 1..=70 {
            if day % 10 == 0 {
                app.deposit(&format!("order-{day}")).await;
            }
            app.advance(HOUR);
            app.tell().await;
        }
        let seen = app.endpoint(&endpoint).await;
        assert_eq!(seen["enabled"], true, "two hours are left of the three days: {seen}");
        receiver.behaves(Behaviour::Takes);
        app.advance(9 * HOUR);
        app.tell().await;
        app.tell().await;

        let missed = app.feed(&format!("?after={cursor}&limit=200")).await;
        let missed: Vec<Value> = missed["data"].as_array().unwrap().clone();
        assert_eq!(missed.len(), 21, "seven payments of three events");
        let whole: Vec<Value> = app.feed("?after=0&limit=200").await["data"].as_array().unwrap().clone();
        assert_eq!(whole[3..], missed, "the cursor of three days ago is as good as new");
        let names: Vec<&str> = whole.iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert_eq!(receiver.names(), names.iter().map(|name| (*name).to_owned()).collect());
        let mut sequences: BTreeMap<String, u64> = BTreeMap::new();
        for told in receiver.told().iter().filter(|told| told.taken) {
            let last = sequences.entry(told.event["data"]["paymentId"].to_string()).or_default();
            *last += 1;
            assert_eq!(told.event["data"]["sequence"], *last, "each once, in the order of its payment");
        }
        let twice = receiver.told().into_iter().filter(|told| told.event["id"] == names[3]).collect::<Vec<_>>();
        let at = |told: &crate::receiver::Told| told.headers["webhook-timestamp"].to_str().unwrap().parse::<i64>().unwrap();
        let (first, last) = (twice.first().unwrap(), twice.last().unwrap());
        assert!(first.is_signed_with(secret) && last.is_signed_with(secret));
        assert!(at(last) - at(first) > 60 * 60 * 60, "a receiver that looks at the time would refuse an old one");
    }

    async fn an_event_that_nobody_takes_is_given_up_after_three_days_and_can_be_sent_by_hand(app: TestApp) {
        let (app, receiver) = (app.with_receivers().await, Receiver::start().await);
        let endpoint = app.add_endpoint(json!({ "url": receiver.url })).await;
        receiver.behaves(Behaviour::TakesAllBut("deposit.checkout"));
        app.deposit("order-1").await;
        for number in 0..80 {
            // Others are taken all the time, so the endpoint is not what is wrong.
            app.post("/v1/payments", &json!({ "referenceId": format!("payout-{number}"), "paymentType": "WITHDRAWAL", "amount": "1", "currency": "EUR" })).await;
            app.advance(HOUR);
            app.tell().await;
        }
        let given_up = app.get(&format!("{}/deliveries?state=given-up", path_of(&endpoint))).await.body;
        let [one] = <[Value; 1]>::try_from(given_up["data"].as_array().unwrap().clone()).unwrap();
        assert_eq!(one["eventType"], "deposit.checkout");
        assert!(one["attempts"].as_u64().unwrap() >= 10, "{one}");
        assert!(kinds(&receiver.taken()).contains(&"deposit.completed"), "what stood behind it went on");

        receiver.behaves(Behaviour::Takes);
        let resent = app.post(&format!("/v1/events/{}/resend", one["eventId"].as_str().unwrap()), &json!({ "endpointId": endpoint["id"] })).await;
        assert_eq!(resent.status, 202, "{resent:?}");
        app.tell().await;
        assert!(receiver.names().contains(one["eventId"].as_str().unwrap()));
    }

    async fn who_wants_no_more_is_disabled_and_who_is_busy_is_given_the_time_it_asks_for(app: TestApp) {
        let (app, busy, gone) = (app.with_receivers().await, Receiver::start().await, Receiver::start().await);
        let busy_endpoint = app.add_endpoint(json!({ "url": busy.url })).await;
        let gone_endpoint = app.add_endpoint(json!({ "url": gone.url })).await;
        busy.behaves(Behaviour::Says(429, "retry-after: 600"));
        gone.behaves(Behaviour::Says(410, ""));
        app.take("order-1").await;
        app.tell().await;
        assert_eq!((busy.told().len(), gone.told().len()), (1, 1));
        let seen = app.endpoint(&gone_endpoint).await;
        assert_eq!((&seen["enabled"], &seen["disabledReason"]), (&json!(false), &json!("it answered 410: it wants no more")));
        busy.behaves(Behaviour::Takes);
        app.advance(9 * MINUTE);
        app.tell().await;
        assert_eq!(busy.told().len(), 1, "it asked for ten minutes");
        app.advance(2 * MINUTE);
        app.tell().await;
        assert_eq!(kinds(&busy.taken()), WHOLE[..2]);
        assert_eq!(app.endpoint(&busy_endpoint).await["failures"], 0);
        assert_eq!(gone.told().len(), 1);
    }

    async fn a_secret_is_changed_without_a_message_that_a_receiver_would_refuse(app: TestApp) {
        let (app, receiver) = (app.with_receivers().await, Receiver::start().await);
        let endpoint = app.add_endpoint(json!({ "url": receiver.url })).await;
        let old = endpoint["secret"].as_str().unwrap().to_owned();
        let rotated = app.post(&format!("{}/rotate-secret", path_of(&endpoint)), &json!({ "overlapSeconds": 3600 })).await;
        assert_eq!((rotated.status, rotated.headers["cache-control"].to_str().unwrap()), (200, "no-store"), "{rotated:?}");
        let new = rotated.body["secret"].as_str().unwrap().to_owned();
        assert_ne!(old, new);
        app.take("order-1").await;
        app.tell().await;
        assert!(receiver.told().iter().all(|one| one.is_signed_with(&old) && one.is_signed_with(&new)));
        app.advance(HOUR);
        app.take("order-2").await;
        app.tell().await;
        let late = &receiver.told()[2..];
        assert!(!late.is_empty() && late.iter().all(|one| !one.is_signed_with(&old) && one.is_signed_with(&new)));
    }

    async fn what_was_told_is_told_again_from_a_cursor_on(app: TestApp) {
        let (app, receiver) = (app.with_receivers().await, Receiver::start().await);
        app.deposit("order-1").await;
        app.tell().await;
        let endpoint = app.add_endpoint(json!({ "url": receiver.url })).await;
        app.tell().await;
        assert_eq!(receiver.told().len(), 0, "from now on");
        let replayed = app.post(&format!("{}/replay", path_of(&endpoint)), &json!({ "after": "1" })).await;
        assert_eq!((replayed.status, &replayed.body["cursor"]), (200, &json!("1")), "{replayed:?}");
        app.tell().await;
        assert_eq!(kinds(&receiver.taken()), WHOLE[1..]);
        let ahead = app.post(&format!("{}/replay", path_of(&endpoint)), &json!({ "after": "99" })).await;
        assert_eq!(ahead.body["cursor"], "3", "nothing is left out by that");

        let all = Receiver::start().await;
        app.add_endpoint(json!({ "url": all.url, "after": "0" })).await;
        app.tell().await;
        assert_eq!(kinds(&all.taken()), WHOLE);
        let gone = app.send(app.http.delete(app.at(&path_of(&endpoint))).bearer_auth(crate::app::CALLER_KEY)).await;
        assert_eq!(gone.status, 204);
        app.get(&path_of(&endpoint)).await.assert_problem("not-found");
        app.deposit("order-2").await;
        app.tell().await;
        assert_eq!((receiver.told().len(), all.told().len()), (2, 6));
    }
}

/// One that never answers has its connection for as long as it is waited for, and nobody else waits with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_another_ones_receiver() {
    let patience = ("WEBHOOK_ENDPOINTS__ANSWER_SECONDS", "2");
    let app = TestApp::start_with(Kind::Postgres, &[LOCAL[0], LOCAL[1], patience]).await;
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    slow.behaves(Behaviour::Hangs);
    app.add_endpoint(json!({ "url": slow.url })).await;
    app.add_endpoint(json!({ "url": quick.url })).await;
    app.deposit("order-1").await;
    let pusher = app.serving().pusher();
    pusher.stamp().await.unwrap();
    let claimed = pusher.claim().await.unwrap().unwrap();
    let begun = std::time::Instant::now();
    let telling = tokio::spawn({
        let pusher = std::sync::Arc::clone(pusher);
        async move { pusher.tell(claimed).await.unwrap() }
    });
    eventually("the slow one is told", async || slow.connections() > 0 || !quick.told().is_empty()).await;
    while pusher.push_due().await.unwrap() {}
    assert_eq!(kinds(&quick.taken()), WHOLE);
    assert!(!telling.is_finished(), "the slow one is waited for: {:?}", begun.elapsed());
    telling.await.unwrap();
    assert_eq!(slow.told().len(), 1, "its payment's other events wait behind the first");
    struck(62, slow.connections());
}

/// Whoever may register an address does not get to the inside of our network through us: neither by an address, nor by a name
/// that leads there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_leads_inside_is_refused_when_it_is_named_and_when_it_is_connected_to() {
    let app = TestApp::start_with(Kind::Sqlite, &[LOCAL[1]]).await;
    let receiver = Receiver::start().await;
    let mut refused = 0_u64;
    for host in [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
    ] {
        let answer = app.post(ENDPOINTS, &json!({ "url": format!("http://{host}:{}/", receiver.port) })).await;
        answer.assert_problem("invalid-request");
        assert_eq!(answer.pointers(), ["/url"], "{host}");
        refused += 1;
    }
    let named = app.add_endpoint(json!({ "url": format!("http://localhost:{}/", receiver.port) })).await;
    app.take("order-1").await;
    app.tell().await;
    let seen = app.endpoint(&named).await;
    assert_eq!(seen["lastFailure"], "its name leads to an address of a private or reserved network");
    assert_eq!(receiver.connections(), 0, "nothing was connected to");
    struck(61, refused + seen["failures"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_an_endpoint_is_told_by_field() {
    let app = TestApp::start(Kind::Sqlite).await;
    let url = "https://shop.example/events";
    for (body, pointers) in [
        (json!({}), vec!["/url"]),
        (json!({ "url": 7 }), vec!["/url"]),
        (json!({ "url": "http://shop.example/" }), vec!["/url"]),
        (json!({ "url": "https://user:secret@shop.example/" }), vec!["/url"]),
        (json!({ "url": format!("https://shop.example/{}", "x".repeat(500)) }), vec!["/url"]),
        (json!({ "url": url, "eventTypes": ["deposit.paid"] }), vec!["/eventTypes"]),
        (json!({ "url": url, "eventTypes": "deposit.completed" }), vec!["/eventTypes"]),
        (json!({ "url": url, "payload": "whole" }), vec!["/payload"]),
        (json!({ "url": url, "shops": ["nobody"] }), vec!["/shops"]),
        (json!({ "url": url, "after": 3 }), vec!["/after"]),
        (json!({ "url": url, "after": "-1" }), vec!["/after"]),
        (json!({ "url": url, "after": "9223372036854775808" }), vec!["/after"]),
        (json!({ "url": url, "description": "x".repeat(201) }), vec!["/description"]),
        (json!({ "url": url, "enabled": true }), vec!["/enabled"]),
    ] {
        let answer = app.post(ENDPOINTS, &body).await;
        answer.assert_problem("invalid-request");
        assert_eq!(answer.pointers(), pointers, "{body}");
    }
    assert_eq!(app.get(ENDPOINTS).await.body["data"], json!([]), "nothing was kept of it");
    let endpoint = app.add_endpoint(json!({ "url": url })).await;
    for (path, body) in [
        ("rotate-secret", json!({ "overlapSeconds": 604_801 })),
        ("rotate-secret", json!({ "overlapSeconds": -1 })),
        ("replay", json!({})),
        ("replay", json!({ "after": "soon" })),
    ] {
        app.post(&format!("{}/{path}", path_of(&endpoint)), &body).await.assert_problem("invalid-request");
    }
    for query in
        ["after=x", "after=-1", "after=9223372036854775808", "wait=61", "type=deposit", "paymentId=1", "limit=0", "x=1"]
    {
        app.get(&format!("/v1/events?{query}")).await.assert_problem("invalid-request");
    }
    for query in ["state=x", "cursor=1", "cursor=1.x.1", "cursor=-1.00000000000000000000000000000000.1"] {
        app.get(&format!("{}/deliveries?{query}", path_of(&endpoint))).await.assert_problem("invalid-request");
    }
    for id in ["1", "00000000-0000-0000-0000-000000000000"] {
        app.get(&format!("{ENDPOINTS}/{id}")).await.assert_problem("not-found");
    }
}

/// Another shop's events and endpoints do not exist for a key that may not see the shop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sees_one_shop_is_told_of_one_shop() {
    let second = [
        ("SHOPS__SECOND__API_KEY", crate::app::SECOND_API_KEY),
        ("SHOPS__SECOND__SIGNING_KEY", crate::app::SECOND_SIGNING_KEY),
        ("DEFAULT_SHOP", "main"),
    ];
    let app = TestApp::start_with(Kind::Sqlite, &[LOCAL[0], LOCAL[1], second[0], second[1], second[2]]).await;
    admit(app.serving().keys(), "pk_second", &[Scope::PaymentsRead, Scope::WebhooksWrite], &["second"]).await;
    let as_second = |request: reqwest::RequestBuilder| app.send(request.bearer_auth("pk_second"));
    let (of_all, of_second) = (Receiver::start().await, Receiver::start().await);
    let everything = app.add_endpoint(json!({ "url": of_all.url })).await;
    let added = as_second(app.http.post(app.at(ENDPOINTS)).json(&json!({ "url": of_second.url }))).await;
    assert_eq!((added.status, &added.body["shops"]), (201, &json!(["second"])), "{added:?}");
    for shops in [json!([]), json!(["main"])] {
        let refused =
            as_second(app.http.post(app.at(ENDPOINTS)).json(&json!({ "url": of_second.url, "shops": shops }))).await;
        refused.assert_problem("invalid-request");
    }
    app.take("order-1").await;
    let mut of_the_second = crate::app::order("order-2");
    of_the_second["shop"] = json!("second");
    assert_eq!(app.post("/v1/payments", &of_the_second).await.status, 201);
    app.tell().await;
    assert_eq!((of_all.told().len(), of_second.told().len()), (4, 2));
    assert!(of_second.told().iter().all(|one| one.event["data"]["shop"] == "second"));

    let feed = as_second(app.http.get(app.at("/v1/events"))).await.body;
    assert_eq!(feed["data"].as_array().unwrap().len(), 2);
    assert_eq!(feed["nextCursor"], "4");
    let strange = app.feed("?shop=main").await["data"][0]["id"].as_str().unwrap().to_owned();
    as_second(app.http.get(app.at(&format!("/v1/events/{strange}")))).await.assert_problem("not-found");
    as_second(app.http.get(app.at(&path_of(&everything)))).await.assert_problem("not-found");
    let resend =
        app.http.post(app.at(&format!("/v1/events/{strange}/resend"))).json(&json!({ "endpointId": added.body["id"] }));
    as_second(resend).await.assert_problem("not-found");
    let across = app.post(&format!("/v1/events/{strange}/resend"), &json!({ "endpointId": added.body["id"] })).await;
    across.assert_problem("not-found");
    let list = as_second(app.http.get(app.at(ENDPOINTS))).await.body;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}
