use std::fmt;
use std::str::FromStr;

use super::Request;

pub(super) const CUSTOMERS: &str = "/api/v1/customers/";

/// A customer's reference in the form in which it may stand in a path: 1 to 128 letters, digits, `_`
/// and `-` (gateway contract, section 6.1.1). A payment may carry a reference of another form; then the
/// gateway cannot be asked for the customer's tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerReference(String);

/// Why a reference cannot stand in a path. The reference itself is left out: it is about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a customer's reference in a path has 1 to 128 letters, digits, underscores and hyphens")]
pub struct InvalidCustomerReference;

impl FromStr for CustomerReference {
    type Err = InvalidCustomerReference;

    fn from_str(text: &str) -> Result<Self, InvalidCustomerReference> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(legal);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidCustomerReference) }
    }
}

/// `GET /api/v1/customers/{referenceId}/card-tokens`: the cards that a customer has saved (gateway
/// contract, section 6.11); `saved_by_customer` asks for only those that the customer did, or did not,
/// save. Its answer is for [`read_card_tokens`](crate::answer::read_card_tokens).
pub fn list_card_tokens(customer: &CustomerReference, saved_by_customer: Option<bool>) -> Request {
    let query = saved_by_customer.map(|saved| format!("?savedByCustomer.eq={saved}")).unwrap_or_default();
    Request::list(format!("{CUSTOMERS}{}/card-tokens{query}", customer.0))
}

/// `GET /api/v1/customers/{referenceId}/terminals/{terminalId}/tokens`: what one of the gateway's
/// terminals keeps for a customer (gateway contract, section 6.12). Its answer is for
/// [`read_terminal_tokens`](crate::answer::read_terminal_tokens).
pub fn list_terminal_tokens(customer: &CustomerReference, terminal_id: u64) -> Request {
    Request::list(format!("{CUSTOMERS}{}/terminals/{terminal_id}/tokens", customer.0))
}

impl fmt::Debug for CustomerReference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CustomerReference(…)")
    }
}
