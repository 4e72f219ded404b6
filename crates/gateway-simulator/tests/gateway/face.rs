//! The face over real sockets: create, pay, be told, read.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::TimeDelta;
use gateway_simulator::{
    Clock, Engine, FaceOptions, ManualClock, Running, Setup, Shop, SignatureMode, load, serve, sign,
};
use reqwest::{Client, StatusCode, header, redirect::Policy};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use crate::shop_floor::{AUTH, SIGNING_KEY, deposit, noon, with};

/// Long enough that only a hang is cut off by it.
const PATIENCE: Duration = Duration::from_secs(20);

struct Town {
    face: Running,
    clock: ManualClock,
    client: Client,
    hooks: mpsc::Receiver<Hook>,
}

/// A webhook as it arrived.
struct Hook {
    head: String,
    body: Vec<u8>,
}

impl Town {
    async fn found() -> Self {
        let (address, hooks) = listen_for_hooks().await;
        let shop = Shop::new("shop-a", "api-key-a", SIGNING_KEY).with_webhook_url(format!("http://{address}/hook"));
        Self::around(Engine::new(Setup::of_shop(shop)), hooks, None)
    }

    fn around(engine: Engine, hooks: mpsc::Receiver<Hook>, data: Option<std::path::PathBuf>) -> Self {
        let clock = ManualClock::at(noon());
        let options = FaceOptions { clock: Clock::Manual(clock.clone()), data, ..FaceOptions::default() };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let face = serve(listener, Arc::new(Mutex::new(engine)), options).unwrap();
        let client =
            Client::builder().no_proxy().tls_certs_only([]).redirect(Policy::none()).timeout(PATIENCE).build().unwrap();
        Self { face, clock, client, hooks }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.face.url())
    }

    async fn create(&self, body: &Value) -> reqwest::Result<(StatusCode, Value)> {
        let request = self.client.post(self.url("/api/v1/payments")).header(header::AUTHORIZATION, AUTH).json(body);
        let response = request.send().await?;
        Ok((response.status(), response.json().await?))
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.client.get(self.url(path)).header(header::AUTHORIZATION, AUTH);
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn control(&self, method: reqwest::Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = self.client.request(method, self.url(path)).json(&body);
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn post_form(&self, path: &str, form: &str, accept: &str) -> reqwest::Response {
        let request = self.client.post(self.url(path)).header(header::ACCEPT, accept);
        request.body(form.to_owned()).send().await.unwrap()
    }

    async fn next_hook(&mut self) -> Hook {
        tokio::time::timeout(PATIENCE, self.hooks.recv()).await.unwrap().unwrap()
    }

    /// Sends bytes as they are and returns every byte that comes back until the connection closes.
    async fn raw(&self, body: &Value) -> Vec<u8> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(self.face.address()).await.unwrap();
        let head = format!(
            "POST /api/v1/payments HTTP/1.1\r\nhost: gateway\r\nauthorization: {AUTH}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
        bytes
    }
}

/// A merchant's listener that takes every webhook with 200.
async fn listen_for_hooks() -> (SocketAddr, mpsc::Receiver<Hook>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, hooks) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let hook = take_hook(stream).await;
            if sender.send(hook).await.is_err() {
                break;
            }
        }
    });
    (address, hooks)
}

async fn take_hook(mut stream: TcpStream) -> Hook {
    let mut bytes = Vec::new();
    let head_end = loop {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "closed within the head");
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let length: usize = header_of(&head, "content-length").unwrap().parse().unwrap();
    while bytes.len() < head_end + length {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "closed within the body");
    }
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    Hook { head, body: bytes.split_off(head_end) }
}

fn header_of<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|it| it.1)
}

#[tokio::test]
async fn a_deposit_is_created_paid_told_and_read() {
    let mut town = Town::found().await;
    let (status, created) = town.create(&deposit("order-1")).await.unwrap();
    assert_eq!(status, 200);
    let id = created["result"]["id"].as_str().unwrap();
    let page = created["result"]["redirectUrl"].as_str().unwrap();
    assert_eq!(page, town.url(&format!("/checkout/{id}")));

    let paid = town.client.post(format!("{page}/pay")).send().await.unwrap();
    assert_eq!(paid.status(), 200);
    let paid: Value = paid.json().await.unwrap();
    assert_eq!(paid, json!({ "id": id, "referenceId": "order-1", "state": "COMPLETED" }));

    let hook = town.next_hook().await;
    let signature = header_of(&hook.head, "signature").unwrap();
    assert_eq!(signature, sign(SignatureMode::HexLower, SIGNING_KEY, &hook.body).unwrap());
    assert!(hook.head.starts_with("POST /hook HTTP/1.1\r\n"));
    let read = town.get(&format!("/api/v1/payments/{id}")).await;
    assert_eq!(read["result"]["state"], "COMPLETED");
    assert_eq!(read["result"], serde_json::from_slice::<Value>(&hook.body).unwrap());
    town.face.stop().await.unwrap();
}

#[tokio::test]
async fn curl_can_act_before_it_knows_the_id() {
    let mut town = Town::found().await;
    let deeds = [
        ("order 1/a", "pay", "cardNumber=4242424242424242", "DECLINED", json!("4.00")),
        ("order-2", "pay", "cardNumber=4000000000000408", "COMPLETED", Value::Null),
        ("order-3", "decline", "errorCode=4.01", "DECLINED", json!("4.01")),
        ("order-4", "decline", "", "DECLINED", json!("4.00")),
        ("order-5", "cancel", "", "CANCELLED", json!("2.00")),
        ("order-6", "timeout", "", "CANCELLED", json!("1.04")),
    ];
    for (reference, deed, form, state, code) in deeds {
        town.create(&deposit(reference)).await.unwrap();
        let encoded = reference.replace(' ', "%20").replace('/', "%2F");
        let done = town.post_form(&format!("/checkout/by-reference/{encoded}/{deed}"), form, "*/*").await;
        assert_eq!(done.json::<Value>().await.unwrap()["state"], state, "{reference}");
        let hook: Value = serde_json::from_slice(&town.next_hook().await.body).unwrap();
        assert_eq!((&hook["state"], hook.get("errorCode").unwrap_or(&Value::Null)), (&json!(state), &code));
    }
    let again = town.post_form("/checkout/by-reference/order-2/pay", "", "*/*").await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
    let nobody = town.post_form("/checkout/by-reference/nobody/pay", "", "*/*").await;
    assert_eq!(nobody.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_person_sees_a_page_and_is_sent_back_to_the_merchant() {
    const BROWSER: &str = "text/html,application/xhtml+xml";
    let town = Town::found().await;
    let order = with(
        deposit("<script>alert(1)</script> & \"more\""),
        json!({
            "description": "<b>bold</b>",
            "returnUrl": "https://shop.example/back/{id}?ref={referenceId}&state={state}&type={type}&x={other}",
        }),
    );
    let (_, created) = town.create(&order).await.unwrap();
    let id = created["result"]["id"].as_str().unwrap();
    let page = async |path: &str| {
        let request = town.client.get(town.url(path)).header(header::ACCEPT, BROWSER);
        request.send().await.unwrap().text().await.unwrap()
    };
    for path in ["/checkout".to_owned(), format!("/checkout/{id}")] {
        let html = page(&path).await;
        assert!(html.contains(&format!("/checkout/{id}")), "{html}");
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script") && !html.contains("<b>"), "{html}");
    }
    assert_eq!(page(&format!("/checkout/{id}")).await.matches("name=\"cardNumber\" value=").count(), 8);

    let done = town.post_form(&format!("/checkout/{id}/pay"), "cardNumber=4000000000000002", BROWSER).await;
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    let back = done.headers()[header::LOCATION].to_str().unwrap();
    let encoded = "%3Cscript%3Ealert%281%29%3C%2Fscript%3E%20%26%20%22more%22";
    let expected = format!("https://shop.example/back/{id}?ref={encoded}&state=COMPLETED&type=DEPOSIT&x={{other}}");
    assert_eq!(back, expected);
    let result = page(&format!("/checkout/{id}")).await;
    assert!(result.contains("COMPLETED") && result.contains("Back to the merchant"));
    assert!(!page("/checkout").await.contains(id), "nothing is open any more");
}

#[tokio::test]
async fn a_return_address_that_is_no_web_address_is_not_followed() {
    let town = Town::found().await;
    let (_, created) =
        town.create(&with(deposit("order-1"), json!({ "returnUrl": "javascript:alert(1)" }))).await.unwrap();
    let id = created["result"]["id"].as_str().unwrap();
    let done = town.post_form(&format!("/checkout/{id}/cancel"), "", "text/html").await;
    assert_eq!(done.headers()[header::LOCATION], format!("/checkout/{id}"));
}

#[tokio::test]
async fn a_lost_answer_is_a_connection_that_closes_without_a_byte() {
    let town = Town::found().await;
    assert_eq!(town.raw(&deposit("lost-before-1")).await, b"");
    assert_eq!(town.raw(&deposit("lost-after-1")).await, b"");
    let made = town
        .face
        .with(|engine, _| engine.payments().iter().map(|it| it.reference_id().unwrap().to_owned()).collect::<Vec<_>>());
    assert_eq!(made, ["lost-after-1"]);
    assert!(town.create(&deposit("lost-before-2")).await.is_err());
    assert_eq!(town.create(&deposit("lost-before-2")).await.unwrap().0, 200, "the next one is answered");
}

#[tokio::test]
async fn a_truncated_answer_promises_more_than_it_sends() {
    let town = Town::found().await;
    let bytes = String::from_utf8(town.raw(&deposit("truncated-1")).await).unwrap();
    let (head, body) = bytes.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let promised: usize = header_of(head, "content-length").unwrap().parse().unwrap();
    assert!(!body.is_empty() && body.len() < promised, "{} of {promised}", body.len());
    assert!(body.starts_with("{\"timestamp\":"));
    assert!(town.create(&deposit("truncated-2")).await.is_err());
}

#[tokio::test]
async fn a_slow_answer_waits_for_the_clock() {
    let town = Town::found().await;
    let order = deposit("slow-1");
    let (answer, ()) = tokio::join!(town.create(&order), async {
        while town.face.with(|engine, _| engine.payments().is_empty()) {
            tokio::task::yield_now().await;
        }
        // The payment is there; its answer is due five seconds after the request, on a clock that stands still.
        town.clock.advance(TimeDelta::seconds(5));
    });
    assert_eq!(answer.unwrap().0, 200);
}

#[tokio::test]
async fn an_early_webhook_is_there_before_the_answer() {
    let mut town = Town::found().await;
    let (url, client) = (town.url("/api/v1/payments"), town.client.clone());
    let posting = tokio::spawn(async move {
        let request = client.post(url).header(header::AUTHORIZATION, AUTH).json(&deposit("hook-early-1"));
        request.send().await.unwrap().json::<Value>().await.unwrap()
    });
    let hook: Value = serde_json::from_slice(&town.next_hook().await.body).unwrap();
    assert!(!posting.is_finished());
    town.clock.advance(TimeDelta::seconds(1));
    let answer = posting.await.unwrap();
    assert_eq!((&hook["state"], &answer["result"]["state"]), (&json!("COMPLETED"), &json!("CHECKOUT")));
    assert_eq!(hook["id"], answer["result"]["id"]);
}

#[tokio::test]
async fn time_moves_through_the_control_endpoint_and_checkouts_run_out() {
    let mut town = Town::found().await;
    town.create(&deposit("order-1")).await.unwrap();
    let (status, answer) =
        town.control(reqwest::Method::POST, "/control/advance-time", json!({ "seconds": 3_600 })).await;
    assert_eq!((status, &answer["now"]), (StatusCode::OK, &json!("2026-03-02T13:00:00.250Z")));
    let hook: Value = serde_json::from_slice(&town.next_hook().await.body).unwrap();
    assert_eq!(hook["errorCode"], "1.04");
}

#[tokio::test]
async fn switches_faults_counters_and_late_webhooks_are_in_the_testers_hand() {
    use reqwest::Method;
    let mut town = Town::found().await;
    let (status, switches) = town.control(Method::PUT, "/control/switches", json!({ "sparseCreation": true })).await;
    assert_eq!((status, &switches["sparseCreation"]), (StatusCode::OK, &json!(true)));
    let (status, _) = town.control(Method::PUT, "/control/switches", json!({ "sparse": true })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(town.control(Method::GET, "/control/switches", json!({})).await.1["sparseCreation"], true);

    let rule = json!({ "prefix": "order-", "fault": { "hook-late": { "millis": 60_000 } } });
    assert_eq!(town.control(Method::POST, "/control/faults", rule).await.0, StatusCode::NO_CONTENT);
    let rule = json!({ "prefix": "order-2", "fault": { "status-before": 503 }, "times": 1 });
    assert_eq!(town.control(Method::POST, "/control/faults", rule).await.0, StatusCode::NO_CONTENT);
    assert_eq!(town.create(&deposit("order-2")).await.unwrap().0, 503);
    town.create(&deposit("order-1")).await.unwrap();
    town.post_form("/checkout/by-reference/order-1/pay", "", "*/*").await;

    let (_, receipts) = town.control(Method::POST, "/control/deliver-now", json!({})).await;
    assert_eq!((&receipts[0]["status"], receipts.as_array().unwrap().len()), (&json!(200), 1));
    town.next_hook().await;

    let (_, counters) = town.control(Method::GET, "/control/counters", json!({})).await;
    assert_eq!((&counters["posts"]["order-2"], &counters["faults"]["status-before"]), (&json!(1), &json!(1)));
    let (_, payments) = town.control(Method::GET, "/control/payments", json!({})).await;
    assert_eq!((&payments[0]["referenceId"], &payments[0]["state"]), (&json!("order-1"), &json!("COMPLETED")));
    let (_, faults) = town.control(Method::GET, "/control/faults", json!({})).await;
    assert_eq!(faults["rules"].as_array().unwrap().len(), 1, "the one with a count is used up");
    assert_eq!(town.control(Method::DELETE, "/control/faults", json!({})).await.0, StatusCode::NO_CONTENT);
    let (_, faults) = town.control(Method::GET, "/control/faults", json!({})).await;
    assert_eq!(faults["rules"], json!([]));
}

#[tokio::test]
async fn the_control_endpoint_turns_every_switch_and_turns_it_back() {
    use reqwest::Method;
    let town = Town::found().await;
    let wanted: Value = serde_json::from_str(include_str!("../every-switch-turned.json")).unwrap();
    let (_, defaults) = town.control(Method::GET, "/control/switches", json!({})).await;
    for (switch, value) in wanted.as_object().unwrap() {
        let (status, turned) = town.control(Method::PUT, "/control/switches", json!({ switch: value })).await;
        assert_eq!((status, &turned), (StatusCode::OK, &with(defaults.clone(), json!({ switch: value }))), "{switch}");
        assert_ne!(turned, defaults, "{switch}");
    }
    let (_, turned) = town.control(Method::PUT, "/control/switches", wanted.clone()).await;
    assert_eq!(turned, wanted, "no switch is missing");
    let (_, turned) = town.control(Method::PUT, "/control/switches", json!({})).await;
    assert_eq!(turned, defaults);
}

#[tokio::test]
async fn a_webhook_that_is_refused_comes_again_if_the_switch_says_so() {
    let receiver = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = receiver.local_addr().unwrap();
    tokio::spawn(async move {
        while receiver.accept().await.is_ok() { /* and hang up */ }
    });
    let town = Town::found().await;
    town.face.with(|engine, _| engine.switches_mut().webhook_retries = 1);
    let rule = json!({ "fault": { "hook-late": { "millis": 60_000 } } });
    town.control(reqwest::Method::POST, "/control/faults", rule).await;
    town.create(&with(deposit("order-1"), json!({ "webhookUrl": format!("http://{address}/") }))).await.unwrap();
    town.post_form("/checkout/by-reference/order-1/pay", "", "*/*").await;
    for again in [true, false] {
        let (_, receipts) = town.control(reqwest::Method::POST, "/control/deliver-now", json!({})).await;
        assert_eq!((&receipts[0]["status"], &receipts[0]["again"]), (&Value::Null, &json!(again)));
    }
}

#[tokio::test]
async fn a_second_run_finds_the_payments_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.json");
    let setup = || Setup::of_shop(Shop::new("shop-a", "api-key-a", SIGNING_KEY));
    let (_sender, hooks) = mpsc::channel(1);
    let first = Town::around(load(setup(), &path).unwrap(), hooks, Some(path.clone()));
    let (_, created) = first.create(&deposit("order-1")).await.unwrap();
    first.face.stop().await.unwrap();

    let (_sender, hooks) = mpsc::channel(1);
    let second = Town::around(load(setup(), &path).unwrap(), hooks, Some(path));
    let id = created["result"]["id"].as_str().unwrap();
    let read = second.get(&format!("/api/v1/payments/{id}")).await;
    assert_eq!(read["result"]["state"], "CHECKOUT");
    let page = read["result"]["redirectUrl"].as_str().unwrap();
    assert!(page.starts_with(&second.face.url()), "the page is where this run listens");
    second.face.stop().await.unwrap();
}

#[tokio::test]
async fn whoever_tries_things_out_asks_who_it_is_reserves_prefixes_and_ends_payments() {
    let mut town = Town::found().await;
    let get = reqwest::Method::GET;
    assert_eq!(town.control(get.clone(), "/control", json!({})).await.1["simulates"], "pay.tech");
    let mine = json!([["mine-", { "status-before": 503 }], ["mine-", "hook-twice"]]);
    assert_eq!(town.control(reqwest::Method::PUT, "/control/prefixes", mine.clone()).await.0, 204);
    assert_eq!(town.control(reqwest::Method::PUT, "/control/prefixes", json!([["mine-", "no-such"]])).await.0, 400);
    let known = town.control(get, "/control/faults", json!({})).await.1;
    assert!(known["reserved"].as_array().unwrap().contains(&mine[1]), "{known}");
    assert_eq!(town.create(&deposit("mine-1")).await.unwrap().0, 503);
    let (_, made) = town.create(&deposit("mine-1")).await.unwrap();
    let id = made["result"]["id"].as_str().unwrap();

    let end = async |id: &str, outcome: &str| {
        town.control(reqwest::Method::POST, &format!("/control/payments/{id}/{outcome}"), json!({})).await
    };
    let (status, ended) = end(id, "declined").await;
    assert_eq!((status.as_u16(), &ended["state"], &ended["errorCode"]), (200, &json!("DECLINED"), &json!("4.00")));
    assert_eq!(end(id, "declined").await.0, 409);
    assert_eq!(end(id, "vanished").await.0, 404);
    assert_eq!(end("nobody", "declined").await.0, 404);
    for _ in 0..2 {
        let hook: Value = serde_json::from_slice(&town.next_hook().await.body).unwrap();
        assert_eq!(hook["state"], "DECLINED");
        town.clock.advance(TimeDelta::seconds(1));
        town.face.with(Engine::tick);
    }
}
