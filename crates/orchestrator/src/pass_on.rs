//! What the gateway knows and we do not keep: asked for when somebody wants to see it, and passed on.

use std::time::Duration;

use domain::{Payment, ShopName, Sighting};
use gateway_client::answer::{
    Balance, CardToken, Items, Operation, ReadOutcome, Received, WithdrawalBalance, read_balances, read_card_tokens,
    read_operations, read_withdrawal_balances,
};
use gateway_client::request::{self, CustomerReference};

use crate::gateway::gateway_id;
use crate::{DeedError, Desk, Trouble};

/// The merchant's money at the gateway, as a shop sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balances {
    /// By account and currency.
    pub balances: Vec<Balance>,
    /// What can be paid out now, by currency.
    pub withdrawable: Vec<WithdrawalBalance>,
}

impl Desk {
    /// The balances of the merchant behind a shop (gateway contract, section 6.14).
    pub async fn balances(&self, shop: &ShopName) -> Result<Balances, DeedError> {
        let asked = self.gateway.exchange(shop, request::list_balances());
        let balances = self.ask(shop, asked, read_balances).await?;
        let asked = self.gateway.exchange(shop, request::list_withdrawal_balances());
        let withdrawable = self.ask(shop, asked, read_withdrawal_balances).await?;
        Ok(Balances { balances, withdrawable })
    }

    /// The gateway's own steps with a payment, newest first (gateway contract, section 6.10); none while it has no id
    /// there.
    pub async fn operations(&self, payment: &Payment) -> Result<Vec<Operation>, DeedError> {
        match payment.gateway_payment_id.as_ref().and_then(gateway_id) {
            Some(id) => {
                let asked = self.gateway.exchange_about(payment, request::list_operations(&id));
                self.ask(&payment.opening.shop, asked, read_operations).await
            }
            None => Ok(Vec::new()),
        }
    }

    /// What the gateway says of a payment at this moment: by its id there, else whatever stands under its reference. It is
    /// asked as for a check, and nothing is recorded.
    pub async fn gateway_now(&self, payment: &Payment) -> Result<Vec<Sighting>, DeedError> {
        self.check_breaker(payment)?;
        self.throttle.take();
        let looked = match payment.gateway_payment_id {
            Some(_) => self.look_by_id(payment).await,
            None => self.look_up(payment).await,
        };
        if looked.failed {
            return Err(DeedError::GatewayUnavailable { retry_after: self.rules.breaker.pause });
        }
        Ok(looked.evidence.iter().filter_map(|evidence| evidence.seen.sighting().cloned()).collect())
    }

    /// The cards that the gateway has saved for a customer (gateway contract, section 6.11).
    pub async fn card_tokens(
        &self,
        shop: &ShopName,
        customer: &CustomerReference,
        saved_by_customer: Option<bool>,
    ) -> Result<Vec<CardToken>, DeedError> {
        let asked = self.gateway.exchange(shop, request::list_card_tokens(customer, saved_by_customer));
        self.ask(shop, asked, read_card_tokens).await
    }

    /// One list that comes whole or not at all: with an entry that cannot be read, nobody knows what is missing.
    async fn ask<Item>(
        &self,
        shop: &ShopName,
        asked: impl Future<Output = Received>,
        read: fn(Received) -> ReadOutcome<Items<Item>>,
    ) -> Result<Vec<Item>, DeedError> {
        self.breaker.check(shop, self.clock.uptime()).map_err(|(trouble, pause)| cannot_be_asked(trouble, pause))?;
        self.throttle.take();
        let trouble = match read(asked.await) {
            ReadOutcome::Found { result, .. } if result.unreadable == 0 => {
                self.breaker.succeeded(shop);
                return Ok(result.items);
            }
            ReadOutcome::NotFound => {
                self.breaker.succeeded(shop);
                return Err(DeedError::NotAtGateway);
            }
            ReadOutcome::Misconfigured(_) => Trouble::Misconfigured,
            ReadOutcome::Found { .. } | ReadOutcome::Unavailable(_) => Trouble::Unavailable,
        };
        self.breaker.failed(shop, trouble, self.clock.uptime());
        Err(cannot_be_asked(trouble, self.rules.breaker.pause))
    }
}

fn cannot_be_asked(trouble: Trouble, retry_after: Duration) -> DeedError {
    match trouble {
        Trouble::Unavailable => DeedError::GatewayUnavailable { retry_after },
        Trouble::Misconfigured => DeedError::GatewayMisconfigured { retry_after },
    }
}
