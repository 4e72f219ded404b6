//! One shop, one engine, one clock that the test moves.

use chrono::{DateTime, TimeDelta, Utc};
use gateway_simulator::{Answer, Engine, Handled, PaymentId, Request, Response, Setup, Shop, Switches, Which};
use serde_json::{Value, json};

pub(crate) const AUTH: &str = "Bearer api-key-a";
pub(crate) const OTHER_AUTH: &str = "Bearer api-key-b";
pub(crate) const SIGNING_KEY: &str = "signing-key-a";
pub(crate) const HOOK: &str = "https://shop.example/hooks/gateway";

pub(crate) struct ShopFloor {
    pub(crate) engine: Engine,
    pub(crate) now: DateTime<Utc>,
}

pub(crate) fn setup() -> Setup {
    Setup {
        shops: vec![
            Shop::new("shop-a", "api-key-a", SIGNING_KEY).with_webhook_url(HOOK),
            Shop::new("shop-b", "api-key-b", "signing-key-b"),
        ],
        ..Setup::of_shop(Shop::new("", "", ""))
    }
}

pub(crate) fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00.250Z".parse().unwrap()
}

impl ShopFloor {
    pub(crate) fn open() -> Self {
        Self { engine: Engine::new(setup()), now: noon() }
    }

    pub(crate) fn with(switches: Switches) -> Self {
        Self { engine: Engine::new(Setup { switches, ..setup() }), now: noon() }
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.engine.tick(self.now);
    }

    pub(crate) fn handle(&mut self, request: &Request<'_>) -> Handled {
        self.engine.handle(self.now, request)
    }

    /// A request whose answer is expected to arrive.
    pub(crate) fn ask(&mut self, request: &Request<'_>) -> (u16, Value) {
        match self.handle(request).answer {
            Answer::Reply(response) => read(&response),
            other => panic!("no plain reply: {other:?}"),
        }
    }

    pub(crate) fn post(&mut self, body: &Value) -> (u16, Value) {
        self.ask(&Request::post("/api/v1/payments", AUTH, body.to_string().as_bytes()))
    }

    pub(crate) fn post_handled(&mut self, body: &Value) -> Handled {
        self.handle(&Request::post("/api/v1/payments", AUTH, body.to_string().as_bytes()))
    }

    pub(crate) fn get(&mut self, target: &str) -> (u16, Value) {
        self.ask(&Request::get(target, AUTH))
    }

    pub(crate) fn read(&mut self, id: PaymentId) -> Value {
        let (status, mut body) = self.get(&format!("/api/v1/payments/{id}"));
        assert_eq!(status, 200);
        body["result"].take()
    }

    /// The references that a list shows, in its order.
    pub(crate) fn listed(&mut self, query: &str) -> Vec<String> {
        let (status, body) = self.get(&format!("/api/v1/payments?{query}"));
        assert_eq!(status, 200, "{body}");
        let items = body["result"].as_array().unwrap();
        items.iter().map(|item| item["referenceId"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub(crate) fn deposit(&mut self, reference: &str) -> PaymentId {
        let (status, body) = self.post(&deposit(reference));
        assert_eq!(status, 200, "{body}");
        body["result"]["id"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn paid_deposit(&mut self, reference: &str) -> PaymentId {
        let id = self.deposit(reference);
        self.engine.pay(self.now, Which::Id(id), None).unwrap();
        id
    }

    pub(crate) fn state(&self, id: PaymentId) -> &'static str {
        self.engine.payment(id).unwrap().state().name()
    }
}

pub(crate) fn read(response: &Response) -> (u16, Value) {
    (response.status, serde_json::from_slice(&response.body).unwrap())
}

pub(crate) fn deposit(reference: &str) -> Value {
    json!({ "paymentType": "DEPOSIT", "currency": "EUR", "amount": 120, "referenceId": reference })
}

pub(crate) fn with(mut body: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    body.as_object_mut().unwrap().extend(changes);
    body
}
