//! What callers, customers and the gateway were told by us, and must stay true.

use domain::{Order, Payment, PaymentId};
use serde_json::Value;
use store::MemoryStore;

use super::{Judge, Violation, name, rule};

impl Judge {
    /// A caller got its payment.
    pub(crate) fn order_was_taken(
        &mut self,
        order: &Order,
        told: &Payment,
        memory: &MemoryStore,
    ) -> Result<(), Violation> {
        let reference = order.reference_id.as_str();
        let Some(durable) = memory.audited(told.id()) else {
            return Err(Violation::new(
                "I6",
                format!("{reference}: a caller was told of a payment that is not stored"),
            ));
        };
        self.taken.insert(told.id());
        let opening = &durable.stored.payment.opening;
        rule(opening.reference_id == order.reference_id && opening.shop == order.shop, "I3", || {
            format!("{reference}: a caller got the payment {}", opening.reference_id.as_str())
        })?;
        rule(opening.requested == order.money, "I3", || {
            format!("{reference}: a caller asked for {} and got {}", order.money, opening.requested)
        })
    }

    /// A caller was told that its reference names another order.
    #[allow(clippy::unused_self, reason = "it stands beside the other promises and is called as they are")]
    pub(crate) fn order_was_refused(
        &self,
        order: &Order,
        holder: PaymentId,
        memory: &MemoryStore,
    ) -> Result<(), Violation> {
        let reference = order.reference_id.as_str();
        let holder = memory.audited(holder).map(|audited| audited.stored.payment.opening);
        let differs = holder.is_some_and(|it| it.reference_id == order.reference_id && it.requested != order.money);
        rule(differs, "I3", || format!("{reference}: refused as taken by another order, and there is none"))
    }

    /// A payment left us in an answer; true if with its first address of a checkout page.
    pub(crate) fn payment_was_shown(&mut self, told: &Payment, memory: &MemoryStore) -> Result<bool, Violation> {
        let durable = memory.audited(told.id()).map(|audited| audited.stored.payment);
        let is_durable = durable.as_ref().is_some_and(|durable| {
            durable.version >= told.version
                && (told.gateway_payment_id.is_none() || durable.gateway_payment_id == told.gateway_payment_id)
        });
        rule(is_durable, "I6", || {
            format!("{}: shown in version {} before that was durable", name(told), told.version)
        })?;
        let Some(url) = &told.redirect_url else { return Ok(false) };
        let Some(id) = &told.gateway_payment_id else {
            return Err(Violation::new("I2", format!("{}: a checkout page without a gateway id", name(told))));
        };
        rule(url.ends_with(id.as_str()), "I2", || format!("{}: the checkout page is not that of {id}", name(told)))?;
        let first = !self.shown.contains_key(&told.id());
        let shown = self.shown.entry(told.id()).or_insert_with(|| id.clone());
        rule(shown == id, "I2", || format!("{}: customers were sent to {shown} and to {id}", name(told)))?;
        Ok(first)
    }

    /// A webhook was answered with 2xx.
    pub(crate) fn notice_was_acknowledged(&mut self, body: &[u8]) {
        let told: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
        *self.acknowledged.entry((text("id"), text("state"))).or_default() += 1;
    }

    /// What was acknowledged is there, also after processes were killed.
    pub(crate) fn check_promises(&self, memory: &MemoryStore) -> Result<(), Violation> {
        for id in &self.taken {
            rule(memory.audited(*id).is_some(), "I6", || format!("a caller was told of payment {id}, and it is gone"))?;
        }
        let inbox = memory.inbox();
        for ((id, state), count) in &self.acknowledged {
            let is_it = |notice: &&store::NoticeRecord| {
                notice.gateway_payment_id.as_deref() == Some(id) && notice.state.as_deref() == Some(state)
            };
            let stored: u64 =
                inbox.iter().map(|(notice, _)| notice).filter(is_it).map(|notice| notice.deliveries).sum();
            rule(stored >= *count, "I6", || {
                format!("{count} webhooks that {id} is {state} were acknowledged, {stored} are stored")
            })?;
        }
        Ok(())
    }
}
