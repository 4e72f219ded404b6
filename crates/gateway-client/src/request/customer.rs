use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::invalid::Check;
use crate::vocabulary::{AccountType, DocumentType, Open};

/// The customer of a payment (gateway contract, section 6.1.1). All of it is personal data.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the contract's own and say all there is to say")]
pub struct Customer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizenship_country_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_type: Option<Open<AccountType>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_branch_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_type: Option<Open<DocumentType>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kyc_status: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_instrument_kyc_status: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_of_first_deposit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposits_amount: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawals_amount: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposits_cnt: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawals_cnt: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

impl Customer {
    pub(super) fn check(&self, check: &mut Check) {
        check.at_most([
            ("customer.referenceId", &self.reference_id, 128),
            ("customer.firstName", &self.first_name, 128),
            ("customer.lastName", &self.last_name, 128),
            ("customer.email", &self.email, 256),
            ("customer.phone", &self.phone, 18),
            ("customer.accountNumber", &self.account_number, 256),
            ("customer.accountName", &self.account_name, 64),
            ("customer.bank", &self.bank, 64),
            ("customer.bankCode", &self.bank_code, 64),
            ("customer.bankBranch", &self.bank_branch, 64),
            ("customer.bankBranchCode", &self.bank_branch_code, 64),
            ("customer.documentNumber", &self.document_number, 64),
            ("customer.routingGroup", &self.routing_group, 64),
        ]);
        check.length("customer.citizenshipCountryCode", self.citizenship_country_code.as_deref(), 2, 2);
        check.length("customer.locale", self.locale.as_deref(), 2, 2);
        check.form("customer.email", self.email.as_deref(), "an e-mail address", is_email);
        check.form("customer.phone", self.phone.as_deref(), PHONE, is_phone);
        for (field, date) in [
            ("customer.dateOfBirth", &self.date_of_birth),
            ("customer.dateOfFirstDeposit", &self.date_of_first_deposit),
        ] {
            check.form(field, date.as_deref(), "a date like 2001-12-03", is_date);
        }
    }
}

const PHONE: &str = "a dialling code, one space and a number, like 357 123123123";

/// No further than it must be: something on both sides of an `@`, and no white space.
fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
    parts && !text.contains(char::is_whitespace)
}

fn is_phone(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once(' ').is_some_and(|(code, number)| digits(code) && digits(number))
}

fn is_date(text: &str) -> bool {
    let digits = text.starts_with(|first: char| first.is_ascii_digit());
    digits && text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

impl fmt::Debug for Customer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Customer(…)")
    }
}
