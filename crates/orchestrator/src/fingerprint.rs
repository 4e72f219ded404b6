use std::collections::BTreeMap;

use domain::{Card, CardSource, Fingerprint, Instrument, Metadata, Order, Parent, ShopName};
use gateway_client::request::{CreatePayment, NewSubscription};
use serde_json::Value;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::gateway::without_means;
use crate::{RefundOrder, Vault};

impl Vault {
    /// The order, field by field, as keyed digests. Normalised: `10` and `10.00` are one amount, absent and default
    /// are one. The customer's IP and browser are left out: a caller who repeats from elsewhere asks for the same
    /// payment. So is the security code of a card, of which nothing may be kept in whatever form (REST contract,
    /// `reference-taken`).
    pub(crate) fn fingerprint(&self, order: &Order) -> Fingerprint {
        let shop = &order.shop;
        let fields = fields(order);
        let plain = fields.iter().map(|(pointer, value)| self.compared(shop, pointer, value));
        let secret = secrets(order).into_iter().map(|(pointer, value)| self.compared(shop, pointer, &value));
        Fingerprint::new(plain.chain(secret).collect())
    }

    /// A refund likewise. One of all that is left is another one than one of the same sum.
    pub(crate) fn refund_fingerprint(&self, shop: &ShopName, order: &RefundOrder) -> Fingerprint {
        let mut fields = BTreeMap::from([("/payment".to_owned(), order.deposit.to_string())]);
        fields.extend(order.amount.map(|amount| ("/amount".to_owned(), amount.normalize().to_string())));
        fields.extend(metadata(&order.metadata));
        Fingerprint::new(fields.iter().map(|(pointer, value)| self.compared(shop, pointer, value)).collect())
    }

    /// One field as it is compared.
    fn compared(&self, shop: &ShopName, pointer: &str, value: &str) -> (String, String) {
        let digest = self.digest(&[shop.as_str().as_bytes(), pointer.as_bytes(), value.as_bytes()]);
        // Sixteen bytes are far beyond chance, and keep the row small.
        (pointer.to_owned(), hex::encode(&digest[..16]))
    }
}

/// Pairs of a JSON pointer and what stands there: what goes to the gateway, under the gateway's names, and what is
/// ours alone.
fn fields(order: &Order) -> BTreeMap<String, String> {
    let sent = without_means(order);
    // Amounts are compared by value and read from no JSON number.
    let subscription = sent.subscription.map(|subscription| NewSubscription { amount: None, ..subscription });
    let sent = CreatePayment { amount: None, recurring_token: None, subscription, ..sent };
    let mut fields = BTreeMap::new();
    flatten("", &serde_json::to_value(&sent).unwrap_or_default(), &mut fields);
    fields.remove("/referenceId");
    fields.remove("/customer/ip");
    fields.insert("/amount".to_owned(), order.money.amount().to_string());
    if let Some(charged) = order.subscription.as_deref().and_then(|subscription| subscription.money) {
        fields.insert("/subscription/amount".to_owned(), charged.amount().to_string());
    }
    match &order.parent {
        Some(Parent::Ours(id)) => drop(fields.insert("/parentPaymentId".to_owned(), id.to_string())),
        Some(Parent::AtGateway(id)) => drop(fields.insert("/gatewayParentPaymentId".to_owned(), id.to_string())),
        None => {}
    }
    if let Some(flow) = order.flow_asked {
        fields.insert("/flow".to_owned(), flow.to_string());
    }
    fields.extend(metadata(&order.metadata));
    fields
}

/// The same of what must not lie about in memory.
fn secrets(order: &Order) -> Vec<(&'static str, Zeroizing<String>)> {
    let text = |text: &str| Zeroizing::new(text.to_owned());
    let mut secrets = match order.instrument.as_deref() {
        Some(Instrument::Card(card)) => card_secrets(card),
        Some(Instrument::GooglePay(data)) => vec![("/googlePay", normalised(data.expose()))],
        Some(Instrument::ApplePay(data)) => vec![("/applePay", normalised(data.expose()))],
        None => Vec::new(),
    };
    secrets.extend(order.recurring_token.as_ref().map(|token| ("/recurringToken", text(token.expose()))));
    secrets
}

fn card_secrets(card: &Card) -> Vec<(&'static str, Zeroizing<String>)> {
    let text = |text: &str| Zeroizing::new(text.to_owned());
    let source = match &card.source {
        CardSource::Number(number) => ("/card/cardNumber", text(number.expose())),
        CardSource::Token(token) => ("/card/cardToken", text(token.expose())),
    };
    let mut secrets = vec![source];
    secrets.extend(card.holder_name.as_ref().map(|name| ("/card/cardholderName", text(name.expose()))));
    if let Some(expiry) = &card.expiry {
        secrets.push(("/card/expiryMonth", Zeroizing::new(expiry.month().to_string())));
        secrets.push(("/card/expiryYear", Zeroizing::new(expiry.year().to_string())));
    }
    secrets
}

/// A wallet's JSON, or a named request's, with the names of each object in order and without blanks between: a caller who repeats its request
/// may write it differently. Values stay as they are written.
pub(crate) fn normalised(json: &str) -> Zeroizing<String> {
    // It never grows beyond what it is made from, so that it leaves no pieces of itself behind.
    let mut text = Zeroizing::new(String::with_capacity(json.len()));
    normalise(json, OBJECTS_DEEP, &mut text);
    text
}

/// Wallets nest seven objects; whatever is nested more deeply than this is compared as it is written.
const OBJECTS_DEEP: usize = 16;

fn normalise(json: &str, depth: usize, into: &mut String) {
    let members: Option<BTreeMap<String, &RawValue>> =
        Some(json).filter(|json| json.starts_with('{') && depth > 0).and_then(|json| serde_json::from_str(json).ok());
    let Some(members) = members else { return into.push_str(json) };
    into.push('{');
    for (name, value) in members {
        into.push_str(&name);
        into.push(':');
        normalise(value.get(), depth - 1, into);
        into.push(',');
    }
    into.push('}');
}

fn metadata(pairs: &Metadata) -> impl Iterator<Item = (String, String)> {
    pairs.iter().map(|(name, value)| (format!("/metadata/{}", escaped(name.as_str())), value.as_str().to_owned()))
}

fn flatten(pointer: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        // Absent, null and false are one: each is what the gateway takes by default.
        Value::Null | Value::Bool(false) => {}
        Value::Bool(true) | Value::Number(_) => {
            into.insert(pointer.to_owned(), value.to_string());
        }
        Value::String(text) => {
            into.insert(pointer.to_owned(), text.clone());
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{pointer}/{index}"), item, into);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                flatten(&format!("{pointer}/{}", escaped(name)), member, into);
            }
        }
    }
}

/// A name as a token of a JSON pointer (RFC 6901, section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
