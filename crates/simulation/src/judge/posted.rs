//! What a POST does, as its bytes tell and whatever the service holds it for (protocols, section 1).

use std::collections::BTreeSet;
use std::fmt;

use domain::{Kind, PaymentMethod};
use serde_json::Value;

/// What makes a POST move money by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Mover {
    /// Money goes out, or back.
    Payout,
    /// A card, or the token of one.
    Card,
    /// What Google Pay gave.
    GooglePay,
    /// What Apple Pay gave.
    ApplePay,
    /// A chain of charges goes on.
    RecurringToken,
    /// It belongs to another payment.
    Parent,
    /// Its method is one that the settings list.
    Method,
}

impl Mover {
    /// All of them.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    pub(super) fn of(body: &Value, moving_methods: &BTreeSet<PaymentMethod>) -> BTreeSet<Self> {
        let has = |name: &str| !body[name].is_null();
        let listed = |method: &PaymentMethod| body["paymentMethod"] == method.as_str();
        let found = [
            (Self::Payout, body["paymentType"] != "DEPOSIT"),
            (Self::Card, has("card")),
            (Self::GooglePay, has("googlePay")),
            (Self::ApplePay, has("applePay")),
            (Self::RecurringToken, has("recurringToken")),
            (Self::Parent, has("parentPaymentId")),
            (Self::Method, moving_methods.iter().any(listed)),
        ];
        found.into_iter().filter(|(_, is_it)| *is_it).map(|(mover, _)| mover).collect()
    }

    /// Whether it is never stored, not even encrypted.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, Self::Card | Self::GooglePay | Self::ApplePay)
    }
}

pub(super) fn kind_of(movers: &BTreeSet<Mover>) -> Kind {
    if movers.is_empty() { Kind::Inert } else { Kind::Moving }
}

impl fmt::Display for Mover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into())
    }
}
