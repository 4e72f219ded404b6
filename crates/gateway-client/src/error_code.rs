//! The gateway's error codes (gateway contract, section 11).

use std::fmt;

use Advice::{Again, Configure, Correct, LookFirst, No, Once};

/// One code of the contract. Names changed between versions of the engine while codes did not, so a
/// code is looked up by its code and never by its text.
///
/// ```
/// use gateway_client::error_code::{Advice, ErrorCode, Refuser};
///
/// let code = ErrorCode::find("4.01").ok_or("not in the table")?;
/// assert_eq!(code.name, "Insufficient Funds");
/// assert_eq!(code.refuser(), Some(Refuser::Issuer));
/// assert_eq!(code.advice, Advice::Again);
///
/// // A code that is newer than this table still says who refused.
/// assert_eq!(ErrorCode::find("4.99"), None);
/// assert_eq!(Refuser::of("4.99"), Some(Refuser::Issuer));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// `X.YY`, a text: `1.10` is not `1.1`.
    pub code: &'static str,
    /// What the contract calls it, for people.
    pub name: &'static str,
    /// What to do next. Read from the name: the contract itself calls no code repeatable.
    pub advice: Advice,
}

/// What to do after a payment that failed. Never to send the same payment again: "again" is a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Do not repeat it.
    No,
    /// Correct what was given, and make a new payment.
    Correct,
    /// A new payment later is reasonable.
    Again,
    /// A new payment later is reasonable, but only one.
    Once,
    /// The outcome is not clear: read the payment again before anything else.
    LookFirst,
    /// The shop or its provider is not set up for it.
    Configure,
}

/// Who refused: the first digit of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refuser {
    /// 1: the gateway itself.
    Gateway,
    /// 2: the customer.
    Customer,
    /// 3: the acquirer, which is the merchant's side.
    Acquirer,
    /// 4: the issuer, which is the customer's bank.
    Issuer,
    /// 5: 3-D Secure.
    ThreeDSecure,
    /// 6: the gateway's anti-fraud rules.
    InternalAntiFraud,
    /// 7: an anti-fraud service.
    ExternalAntiFraud,
    /// 8: the merchant.
    Merchant,
}

impl ErrorCode {
    /// Every code of the contract, in ascending order.
    pub const ALL: &'static [Self] = TABLE;

    /// `None` for a code that is newer than this table.
    pub fn find(code: &str) -> Option<&'static Self> {
        let row = TABLE.binary_search_by(|row| row.code.cmp(code)).ok()?;
        TABLE.get(row)
    }

    /// Who refused.
    pub fn refuser(&self) -> Option<Refuser> {
        Refuser::of(self.code)
    }
}

impl Refuser {
    /// Who refused with this code, whether or not the table has it. `None` if it is no code.
    pub fn of(code: &str) -> Option<Self> {
        let (refuser, number) = code.split_once('.')?;
        if number.len() != 2 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        match refuser {
            "1" => Some(Self::Gateway),
            "2" => Some(Self::Customer),
            "3" => Some(Self::Acquirer),
            "4" => Some(Self::Issuer),
            "5" => Some(Self::ThreeDSecure),
            "6" => Some(Self::InternalAntiFraud),
            "7" => Some(Self::ExternalAntiFraud),
            "8" => Some(Self::Merchant),
            _ => None,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.code, self.name)
    }
}

const fn row(code: &'static str, name: &'static str, advice: Advice) -> ErrorCode {
    ErrorCode { code, name, advice }
}

/// Sorted by code.
#[rustfmt::skip]
const TABLE: &[ErrorCode] = &[
    row("1.00", "Illegal Workflow State", No),
    row("1.01", "Not Found", Correct),
    row("1.02", "Communication Problem", LookFirst),
    row("1.03", "Internal Server Error", LookFirst),
    row("1.04", "Cancelled by Timeout", Again),
    row("1.05", "Terminal not Found", Configure),
    row("1.06", "Recurring Token not Found", Correct),
    row("1.07", "Payer Unaccepted", No),
    row("1.08", "Invalid Amount", Correct),
    row("1.09", "Invalid Currency", Correct),
    row("1.10", "Insufficient Balance", Again),
    row("1.11", "Processing Limits Reached", Again),
    row("2.00", "Cancelled by Customer", Again),
    row("3.00", "Declined by Acquirer", No),
    row("3.01", "Declined by Acquirer: Anti-fraud", No),
    row("3.02", "Invalid request format or missing required parameters", Correct),
    row("3.03", "Acquirer Malfunction", Again),
    row("3.04", "Acquirer Timeout", LookFirst),
    row("3.05", "Acquirer Limits Reached", Again),
    row("3.06", "Declined by Acquirer: Card Scheme", No),
    row("3.07", "Declined by Acquirer: Card Data", Correct),
    row("3.08", "Declined by Acquirer: Business Rules", No),
    row("3.09", "SCA required", Again),
    row("3.10", "Unknown Error Code", No),
    row("3.11", "Payer cannot pay", No),
    row("3.12", "Invalid ID Document", Correct),
    row("3.13", "ID Document Restrictions", No),
    row("3.14", "Declined Due to Age Requirements", No),
    row("3.15", "ID Document Under Temporary Restrictions", Again),
    row("3.16", "Duplicate Payment", LookFirst),
    row("3.17", "Channel not active", Configure),
    row("3.18", "Cancelled or abandoned transaction", Again),
    row("3.19", "Card PAN blacklisted", No),
    row("3.20", "Card PAN not whitelisted", No),
    row("3.21", "Invalid phone number", Correct),
    row("3.22", "Card BIN country not allowed", No),
    row("3.23", "Bank does not exist or not supported", Correct),
    row("3.24", "Requisites Unavailable", Again),
    row("3.25", "Document type is required", Correct),
    row("3.26", "Invalid document type and/or document", Correct),
    row("3.27", "Amount lower than minimum", Correct),
    row("3.28", "Amount higher than maximum", Correct),
    row("3.29", "Transaction has chargeback already", No),
    row("3.30", "Invalid Email", Correct),
    row("3.31", "Bank is temporarily unavailable", Again),
    row("4.00", "Declined by Issuer", No),
    row("4.01", "Insufficient Funds", Again),
    row("4.02", "Do Not Honor", No),
    row("4.03", "Invalid Account Number", Correct),
    row("4.04", "Declined by Issuer: Invalid card expiration date", Correct),
    row("4.05", "Issuer Limits Reached", Again),
    row("4.06", "Card Lost or not active", No),
    row("4.07", "Invalid Security Code", Correct),
    row("4.08", "Declined by Issuer: Business Rules", No),
    row("4.09", "Declined by Issuer: Anti-fraud", No),
    row("4.10", "Transaction not permitted to cardholder", No),
    row("4.11", "AVS failed", Correct),
    row("4.12", "Declined by Issuer: Invalid email", Correct),
    row("4.13", "Declined by Issuer: Invalid card number", Correct),
    row("4.14", "Declined by Issuer: PIN attempts limit exceeded", No),
    row("4.15", "The bank has requested a retry of the transaction", Once),
    row("5.00", "Declined by 3DS", Again),
    row("5.01", "3DS Timeout", Again),
    row("5.02", "ACS malfunction", Again),
    row("6.00", "Declined by Internal Anti-fraud", No),
    row("6.01", "Card PAN Blacklisted", No),
    row("6.02", "Customer Email Blacklisted", No),
    row("6.03", "Card Issuing Country Restricted", No),
    row("6.04", "IP Country Restricted", No),
    row("6.05", "Restricted Currency", No),
    row("6.06", "Invalid Amount", Correct),
    row("6.07", "IP Country Must Be Equal to Billing Country", No),
    row("6.08", "IP Country Must Be Equal to Card Issuing Country", No),
    row("6.09", "Billing Country Must Be Equal to Card Issuing Country", No),
    row("6.10", "Payment Created Within Closed Period of Day", Again),
    row("6.11", "Card PAN not Whitelisted", No),
    row("6.12", "Cardholder name is invalid", Correct),
    row("6.13", "The same card is used by different customers", No),
    row("6.14", "Customer Phone Blacklisted", No),
    row("6.15", "Card Brand not supported", No),
    row("6.21", "Limit exceeded: Number of completed deposits", No),
    row("6.22", "Limit exceeded: Number of completed deposits for card", No),
    row("6.23", "Limit exceeded: Number of declined deposits for card", No),
    row("6.24", "Limit exceeded: Number of cards for IP address", No),
    row("6.25", "Limit exceeded: Number of IP addresses for card", No),
    row("6.26", "Limit exceeded: IP country does not match card country", No),
    row("6.27", "Limit exceeded: Same amount and currency for card", No),
    row("6.28", "Limit exceeded: Amount of deposits in specified currency", No),
    row("6.29", "Limit exceeded: Amount of deposits for card and currency", No),
    row("6.30", "Limit exceeded: Amount of deposits in base currency", No),
    row("6.31", "Limit exceeded: Amount of deposits for card in base currency", No),
    row("6.32", "Limit exceeded: Number of IP countries for card", No),
    row("6.33", "Limit exceeded: Amount of deposits for customer in base currency", No),
    row("6.34", "Limit exceeded: Withdrawal amount for customer in base currency", No),
    row("6.35", "Billing Country Restricted", No),
    row("6.36", "Customer Citizenship Country Restricted", No),
    row("6.37", "Limit exceeded: Number of withdrawals", No),
    row("6.38", "Limit exceeded: Amount of withdrawals in specified currency", No),
    row("6.39", "Card BIN Blacklisted", No),
    row("6.40", "UPI VPA Blacklisted", No),
    row("6.41", "ID Document Blacklisted", No),
    row("6.42", "Limit exceeded: Decline deposits streak for card", No),
    row("6.43", "Limit exceeded: Incomplete deposits APM streak for email", No),
    row("6.44", "Customer email contains restricted word", No),
    row("6.45", "Limit exceeded: Pending deposits for customer", No),
    row("6.46", "Limit exceeded: Pending same amount deposits for customer", No),
    row("6.47", "Limit exceeded: Number of completed deposits for email", No),
    row("6.48", "Limit exceeded: Number of completed deposits for IP address", No),
    row("6.49", "Limit exceeded: Number of cards for customer", No),
    row("6.50", "Number of cards for customer", No),
    row("6.51", "Suspicious Email", No),
    row("6.52", "Blacklisted IP Address", No),
    row("6.53", "Limit exceeded: Number of error codes in deposits for email", No),
    row("7.00", "Declined by External Anti-fraud", No),
    row("7.01", "External Anti-fraud Communication Problem", Again),
    row("8.00", "Rejected by Merchant", No),
];
