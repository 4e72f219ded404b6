use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::invalid::{Check, InvalidRequest};
use super::{Method, PAYMENTS, Request, json};
use crate::GatewayId;

/// The body of a PATCH: what the gateway needs to know of the customer's browser when there is no
/// checkout page to ask it (gateway contract, section 6.4). All of it is personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the contract's own and say all there is to say")]
pub struct PatchPayment {
    pub customer_ip: IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_country_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_user_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_window_width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_window_height: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_screen_width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_screen_height: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_screen_color_depth: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_java_enabled: Option<bool>,
    /// In minutes, with the sign that JavaScript gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser_timezone_offset: Option<i32>,
}

/// `PATCH /api/v1/payments/{id}`: starts a deposit without the checkout page (gateway contract, section
/// 6.4). Its answer is for [`classify_command`](crate::answer::classify_command).
pub fn patch_payment(id: &GatewayId, patch: &PatchPayment) -> Result<Request, InvalidRequest> {
    let mut check = Check::default();
    check.length("ipCountryCode", patch.ip_country_code.as_deref(), 2, 2);
    check.at_most([
        ("customerUserAgent", &patch.customer_user_agent, 512),
        ("browserLanguage", &patch.browser_language, 32),
    ]);
    check.result()?;
    Ok(Request { method: Method::Patch, ..Request::command(format!("{PAYMENTS}/{id}"), Some(json(patch))) })
}

impl PatchPayment {
    /// The one field that the contract requires; all others are empty.
    pub fn new(customer_ip: IpAddr) -> Self {
        Self {
            customer_ip,
            ip_country_code: None,
            customer_user_agent: None,
            browser_window_width: None,
            browser_window_height: None,
            browser_screen_width: None,
            browser_screen_height: None,
            browser_screen_color_depth: None,
            browser_language: None,
            browser_java_enabled: None,
            browser_timezone_offset: None,
        }
    }
}

impl fmt::Debug for PatchPayment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PatchPayment(…)")
    }
}
