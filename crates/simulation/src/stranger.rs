//! Others who use our keys: another system of the merchant that takes payments, and people in the gateway's back office
//! who give money back. We hear of it only from the gateway's list.

use std::sync::Arc;
use std::time::Duration;

use domain::ShopName;
use gateway_simulator::{Fault as G, PaymentId, Request, SUCCESS_CARD, Which};
use serde_json::{Value, json};

use crate::executor::Owner;
use crate::fault::Fault;
use crate::world::World;

/// How the references of what we did not make begin.
pub(crate) const STRANGE: &str = "strange-";

impl World {
    /// Sends a few, at any time before `until`.
    pub(crate) fn send_strangers(self: &Arc<Self>, until: Duration) {
        for number in 0..self.chance.pick([0, 1, 3, 8]) {
            let world = Arc::clone(self);
            let begins = self.chance.between(Duration::ZERO, until);
            self.executor.spawn(Owner::World, async move {
                world.executor.sleep(begins).await;
                if world.chance.happens(4_000) { world.give_back(number) } else { world.take_elsewhere(number).await }
            });
        }
    }

    /// Something comes in while a list is being read.
    pub(crate) fn shift_the_list(self: &Arc<Self>, shop: &ShopName) {
        let number = usize::try_from(self.steps()).unwrap_or_default();
        let _ =
            self.make(shop, &json!({ "referenceId": format!("{STRANGE}shift-{number}"), "paymentType": "DEPOSIT" }));
    }

    /// Another system takes a payment; its customer pays some time later, or never.
    async fn take_elsewhere(self: Arc<Self>, number: usize) {
        let shops: Vec<ShopName> = self.shops.keys().cloned().collect();
        let Some(shop) = shops.get(self.chance.below(shops.len())) else { return };
        let reference = format!("{STRANGE}{number:02}");
        if self.strikes(Fault::ListLag) {
            // The cursor stays a quarter of an hour behind; what a list hides for longer is nobody's promise.
            let millis = u32::try_from(self.chance.seconds(5, 8 * 60).as_millis()).unwrap_or_default();
            self.with_engine(|engine, _| engine.faults_mut().add(&reference, G::ListLag { millis }, None));
        }
        let Some(made) = self.make(shop, &json!({ "referenceId": reference, "paymentType": "DEPOSIT" })) else {
            return;
        };
        self.executor.sleep(self.chance.pick([1, 40, 8 * 60, 50 * 60].map(Duration::from_secs))).await;
        if self.chance.happens(6_000) {
            self.step("stranger", format_args!("{reference} is paid"));
            let _ = self.with_engine(|engine, now| engine.pay(now, Which::Id(made), Some(SUCCESS_CARD)).map(drop));
            self.post_what_is_due();
        }
    }

    /// Somebody in the back office gives back what one of our customers paid.
    fn give_back(self: &Arc<Self>, number: usize) {
        let paid: Vec<(PaymentId, ShopName)> = self.with_engine(|engine, _| {
            let completed = engine.payments().iter().filter(|payment| payment.state().name() == "COMPLETED");
            let ours = completed.filter(|payment| payment.reference_id().is_some_and(|it| !it.starts_with(STRANGE)));
            let with_shop = |payment: &gateway_simulator::Payment| {
                let reference = payment.reference_id()?;
                let all = self.memory.all();
                let ours = all.iter().map(|audited| &audited.stored.payment.opening);
                let shop = ours
                    .filter(|opening| opening.reference_id.as_str() == reference)
                    .map(|it| it.shop.clone())
                    .next()?;
                Some((payment.id(), shop))
            };
            ours.filter_map(with_shop).collect()
        });
        let Some((parent, shop)) = paid.get(self.chance.below(paid.len())) else { return };
        let reference = format!("{STRANGE}refund-{number:02}");
        let refund =
            json!({ "referenceId": reference, "paymentType": "REFUND", "parentPaymentId": parent.to_string() });
        let _ = self.make(shop, &refund);
    }

    fn make(self: &Arc<Self>, shop: &ShopName, order: &Value) -> Option<PaymentId> {
        let key = format!("Bearer {}", self.shops.get(shop)?.api_key);
        let mut order = order.clone();
        (order["amount"], order["currency"]) = (json!(1), json!("EUR"));
        let body = order.to_string();
        let request = Request::post("/api/v1/payments", &key, body.as_bytes());
        let made = self.with_engine(|engine, now| engine.handle(now, &request)).effect;
        let reference = order["referenceId"].as_str().unwrap_or_default();
        let word = if made.is_some() { "is made elsewhere" } else { "is refused elsewhere" };
        self.step("stranger", format_args!("{reference} {word}"));
        self.post_what_is_due();
        made
    }
}
