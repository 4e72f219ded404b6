//! A valid order, changed at random a few thousand times: bytes and members. One application takes them all, beside
//! neighbours that nothing may happen to.

use futures::StreamExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::app::{Answer, Kind, TestApp, order};
use crate::bad_input::post_bytes;
use crate::orders::by_card;
use crate::wire::request;

const BODIES: u64 = 3_000;
const HEADS: u64 = 300;
/// So many are on their way at once, so that good and bad ones meet in one batch.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_changed_at_random_is_taken_or_refused_and_never_breaks_anything() {
    let app = TestApp::start(Kind::Sqlite).await;
    let mutants = futures::stream::iter(0..BODIES).map(|seed| {
        let app = &app;
        async move {
            let body = mutant(seed);
            let answer = post_bytes(app, body.clone()).await;
            judge(&answer, &format!("seed {seed}: {}", String::from_utf8_lossy(&body)));
            answer.status
        }
    });
    let neighbours = async {
        for count in 0..60 {
            let taken = app.take(&format!("neighbour-{count}")).await;
            assert_eq!(taken.status, 201, "{taken:?}");
        }
    };
    let (statuses, ()) = tokio::join!(mutants.buffer_unordered(AT_ONCE).collect::<Vec<u16>>(), neighbours);
    for wanted in [200, 201, 400, 409, 422] {
        assert!(statuses.contains(&wanted), "these mutations are all alike: none led to {wanted}");
    }
    app.prove_the_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_changed_at_random_is_answered_or_closed_and_never_breaks_anything() {
    let app = TestApp::start(Kind::Sqlite).await;
    let body = order("order-1").to_string();
    let heads = futures::stream::iter(0..HEADS).map(|seed| {
        let (app, body) = (&app, &body);
        async move {
            let headers = "content-type: application/json\r\nconnection: close\r\n";
            let mut bytes = request("POST", "/v1/payments", headers, body.as_bytes());
            let head = bytes.len() - body.len();
            let mut chance = StdRng::seed_from_u64(seed);
            for _ in 0..chance.random_range(1..4) {
                let at = chance.random_range(0..head);
                bytes[at] = chance.random();
            }
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            if let Some(answer) = app.by_hand(&bytes).await {
                assert!(answer.status < 500, "seed {seed}: {shown}: {answer:?}");
            }
        }
    });
    heads.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    assert_eq!(app.take("neighbour").await.status, 201);
}

fn judge(answer: &Answer, sent: &str) {
    assert!(matches!(answer.status, 200..=202 | 400 | 409 | 413 | 415 | 422), "{sent}: {answer:?}");
    if answer.status >= 400 {
        answer.assert_is_problem();
    } else {
        assert_eq!(answer.headers["content-type"], "application/json", "{sent}");
        assert!(answer.body["id"].is_string() && answer.body["version"].is_u64(), "{sent}: {answer:?}");
    }
}

fn mutant(seed: u64) -> Vec<u8> {
    let mut chance = StdRng::seed_from_u64(seed);
    // Few references, so that they collide: with the same order, and with another one.
    let reference = format!("mutant-{}", chance.random_range(0..40));
    let mut order = full_order(&reference);
    let by_members = chance.random_range(0..3) < 2;
    if by_members {
        for _ in 0..chance.random_range(0..3) {
            change_a_member(&mut order, &mut chance);
        }
        return order.to_string().into_bytes();
    }
    let mut bytes = order.to_string().into_bytes();
    for _ in 0..chance.random_range(1..4) {
        change_a_byte(&mut bytes, &mut chance);
    }
    bytes
}

fn full_order(reference: &str) -> Value {
    let mut order = order(reference);
    order["description"] = json!("Two pairs of shoes");
    order["returnUrl"] = json!("https://shop.example/thanks?order={referenceId}");
    order["flow"] = json!("REDIRECT");
    order["preAuth"] = json!(false);
    order["metadata"] = json!({ "basket": "17", "a/b~c": "ž🙂" });
    order["additionalParameters"] = json!({ "terminal": "7" });
    order["customer"] = json!({
        "firstName": "Marta", "email": "marta@shop.example", "phone": "357 123123123", "ip": "81.4.178.167",
        "dateOfBirth": "2001-12-03", "depositsCnt": 7, "kycStatus": true,
    });
    order["billingAddress"] = json!({ "city": "Limassol", "countryCode": "CY" });
    order["card"] = by_card(reference)["card"].clone();
    order["startRecurring"] = json!(true);
    order["subscription"] = json!({ "frequency": 1, "frequencyUnit": "MONTH", "amount": "9.90" });
    order["browser"] = json!({ "customerUserAgent": "Firefox", "browserTimezoneOffset": -60 });
    order
}

fn change_a_member(order: &mut Value, chance: &mut StdRng) {
    let mut at = order;
    // Down into one of the objects, half of the time.
    if chance.random() {
        const OBJECTS: [&str; 7] =
            ["customer", "billingAddress", "metadata", "additionalParameters", "card", "subscription", "browser"];
        let within = OBJECTS[chance.random_range(0..OBJECTS.len())];
        if at[within].is_object() {
            at = &mut at[within];
        }
    }
    let Some(members) = at.as_object_mut() else { return };
    let names: Vec<String> = members.keys().cloned().collect();
    let Some(name) = names.get(chance.random_range(0..names.len().max(1))) else { return };
    match chance.random_range(0..6) {
        0 => {
            members.remove(name);
        }
        1 => {
            let value = members.remove(name).unwrap();
            let mut renamed = name.clone();
            renamed.push(odd_character(chance));
            members.insert(renamed, value);
        }
        2 => {
            members.insert(format!("{}", odd_character(chance)), json!(1));
        }
        3 => {
            let value = members[name].clone();
            members[name] = json!([value]);
        }
        _ => members[name] = odd_value(chance),
    }
}

fn odd_value(chance: &mut StdRng) -> Value {
    match chance.random_range(0..12) {
        0 => Value::Null,
        1 => json!(chance.random::<bool>()),
        2 => json!(chance.random::<i64>()),
        3 => json!(chance.random_range(0..1_000)),
        4 => serde_json::from_str("1e308").unwrap(),
        5 => json!(format!("{}.{}", chance.random::<u16>(), chance.random::<u8>())),
        6 => json!(""),
        7 => json!("x".repeat(chance.random_range(0..2_000))),
        8 => (0..chance.random_range(1..9)).map(|_| odd_character(chance)).collect::<String>().into(),
        9 => json!({}),
        10 => json!([]),
        _ => json!(["EUR", "DEPOSIT", "AUTO", "BTC", "PIX", "main"][chance.random_range(0..6)]),
    }
}

fn odd_character(chance: &mut StdRng) -> char {
    let odd = ['\0', '\n', '"', '\\', '/', '~', '%', '\u{7f}', '\u{85}', '\u{200b}', '\u{202e}', '\u{fffe}', '🙂'];
    odd[chance.random_range(0..odd.len())]
}

fn change_a_byte(bytes: &mut Vec<u8>, chance: &mut StdRng) {
    let at = chance.random_range(0..bytes.len());
    match chance.random_range(0..6) {
        0 => bytes[at] = chance.random(),
        1 => bytes[at] ^= 1 << chance.random_range(0..8),
        2 => {
            bytes.remove(at);
        }
        3 => bytes.insert(at, b"\"{}[],:\\\0e-9"[chance.random_range(0..12)]),
        4 => bytes.truncate(at.max(1)),
        _ => {
            let piece = bytes[at..(at + 20).min(bytes.len())].to_vec();
            let to = chance.random_range(0..bytes.len());
            bytes.splice(to..to, piece);
        }
    }
}
