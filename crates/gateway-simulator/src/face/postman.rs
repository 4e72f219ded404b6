//! Webhooks on their way: each leaves when it is due, and none waits for another.

use std::{future, sync::Arc, time::Duration};

use reqwest::{Client, header::CONTENT_TYPE, redirect::Policy};
use serde::Serialize;

use super::Desk;
use crate::delivery::Delivery;
use crate::payment::{PaymentId, PaymentState};

/// Who delivers. A clone uses the same connections.
#[derive(Clone)]
pub(super) struct Postman {
    desk: Arc<Desk>,
    client: Client,
}

/// How a delivery went.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    payment_id: PaymentId,
    state: PaymentState,
    attempt: u32,
    /// The receiver's status; `null` when there was no answer.
    status: Option<u16>,
    /// Whether it will be sent again.
    again: bool,
}

impl Postman {
    const PATIENCE: Duration = Duration::from_secs(10);

    pub(super) fn new(desk: Arc<Desk>) -> reqwest::Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(Self::PATIENCE)
            .user_agent("pay.tech-gateway-simulator")
            .build()?;
        Ok(Self { desk, client })
    }

    /// Delivers what becomes due, for ever.
    pub(super) async fn run(self) {
        loop {
            let (due, next) = {
                let mut engine = self.desk.lock();
                let due = engine.take_due_deliveries(self.desk.clock.now());
                (due, engine.next_event())
            };
            if !due.is_empty() {
                self.desk.to_keep.notify_one();
            }
            for delivery in due {
                let postman = self.clone();
                tokio::spawn(async move { postman.deliver(delivery).await });
            }
            let next_event = async {
                match next {
                    Some(at) => self.desk.clock.wait_until(at).await,
                    None => future::pending().await,
                }
            };
            tokio::select! {
                () = next_event => {}
                () = self.desk.moved.notified() => {}
            }
        }
    }

    /// Delivers everything that waits, due or not, one after the other.
    pub(super) async fn deliver_all_now(&self) -> Vec<Receipt> {
        let waiting = self.desk.with(|engine, _| engine.take_all_deliveries());
        let mut receipts = Vec::with_capacity(waiting.len());
        for delivery in waiting {
            receipts.push(self.deliver(delivery).await);
        }
        receipts
    }

    async fn deliver(&self, delivery: Delivery) -> Receipt {
        let mut request = self.client.post(&delivery.url).header(CONTENT_TYPE, "application/json");
        if let Some(signature) = &delivery.signature {
            request = request.header("Signature", signature);
        }
        let status = match request.body(delivery.body.clone()).send().await {
            Ok(response) => Some(response.status().as_u16()),
            Err(error) => {
                tracing::warn!(payment_id = %delivery.payment_id, error = %error.without_url(), "webhook not delivered");
                None
            }
        };
        let (payment_id, state, attempt) = (delivery.payment_id, delivery.state, delivery.attempt);
        let accepted = status.is_some_and(|status| (200..300).contains(&status));
        if accepted {
            self.desk.with(|engine, _| engine.delivery_accepted(&payment_id, state));
        }
        let again = !accepted && self.desk.with(|engine, now| engine.delivery_failed(now, delivery));
        tracing::info!(%payment_id, state = state.name(), attempt, status, again, "webhook sent");
        Receipt { payment_id, state, attempt, status, again }
    }
}
