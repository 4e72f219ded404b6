//! Deposits without the checkout page: one POST, one PATCH, and what the customer must know to pay.

use std::time::Duration;

use gateway_simulator::{Endpoint, Fault, FaultRule};
use serde_json::{Value, json};

use crate::app::{TestApp, on_every_store, order};

const MINUTE: Duration = Duration::from_mins(1);

fn host_to_host(reference: &str) -> Value {
    let mut order = order(reference);
    order["flow"] = json!("H2H");
    order["customer"] = json!({ "ip": "81.4.178.167" });
    order["browser"] =
        json!({ "customerUserAgent": "Xk7Agent", "browserLanguage": "pt-BR", "browserTimezoneOffset": -180 });
    order
}

fn strike(app: &TestApp, reference: &str, fault: Fault, times: u32) {
    let rule = FaultRule { prefix: reference.to_owned(), fault, on: Endpoint::Patch, times: Some(times) };
    app.gateway.with(|engine, _| engine.faults_mut().add_rule(rule));
}

fn patches(app: &TestApp) -> u64 {
    app.gateway.with(|engine, _| engine.counters().requests_to(Endpoint::Patch))
}

on_every_store! {
    async fn the_customer_is_told_how_to_pay_and_sees_no_page(app: TestApp) {
        let taken = app.post("/v1/payments", &host_to_host("pix-1")).await;
        assert_eq!(taken.status, 201, "{taken:?}");
        assert_eq!((&taken.body["state"], &taken.body["flow"]), (&json!("PENDING"), &json!("H2H")));
        assert_eq!(taken.body["nextAction"], json!({ "type": "instructions" }), "{taken:?}");
        assert!(taken.body["externalRefs"].as_object().is_some_and(|refs| !refs.is_empty()), "{taken:?}");
        let again = app.post("/v1/payments", &host_to_host("pix-1")).await;
        assert_eq!((again.status, &again.body["externalRefs"]), (200, &taken.body["externalRefs"]));

        app.pay("pix-1").await;
        assert_eq!(app.end_of("pix-1").await["state"], "COMPLETED");
        assert_eq!((app.posts_of("pix-1"), patches(&app)), (1, 1));
        app.pass(MINUTE, Duration::from_secs(10)).await;
        let text = app.get("/v1/payments").await.body.to_string() + &app.metrics().await;
        assert!(!text.contains("Xk7Agent") && !text.contains("81.4.178"), "{text}");
        app.prove_the_books().await;
    }

    async fn a_patch_whose_answer_is_lost_is_never_sent_again_and_its_instructions_are_read(app: TestApp) {
        strike(&app, "pix-1", Fault::LostAfter, 1);
        let unknown = app.post("/v1/payments", &host_to_host("pix-1")).await;
        assert_eq!((&unknown.body["state"], &unknown.body["nextAction"]), (&json!("CHECKOUT"), &Value::Null), "{unknown:?}");
        assert_eq!(unknown.body["pendingCommand"]["kind"], "start");
        app.pass(MINUTE, Duration::from_secs(5)).await;
        let known = app.payment("pix-1").await;
        assert_eq!((&known["state"], &known["nextAction"]["type"]), (&json!("PENDING"), &json!("instructions")), "{known}");
        assert_eq!((app.posts_of("pix-1"), patches(&app)), (1, 1));
        app.prove_the_books().await;
    }

    async fn a_patch_that_was_lost_on_its_way_ends_with_the_gateways_own_end_and_never_on_the_page(app: TestApp) {
        strike(&app, "pix-1", Fault::LostBefore, 1);
        app.post("/v1/payments", &host_to_host("pix-1")).await;
        app.pass(MINUTE * 30, MINUTE).await;
        let waiting = app.payment("pix-1").await;
        assert_eq!((&waiting["state"], &waiting["nextAction"]), (&json!("CHECKOUT"), &Value::Null), "nobody knows: {waiting}");
        app.pass(Duration::from_hours(3), MINUTE * 10).await;
        let end = app.payment("pix-1").await;
        assert_eq!((&end["state"], patches(&app)), (&json!("CANCELLED"), 1), "{end}");
        app.prove_the_books().await;
    }

    async fn a_patch_that_was_provably_refused_leaves_the_checkout_page(app: TestApp) {
        strike(&app, "pix-1", Fault::StatusBefore(400), 1);
        let refused = app.post("/v1/payments", &host_to_host("pix-1")).await;
        assert_eq!((refused.status, &refused.body["state"]), (201, &json!("CHECKOUT")), "{refused:?}");
        assert_eq!(refused.body["nextAction"]["type"], "redirect", "{refused:?}");
        assert!(refused.body["why"].as_str().unwrap().contains("the gateway refused a start"), "{refused:?}");
        app.pay("pix-1").await;
        assert_eq!(app.end_of("pix-1").await["state"], "COMPLETED");
        assert_eq!(patches(&app), 1);

        // A no that comes although it was done is seen through.
        strike(&app, "pix-2", Fault::StatusAfter(400), 1);
        let started = app.post("/v1/payments", &host_to_host("pix-2")).await;
        assert_eq!(started.body["nextAction"]["type"], "instructions", "{started:?}");
        app.prove_the_books().await;
    }

    async fn where_the_settings_forbid_it_nobody_is_ever_sent_to_the_page(app: TestApp) {
        app.restart_with(&[("PAYMENTS__FALL_BACK_TO_REDIRECT", "false")]).await;
        strike(&app, "pix-1", Fault::StatusBefore(400), 1);
        let refused = app.post("/v1/payments", &host_to_host("pix-1")).await;
        assert_eq!((&refused.body["state"], &refused.body["nextAction"]), (&json!("CHECKOUT"), &Value::Null), "{refused:?}");
        assert!(refused.body["why"].as_str().unwrap().contains("may not be sent to the checkout page"), "{refused:?}");
        app.pass(5 * MINUTE, Duration::from_secs(10)).await;
        let waiting = app.payment("pix-1").await;
        assert_eq!(waiting["nextAction"], Value::Null, "looks do not learn it either: {waiting}");
        let page = app.count("select count(*) from payments where redirect_url is not null").await;
        assert_eq!((page, patches(&app)), (0, 1));
        let redirected = app.take("order-1").await;
        assert_eq!(redirected.body["nextAction"]["type"], "redirect", "other customers are: {redirected:?}");
        app.pass(70 * MINUTE, MINUTE).await;
        assert_eq!(app.payment("pix-1").await["state"], "CANCELLED", "the gateway gives it up");
        app.prove_the_books().await;
    }

    async fn a_deposit_whose_answer_was_lost_is_started_by_a_worker_once_it_is_found(app: TestApp) {
        app.fault("pix-1", Fault::LostAfter);
        assert_eq!(app.post("/v1/payments", &host_to_host("pix-1")).await.status, 202);
        app.pass(MINUTE, Duration::from_secs(5)).await;
        let started = app.payment("pix-1").await;
        assert_eq!((&started["state"], &started["nextAction"]["type"]), (&json!("PENDING"), &json!("instructions")), "{started}");
        assert_eq!((app.posts_of("pix-1"), patches(&app)), (1, 1));
        app.prove_the_books().await;
    }

    async fn a_decline_inside_the_answer_is_an_end(app: TestApp) {
        let declined = app.post("/v1/payments", &host_to_host("patch-declined-1")).await;
        assert_eq!((declined.status, &declined.body["state"]), (201, &json!("DECLINED")), "{declined:?}");
        assert_eq!(declined.body["error"]["code"], "4.00");
        app.prove_the_books().await;
    }

    async fn without_the_customers_address_or_for_a_payout_nothing_is_taken(app: TestApp) {
        let mut order = host_to_host("pix-1");
        order["customer"] = json!({ "firstName": "Ana" });
        assert_eq!(app.post("/v1/payments", &order).await.pointers(), ["/customer/ip"]);
        let mut payout = host_to_host("out-1");
        payout["paymentType"] = json!("WITHDRAWAL");
        payout.as_object_mut().unwrap().remove("browser");
        assert_eq!(app.post("/v1/payments", &payout).await.pointers(), ["/flow"]);
        assert_eq!(app.posts_of("pix-1") + app.posts_of("out-1"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_of_the_settings_chooses_it_and_an_order_may_say_otherwise() {
    let rules = r#"[{ payment_method = "PIX", currency = "BRL", flow = "H2H" }]"#;
    let app = TestApp::start_with(crate::app::Kind::Sqlite, &[("PAYMENTS__FLOW_RULES", rules)]).await;
    let mut order = host_to_host("pix-1");
    order["currency"] = json!("BRL");
    order["paymentMethod"] = json!("PIX");
    order.as_object_mut().unwrap().remove("flow");
    assert_eq!(app.post("/v1/payments", &order).await.body["flow"], "H2H");
    order["referenceId"] = json!("pix-2");
    order["flow"] = json!("REDIRECT");
    assert_eq!(app.post("/v1/payments", &order).await.body["nextAction"]["type"], "redirect");
}
