//! Who is let in, what is not found, and the promise of determinism (sections 1 and 2).

use gateway_simulator::{Endpoint, Engine, Method, RateLimit, Request, Setup, Switches, UnknownKey, Which};
use serde_json::{Value, json};

use crate::shop_floor::{AUTH, ShopFloor, deposit, noon, setup};

#[test]
fn a_wrong_key_no_key_and_a_key_without_bearer_are_401() {
    let mut floor = ShopFloor::open();
    for authorization in [None, Some("Bearer nobody"), Some("api-key-a"), Some("Basic api-key-a"), Some("Bearer ")] {
        for target in ["/api/v1/payments", "/api/v1/payments/x", "/elsewhere"] {
            let (status, answer) = floor.ask(&Request { authorization, ..Request::get(target, AUTH) });
            assert_eq!((status, &answer["message"]), (401, &json!("Invalid token")), "{authorization:?} {target}");
        }
    }
}

#[test]
fn what_is_not_there_is_404_and_what_is_not_done_405() {
    let mut floor = ShopFloor::open();
    for id in ["00000000000000000000000000000000", "x", "ABCDEF00000000000000000000000000", "%00"] {
        let target = format!("/api/v1/payments/{id}");
        let (status, answer) = floor.get(&target);
        assert_eq!((status, &answer["path"]), (404, &json!(target)));
        assert_eq!(answer["message"], "Payment not found");
    }
    assert_eq!(floor.get("/api/v2/payments").0, 404);
    assert_eq!(floor.get("/api/v1/paymentsx").0, 404);
    let delete = Request { method: Method::Other, ..Request::get("/api/v1/payments", AUTH) };
    assert_eq!(floor.ask(&delete).0, 405);
}

#[test]
fn the_path_of_an_error_carries_no_query() {
    let (_, answer) = ShopFloor::open().get("/api/v1/payments?limit=0");
    assert_eq!(answer["path"], "/api/v1/payments");
}

#[test]
fn a_rate_limit_counts_by_the_second_and_may_say_when_to_come_back() {
    let limit = RateLimit { requests_per_second: 2, retry_after_seconds: Some(7) };
    let mut floor = ShopFloor::with(Switches { rate_limit: Some(limit), ..Switches::default() });
    let statuses: Vec<_> = (0..4).map(|_| floor.get("/api/v1/payments").0).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
    let handled = floor.handle(&Request::get("/api/v1/payments", AUTH));
    assert!(handled.answer.response().unwrap().headers.contains(&("retry-after", "7".to_owned())));
    floor.wait(1);
    assert_eq!(floor.get("/api/v1/payments").0, 200);

    let mut floor = ShopFloor::open();
    let handled = floor.post_handled(&deposit("rate-limited-1"));
    let response = handled.answer.response().unwrap();
    assert_eq!((handled.effect, response.status), (None, 429));
    assert!(response.headers.contains(&("retry-after", "1".to_owned())));
    assert_eq!(floor.post(&deposit("rate-limited-1")).0, 200);
}

#[test]
fn requests_are_counted_by_endpoint() {
    let mut floor = ShopFloor::open();
    let id = floor.deposit("order-1");
    floor.read(id);
    floor.read(id);
    floor.get("/api/v1/payments");
    floor.get("/nowhere");
    let counted = [Endpoint::Create, Endpoint::Read, Endpoint::List, Endpoint::Patch, Endpoint::Unknown]
        .map(|endpoint| floor.engine.counters().requests_to(endpoint));
    assert_eq!(counted, [1, 2, 1, 0, 1]);
}

#[test]
fn a_time_before_one_that_was_seen_counts_as_that_one() {
    let mut floor = ShopFloor::open();
    floor.deposit("later");
    floor.now -= chrono::TimeDelta::hours(2);
    let id = floor.deposit("earlier");
    assert_eq!(floor.engine.payment(id).unwrap().created(), noon());
}

/// A run with everything in it, as the bytes that left the engine.
fn transcript(seed: u64) -> Vec<u8> {
    let mut engine = Engine::new(Setup { seed, ..setup() });
    let mut bytes = Vec::new();
    for number in 0..50_u32 {
        let now = noon() + chrono::TimeDelta::seconds(i64::from(number));
        let prefix = ["", "slow-", "hook-twice-", "other-amount-"][number as usize % 4];
        let reference = format!("{prefix}order-{number}");
        let body = deposit(&reference).to_string();
        let created = engine.handle(now, &Request::post("/api/v1/payments", AUTH, body.as_bytes()));
        bytes.extend_from_slice(&created.answer.response().unwrap().body);
        engine.pay(now, Which::Reference(&reference), None).unwrap();
        let list = engine.handle(now, &Request::get("/api/v1/payments?limit=5", AUTH));
        bytes.extend_from_slice(&list.answer.response().unwrap().body);
        for delivery in engine.take_due_deliveries(now) {
            bytes.extend_from_slice(&delivery.body);
            bytes.extend(delivery.signature.unwrap().into_bytes());
        }
    }
    bytes
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    assert_eq!(transcript(7), transcript(7));
    assert_ne!(transcript(7), transcript(8));
}

#[test]
fn the_sparse_answer_has_the_samples_fields_and_no_other() {
    let by_switch = ShopFloor::with(Switches { sparse_creation: true, ..Switches::default() });
    for (mut floor, reference) in [(by_switch, "order-1"), (ShopFloor::open(), "sparse-1")] {
        let (_, answer) = floor.post(&deposit(reference));
        let Value::Object(result) = &answer["result"] else { panic!("no object") };
        let mut names: Vec<_> = result.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["currency", "id", "paymentType", "redirectUrl", "state"]);
    }
}

#[test]
fn a_wrong_key_may_meet_the_edge_and_not_the_gateway() {
    let mut floor = ShopFloor::with(Switches { unknown_key: UnknownKey::Forbidden, ..Switches::default() });
    for authorization in [None, Some("Bearer nobody")] {
        let handled = floor.handle(&Request { authorization, ..Request::get("/api/v1/payments", AUTH) });
        let response = handled.answer.response().unwrap();
        assert_eq!((response.status, response.body.starts_with(b"<html>")), (403, true), "{authorization:?}");
    }
    assert_eq!(floor.get("/api/v1/payments").0, 200);
}
