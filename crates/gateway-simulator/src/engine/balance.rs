//! Balances (gateway contract, section 6.14): what was opened with, and what the payments have made of it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::Engine;
use crate::contract::amount::Amount;
use crate::envelope::{self, Refusal};
use crate::exchange::Response;
use crate::payment::{Payment, PaymentState, PaymentType};

/// What a shop has in one currency.
#[derive(Default)]
struct Account {
    /// All that moved.
    processed: Decimal,
    /// What is on its way out.
    leaving: Decimal,
}

impl Engine {
    pub(super) fn balances(&self, refusal: &Refusal<'_>, shop: usize) -> Response {
        let name = self.shops.get(shop).map_or("", |shop| &shop.name);
        let opening = self.switches.opening_balance.value();
        let mut views = Vec::new();
        for (currency, account) in self.accounts(shop) {
            let after = opening + account.processed;
            let accounts = [
                ("PROCESSING", "Processing", account.processed),
                ("AVAILABLE", "Available", after),
                ("WITHDRAWAL", "Withdrawal", after - account.leaving),
            ];
            for (account_type, word, amount) in accounts {
                let id = views.len() + 1;
                let name = format!("{word} Balance({currency}) of shop \"{name}\"");
                let (currency, amount) = (currency.clone(), Amount::new(amount));
                views.push(BalanceView { id, account_type, name, currency, amount });
            }
        }
        envelope::success(refusal.now, views)
    }

    pub(super) fn withdrawal_balances(&self, refusal: &Refusal<'_>, shop: usize) -> Response {
        let opening = self.switches.opening_balance.value();
        let views: Vec<_> = self
            .accounts(shop)
            .into_iter()
            .map(|(currency, account)| {
                let left = opening + account.processed - account.leaving;
                WithdrawableView { currency, amount: Amount::new(left.max(Decimal::ZERO)) }
            })
            .collect();
        envelope::success(refusal.now, views)
    }

    /// By currency; euros are there from the beginning.
    fn accounts(&self, shop: usize) -> BTreeMap<String, Account> {
        let mut accounts = BTreeMap::from([("EUR".to_owned(), Account::default())]);
        for payment in self.ledger.payments().iter().filter(|payment| payment.shop == shop) {
            let (Some(amount), currency) = payment.money() else { continue };
            let account = accounts.entry(currency.to_owned()).or_default();
            account.book(payment, amount.value());
        }
        accounts
    }
}

impl Account {
    fn book(&mut self, payment: &Payment, amount: Decimal) {
        match (payment.payment_type(), payment.state()) {
            (PaymentType::Deposit, PaymentState::Completed) => self.processed += amount,
            (PaymentType::Withdrawal | PaymentType::Refund, PaymentState::Completed) => self.processed -= amount,
            (PaymentType::Withdrawal | PaymentType::Refund, PaymentState::Pending | PaymentState::AwaitingApproval) => {
                self.leaving += amount;
            }
            _ => {}
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BalanceView {
    /// Counts the rows of this answer, and is nothing to keep.
    id: usize,
    account_type: &'static str,
    name: String,
    currency: String,
    amount: Amount,
}

#[derive(Serialize)]
struct WithdrawableView {
    currency: String,
    amount: Amount,
}
