//! What merchants do with payments that the gateway has: they capture held money or let it go, let payouts go on or not,
//! and give money back; sometimes several of them at once.

use std::sync::Arc;
use std::time::Duration;

use domain::{Actor, Command, Metadata, Money, Payment, PaymentState, PaymentType, ReferenceId, ShopName};
use orchestrator::{GivenCommand, RefundOrder};
use rust_decimal::Decimal;
use store::Name;
use uuid::Uuid;

use crate::executor::Owner;
use crate::show;
use crate::world::World;

impl World {
    /// Sends merchants after a payment, until there is nothing more that they want of it.
    pub(crate) fn send_merchants(self: &Arc<Self>, shop: &ShopName, reference: &ReferenceId) {
        for _ in 0..self.chance.pick([0, 1, 1, 2]) {
            let name = Name::Reference(shop.clone(), reference.clone());
            self.executor.spawn(Owner::World, tend(Arc::clone(self), name));
        }
    }
}

/// One merchant, who looks at the payment now and then and does what its state allows.
async fn tend(world: Arc<World>, name: Name) {
    for visit in 0..world.chance.pick([2, 4, 8]) {
        let pause = world.chance.pick([Duration::from_secs(3), Duration::from_mins(2), Duration::from_mins(20)]);
        world.executor.sleep(world.chance.between(Duration::ZERO, pause)).await;
        let asked = name.clone();
        let Some(Ok(Some(stored))) = world.ask(move |desk| async move { desk.find(asked).await }).await else {
            continue;
        };
        let payment = stored.payment;
        match (payment.opening.payment_type, payment.state) {
            (PaymentType::Deposit, PaymentState::Authorized) => {
                let command = world.capture_or_void(&payment);
                give(&world, &payment, command).await;
            }
            (PaymentType::Withdrawal, PaymentState::AwaitingApproval) => {
                let command =
                    if world.chance.happens(7_000) { Command::Approve } else { Command::Reject { reason: None } };
                give(&world, &payment, command).await;
            }
            (PaymentType::Deposit, PaymentState::Completed) => give_back(&world, &payment, visit).await,
            (PaymentType::Deposit | PaymentType::Withdrawal | PaymentType::Refund, _) => {}
        }
    }
}

impl World {
    fn capture_or_void(&self, payment: &Payment) -> Command {
        let held = payment.opening.requested;
        let part = |amount| Money::requested(amount, held.currency()).ok();
        match self.chance.below(4) {
            0 => Command::Void,
            1 => Command::Capture { amount: part(Decimal::ONE) },
            2 => Command::Capture { amount: Some(held) },
            _ => Command::Capture { amount: None },
        }
    }

    fn somebody(&self) -> Actor {
        Actor { key: Uuid::from_u128(u128::from(self.number_of_somebody())), name: "somebody".to_owned() }
    }

    fn number_of_somebody(&self) -> u64 {
        self.chance.pick([1, 2, 3])
    }
}

async fn give(world: &Arc<World>, payment: &Payment, command: Command) {
    let (id, kind) = (payment.id(), command.kind());
    let given = GivenCommand { id: world.new_id(), command, by: world.somebody(), expected_version: None };
    let what = match world.ask(move |desk| async move { desk.command(id, given).await }).await {
        Some(Ok(commanded)) => format!("is {}, replay {}", commanded.stored.payment.state, commanded.replay),
        Some(Err(error)) => format!("is told: {error}"),
        None => "is not answered".to_owned(),
    };
    world.step("merchant", format_args!("{kind} of {}: {what}", show::order(payment)));
}

/// A part or all; now and then the same again, or another sum under the same reference.
async fn give_back(world: &Arc<World>, payment: &Payment, visit: u32) {
    let number = world.chance.pick([visit, visit, 0]);
    let reference = format!("{}-r{number}", payment.opening.reference_id.as_str());
    let Ok(reference_id) = reference.parse::<ReferenceId>() else { return };
    let amount =
        world.chance.pick([None, Some(Decimal::ONE), Some(Decimal::TEN), Some(Decimal::from_parts(5, 0, 0, false, 0))]);
    let by = world.somebody();
    let order = RefundOrder {
        id: world.new_id().into(),
        deposit: payment.id(),
        reference_id,
        amount,
        metadata: Metadata::new(),
        by,
        expected_version: None,
        trace: None,
    };
    let what = match world.ask(move |desk| async move { desk.refund(order).await }).await {
        Some(Ok(taken)) => {
            let found = world.judge.lock().refund_was_taken(&taken.stored.payment, &world.memory);
            found.unwrap_or_else(|violation| world.violate(violation));
            format!("is {}, replay {}", taken.stored.payment.state, taken.replay)
        }
        Some(Err(error)) => format!("is told: {error}"),
        None => "is not answered".to_owned(),
    };
    world.step("merchant", format_args!("refund {reference} of {}: {what}", show::order(payment)));
}
