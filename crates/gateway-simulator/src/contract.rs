//! The contract's words as data: amounts, moments, cards, codes, names, signatures.

pub(crate) mod amount;
pub(crate) mod card;
pub(crate) mod document_types;
pub(crate) mod error_code;
pub(crate) mod payment_methods;
pub(crate) mod signature;
pub(crate) mod stamp;
