//! What the built program writes while everything happens to it, at the most talkative level: lines that machines read,
//! one for each error, and nothing in them that must stay between the caller and the gateway.

use fault_catalogue::struck;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use api::application::open_database;
use gateway_simulator::{Clock, Fault, SignatureMode, sign};
use serde_json::{Value, json};
use store::Scope;
use strum::VariantArray as _;

use crate::app::{
    API_KEY, Answer, CALLER_KEY, Data, Kind, SIGNING_KEY, admit, environment, eventually, order, read_settings,
    simulated_gateway,
};
use crate::console::provider::{Provider, Signature, TOKEN, Trouble};
use crate::console::signing_in_elsewhere::{self, Browser};
use crate::orders::MOVING;
use crate::secrets::{broken_bodies, secrets, shows_the_code};

const CARD: &str = "4242424242424242";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_no_person_no_card_and_no_query_is_ever_logged() {
    let app = Talkative::start().await;
    let mut order = order("order-1");
    order["description"] = json!("Xk7Description");
    order["returnUrl"] = json!("https://shop.example/thanks?session=Xk7Session");
    order["customer"] = json!({
        "firstName": "Xk7Marta", "email": "xk7@person.example", "phone": "357 999777555", "ip": "81.4.178.167",
        "accountNumber": "XK7IBAN", "dateOfBirth": "1971-03-07",
    });
    order["billingAddress"] = json!({ "addressLine1": "Xk7 Street", "city": "Xk7ville" });
    order["metadata"] = json!({ "basket": "Xk7Basket" });
    order["additionalParameters"] = json!({ "terminal": "Xk7Terminal" });

    let taken = app.post("/v1/payments", &order).await;
    assert_eq!(taken.status, 201, "{taken:?}");
    for (count, fault) in
        [Fault::HtmlAfter, Fault::LostAfter, Fault::StatusBefore(400), Fault::Truncated].into_iter().enumerate()
    {
        order["referenceId"] = json!(format!("trouble-{count}"));
        app.gateway.with(|engine, _| engine.faults_mut().add(format!("trouble-{count}"), fault, Some(1)));
        app.post("/v1/payments", &order).await;
    }
    // Each kind of order with a secret in it, taken, troubled and refused; each in its own way.
    for (kind, made, _) in MOVING {
        let mut references = vec![kind.to_owned()];
        references.extend(["lost-after-", "http-500-", "http-503-after-", "html-403-"].map(|it| format!("{it}{kind}")));
        for reference in references {
            app.post("/v1/payments", &made(&reference)).await;
        }
    }
    for body in broken_bodies() {
        let request = app.http.post(format!("{}/v1/payments", app.url)).bearer_auth(CALLER_KEY).body(body);
        let answer = Answer::of(request.header("content-type", "application/json")).await;
        assert!(matches!(answer.status, 400 | 422), "{answer:?}");
    }
    // What is wrong with it is told to the caller alone, though the gateway repeats it.
    order["paymentMethod"] = json!("XK7METHOD");
    order["referenceId"] = json!("refused");
    app.post("/v1/payments", &order).await.assert_problem("gateway-refused");
    order["card"] = json!({ "cardNumber": CARD, "cardSecurityCode": "Xk7Cvv" });
    app.post("/v1/payments", &order).await.assert_problem("invalid-request");
    app.get("/v1/payments?metadata.basket=Xk7Basket&referenceId=Xk7&typo=Xk7").await.assert_problem("invalid-request");
    app.get("/v1/payments/by-reference/order-1?wait=0&shop=main").await;
    app.get(&format!("/v1/payments/{CARD}")).await.assert_problem("not-found");
    app.get_with_key("/v1/payments", "pk_Xk7Stranger").await.assert_problem("unauthorized");
    // The gateway may tell more than it should.
    let mut told = json!({
        "id": taken.body["gatewayPaymentId"], "referenceId": "order-1", "state": "DECLINED", "errorCode": "4.01",
        "errorMessage": format!("Card {CARD} refused"), "customer": { "firstName": "Xk7Marta" },
        "paymentMethodDetails": { "customerAccountNumber": CARD, "cardholderName": "Xk7Holder", "cardToken": "Xk7Token" },
    });
    app.notify(&told, "Xk7Signature").await.assert_problem("invalid-signature");
    let signature = sign(SignatureMode::HexLower, SIGNING_KEY, told.to_string().as_bytes()).unwrap();
    assert_eq!(app.notify(&told, &signature).await.status, 200);
    assert_eq!(app.get("/v1/payments/by-reference/order-1?wait=5").await.body["state"], "DECLINED");
    // And then the database refuses everything.
    app.data.close_the_ledger().await;
    order["referenceId"] = json!("order-2");
    order.as_object_mut().unwrap().remove("card");
    app.post("/v1/payments", &order).await.assert_problem("internal");
    told["id"] = json!("c".repeat(32));
    let signature = sign(SignatureMode::HexLower, SIGNING_KEY, told.to_string().as_bytes()).unwrap();
    assert_eq!(app.notify(&told, &signature).await.status, 200);

    struck(64, slip(&app).await);

    let lines = app.log();
    assert!(lines.len() > 100, "at this level it is talkative");
    for line in &lines {
        let text = line.to_string();
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["target"].is_string(), "{text}");
        let lower = text.to_lowercase();
        for secret in [
            "xk7",
            "999777555",
            "81.4.178",
            "1971-03-07",
            "person.example",
            CARD,
            CALLER_KEY,
            API_KEY,
            SIGNING_KEY,
            "a-master-key",
            "bearer ",
            &signature,
            "?wait",
            "?metadata",
            "created.gte",
            "referenceid.eq",
        ] {
            assert!(!lower.contains(secret), "{secret} is logged: {text}");
        }
        for secret in secrets() {
            assert!(!lower.contains(&secret), "{secret} is logged: {text}");
        }
        assert!(!shows_the_code(&text), "the security code is logged: {text}");
    }
}

/// Types a card number where none belongs: it is refused, and is no name of a request. Answers how often.
async fn slip(app: &Talkative) -> u64 {
    let mut canaries = 0_u64;
    for (field, value) in [
        ("description", json!(format!("my card is {CARD}"))),
        ("metadata", json!({ "note": CARD })),
        ("metadata", json!({ CARD: "x" })),
    ] {
        let mut slipped = crate::app::order("slipped");
        slipped[field] = value;
        let refused = app.post("/v1/payments", &slipped).await;
        refused.assert_problem("invalid-request");
        assert!(!refused.body.to_string().contains(CARD), "{refused:?}");
        canaries += 1;
    }
    let named = app.http.get(format!("{}/livez", app.url)).header("x-request-id", CARD);
    assert_ne!(Answer::of(named).await.headers["x-request-id"], CARD);
    canaries + 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_one_line_and_every_line_of_a_request_has_its_name() {
    let app = Talkative::start().await;
    let taken = app.post("/v1/payments", &order("order-1")).await;
    assert_eq!(taken.status, 201);
    let conflict = app.post("/v1/payments", &json!({ "referenceId": 1 })).await;
    app.data.close_the_ledger().await;
    let broken = app.post("/v1/payments", &order("order-2")).await;
    broken.assert_problem("internal");
    eventually("the line of the last answer", async || app.lines_of(&broken).len() >= 2).await;

    let loud = |answer: &Answer| {
        let lines = app.lines_of(answer);
        assert!(!lines.is_empty(), "the request is nowhere in the log: {answer:?}");
        lines.into_iter().filter(|line| matches!(line["level"].as_str(), Some("ERROR" | "WARN"))).collect::<Vec<_>>()
    };
    assert_eq!(loud(&taken), [Value::Null; 0]);
    assert_eq!(loud(&conflict), [Value::Null; 0], "a caller's mistake is no error of ours");
    let errors = loud(&broken);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0]["level"], "ERROR");
    assert!(errors[0]["error"].as_str().is_some_and(|error| error.contains("the database refuses")), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_of_a_traced_request_has_its_trace() {
    let app = Talkative::start().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = app.http.post(format!("{}/v1/payments", app.url)).json(&order("order-1")).bearer_auth(CALLER_KEY);
    let traced = Answer::of(request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))).await;
    let untraced = app.post("/v1/payments", &order("order-2")).await;
    let lines = async |answer: &Answer| {
        let is_last = |line: &Value| line["message"] == "request" && line["level"] == "DEBUG";
        eventually("its last line", async || app.lines_of(answer).iter().any(is_last)).await;
        app.lines_of(answer)
    };
    let of_traced = lines(&traced).await;
    assert!(of_traced.iter().all(|line| line["span"]["trace_id"] == trace), "{of_traced:?}");
    let of_untraced = lines(&untraced).await;
    assert!(of_untraced.iter().all(|line| line["span"].get("trace_id").is_none()), "{of_untraced:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_code_nor_a_token_nor_who_signs_in_is_ever_logged() {
    let provider = Provider::start();
    let app = Talkative::start_with(&signing_in_elsewhere::settings(&provider.url, "http://127.0.0.1:9")).await;
    provider.state.lock().wrong = now_is_now();
    let mut browser = Browser::at(&app.url);
    let back = browser.go_there("/console/payments?q=Xk7Customer").await;
    assert_eq!(browser.come_back(&back).await.status, 200);
    assert_eq!(browser.come_back(&back).await.status, 400);
    assert_eq!(browser.get("/console/stuck").await.status, 200);
    // And when something is wrong with it.
    for trouble in [Trouble::Broken, Trouble::Html, Trouble::Huge] {
        provider.state.lock().troubles.insert(TOKEN, trouble);
        assert!(Browser::at(&app.url).sign_in().await.status >= 502, "{trouble:?}");
        provider.state.lock().troubles.clear();
    }
    for signature in [Signature::Good, Signature::None, Signature::Forged] {
        provider.state.lock().signature = signature;
        provider.state.lock().wrong.insert("nonce".to_owned(), json!("Xk7Nonce"));
        assert_eq!(Browser::at(&app.url).sign_in().await.status, 403, "{signature:?}");
    }
    let lines = app.log();
    let told = |what: &str| lines.iter().any(|line| line["message"].as_str().is_some_and(|said| said.contains(what)));
    assert!(told("somebody signed in at the console by OpenID Connect"), "it tells that somebody did");
    assert!(told("somebody was not signed in by OpenID Connect") && told("nobody can sign in by OpenID Connect"));
    let parts: Vec<String> =
        provider.state.lock().tokens.iter().flat_map(|token| token.split('.')).map(str::to_lowercase).collect();
    for line in &lines {
        let text = line.to_string().to_lowercase();
        for secret in ["xk7", "code=", "state=", "set-cookie", "client_secret"] {
            assert!(!text.contains(secret), "{secret} is logged: {text}");
        }
        // The head of a token says nothing; what follows it does.
        assert!(parts.iter().all(|part| part.len() < 40 || !text.contains(part)), "a token is logged: {text}");
    }
}

/// Tokens of somebody who knows what time it is.
fn now_is_now() -> serde_json::Map<String, Value> {
    let now = orchestrator::Clock::now(&api::SystemClock).utc().timestamp();
    serde_json::Map::from_iter([("iat".to_owned(), json!(now)), ("exp".to_owned(), json!(now + 300))])
}

/// The built program, serving and talking.
struct Talkative {
    process: Child,
    log: PathBuf,
    url: String,
    data: Data,
    gateway: gateway_simulator::Running,
    http: reqwest::Client,
}

impl Talkative {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(more: &[(&str, &str)]) -> Self {
        let data = Data::new(Kind::Sqlite).await;
        let gateway = simulated_gateway(Clock::System);
        // The program listens where nobody else does; where that is, its log tells.
        let pairs = [
            ("HTTP__LISTEN", "127.0.0.1:0"),
            ("LOG__LEVEL", "trace"),
            ("LOG__FORMAT", "json"),
            ("PAYMENTS__UNKNOWN_METHODS", "true"),
        ];
        let environment = environment(&data, &gateway.url(), "", &[&pairs, more].concat());
        let open = open_database(&read_settings(environment.clone())).await.unwrap();
        admit(open.database.keys.as_ref(), CALLER_KEY, Scope::VARIANTS, &[]).await;
        drop(open);
        let Data::Sqlite(folder) = &data else { unreachable!() };
        let log = folder.path().join("log");
        let process = Command::new(env!("CARGO_BIN_EXE_api"))
            .arg("serve")
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut app = Self { process, log, url: String::new(), data, gateway, http };
        eventually("the program's address", async || {
            let serving = app.log().into_iter().find(|line| line["message"] == "serving");
            app.url = serving.map_or_else(String::new, |line| format!("http://{}", line["address"].as_str().unwrap()));
            !app.url.is_empty()
        })
        .await;
        app
    }

    /// The complete lines so far.
    fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap();
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        complete.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
    }

    fn lines_of(&self, answer: &Answer) -> Vec<Value> {
        let name = answer.headers["x-request-id"].to_str().unwrap();
        self.log().into_iter().filter(|line| line["span"]["request_id"] == name).collect()
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.http.post(format!("{}{path}", self.url)).json(body).bearer_auth(CALLER_KEY)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_with_key(path, CALLER_KEY).await
    }

    async fn get_with_key(&self, path: &str, key: &str) -> Answer {
        Answer::of(self.http.get(format!("{}{path}", self.url)).bearer_auth(key)).await
    }

    async fn notify(&self, body: &Value, signature: &str) -> Answer {
        let request = self.http.post(format!("{}/webhooks/paytech/main", self.url));
        Answer::of(request.header("Signature", signature).body(body.to_string())).await
    }
}

impl Drop for Talkative {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
