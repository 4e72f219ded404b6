use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};

/// How a chargeback that is registered has ended already (gateway contract, section 6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray, Serialize)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the contract gives the names and no explanations")]
pub enum ChargebackState {
    Cancelled,
    Declined,
    Completed,
}
