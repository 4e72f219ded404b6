//! The bodies of orders.

use domain::{
    BillingAddress, Browser, Card, Currency, Customer, GatewayPaymentId, Money, PaymentId, PaymentMethod, ReferenceId,
    SecretText, ShopName, Subscription, Text,
};
use serde_json::{Map, Value, json};

use super::super::fields::{may, needed, object};
use super::super::wire::{Pairs, Wire};
use crate::http::order::{METADATA_MAX, PARAMETERS_MAX};

type Metadata = Pairs<Text<40>, Text<500>, METADATA_MAX>;
type AdditionalParameters = Pairs<Text<128>, Text<1024>, PARAMETERS_MAX>;

/// What may be ordered: a refund is made under its payment.
struct OrderedType;

impl Wire for OrderedType {
    fn schema() -> Value {
        json!({ "type": "string", "enum": ["DEPOSIT", "WITHDRAWAL"] })
    }
}

/// The flow that is asked for.
struct AskedFlow;

impl Wire for AskedFlow {
    fn schema() -> Value {
        json!({ "type": "string", "enum": ["AUTO", "REDIRECT", "H2H"] })
    }
}

/// Of `POST /v1/payments`.
pub(super) fn payment() -> Value {
    object([
        needed::<ReferenceId>("referenceId").told(
            "yours, unique in the shop: chosen once, made durable before the first call, and sent again unchanged",
        ),
        needed::<OrderedType>("paymentType"),
        needed::<Money>("amount")
            .told("an exact decimal, with no more digits than the currency has; 0 only with `preAuth`"),
        needed::<Currency>("currency"),
        may::<PaymentMethod>("paymentMethod").told("one of the gateway's methods"),
        may::<AskedFlow>("flow").told("`AUTO`, which is the default: the rules of the settings decide"),
        may::<Customer>("customer"),
        may::<BillingAddress>("billingAddress"),
        may::<Card>("card").told("goes with neither of the wallets"),
        may::<Map<String, Value>>("googlePay").told("`PaymentData` as Google Pay gave it"),
        may::<Map<String, Value>>("applePay").told("`ApplePayPaymentToken` as Apple Pay gave it"),
        may::<Text<512>>("description"),
        may::<Text<512>>("returnUrl").told("where the customer comes back to"),
        may::<AdditionalParameters>("additionalParameters").told("passed on to the gateway"),
        may::<bool>("preAuth").told("hold the money only; deposits"),
        may::<bool>("startRecurring").told("begin a chain of payments; deposits"),
        may::<SecretText<512>>("recurringToken").told("go on with a chain; deposits"),
        may::<PaymentId>("parentPaymentId").told("the first payment of the chain"),
        may::<GatewayPaymentId>("gatewayParentPaymentId").told("the same, where it was begun elsewhere"),
        may::<Subscription>("subscription").told("goes with `startRecurring`"),
        may::<Text<64>>("checkoutStyle"),
        may::<Browser>("browser"),
        may::<Metadata>("metadata").told("yours: never sent to the gateway; you can list by it"),
        may::<ShopName>("shop").told("the default one if it is left out"),
    ])
}

/// Of `POST /v1/payments/{id}/refunds`.
pub(super) fn refund() -> Value {
    object([
        needed::<ReferenceId>("referenceId").told("the refund's own"),
        may::<Money>("amount").told("all that is left if it is left out"),
        may::<Metadata>("metadata"),
        may::<bool>("dryRun").told("do nothing, and say what would be done"),
    ])
}
