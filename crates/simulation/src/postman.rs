//! The gateway's webhooks on their way to us: in time, late, twice, never, and some that the gateway never sent.

use std::sync::Arc;
use std::time::Duration;

use domain::{ShopName, Time};
use gateway_simulator::Delivery;
use orchestrator::NoticeError;
use serde_json::Value;

use crate::executor::Owner;
use crate::fault::Fault;
use crate::world::World;
use crate::{PlantedBug, Violation, show};

/// A webhook as it reaches us.
struct Letter {
    shop: ShopName,
    body: Vec<u8>,
    signature: Option<String>,
    is_forged: bool,
}

impl World {
    /// Sends the webhooks that leave by now, and comes back when the gateway does something by itself.
    pub(crate) fn post_what_is_due(self: &Arc<Self>) {
        let (due, next) = self.with_engine(|engine, now| (engine.take_due_deliveries(now), engine.next_event()));
        for delivery in due {
            self.post(delivery);
        }
        if let Some(next) = next {
            let at = self.gateway_clock.taken_from(Time::new(next)).since(crate::clock::start());
            let is_news = self.alarms.lock().insert(at);
            if is_news {
                let world = Arc::clone(self);
                self.executor.spawn(Owner::World, async move {
                    world.executor.sleep_until(at + Duration::from_micros(1)).await;
                    world.post_what_is_due();
                });
            }
        }
    }

    #[allow(clippy::needless_pass_by_value, reason = "what is posted is given away")]
    fn post(self: &Arc<Self>, delivery: Delivery) {
        let about = show::body(&delivery.body);
        let is_silent = self.swarm.rate(Fault::HooksSilent) > 0;
        if is_silent || self.strikes(Fault::HookDropped) {
            return self.step("post", format_args!("webhook {about} is dropped"));
        }
        self.step("post", format_args!("webhook {about} leaves"));
        let copies = if self.strikes(Fault::HookDoubled) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = if self.strikes(Fault::HookLate) {
                self.chance.seconds(1, 40 * 60)
            } else {
                self.chance.millis(1, 150)
            };
            let (world, delivery) = (Arc::clone(self), delivery.clone());
            self.executor.spawn(Owner::World, async move {
                world.executor.sleep(delay).await;
                world.deliver(delivery).await;
            });
        }
        if self.strikes(Fault::HookForged) {
            let (world, delivery) = (Arc::clone(self), delivery.clone());
            self.executor.spawn(Owner::World, async move {
                world.executor.sleep(world.chance.millis(1, 150)).await;
                world.forge(&delivery).await;
            });
        }
    }

    async fn deliver(self: &Arc<Self>, delivery: Delivery) {
        let Some(shop) = delivery.url.rsplit('/').next().and_then(|name| name.parse().ok()) else { return };
        let letter =
            Letter { shop, body: delivery.body.to_vec(), signature: delivery.signature.clone(), is_forged: false };
        if !self.hand_over(letter).await {
            let is_sent_again = self.with_engine(|engine, now| engine.delivery_failed(now, delivery));
            if is_sent_again {
                self.post_what_is_due();
            }
        }
    }

    /// Whether we answered with 2xx.
    async fn hand_over(self: &Arc<Self>, mut letter: Letter) -> bool {
        if self.has(PlantedBug::BindsTwins) {
            self.bind_twin(&mut letter);
        }
        if self.has(PlantedBug::SkipsSignatures) || self.has(PlantedBug::BindsTwins) && !letter.is_forged {
            letter.signature = self.shops.get(&letter.shop).map(|keys| keys.signing.sign(&letter.body));
        }
        if self.has(PlantedBug::AcknowledgesFirst) && !letter.is_forged {
            self.judge.lock().notice_was_acknowledged(&letter.body);
        }
        let Letter { shop, body, signature, is_forged } = letter;
        let (id, heard_body) = (self.new_id(), body.clone());
        let heard = self.ask(move |desk| async move {
            desk.hear(&shop, id, signature.as_deref().map(str::as_bytes), &heard_body).await
        });
        let about = show::body(&body);
        match heard.await {
            Some(Ok(heard)) => {
                self.step("post", format_args!("webhook {about} is answered with 200: {:?}", heard.heard));
                if !self.has(PlantedBug::AcknowledgesFirst) {
                    self.judge.lock().notice_was_acknowledged(&body);
                }
                if is_forged {
                    self.violate(Violation::new(
                        "I13",
                        format!("a webhook that nobody could have signed was taken: {about}"),
                    ));
                }
                true
            }
            Some(Err(NoticeError::Signature(_))) if is_forged => false,
            Some(Err(NoticeError::Store(_))) | None => {
                self.step("post", format_args!("webhook {about} is not answered with 200"));
                false
            }
            Some(Err(error)) => {
                self.violate(Violation::new("I6", format!("webhook {about} of the gateway was refused: {error}")));
                false
            }
        }
    }

    /// Somebody who has seen a webhook, and not the key, tells us that another payment was paid, or that this one was
    /// not.
    async fn forge(self: &Arc<Self>, delivery: &Delivery) {
        let Ok(mut told) = serde_json::from_slice::<Value>(&delivery.body) else { return };
        let open: Vec<String> = self.with_engine(|engine, _| {
            let open = engine.payments().iter().filter(|payment| payment.state().name() == "CHECKOUT");
            open.map(|payment| payment.id().to_string()).collect()
        });
        if let Some(victim) = open.get(self.chance.below(open.len())) {
            told["id"] = victim.as_str().into();
            told["state"] = "COMPLETED".into();
        } else {
            told["state"] = if told["state"] == "COMPLETED" { "DECLINED".into() } else { "COMPLETED".into() };
        }
        if let Some(reference) = told.as_object_mut() {
            reference.remove("referenceId");
        }
        let body = told.to_string().into_bytes();
        let mut shops = self.shops.iter();
        let (Some((ours, _)), Some((_, others))) = (shops.next(), shops.next()) else { return };
        let signature = match self.chance.below(4) {
            0 => None,
            1 => delivery.signature.clone(),
            2 => Some(others.signing.sign(&body)),
            _ => Some("0".repeat(64)),
        };
        self.step("forger", format_args!("sends a webhook {}", show::body(&body)));
        self.hand_over(Letter { shop: ours.clone(), body, signature, is_forged: true }).await;
    }

    /// [`PlantedBug::BindsTwins`].
    fn bind_twin(&self, letter: &mut Letter) {
        let Ok(mut told) = serde_json::from_slice::<Value>(&letter.body) else { return };
        let Some(reference) = told["referenceId"].as_str() else { return };
        let payments = self.memory.all().into_iter().map(|audited| audited.stored.payment);
        let ours = payments
            .filter(|payment| payment.opening.reference_id.as_str() == reference)
            .find_map(|payment| payment.gateway_payment_id);
        if let Some(ours) = ours {
            told["id"] = ours.as_str().into();
            letter.body = told.to_string().into_bytes();
        }
    }
}
