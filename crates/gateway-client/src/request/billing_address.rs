use std::fmt;

use serde::{Deserialize, Serialize};

use super::invalid::Check;

/// Where the customer is billed (gateway contract, section 6.1.2). All of it is personal data.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the contract's own and say all there is to say")]
pub struct BillingAddress {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_line1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_line2: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl BillingAddress {
    pub(super) fn check(&self, check: &mut Check) {
        check.at_most([
            ("billingAddress.addressLine1", &self.address_line1, 300),
            ("billingAddress.addressLine2", &self.address_line2, 300),
            ("billingAddress.city", &self.city, 50),
            ("billingAddress.postalCode", &self.postal_code, 12),
            ("billingAddress.state", &self.state, 40),
        ]);
        let form = "two capital letters";
        check.form("billingAddress.countryCode", self.country_code.as_deref(), form, is_country);
    }
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

impl fmt::Debug for BillingAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("BillingAddress(…)")
    }
}
