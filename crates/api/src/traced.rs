//! The way to the gateway, with a span for each exchange.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Payment, ShopName};
use gateway_client::answer::Received;
use gateway_client::request::Request;
use opentelemetry::KeyValue;
use orchestrator::Gateway;

use crate::metered::class;
use crate::traces::Traces;

/// Makes every exchange a span of its payment's trace, or of the request that it is made for.
pub(crate) struct TracedGateway {
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) traces: Arc<Traces>,
}

#[async_trait]
impl Gateway for TracedGateway {
    async fn exchange(&self, shop: &ShopName, request: Request) -> Received {
        self.traced(shop, request, None).await
    }

    async fn exchange_about(&self, payment: &Payment, request: Request) -> Received {
        self.traced(&payment.opening.shop, request, Some(payment)).await
    }
}

impl TracedGateway {
    async fn traced(&self, shop: &ShopName, mut request: Request, payment: Option<&Payment>) -> Received {
        let (method, template) = (request.method.as_str(), request.template());
        let name = format!("{method} {template}");
        let attributes = [
            KeyValue::new("http.request.method", method),
            KeyValue::new("url.template", template),
            KeyValue::new("shop", shop.to_string()),
        ];
        let began = payment.and_then(|payment| payment.opening.trace.as_deref().copied());
        let step = self.traces.step(name, attributes, payment.map(Payment::id), began);
        request.traceparent = step.place().filter(|_| self.traces.tell_gateway()).map(|place| place.to_string());
        let received = self.gateway.exchange(shop, request).await;
        let (status, outcome) = class(&received);
        step.end(status, Some(outcome).filter(|_| !(200..300).contains(&status)));
        received
    }
}
