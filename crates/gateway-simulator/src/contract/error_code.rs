//! What stands in `errorCode` and `errorMessage` of a payment that did not succeed.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// One line of the gateway contract, section 11: a code such as `4.01` with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    code: &'static str,
    text: &'static str,
}

impl ErrorCode {
    /// The checkout page was left alone for too long.
    pub const CANCELLED_BY_TIMEOUT: Self = Self { code: "1.04", text: "Cancelled by Timeout" };
    /// The customer pressed cancel.
    pub const CANCELLED_BY_CUSTOMER: Self = Self { code: "2.00", text: "Cancelled by Customer" };
    /// A charge goes on with a token that nobody gave out.
    pub const RECURRING_TOKEN_NOT_FOUND: Self = Self { code: "1.06", text: "Recurring Token not Found" };
    /// The merchant refused a withdrawal that waited for them.
    pub const REJECTED_BY_MERCHANT: Self = Self { code: "8.00", text: "Rejected by Merchant" };
    /// More than the sandbox lets through (sections 12 and 15).
    pub const AMOUNT_ABOVE_MAXIMUM: Self = Self { code: "3.28", text: "Amount higher than maximum" };
    /// What a sandbox card of the declining kind is refused with (section 15).
    pub const DECLINED_BY_ISSUER: Self = Self { code: "4.00", text: "Declined by Issuer" };
    /// The card has not enough on it.
    pub const INSUFFICIENT_FUNDS: Self = Self { code: "4.01", text: "Insufficient Funds" };
    /// A refund above what is left of its deposit (section 15).
    pub const INVALID_AMOUNT: Self = Self { code: "1.08", text: "Invalid Amount" };
    /// A number that is not a sandbox card.
    pub const INVALID_CARD_NUMBER: Self = Self { code: "4.13", text: "Declined by Issuer: Invalid card number" };

    /// The line with this code, if the contract has one.
    pub fn named(code: &str) -> Option<Self> {
        let line = ERROR_CODES.binary_search_by_key(&code, |(known, _)| known).ok()?;
        ERROR_CODES.get(line).map(|&(code, text)| Self { code, text })
    }

    /// The code as it travels: a text, never a number, since `1.10` is not `1.1`.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// The text that travels beside the code.
    pub const fn text(self) -> &'static str {
        self.text
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

/// A text, as it travels.
impl JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("ErrorCode")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::named(&code).ok_or_else(|| D::Error::custom(format!("{code} is not an error code of the contract")))
    }
}

/// Section 11, sorted by code.
#[rustfmt::skip] // a table
const ERROR_CODES: &[(&str, &str)] = &[
    ("1.00", "Illegal Workflow State"),
    ("1.01", "Not Found"),
    ("1.02", "Communication Problem"),
    ("1.03", "Internal Server Error"),
    ("1.04", "Cancelled by Timeout"),
    ("1.05", "Terminal not Found"),
    ("1.06", "Recurring Token not Found"),
    ("1.07", "Payer Unaccepted"),
    ("1.08", "Invalid Amount"),
    ("1.09", "Invalid Currency"),
    ("1.10", "Insufficient Balance"),
    ("1.11", "Processing Limits Reached"),
    ("2.00", "Cancelled by Customer"),
    ("3.00", "Declined by Acquirer"),
    ("3.01", "Declined by Acquirer: Anti-fraud"),
    ("3.02", "Invalid request format or missing required parameters"),
    ("3.03", "Acquirer Malfunction"),
    ("3.04", "Acquirer Timeout"),
    ("3.05", "Acquirer Limits Reached"),
    ("3.06", "Declined by Acquirer: Card Scheme"),
    ("3.07", "Declined by Acquirer: Card Data"),
    ("3.08", "Declined by Acquirer: Business Rules"),
    ("3.09", "SCA required"),
    ("3.10", "Unknown Error Code"),
    ("3.11", "Payer cannot pay"),
    ("3.12", "Invalid ID Document"),
    ("3.13", "ID Document Restrictions"),
    ("3.14", "Declined Due to Age Requirements"),
    ("3.15", "ID Document Under Temporary Restrictions"),
    ("3.16", "Duplicate Payment"),
    ("3.17", "Channel not active"),
    ("3.18", "Cancelled or abandoned transaction"),
    ("3.19", "Card PAN blacklisted"),
    ("3.20", "Card PAN not whitelisted"),
    ("3.21", "Invalid phone number"),
    ("3.22", "Card BIN country not allowed"),
    ("3.23", "Bank does not exist or not supported"),
    ("3.24", "Requisites Unavailable"),
    ("3.25", "Document type is required"),
    ("3.26", "Invalid document type and/or document"),
    ("3.27", "Amount lower than minimum"),
    ("3.28", "Amount higher than maximum"),
    ("3.29", "Transaction has chargeback already"),
    ("3.30", "Invalid Email"),
    ("3.31", "Bank is temporarily unavailable"),
    ("4.00", "Declined by Issuer"),
    ("4.01", "Insufficient Funds"),
    ("4.02", "Do Not Honor"),
    ("4.03", "Invalid Account Number"),
    ("4.04", "Declined by Issuer: Invalid card expiration date"),
    ("4.05", "Issuer Limits Reached"),
    ("4.06", "Card Lost or not active"),
    ("4.07", "Invalid Security Code"),
    ("4.08", "Declined by Issuer: Business Rules"),
    ("4.09", "Declined by Issuer: Anti-fraud"),
    ("4.10", "Transaction not permitted to cardholder"),
    ("4.11", "AVS failed"),
    ("4.12", "Declined by Issuer: Invalid email"),
    ("4.13", "Declined by Issuer: Invalid card number"),
    ("4.14", "Declined by Issuer: PIN attempts limit exceeded"),
    ("4.15", "The bank has requested a retry of the transaction"),
    ("5.00", "Declined by 3DS"),
    ("5.01", "3DS Timeout"),
    ("5.02", "ACS malfunction"),
    ("6.00", "Declined by Internal Anti-fraud"),
    ("6.01", "Card PAN Blacklisted"),
    ("6.02", "Customer Email Blacklisted"),
    ("6.03", "Card Issuing Country Restricted"),
    ("6.04", "IP Country Restricted"),
    ("6.05", "Restricted Currency"),
    ("6.06", "Invalid Amount"),
    ("6.07", "IP Country Must Be Equal to Billing Country"),
    ("6.08", "IP Country Must Be Equal to Card Issuing Country"),
    ("6.09", "Billing Country Must Be Equal to Card Issuing Country"),
    ("6.10", "Payment Created Within Closed Period of Day"),
    ("6.11", "Card PAN not Whitelisted"),
    ("6.12", "Cardholder name is invalid"),
    ("6.13", "The same card is used by different customers"),
    ("6.14", "Customer Phone Blacklisted"),
    ("6.15", "Card Brand not supported"),
    ("6.21", "Limit exceeded: Number of completed deposits"),
    ("6.22", "Limit exceeded: Number of completed deposits for card"),
    ("6.23", "Limit exceeded: Number of declined deposits for card"),
    ("6.24", "Limit exceeded: Number of cards for IP address"),
    ("6.25", "Limit exceeded: Number of IP addresses for card"),
    ("6.26", "Limit exceeded: IP country does not match card country"),
    ("6.27", "Limit exceeded: Same amount and currency for card"),
    ("6.28", "Limit exceeded: Amount of deposits in specified currency"),
    ("6.29", "Limit exceeded: Amount of deposits for card and currency"),
    ("6.30", "Limit exceeded: Amount of deposits in base currency"),
    ("6.31", "Limit exceeded: Amount of deposits for card in base currency"),
    ("6.32", "Limit exceeded: Number of IP countries for card"),
    ("6.33", "Limit exceeded: Amount of deposits for customer in base currency"),
    ("6.34", "Limit exceeded: Withdrawal amount for customer in base currency"),
    ("6.35", "Billing Country Restricted"),
    ("6.36", "Customer Citizenship Country Restricted"),
    ("6.37", "Limit exceeded: Number of withdrawals"),
    ("6.38", "Limit exceeded: Amount of withdrawals in specified currency"),
    ("6.39", "Card BIN Blacklisted"),
    ("6.40", "UPI VPA Blacklisted"),
    ("6.41", "ID Document Blacklisted"),
    ("6.42", "Limit exceeded: Decline deposits streak for card"),
    ("6.43", "Limit exceeded: Incomplete deposits APM streak for email"),
    ("6.44", "Customer email contains restricted word"),
    ("6.45", "Limit exceeded: Pending deposits for customer"),
    ("6.46", "Limit exceeded: Pending same amount deposits for customer"),
    ("6.47", "Limit exceeded: Number of completed deposits for email"),
    ("6.48", "Limit exceeded: Number of completed deposits for IP address"),
    ("6.49", "Limit exceeded: Number of cards for customer"),
    ("6.50", "Number of cards for customer"),
    ("6.51", "Suspicious Email"),
    ("6.52", "Blacklisted IP Address"),
    ("6.53", "Limit exceeded: Number of error codes in deposits for email"),
    ("7.00", "Declined by External Anti-fraud"),
    ("7.01", "External Anti-fraud Communication Problem"),
    ("8.00", "Rejected by Merchant"),
];
