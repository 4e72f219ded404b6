use std::collections::BTreeMap;

use domain::{Fingerprint, Metadata, Order, ShopName};
use gateway_client::request::CreatePayment;
use serde_json::Value;

use crate::gateway::create_payment;
use crate::{RefundOrder, Vault};

impl Vault {
    /// The order, field by field, as keyed digests. Normalised: `10` and `10.00` are one amount, absent and default
    /// are one. The customer's IP is left out: a caller who repeats from elsewhere asks for the same payment
    /// (REST contract, `reference-taken`).
    pub(crate) fn fingerprint(&self, order: &Order) -> Fingerprint {
        self.digests(&order.shop, fields(order))
    }

    /// A refund likewise. One of all that is left is another one than one of the same sum.
    pub(crate) fn refund_fingerprint(&self, shop: &ShopName, order: &RefundOrder) -> Fingerprint {
        let mut fields = BTreeMap::from([("/payment".to_owned(), order.deposit.to_string())]);
        fields.extend(order.amount.map(|amount| ("/amount".to_owned(), amount.normalize().to_string())));
        fields.extend(metadata(&order.metadata));
        self.digests(shop, fields)
    }

    fn digests(&self, shop: &ShopName, fields: BTreeMap<String, String>) -> Fingerprint {
        let digests = fields.into_iter().map(|(pointer, value)| {
            let digest = self.digest(&[shop.as_str().as_bytes(), pointer.as_bytes(), value.as_bytes()]);
            // Sixteen bytes are far beyond chance, and keep the row small.
            (pointer, hex::encode(&digest[..16]))
        });
        Fingerprint::new(digests.collect())
    }
}

/// Pairs of a JSON pointer and what stands there: what goes to the gateway, under the gateway's names, and what is
/// ours alone.
fn fields(order: &Order) -> BTreeMap<String, String> {
    // The amount is compared by value and read from no JSON number.
    let sent = CreatePayment { amount: None, webhook_url: None, ..create_payment(order, None) };
    let mut fields = BTreeMap::new();
    flatten("", &serde_json::to_value(&sent).unwrap_or_default(), &mut fields);
    fields.remove("/referenceId");
    fields.remove("/customer/ip");
    fields.insert("/amount".to_owned(), order.money.amount().to_string());
    if let Some(flow) = order.flow_asked {
        fields.insert("/flow".to_owned(), flow.to_string());
    }
    fields.extend(metadata(&order.metadata));
    fields
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
