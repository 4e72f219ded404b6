//! An engine that goes on where another one ended.

use gateway_simulator::{Engine, ResumeError, Setup, Shop, Which};

use crate::shop_floor::{ShopFloor, deposit, setup};

#[test]
fn a_second_run_finds_everything_that_the_first_one_knew() {
    let mut first = ShopFloor::open();
    let paid = first.paid_deposit("hook-late-1");
    let open = first.deposit("order-2");
    let mut second = ShopFloor { engine: Engine::resume(setup(), &first.engine.records().unwrap()).unwrap(), ..first };

    assert_eq!((second.state(paid), second.state(open)), ("COMPLETED", "CHECKOUT"));
    assert_eq!(second.engine.counters(), first.engine.counters());
    assert_eq!(second.listed("referenceId.eq=order-2"), ["order-2"]);
    assert_eq!(second.post(&deposit("order-3")), first_post(&mut first.engine, second.now), "chance goes on, too");
    second.wait(30);
    assert_eq!(second.engine.take_due_deliveries(second.now).len(), 1, "the late webhook is still to come");
    second.engine.pay(second.now, Which::Id(open), None).unwrap();
    second.wait(60 * 60);
    assert_eq!(second.state(open), "COMPLETED");
}

fn first_post(engine: &mut Engine, now: chrono::DateTime<chrono::Utc>) -> (u16, serde_json::Value) {
    let body = deposit("order-3").to_string();
    let request = gateway_simulator::Request::post("/api/v1/payments", crate::shop_floor::AUTH, body.as_bytes());
    crate::shop_floor::read(engine.handle(now, &request).answer.response().unwrap())
}

#[test]
fn records_hold_no_key() {
    let mut floor = ShopFloor::open();
    floor.paid_deposit("order-1");
    let records = String::from_utf8(floor.engine.records().unwrap()).unwrap();
    assert!(records.contains("order-1"));
    assert!(!records.contains("api-key") && !records.contains("signing-key"));
}

#[test]
fn records_of_a_shop_that_is_gone_or_of_another_program_are_refused() {
    let floor = ShopFloor::open();
    let records = floor.engine.records().unwrap();
    let elsewhere = Setup::of_shop(Shop::new("shop-c", "k", "s"));
    assert!(matches!(Engine::resume(elsewhere, &records), Err(ResumeError::UnknownShop(name)) if name == "shop-a"));
    assert!(matches!(Engine::resume(setup(), b"{}"), Err(ResumeError::Unreadable(_))));
}

#[test]
fn shops_are_matched_by_name_and_not_by_place() {
    let mut floor = ShopFloor::open();
    floor.deposit("order-1");
    let records = floor.engine.records().unwrap();
    let mut turned = setup();
    turned.shops.reverse();
    let mut floor = ShopFloor { engine: Engine::resume(turned, &records).unwrap(), ..floor };
    assert_eq!(floor.listed(""), ["order-1"]);
}
