use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Customer;
use crate::{Currency, InvalidPaymentMethod, PaymentMethod, PaymentType, ShopName};

/// How the customer gets to pay.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
pub enum Flow {
    /// The customer is sent to the gateway's checkout page (the guideline's standard flow).
    #[serde(rename = "REDIRECT")]
    #[strum(serialize = "REDIRECT")]
    Redirect,
    /// No checkout page: a PATCH starts the payment and the answer says what the customer must do (host-to-host).
    #[serde(rename = "H2H")]
    #[strum(serialize = "H2H")]
    HostToHost,
}

/// One line of the settings: what it names must fit, what it leaves out always fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowRule {
    /// A method, or the beginning of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<MethodPattern>,
    /// The requested currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Which way the money goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_type: Option<PaymentType>,
    /// Whose payment it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop: Option<ShopName>,
    /// The flow of what fits.
    pub flow: Flow,
}

/// A method, or the beginning of one followed by `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MethodPattern {
    beginning: PaymentMethod,
    is_whole: bool,
}

/// Chooses a flow where the caller left it open: the first rule that fits, else the redirect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlowRules(Vec<FlowRule>);

impl Flow {
    /// What this flow cannot do without and an order lacks: the JSON pointer of a field, and what is wrong with it.
    pub fn lack(self, payment_type: PaymentType, customer: Option<&Customer>) -> Option<(&'static str, &'static str)> {
        let ip = customer.and_then(|customer| customer.ip);
        match (self, payment_type, ip) {
            (Self::Redirect, ..) | (Self::HostToHost, PaymentType::Deposit, Some(_)) => None,
            (Self::HostToHost, PaymentType::Deposit, None) => {
                Some(("/customer/ip", "is missing; host-to-host needs it"))
            }
            (Self::HostToHost, PaymentType::Withdrawal | PaymentType::Refund, _) => {
                Some(("/flow", "must not be H2H; only a deposit is made host-to-host"))
            }
        }
    }
}

impl FlowRules {
    /// Rules in the order in which they are tried.
    pub fn new(rules: Vec<FlowRule>) -> Self {
        Self(rules)
    }

    /// The rules, in the order in which they are tried.
    pub fn rules(&self) -> &[FlowRule] {
        &self.0
    }

    /// The flow of a payment of this type, shop, method and currency.
    pub fn choose(
        &self,
        payment_type: PaymentType,
        shop: &ShopName,
        method: Option<&PaymentMethod>,
        currency: Currency,
    ) -> Flow {
        let fitting = self.0.iter().find(|rule| rule.fits(payment_type, shop, method, currency));
        fitting.map_or(Flow::Redirect, |rule| rule.flow)
    }
}

impl FlowRule {
    fn fits(
        &self,
        payment_type: PaymentType,
        shop: &ShopName,
        method: Option<&PaymentMethod>,
        currency: Currency,
    ) -> bool {
        // A rule that names no type must not send a payout where only deposits go.
        let flow_fits = self.flow == Flow::Redirect || payment_type == PaymentType::Deposit;
        flow_fits
            && self.payment_method.as_ref().is_none_or(|asked| method.is_some_and(|method| asked.fits(method)))
            && self.currency.is_none_or(|asked| asked == currency)
            && self.payment_type.is_none_or(|asked| asked == payment_type)
            && self.shop.as_ref().is_none_or(|asked| asked == shop)
    }
}

impl MethodPattern {
    fn fits(&self, method: &PaymentMethod) -> bool {
        if self.is_whole { *method == self.beginning } else { method.as_str().starts_with(self.beginning.as_str()) }
    }

    /// Whether the contract lists a method that fits.
    pub fn is_known(&self) -> bool {
        if self.is_whole { self.beginning.is_known() } else { self.beginning.begins_a_known_one() }
    }
}

impl FromStr for MethodPattern {
    type Err = InvalidPaymentMethod;

    fn from_str(text: &str) -> Result<Self, InvalidPaymentMethod> {
        let beginning = text.strip_suffix('*');
        Ok(Self { beginning: beginning.unwrap_or(text).parse()?, is_whole: beginning.is_none() })
    }
}

impl TryFrom<String> for MethodPattern {
    type Error = InvalidPaymentMethod;

    fn try_from(text: String) -> Result<Self, InvalidPaymentMethod> {
        text.parse()
    }
}

impl From<MethodPattern> for String {
    fn from(pattern: MethodPattern) -> String {
        format!("{}{}", pattern.beginning, if pattern.is_whole { "" } else { "*" })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_chooses_and_the_redirect_is_the_default() {
        let rule = |payment_method: Option<&str>, currency: Option<&str>, flow| FlowRule {
            payment_method: payment_method.map(|pattern| pattern.parse().unwrap()),
            currency: currency.map(|code| code.parse().unwrap()),
            payment_type: Some(PaymentType::Deposit),
            shop: None,
            flow,
        };
        let rules = FlowRules::new(vec![
            FlowRule { shop: "second".parse().ok(), ..rule(Some("PIX"), None, Flow::Redirect) },
            rule(Some("PIX"), Some("BRL"), Flow::HostToHost),
            FlowRule { payment_type: None, ..rule(Some("P2P_*"), None, Flow::HostToHost) },
            rule(None, Some("CLP"), Flow::Redirect),
        ]);
        let choose = |kind, shop: &str, method: Option<&str>, currency: &str| {
            let method = method.map(|name| name.parse::<PaymentMethod>().unwrap());
            rules.choose(kind, &shop.parse().unwrap(), method.as_ref(), currency.parse().unwrap())
        };
        assert_eq!(choose(PaymentType::Deposit, "main", Some("PIX"), "BRL"), Flow::HostToHost);
        assert_eq!(choose(PaymentType::Deposit, "second", Some("PIX"), "BRL"), Flow::Redirect);
        assert_eq!(choose(PaymentType::Deposit, "main", Some("PIX"), "EUR"), Flow::Redirect);
        assert_eq!(choose(PaymentType::Deposit, "main", Some("P2P_CARD"), "EUR"), Flow::HostToHost);
        assert_eq!(choose(PaymentType::Deposit, "main", Some("P2C"), "EUR"), Flow::Redirect);
        assert_eq!(choose(PaymentType::Withdrawal, "main", Some("P2P_CARD"), "EUR"), Flow::Redirect);
        assert_eq!(choose(PaymentType::Deposit, "main", None, "BRL"), Flow::Redirect);
    }

    #[test]
    fn a_pattern_is_a_method_or_the_beginning_of_one() {
        for (pattern, known) in
            [("PIX", true), ("P2P_*", true), ("PIX*", true), ("P2P", false), ("CARRIER_*", false), ("ZZ*", false)]
        {
            let read: MethodPattern = pattern.parse().unwrap();
            assert_eq!(read.is_known(), known, "{pattern}");
            assert_eq!(String::from(read), pattern);
        }
        for wrong in ["", "*", "pix", "P*X", "**", "*PIX", "PIX *"] {
            assert!(wrong.parse::<MethodPattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn host_to_host_is_for_deposits_whose_customers_ip_is_known() {
        let somewhere = Customer { ip: "81.4.178.167".parse().ok(), ..Customer::default() };
        let nowhere = Customer::default();
        let lack = |flow: Flow, payment_type, customer| flow.lack(payment_type, customer).map(|(pointer, _)| pointer);
        for customer in [None, Some(&nowhere)] {
            assert_eq!(lack(Flow::HostToHost, PaymentType::Deposit, customer), Some("/customer/ip"));
            assert_eq!(lack(Flow::Redirect, PaymentType::Deposit, customer), None);
        }
        assert_eq!(lack(Flow::HostToHost, PaymentType::Deposit, Some(&somewhere)), None);
        for payout in [PaymentType::Withdrawal, PaymentType::Refund] {
            assert_eq!(lack(Flow::HostToHost, payout, Some(&somewhere)), Some("/flow"));
            assert_eq!(lack(Flow::Redirect, payout, None), None);
        }
    }
}
