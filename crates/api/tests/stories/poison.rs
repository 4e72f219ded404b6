//! One payment that the database refuses each time: it is set aside, and nobody else hears of it.

use std::time::Duration;

use fault_catalogue::struck;
use gateway_simulator::{Fault, SignatureMode, WebhookDelivery, sign};
use serde_json::json;

use crate::app::{SIGNING_KEY, on_every_store};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// Each look begins with one.
const LEASES: &str = "select epoch from payment_checks natural join payments where reference_id = 'poison-1'";

/// More than a worker takes up at once.
const OTHERS: usize = 40;

on_every_store! {
    async fn a_payment_whose_news_is_refused_each_time_is_set_aside_and_the_others_go_on(app: TestApp) {
        app.restart_with(&[("GATEWAY__BREAKER_FAILURES", "1000")]).await;
        app.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
        let references: Vec<String> = (0..OTHERS).map(|number| format!("order-{number}")).collect();
        for reference in references.iter().map(String::as_str).chain(["poison-1"]) {
            app.fault(reference, Fault::LostAfter);
            assert_eq!(app.take(reference).await.status, 202);
        }
        app.data.poison().await;
        app.pass(10 * SECOND, SECOND).await;
        for reference in &references {
            assert_eq!(app.payment(reference).await["state"], "CHECKOUT", "{reference}");
        }
        assert_eq!(app.payment("poison-1").await["state"], "SUBMITTED");

        // It is looked at as if nobody had answered, at growing pauses, and not each time that a lease is over: that would
        // be at each of these steps.
        app.pass(HOUR, 30 * SECOND).await;
        let refused = app.count(LEASES).await;
        app.pass(7 * HOUR, 300 * SECOND).await;
        let later = app.count(LEASES).await - refused;
        assert!(refused > 5 && (1..=21).contains(&later), "{refused} looks in an hour, {later} in seven more");

        app.data.heal().await;
        app.pass(25 * HOUR, 600 * SECOND).await;
        let end = app.payment("poison-1").await;
        assert_eq!((&end["state"], app.posts_of("poison-1")), (&json!("CANCELLED"), 1), "nobody paid it: {end}");
        app.prove_the_books().await;
        struck(54, refused);
    }

    async fn a_notice_that_is_refused_each_time_waits_and_the_others_are_applied(app: TestApp) {
        app.gateway.with(|engine, _| engine.switches_mut().webhooks = WebhookDelivery::Dropped);
        let mut taken = Vec::new();
        for number in 0..OTHERS {
            taken.push(app.take(&format!("order-{number}")).await.body);
        }
        taken.push(app.take("poison-1").await.body);
        app.data.poison().await;
        for payment in taken.iter().rev() {
            let notice = json!({ "id": payment["gatewayPaymentId"], "state": "DECLINED", "errorCode": "4.01" }).to_string();
            let signature = sign(SignatureMode::HexLower, SIGNING_KEY, notice.as_bytes());
            assert_eq!(app.notify(&notice, signature.as_deref()).await.status, 200, "all of them are durable");
        }
        app.pass(60 * SECOND, 5 * SECOND).await;
        for number in 0..OTHERS {
            assert_eq!(app.payment(&format!("order-{number}")).await["state"], "DECLINED", "{number}");
        }
        let waiting = app.waiting_notices().await;
        assert_eq!((&app.payment("poison-1").await["state"], waiting), (&json!("CHECKOUT"), 1));

        app.data.heal().await;
        app.pass(10 * 60 * SECOND, 30 * SECOND).await;
        assert_eq!((&app.payment("poison-1").await["state"], app.waiting_notices().await), (&json!("DECLINED"), 0));
        app.prove_the_books().await;
        struck(54, waiting);
    }
}
