use serde::{Deserialize, Serialize};

use crate::{Currency, PaymentMethod, PaymentType};

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
    /// A method, or the beginning of one followed by `*`.
    pub payment_method: Option<String>,
    /// The requested currency.
    pub currency: Option<Currency>,
    /// Which way the money goes.
    pub payment_type: Option<PaymentType>,
    /// The flow of what fits.
    pub flow: Flow,
}

/// Chooses a flow where the caller left it open: the first rule that fits, else the redirect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlowRules(Vec<FlowRule>);

impl FlowRules {
    /// Rules in the order in which they are tried.
    pub fn new(rules: Vec<FlowRule>) -> Self {
        Self(rules)
    }

    /// The flow of a payment of this type, method and currency.
    pub fn choose(&self, payment_type: PaymentType, method: Option<&PaymentMethod>, currency: Currency) -> Flow {
        let fitting = self.0.iter().find(|rule| rule.fits(payment_type, method, currency));
        fitting.map_or(Flow::Redirect, |rule| rule.flow)
    }
}

impl FlowRule {
    fn fits(&self, payment_type: PaymentType, method: Option<&PaymentMethod>, currency: Currency) -> bool {
        let method_fits = match (&self.payment_method, method) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(pattern), Some(method)) => match pattern.strip_suffix('*') {
                Some(beginning) => method.as_str().starts_with(beginning),
                None => method.as_str() == pattern,
            },
        };
        method_fits
            && self.currency.is_none_or(|asked| asked == currency)
            && self.payment_type.is_none_or(|asked| asked == payment_type)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_chooses_and_the_redirect_is_the_default() {
        let rule = |payment_method: Option<&str>, currency: Option<&str>, flow| FlowRule {
            payment_method: payment_method.map(str::to_owned),
            currency: currency.map(|code| code.parse().unwrap()),
            payment_type: Some(PaymentType::Deposit),
            flow,
        };
        let rules = FlowRules::new(vec![
            rule(Some("PIX"), Some("BRL"), Flow::HostToHost),
            rule(Some("P2P_*"), None, Flow::HostToHost),
            rule(None, Some("CLP"), Flow::Redirect),
        ]);
        let choose = |kind, method: Option<&str>, currency: &str| {
            let method = method.map(|name| name.parse::<PaymentMethod>().unwrap());
            rules.choose(kind, method.as_ref(), currency.parse().unwrap())
        };
        assert_eq!(choose(PaymentType::Deposit, Some("PIX"), "BRL"), Flow::HostToHost);
        assert_eq!(choose(PaymentType::Deposit, Some("PIX"), "EUR"), Flow::Redirect);
        assert_eq!(choose(PaymentType::Deposit, Some("P2P_CARD"), "EUR"), Flow::HostToHost);
        assert_eq!(choose(PaymentType::Withdrawal, Some("P2P_CARD"), "EUR"), Flow::Redirect);
        assert_eq!(choose(PaymentType::Deposit, None, "BRL"), Flow::Redirect);
    }
}
