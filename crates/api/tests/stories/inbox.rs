//! The inbox for people: what came, what it came to, and once more.

use std::time::Duration;

use gateway_simulator::{SignatureMode, sign};
use serde_json::{Value, json};
use store::Scope;

use crate::app::{Answer, SECOND_API_KEY, SECOND_SIGNING_KEY, SIGNING_KEY, TestApp, admit, on_every_store};

const MINUTE: Duration = Duration::from_mins(1);

async fn deliver(app: &TestApp, told: &Value) {
    let body = told.to_string();
    let signature = sign(SignatureMode::HexLower, SIGNING_KEY, body.as_bytes());
    assert_eq!(app.notify(&body, signature.as_deref()).await.status, 200);
}

async fn inbox(app: &TestApp, query: &str) -> Vec<Value> {
    let page = app.get(&format!("/v1/webhooks-in{query}")).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.body["data"].as_array().unwrap().clone()
}

async fn rerun(app: &TestApp, notice: &Value) -> Answer {
    app.post(&format!("/v1/webhooks-in/{}/rerun", notice["id"].as_str().unwrap()), &json!({})).await
}

async fn decide(app: &TestApp, notice: &Value, deed: &str, said: &Value) -> Answer {
    app.post(&format!("/v1/webhooks-in/{}/{deed}", notice["id"].as_str().unwrap()), said).await
}

on_every_store! {
    async fn a_notice_that_nothing_matched_is_found_and_run_again_once_something_does(app: TestApp) {
        // Its payment is one that we do not know yet, and the notice has no reference of ours.
        app.gateway.with(|engine, _| engine.switches_mut().webhooks = gateway_simulator::WebhookDelivery::Dropped);
        app.fault("order-1", gateway_simulator::Fault::LostAfter);
        app.take("order-1").await;
        let id = app.gateway.with(|engine, _| engine.payments_of("order-1").next().unwrap().id().to_string());
        app.pay("order-1").await;
        let told = json!({ "id": id, "state": "COMPLETED", "amount": 11.12, "currency": "EUR" });
        deliver(&app, &told).await;
        app.advance(61 * MINUTE);
        // The inbox comes first; then the payment is looked up.
        app.run_workers_until_idle().await;
        let [unmatched] = <[Value; 1]>::try_from(inbox(&app, "?verdict=unmatched").await).unwrap();
        assert_eq!((&unmatched["state"], &unmatched["paymentId"]), (&json!("COMPLETED"), &Value::Null));
        assert_eq!(unmatched["gatewayPaymentId"], json!(id));
        assert!(!unmatched.to_string().contains("11.12"), "only what was read of it");
        assert_eq!(app.payment("order-1").await["state"], "COMPLETED", "found by its reference");

        let again = rerun(&app, &unmatched).await;
        assert_eq!((again.status, &again.body["verdict"], &again.body["reruns"]), (200, &json!("confirms"), &json!(1)), "{again:?}");
        assert_eq!((&again.body["rerunBy"], &again.body["paymentId"]), (&json!("test"), &app.payment("order-1").await["id"]));
        assert_eq!(inbox(&app, "?verdict=unmatched").await.len(), 0);
        app.prove_the_books().await;
    }

    async fn a_crowd_of_notices_that_nothing_matches_is_gone_through_at_once(app: TestApp) {
        const CROWD: usize = 70;
        for number in 0..CROWD {
            deliver(&app, &json!({ "id": format!("{number:032x}"), "state": "COMPLETED" })).await;
        }
        app.run_workers_until_idle().await;
        assert_eq!(inbox(&app, "?verdict=unmatched").await.len(), 0, "their payments may yet become known");
        app.advance(61 * MINUTE);
        app.run_workers_until_idle().await;
        assert_eq!(inbox(&app, "?verdict=unmatched&limit=200").await.len(), CROWD);
    }

    async fn a_notice_that_was_applied_changes_nothing_the_second_time(app: TestApp) {
        let taken = app.take("order-1").await.body;
        deliver(&app, &json!({ "id": taken["gatewayPaymentId"], "referenceId": "order-1", "state": "DECLINED", "errorCode": "4.01" })).await;
        let before = app.payment("order-1").await;
        assert_eq!(before["state"], "DECLINED");
        let [notice] = <[Value; 1]>::try_from(inbox(&app, "?verdict=moves").await).unwrap();
        assert_eq!(notice["paymentId"], before["id"]);
        let again = rerun(&app, &notice).await;
        assert_eq!((again.status, &again.body["verdict"]), (200, &json!("confirms")), "{again:?}");
        assert_eq!(app.payment("order-1").await, before);
        app.prove_the_books().await;
    }

    async fn the_inbox_is_read_page_by_page_and_by_what_is_asked_for(app: TestApp) {
        for number in 0..5 {
            deliver(&app, &json!({ "id": format!("a{number}"), "state": "PENDING" })).await;
        }
        let first = app.get("/v1/webhooks-in?limit=3").await.body;
        let cursor = first["nextCursor"].as_str().unwrap();
        let second = app.get(&format!("/v1/webhooks-in?limit=3&cursor={cursor}")).await.body;
        let ids = |page: &Value| -> Vec<String> {
            page["data"].as_array().unwrap().iter().map(|one| one["gatewayPaymentId"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!((ids(&first), ids(&second)), (vec!["a4".into(), "a3".into(), "a2".into()], vec!["a1".into(), "a0".into()]));
        assert_eq!(second["nextCursor"], Value::Null);
        assert_eq!(inbox(&app, "?gatewayPaymentId=a3&verdict=waiting&shop=main").await.len(), 1);
        assert_eq!(inbox(&app, "?receivedTo=2020-01-01T00:00:00Z").await.len(), 0);
        assert_eq!(inbox(&app, "?shop=nowhere").await.len(), 0);
        for (query, pointer) in [("verdict=odd", "verdict"), ("cursor=x", "cursor"), ("receivedFrom=today", "receivedFrom"), ("typo=1", "typo")] {
            let refused = app.get(&format!("/v1/webhooks-in?{query}")).await;
            assert_eq!((refused.status, refused.pointers()), (422, vec![pointer]), "{refused:?}");
        }
    }

    async fn what_nothing_will_ever_match_is_dismissed_for_a_reason_and_can_be_restored(app: TestApp) {
        deliver(&app, &json!({ "id": "a1", "state": "COMPLETED" })).await;
        let [waiting] = <[Value; 1]>::try_from(inbox(&app, "").await).unwrap();
        let why = json!({ "reason": "theirs, not ours" });
        decide(&app, &waiting, "dismiss", &why).await.assert_problem("not-in-this-state");
        app.advance(61 * MINUTE);
        app.run_workers_until_idle().await;
        let [notice] = <[Value; 1]>::try_from(inbox(&app, "?verdict=unmatched&dismissed=false").await).unwrap();
        assert_eq!((app.stuck().await.len(), &notice["dismissed"]), (1, &Value::Null));
        decide(&app, &notice, "restore", &why).await.assert_problem("not-in-this-state");

        let dismissed = decide(&app, &notice, "dismiss", &why).await;
        assert_eq!(dismissed.status, 200, "{dismissed:?}");
        let shown = &dismissed.body["dismissed"];
        assert_eq!((&shown["by"], &shown["via"], &shown["reason"]), (&json!("test"), &json!("api"), &json!("theirs, not ours")));
        assert_eq!(app.stuck().await, Vec::<Value>::new());
        assert!(!app.metrics().await.contains("reason=\"unmatched-webhook\"} 1"));
        assert_eq!(inbox(&app, "?dismissed=true").await, std::slice::from_ref(&dismissed.body));
        decide(&app, &notice, "dismiss", &why).await.assert_problem("not-in-this-state");
        // The same bytes again are no news.
        deliver(&app, &json!({ "id": "a1", "state": "COMPLETED" })).await;
        assert_eq!(app.stuck().await, Vec::<Value>::new());

        let restored = decide(&app, &notice, "restore", &json!({ "reason": "ours after all" })).await;
        assert_eq!((restored.status, &restored.body["dismissed"]), (200, &Value::Null), "{restored:?}");
        assert_eq!(app.stuck().await.len(), 1);
        let read = app.get(&format!("/v1/webhooks-in/{}", notice["id"].as_str().unwrap())).await;
        let deeds: Vec<_> = read.body["deeds"].as_array().unwrap().iter().map(|one| (&one["deed"], &one["reason"])).collect();
        assert_eq!(deeds, [(&json!("dismissed"), &json!("theirs, not ours")), (&json!("restored"), &json!("ours after all"))], "{read:?}");
    }

    async fn a_key_of_another_shop_sees_and_runs_none_of_it(app: TestApp) {
        app.restart_with(&[("SHOPS__SECOND__API_KEY", SECOND_API_KEY), ("SHOPS__SECOND__SIGNING_KEY", SECOND_SIGNING_KEY), ("DEFAULT_SHOP", "main")]).await;
        deliver(&app, &json!({ "id": "a1", "state": "PENDING" })).await;
        let [notice] = <[Value; 1]>::try_from(inbox(&app, "").await).unwrap();
        admit(app.serving().keys(), "pk_second", &[Scope::OpsRead, Scope::OpsWrite], &["second"]).await;
        let as_second = |request: reqwest::RequestBuilder| app.send(request.bearer_auth("pk_second"));
        let seen = as_second(app.http.get(app.at("/v1/webhooks-in"))).await;
        assert_eq!((seen.status, &seen.body["data"]), (200, &json!([])));
        let path = format!("/v1/webhooks-in/{}/rerun", notice["id"].as_str().unwrap());
        as_second(app.http.post(app.at(&path))).await.assert_problem("not-found");
        let path = format!("/v1/webhooks-in/{}", notice["id"].as_str().unwrap());
        as_second(app.http.get(app.at(&path))).await.assert_problem("not-found");
        let why = json!({ "reason": "not theirs either" });
        as_second(app.http.post(app.at(&format!("{path}/dismiss"))).json(&why)).await.assert_problem("not-found");
        for strange in ["not-an-id", "00000000-0000-0000-0000-000000000000"] {
            app.post(&format!("/v1/webhooks-in/{strange}/rerun"), &json!({})).await.assert_problem("not-found");
            app.post(&format!("/v1/webhooks-in/{strange}/restore"), &why).await.assert_problem("not-found");
            app.get(&format!("/v1/webhooks-in/{strange}")).await.assert_problem("not-found");
        }
        for (wrong, pointer) in [(json!({}), "/reason"), (json!({ "reason": "4000 0000 0000 0002" }), "/reason"), (json!({ "reason": "x", "why": 1 }), "/why")] {
            let refused = decide(&app, &notice, "dismiss", &wrong).await;
            refused.assert_problem("invalid-request");
            assert_eq!(refused.pointers(), [pointer]);
        }
        let [same] = <[Value; 1]>::try_from(inbox(&app, "").await).unwrap();
        assert_eq!(same["reruns"], 0);
    }
}
