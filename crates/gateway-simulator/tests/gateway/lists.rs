//! GET payments: filters, window, pages, lag (section 6.2).

use gateway_simulator::{ListWindow, Request, Switches, Which};

use crate::shop_floor::{OTHER_AUTH, ShopFloor};

const EVER: &str = "created.gte=2020-01-01T00:00:00";

#[test]
fn newest_come_first_in_pages_that_say_whether_there_is_more() {
    let mut floor = ShopFloor::open();
    for number in 1..=5 {
        floor.deposit(&format!("order-{number}"));
        floor.wait(1);
    }
    assert_eq!(floor.listed(""), ["order-5", "order-4", "order-3", "order-2", "order-1"]);
    assert_eq!(floor.listed("offset=1&limit=2"), ["order-4", "order-3"]);
    let has_more =
        |floor: &mut ShopFloor, query: &str| floor.get(&format!("/api/v1/payments?{query}")).1["hasMore"].clone();
    assert_eq!(has_more(&mut floor, "offset=1&limit=2"), true);
    assert_eq!(has_more(&mut floor, "offset=3&limit=2"), false);
    assert_eq!(has_more(&mut floor, "offset=9"), false);
}

#[test]
fn fifty_are_shown_unless_asked_otherwise() {
    let mut floor = ShopFloor::open();
    for number in 0..51 {
        floor.deposit(&format!("order-{number}"));
    }
    assert_eq!(floor.listed("").len(), 50);
    assert_eq!(floor.listed("limit=1000").len(), 51);
}

#[test]
fn without_created_gte_a_list_forgets_after_a_day_even_by_reference() {
    let mut floor = ShopFloor::open();
    floor.deposit("order-1");
    floor.wait(24 * 60 * 60);
    assert_eq!(floor.listed("referenceId.eq=order-1"), ["order-1"], "exactly a day is still inside");
    floor.wait(1);
    assert!(floor.listed("referenceId.eq=order-1").is_empty());
    assert!(floor.listed("updated.gte=2020-01-01T00:00:00").is_empty());
    assert_eq!(floor.listed(&format!("referenceId.eq=order-1&{EVER}")), ["order-1"]);

    floor.engine.switches_mut().list_window = ListWindow::Unlimited;
    assert_eq!(floor.listed("referenceId.eq=order-1"), ["order-1"]);
    floor.engine.switches_mut().list_window = ListWindow::Day;
    floor.deposit("list-unlimited-1");
    floor.wait(24 * 60 * 60 + 1);
    assert_eq!(floor.listed("referenceId.eq=list-unlimited-1"), ["list-unlimited-1"]);
    assert!(floor.listed("").is_empty(), "without the reference nobody can tell");
}

#[test]
fn created_bounds_include_the_lower_and_exclude_the_upper() {
    let mut floor = ShopFloor::open();
    floor.now = "2026-03-02T12:00:00Z".parse().unwrap();
    for name in ["at-00", "at-10", "at-20"] {
        floor.deposit(name);
        floor.wait(10);
    }
    let query = "created.gte=2026-03-02T12:00:10&created.lt=2026-03-02T12:00:20";
    assert_eq!(floor.listed(query), ["at-10"]);
}

#[test]
fn updated_bounds_follow_the_last_move() {
    let mut floor = ShopFloor::open();
    floor.now = "2026-03-02T12:00:00Z".parse().unwrap();
    let ids = ["first", "second", "third"].map(|name| floor.deposit(name));
    floor.wait(10);
    floor.engine.pay(floor.now, Which::Id(ids[2]), None).unwrap();
    floor.wait(10);
    floor.engine.cancel(floor.now, Which::Id(ids[0])).unwrap();
    assert_eq!(floor.listed("updated.gte=2026-03-02T12:00:10"), ["third", "first"], "in order of creation");
    assert_eq!(floor.listed("updated.gte=2026-03-02T12:00:10&updated.lt=2026-03-02T12:00:20"), ["third"]);
    assert_eq!(floor.listed("updated.lt=2026-03-02T12:00:10"), ["second"]);
    assert_eq!(floor.listed("updated.gte=2026-03-02T12:00:00"), ["third", "second", "first"], "each of them once");
    assert_eq!(floor.listed("updated.gte=2026-03-02T12:00:10&referenceId.eq=first"), ["first"]);
}

#[test]
fn a_reference_is_matched_to_the_letter_and_may_hold_anything() {
    let mut floor = ShopFloor::open();
    for name in ["order-1", "order-10", "Order-1", "a=b;c&d ä/?"] {
        floor.deposit(name);
    }
    assert_eq!(floor.listed("referenceId.eq=order-1"), ["order-1"]);
    assert_eq!(floor.listed("referenceId.eq=a%3Db%3Bc%26d%20%C3%A4%2F%3F"), ["a=b;c&d ä/?"]);
    assert!(floor.listed("referenceId.eq=order").is_empty());
}

#[test]
fn limits_and_moments_that_the_contract_does_not_know_are_refused() {
    let mut floor = ShopFloor::open();
    for query in [
        "limit=0",
        "limit=1001",
        "limit=ten",
        "offset=-1",
        "offset=1000001",
        "created.gte=2026-03-02T12:00:00Z",
        "created.gte=2026-03-02T12:00:00.5",
        "created.lt=yesterday",
        "updated.gte=2026-03-02",
        "updated.lt=2026-13-02T12:00:00",
    ] {
        let (status, answer) = floor.get(&format!("/api/v1/payments?{query}"));
        assert_eq!(status, 400, "{query}");
        assert_eq!(answer["errors"][0]["field"], query.split_once('=').unwrap().0);
    }
}

#[test]
fn a_lag_hides_what_is_new_from_lists_but_not_from_reads() {
    let mut floor = ShopFloor::with(Switches { list_lag_millis: 5_000, ..Switches::default() });
    let id = floor.deposit("order-1");
    floor.wait(4);
    assert!(floor.listed("referenceId.eq=order-1").is_empty());
    assert_eq!(floor.read(id)["state"], "CHECKOUT");
    floor.wait(1);
    assert_eq!(floor.listed("referenceId.eq=order-1"), ["order-1"]);
}

#[test]
fn a_shop_sees_its_own_payments_only() {
    let mut floor = ShopFloor::open();
    let id = floor.deposit("order-1");
    let (status, answer) = floor.ask(&Request::get("/api/v1/payments?referenceId.eq=order-1", OTHER_AUTH));
    assert_eq!((status, answer["result"].as_array().unwrap().len()), (200, 0));
    assert_eq!(floor.ask(&Request::get(&format!("/api/v1/payments/{id}"), OTHER_AUTH)).0, 404);
}

#[test]
fn a_list_item_shows_the_full_customer_and_a_single_read_the_reduced_one() {
    let mut floor = ShopFloor::open();
    let customer = serde_json::json!({ "accountNumber": "0007712345", "depositsCnt": 4, "lastName": "Rojas" });
    floor.post(&crate::shop_floor::with(
        crate::shop_floor::deposit("order-1"),
        serde_json::json!({ "customer": customer, "additionalParameters": { "bankCode": "012" } }),
    ));
    let id = floor.engine.payments()[0].id();
    let (_, list) = floor.get("/api/v1/payments");
    assert_eq!(list["result"][0]["customer"]["accountNumber"], "0007712345");
    assert_eq!(list["result"][0]["customer"]["depositsCnt"], 4);
    assert!(list["result"][0].get("additionalParameters").is_none());
    let read = floor.read(id);
    assert_eq!(read["customer"], serde_json::json!({ "lastName": "Rojas" }));
    assert_eq!(read["additionalParameters"]["bankCode"], "012");
}
