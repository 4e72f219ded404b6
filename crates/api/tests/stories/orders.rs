//! Orders of every kind, and what must not be seen of them afterwards.

use serde_json::{Value, json};

use crate::app::order;

/// A card of the sandbox whose payments go through (gateway contract, section 12).
pub(crate) const CARD: &str = "4000000000000002";
/// Every card of the sandbox, and what becomes of a payment with it.
pub(crate) const SANDBOX_CARDS: [(&str, &str); 8] = [
    ("4000 0000 0000 0002", "COMPLETED"),
    ("4242 4242 4242 4242", "DECLINED"),
    ("4000 0000 0000 0408", "COMPLETED"),
    ("4000 0000 0000 0416", "DECLINED"),
    ("5555 0000 0000 0008", "COMPLETED"),
    ("5555 0000 0000 0438", "DECLINED"),
    ("5555 0000 0000 0107", "COMPLETED"),
    ("5555 0000 0000 0115", "DECLINED"),
];
pub(crate) const SECURITY_CODE: &str = "9371";
pub(crate) const HOLDER: &str = "Xk7Holder";
pub(crate) const CARD_TOKEN: &str = "Xk7-token-of-a-card";
/// Stands in everything that a wallet gave.
pub(crate) const WALLET: &str = "Xk7WalletPayload";
pub(crate) const RECURRING_TOKEN: &str = "Xk7-token-of-a-chain";

/// A deposit whose card the merchant has collected.
pub(crate) fn by_card(reference: &str) -> Value {
    let mut order = order(reference);
    order["card"] = json!({
        "cardNumber": CARD, "cardholderName": HOLDER, "cardSecurityCode": SECURITY_CODE,
        "expiryMonth": "06", "expiryYear": "2071",
    });
    order
}

/// A deposit by a card that the gateway has saved.
pub(crate) fn by_token(reference: &str) -> Value {
    let mut order = order(reference);
    order["card"] = json!({ "cardToken": CARD_TOKEN });
    order["customer"] = json!({ "referenceId": "customer-1" });
    order
}

pub(crate) fn by_google_pay(reference: &str) -> Value {
    let mut order = order(reference);
    order["paymentMethod"] = json!("GOOGLEPAY");
    order["googlePay"] = json!({
        "apiVersion": 2, "apiVersionMinor": 0,
        "paymentMethodData": {
            "type": "CARD", "description": "Visa 0002", "info": { "cardNetwork": "VISA", "cardDetails": "0002" },
            "tokenizationData": { "type": "PAYMENT_GATEWAY", "token": format!("{{\"signature\":\"{WALLET}\"}}") },
        },
    });
    order
}

pub(crate) fn by_apple_pay(reference: &str) -> Value {
    let mut order = order(reference);
    order["paymentMethod"] = json!("APPLEPAY");
    order["applePay"] = json!({
        "transactionIdentifier": "aa11",
        "paymentData": { "version": "EC_v1", "data": WALLET, "signature": WALLET, "header": { "publicKeyHash": "x=" } },
        "paymentMethod": { "displayName": "Visa 0002", "network": "Visa", "type": "debit" },
    });
    order
}

/// The next charge of a chain that was begun elsewhere.
pub(crate) fn recurring(reference: &str) -> Value {
    let mut order = order(reference);
    order["recurringToken"] = json!(RECURRING_TOKEN);
    order["gatewayParentPaymentId"] = json!("91d27876e87f4b22b3ecd53924bf973d");
    order
}

/// A withdrawal to a bank account.
pub(crate) fn payout(reference: &str) -> Value {
    json!({
        "referenceId": reference, "paymentType": "WITHDRAWAL", "amount": "11.12", "currency": "EUR",
        "paymentMethod": "BANKTRANSFER",
        "customer": { "accountNumber": "CY17002001280000001200527600", "bankCode": "002", "accountType": "CHECKING" },
    })
}

/// A withdrawal to a card.
pub(crate) fn payout_to_card(reference: &str) -> Value {
    let mut order = payout(reference);
    order["paymentMethod"] = json!("BASIC_CARD");
    order["card"] = json!({ "cardNumber": CARD, "cardholderName": HOLDER, "expiryMonth": "06", "expiryYear": "2071" });
    order
}

/// How an order of a kind is made, by its reference.
pub(crate) type Made = fn(&str) -> Value;

/// Every kind of order that moves money by itself, and the state that its answer tells.
pub(crate) const MOVING: [(&str, Made, &str); 7] = [
    ("card", by_card, "CHECKOUT"),
    ("token", by_token, "CHECKOUT"),
    ("google-pay", by_google_pay, "CHECKOUT"),
    ("apple-pay", by_apple_pay, "CHECKOUT"),
    ("recurring", recurring, "PENDING"),
    ("payout", payout, "PENDING"),
    ("payout-to-card", payout_to_card, "PENDING"),
];
