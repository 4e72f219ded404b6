use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use Shape::{Flag, Integer, Object, Text, Texts};

use super::invalid::{Check, Flaw, InvalidRequest};
use crate::Secret;

/// What Google Pay gave the merchant's page: its `PaymentData` as JSON (gateway contract, appendix C).
/// Passed on as it is; only the types of the fields that the contract names are checked.
///
/// ```
/// use gateway_client::request::GooglePay;
///
/// let data = r#"{"apiVersion": 2, "paymentMethodData": {"type": "CARD", "tokenizationData": {"token": "…"}}}"#;
/// assert_eq!(format!("{:?}", GooglePay::new(data)?), "GooglePay(…)");
///
/// let refused = GooglePay::new(r#"{"apiVersion": "two"}"#).err().ok_or("it was taken")?;
/// assert_eq!(refused.to_string(), "googlePay.apiVersion must be an integer");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct GooglePay(Secret);

/// What Apple Pay gave the merchant's page: its `ApplePayPaymentToken` as JSON, with the contacts
/// beside it (gateway contract, appendix C). Passed on as it is; only the types of the fields that the
/// contract names are checked.
#[derive(Clone, PartialEq, Eq)]
pub struct ApplePay(Secret);

impl GooglePay {
    /// From the JSON text that the wallet gave.
    pub fn new(json: impl Into<Secret>) -> Result<Self, InvalidRequest> {
        checked(json.into(), "googlePay", GOOGLE_PAY).map(Self)
    }
}

impl ApplePay {
    /// From the JSON text that the wallet gave.
    pub fn new(json: impl Into<Secret>) -> Result<Self, InvalidRequest> {
        checked(json.into(), "applePay", APPLE_PAY).map(Self)
    }
}

/// What a field of a wallet's data must be.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Texts,
    Integer,
    Flag,
    Object,
}

/// Looks at the text where it stands: a parsed copy of a token would not be wiped.
fn checked(json: Secret, wallet: &'static str, table: &[(&'static str, Shape)]) -> Result<Secret, InvalidRequest> {
    let mut check = Check::default();
    if members(json.expose()).is_none() {
        check.that(false, wallet, Flaw::Form("a JSON object"));
    }
    for (path, shape) in table {
        // What is missing is allowed to be: the contract requires none of it.
        let fits = find(json.expose(), path).is_none_or(|raw| raw == "null" || shape.fits(raw));
        check.that(fits, path, Flaw::Form(shape.name()));
    }
    check.result()?;
    Ok(json)
}

/// The member at a path whose first segment names the whole.
fn find<'a>(json: &'a str, path: &str) -> Option<&'a str> {
    path.split('.').skip(1).try_fold(json, |json, name| members(json)?.get(name).map(|raw| raw.get()))
}

fn members(json: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(json).ok()
}

impl Shape {
    fn fits(self, raw: &str) -> bool {
        match self {
            Text => raw.starts_with('"'),
            Texts => serde_json::from_str::<Vec<&RawValue>>(raw)
                .is_ok_and(|items| items.iter().all(|item| Text.fits(item.get()))),
            Integer => raw.parse::<i64>().is_ok(),
            Flag => raw == "true" || raw == "false",
            Object => raw.starts_with('{'),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Text => "a text",
            Texts => "a list of texts",
            Integer => "an integer",
            Flag => "true or false",
            Object => "an object",
        }
    }
}

impl Serialize for GooglePay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        written(&self.0, serializer)
    }
}

impl Serialize for ApplePay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        written(&self.0, serializer)
    }
}

/// The very bytes that the wallet gave. Works with `serde_json` only.
fn written<S: Serializer>(json: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_str(json.expose()).map_err(serde::ser::Error::custom)?;
    raw.serialize(serializer)
}

impl fmt::Debug for GooglePay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("GooglePay(…)")
    }
}

impl fmt::Debug for ApplePay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ApplePay(…)")
    }
}

const GOOGLE_PAY: &[(&str, Shape)] = &[
    ("googlePay.apiVersion", Integer),
    ("googlePay.apiVersionMinor", Integer),
    ("googlePay.paymentMethodData", Object),
    ("googlePay.paymentMethodData.description", Text),
    ("googlePay.paymentMethodData.type", Text),
    ("googlePay.paymentMethodData.info", Object),
    ("googlePay.paymentMethodData.info.cardDetails", Text),
    ("googlePay.paymentMethodData.info.cardNetwork", Text),
    ("googlePay.paymentMethodData.info.billingAddress", Object),
    ("googlePay.paymentMethodData.info.billingAddress.address1", Text),
    ("googlePay.paymentMethodData.info.billingAddress.address2", Text),
    ("googlePay.paymentMethodData.info.billingAddress.address3", Text),
    ("googlePay.paymentMethodData.info.billingAddress.administrativeArea", Text),
    ("googlePay.paymentMethodData.info.billingAddress.countryCode", Text),
    ("googlePay.paymentMethodData.info.billingAddress.locality", Text),
    ("googlePay.paymentMethodData.info.billingAddress.name", Text),
    ("googlePay.paymentMethodData.info.billingAddress.postalCode", Text),
    ("googlePay.paymentMethodData.info.billingAddress.sortingCode", Text),
    ("googlePay.paymentMethodData.tokenizationData", Object),
    ("googlePay.paymentMethodData.tokenizationData.token", Text),
    ("googlePay.paymentMethodData.tokenizationData.type", Text),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken", Object),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.gatewayMerchantId", Text),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.messageExpiration", Text),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.messageId", Text),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethod", Text),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails", Object),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails.pan", Text),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails.expirationMonth", Integer),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails.expirationYear", Integer),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails.authMethod", Text),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails.cryptogram", Text),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails.eciIndicator", Text),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails.acsTransactionId", Text),
    ("googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails.assuranceDetails", Object),
    (
        "googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails.assuranceDetails.accountVerified",
        Flag,
    ),
    (
        "googlePay.paymentMethodData.tokenizationData.decryptedToken.paymentMethodDetails.assuranceDetails.cardHolderAuthenticated",
        Flag,
    ),
];

const APPLE_PAY: &[(&str, Shape)] = &[
    ("applePay.transactionIdentifier", Text),
    ("applePay.paymentData", Object),
    ("applePay.paymentData.version", Text),
    ("applePay.paymentData.data", Text),
    ("applePay.paymentData.signature", Text),
    ("applePay.paymentData.decryptedData", Object),
    ("applePay.paymentData.decryptedData.applicationPrimaryAccountNumber", Text),
    ("applePay.paymentData.decryptedData.applicationExpirationDate", Text),
    ("applePay.paymentData.decryptedData.currencyCode", Text),
    ("applePay.paymentData.decryptedData.cardholderName", Text),
    ("applePay.paymentData.decryptedData.transactionAmount", Integer),
    ("applePay.paymentData.decryptedData.deviceManufacturerIdentifier", Text),
    ("applePay.paymentData.decryptedData.paymentDataType", Text),
    ("applePay.paymentData.decryptedData.paymentData", Object),
    ("applePay.paymentData.decryptedData.paymentData.onlinePaymentCryptogram", Text),
    ("applePay.paymentData.decryptedData.paymentData.eciIndicator", Text),
    ("applePay.paymentData.decryptedData.paymentData.emvData", Text),
    ("applePay.paymentData.decryptedData.paymentData.encryptedPINData", Text),
    ("applePay.paymentData.header", Object),
    ("applePay.paymentData.header.applicationData", Text),
    ("applePay.paymentData.header.ephemeralPublicKey", Text),
    ("applePay.paymentData.header.publicKeyHash", Text),
    ("applePay.paymentData.header.transactionId", Text),
    ("applePay.paymentMethod", Object),
    ("applePay.paymentMethod.displayName", Text),
    ("applePay.paymentMethod.network", Text),
    ("applePay.paymentMethod.type", Text),
    ("applePay.billingContact", Object),
    ("applePay.billingContact.countryCode", Text),
    ("applePay.billingContact.administrativeArea", Text),
    ("applePay.billingContact.subAdministrativeArea", Text),
    ("applePay.billingContact.locality", Text),
    ("applePay.billingContact.subLocality", Text),
    ("applePay.billingContact.postalCode", Text),
    ("applePay.billingContact.givenName", Text),
    ("applePay.billingContact.familyName", Text),
    ("applePay.billingContact.addressLines", Texts),
    ("applePay.shippingContact", Object),
    ("applePay.shippingContact.phoneNumber", Text),
    ("applePay.shippingContact.emailAddress", Text),
];
