//! How values are written: a JSON Schema (2020-12) for each type that requests are read with or answers are made of, with the
//! bounds of that type.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::net::IpAddr;

use domain::{
    BillingAddress, BreakKind, Browser, Card, CardNumber, CommandKind, CountryCode, Currency, Customer, DateText,
    Email, ExpiryMonth, ExpiryYear, Flag, Flow, GatewayPaymentId, Locale, Money, NextStep, PaymentId, PaymentMethod,
    PaymentState, PaymentType, PersonalText, Phone, ReferenceId, RetryStrategy, SecretText, SecurityCode, ShopName,
    Source, StuckReason, Subscription, Switch, Text, Time, Verdict, Via,
};
use export::{Format, Report};
use gateway_client::request::CustomerReference;
use gateway_client::vocabulary::{AccountType, DocumentType, FrequencyUnit};
use ipnet::IpNet;
use orchestrator::{BulkDeed, EventPattern};
use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use store::{
    Against, BreakState, BulkTrouble, Cause, DeliveryState, ExportState, Payload as EventPayload, RunState, RunStep,
    Scope,
};
use strum::VariantArray;
use uuid::Uuid;

use super::fields::{may, needed, object};
use crate::http::bulk_actions::BulkName;
use crate::http::cursor::Cursor;
use crate::http::problem::{Effect, Kind, Retry};
use crate::http::query::Query;
use crate::http::wait::WAIT_MAX;
use crate::http::webhooks_in::VerdictFilter;
use crate::keys::Stays;

/// A type whose values stand in requests or answers.
pub(in crate::http) trait Wire {
    /// What may stand there.
    fn schema() -> Value;
}

/// In the schema of an answer: written as a `T`, whatever the field is made of.
pub(in crate::http) struct As<T>(PhantomData<T>);

/// An id that we made.
pub(in crate::http) type Id = As<Uuid>;
/// A moment.
pub(in crate::http) type Moment = As<Time>;
/// An exact decimal.
pub(in crate::http) type Amount = As<Decimal>;
/// An object whose members are told elsewhere.
pub(in crate::http) type Object = As<serde_json::Map<String, Value>>;

impl<T: Wire> JsonSchema for As<T> {
    fn schema_name() -> Cow<'static, str> {
        std::any::type_name::<T>().into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::try_from(T::schema()).unwrap_or_default()
    }
}

/// Everything but control characters.
const CLEAN: &str = "^[^\\u0000-\\u001F\\u007F-\\u009F]*$";

fn clean_text(longest: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": longest, "pattern": CLEAN })
}

fn pattern(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

impl<const MAX: usize> Wire for Text<MAX> {
    fn schema() -> Value {
        clean_text(MAX)
    }
}

impl<const MAX: usize> Wire for PersonalText<MAX> {
    fn schema() -> Value {
        clean_text(MAX)
    }
}

impl<const MAX: usize> Wire for SecretText<MAX> {
    fn schema() -> Value {
        clean_text(MAX)
    }
}

/// Types whose values are all alike.
macro_rules! written {
    ($($type:ty => $schema:expr),* $(,)?) => {
        $(impl Wire for $type {
            fn schema() -> Value {
                $schema
            }
        })*
    };
}

written! {
    bool => json!({ "type": "boolean" }),
    u32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
    u64 => json!({ "type": "integer", "minimum": 0 }),
    i32 => json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX }),
    String => json!({ "type": "string" }),
    Value => json!({}),
    serde_json::Map<String, Value> => json!({ "type": "object", "additionalProperties": true }),
    Uuid => json!({ "type": "string", "format": "uuid" }),
    PaymentId => Uuid::schema(),
    Time => json!({ "type": "string", "format": "date-time" }),
    Decimal => pattern("^-?[0-9]+(\\.[0-9]+)?$"),
    Cursor => pattern("^[A-Za-z0-9_-]{32}$"),
    CustomerReference => pattern("^[A-Za-z0-9_-]{1,128}$"),
    ReferenceId => clean_text(ReferenceId::LENGTH_MAX),
    Currency => pattern("^[A-Z0-9]{3,12}$"),
    ShopName => pattern("^[a-z0-9_-]{1,64}$"),
    GatewayPaymentId => pattern("^[A-Za-z0-9]{1,32}$"),
    PaymentMethod => pattern("^[A-Z0-9_]{1,64}$"),
    CountryCode => pattern("^[A-Z]{2}$"),
    DateText => json!({ "type": "string", "format": "date" }),
    Email => json!({ "type": "string", "maxLength": 256, "pattern": "^[^@\\s\\u0000-\\u001F\\u007F-\\u009F]+@[^@\\s\\u0000-\\u001F\\u007F-\\u009F]+$" }),
    Phone => json!({ "type": "string", "maxLength": 18, "pattern": "^[0-9]+ [0-9]+$" }),
    Locale => pattern("^[A-Za-z]{2}$"),
    IpAddr => json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }),
    IpNet => pattern("^[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}$"),
    CardNumber => json!({ "type": "string", "minLength": 12, "maxLength": 23, "pattern": "^[0-9 -]*$" }),
    SecurityCode => pattern("^[0-9]{3,4}$"),
    ExpiryMonth => pattern("^(0[1-9]|1[0-2])$"),
    ExpiryYear => pattern("^20[0-9]{2}$"),
    Money => json!({ "anyOf": [
        { "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?$" },
        { "type": "number", "minimum": 0, "maximum": 1_000_000_000 },
    ] }),
    EventPattern => {
        let words = |names: Vec<String>| names.join("|").to_lowercase();
        let types = words(PaymentType::VARIANTS.iter().map(ToString::to_string).collect());
        let states = words(PaymentState::VARIANTS.iter().map(ToString::to_string).collect());
        pattern(&format!("^({types}|\\*)\\.({states}|\\*)$"))
    },
    BulkDeed => json!({
        "type": "object",
        "required": ["action"],
        "properties": {
            "action": BulkName::schema(),
            "until": Time::schema(),
            "assignee": { "type": ["string", "null"] },
        },
    }),
    BulkTrouble => json!({
        "type": "object",
        "required": ["of", "why"],
        "properties": { "of": Uuid::schema(), "why": { "type": "string" } },
    }),
    BillingAddress => object([
        may::<PersonalText<300>>("addressLine1"),
        may::<PersonalText<300>>("addressLine2"),
        may::<PersonalText<50>>("city"),
        may::<CountryCode>("countryCode"),
        may::<PersonalText<12>>("postalCode"),
        may::<PersonalText<40>>("state"),
    ]),
    Browser => object([
        may::<CountryCode>("ipCountryCode"),
        may::<PersonalText<512>>("customerUserAgent"),
        may::<u32>("browserWindowWidth"),
        may::<u32>("browserWindowHeight"),
        may::<u32>("browserScreenWidth"),
        may::<u32>("browserScreenHeight"),
        may::<u32>("browserScreenColorDepth"),
        may::<PersonalText<32>>("browserLanguage"),
        may::<bool>("browserJavaEnabled"),
        may::<i32>("browserTimezoneOffset").told("minutes, with the sign that JavaScript gives it"),
    ]),
    Customer => object([
        may::<PersonalText<128>>("referenceId"),
        may::<CountryCode>("citizenshipCountryCode"),
        may::<PersonalText<128>>("firstName"),
        may::<PersonalText<128>>("lastName"),
        may::<DateText>("dateOfBirth"),
        may::<Email>("email"),
        may::<Phone>("phone").told("dialling code, one space, number: `357 123123123`"),
        may::<Locale>("locale"),
        may::<PersonalText<256>>("accountNumber"),
        may::<PersonalText<64>>("accountName"),
        may::<AccountType>("accountType"),
        may::<PersonalText<64>>("bank"),
        may::<PersonalText<64>>("bankCode"),
        may::<PersonalText<64>>("bankBranch"),
        may::<PersonalText<64>>("bankBranchCode"),
        may::<DocumentType>("documentType"),
        may::<PersonalText<64>>("documentNumber"),
        may::<PersonalText<64>>("routingGroup"),
        may::<bool>("kycStatus"),
        may::<bool>("paymentInstrumentKycStatus"),
        may::<DateText>("dateOfFirstDeposit"),
        may::<u32>("depositsAmount"),
        may::<u32>("withdrawalsAmount"),
        may::<u32>("depositsCnt"),
        may::<u32>("withdrawalsCnt"),
        may::<IpAddr>("ip").told("needed where `flow` is `H2H`"),
    ]),
    Card => object([
        may::<CardNumber>("cardNumber").told("or `cardToken`; the Luhn check is made"),
        may::<SecretText<32>>("cardToken"),
        may::<SecretText<128>>("cardholderName"),
        may::<SecurityCode>("cardSecurityCode"),
        may::<ExpiryMonth>("expiryMonth").told("goes with `expiryYear`"),
        may::<ExpiryYear>("expiryYear"),
    ]),
    RetryStrategy => object([
        needed::<Count>("frequency"),
        needed::<Count>("numberOfCycles"),
        may::<FrequencyUnit>("frequencyUnit"),
        may::<Vec<Count>>("amountAdjustments"),
    ]),
    Subscription => object([
        needed::<Count>("frequency"),
        may::<FrequencyUnit>("frequencyUnit"),
        may::<Money>("amount"),
        may::<Time>("startTime"),
        may::<Count>("numberOfCycles"),
        may::<Text<512>>("description"),
        may::<RetryStrategy>("retryStrategy"),
    ]),
}

/// A whole number, at least 1.
pub(super) struct Count;

impl Wire for Count {
    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema() })
    }
}

/// At most so many pairs.
pub(super) struct Pairs<Name, Text, const MAX: usize>(PhantomData<BTreeMap<Name, Text>>);

impl<Name: Wire, Text: Wire, const MAX: usize> Wire for Pairs<Name, Text, MAX> {
    fn schema() -> Value {
        json!({
            "type": "object", "maxProperties": MAX, "propertyNames": Name::schema(), "additionalProperties": Text::schema(),
        })
    }
}

/// Types whose values are words, each with all of its words.
macro_rules! words {
    ($($type:ty),* $(,)?) => {
        $(impl Wire for $type {
            fn schema() -> Value {
                let words = <$type>::VARIANTS.iter().map(<&'static str>::from);
                json!({ "type": "string", "enum": words.collect::<Vec<_>>() })
            }
        })*
    };
}

words! {
    AccountType, Against, BreakKind, BreakState, BulkName, Cause, CommandKind, DeliveryState, DocumentType, Effect, EventPayload,
    ExportState, Flag, Flow, Format, FrequencyUnit, Kind, NextStep, PaymentState, PaymentType, Report, Retry, RunState,
    RunStep, Scope, Source, Stays, StuckReason, Switch, Verdict, VerdictFilter, Via,
}

/// How many items a page may have.
pub(super) struct Limit;

impl Wire for Limit {
    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 1, "maximum": Query::LIMIT_MAX, "default": Query::LIMIT })
    }
}

/// Seconds that an answer may be held.
pub(super) struct Wait;

impl Wire for Wait {
    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 0, "maximum": WAIT_MAX.as_secs() })
    }
}

/// A place in the feed of events, as text.
pub(super) struct Place;

impl Wire for Place {
    fn schema() -> Value {
        pattern("^[0-9]{1,18}$")
    }
}

/// The name of a request: a string of RFC 8941, or the same without quotation marks.
pub(super) struct IdempotencyKey;

impl Wire for IdempotencyKey {
    fn schema() -> Value {
        pattern(r#"^("([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-+\--:<-\[\]-~]{1,255})$"#)
    }
}

/// The version of a payment, as `If-Match` has it: its `ETag`, or the version alone.
pub(super) struct Version;

impl Wire for Version {
    fn schema() -> Value {
        pattern(r#"^(\*|[0-9]{1,18}(-[!-~]*)?|"[0-9]{1,18}(-[!-~]*)?")$"#)
    }
}

/// One of two answers.
pub(super) struct Either<One, Other>(PhantomData<(One, Other)>);

impl<One: JsonSchema, Other: JsonSchema> JsonSchema for Either<One, Other> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}", One::schema_name(), Other::schema_name()).into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [schemas.subschema_for::<One>(), schemas.subschema_for::<Other>()] })
    }
}
