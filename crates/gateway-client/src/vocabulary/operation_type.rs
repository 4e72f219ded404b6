use strum::{EnumString, IntoStaticStr, VariantArray};

/// A step in the gateway's own processing of a payment (gateway contract, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the contract gives the names and no explanations")]
pub enum OperationType {
    CreatePayment,
    Checkout,
    Cancel,
    Confirmation,
    Cascading,
    Redirect,
    Continue,
    ContinuePreProcessing,
    DetectFraud,
    PreProcessing,
    Deposit,
    Withdrawal,
    Refund,
    Chargeback,
    CheckState,
    TriggerWebhook,
    HandleWebhook,
    Capture,
    Void,
    Approve,
    Reject,
    UploadFile,
    ManualUpdate,
    ManualCheckState,
}
