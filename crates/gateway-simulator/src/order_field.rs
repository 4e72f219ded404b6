//! The name of a field of POST payments, for a shop that asks for more than the contract does (section 6.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::field::{Field, Rule};
use crate::json_object::JsonObject;
use crate::order::ORDER;

/// A field of the contract's table, with dots where it is nested: `customer.lastName`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct OrderField(String);

/// The contract has no such field, so a shop that asked for it could never be paid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a field of POST payments")]
pub struct NotAnOrderField(String);

impl TryFrom<String> for OrderField {
    type Error = NotAnOrderField;

    fn try_from(name: String) -> Result<Self, NotAnOrderField> {
        if is_field_of(ORDER, &name) { Ok(Self(name)) } else { Err(NotAnOrderField(name)) }
    }
}

impl From<OrderField> for String {
    fn from(field: OrderField) -> Self {
        field.0
    }
}

impl OrderField {
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// Whether an order leaves it out. An empty text is as good as none.
    pub(crate) fn is_missing_in(&self, order: &JsonObject<'_>) -> bool {
        is_missing(order, &self.0)
    }
}

fn is_field_of(table: &[Field], path: &str) -> bool {
    let (name, nested) = path.split_once('.').map_or((path, None), |(name, nested)| (name, Some(nested)));
    let field = table.iter().find(|field| field.name == name);
    field.is_some_and(|field| match (nested, &field.rule) {
        (None, _) => true,
        (Some(nested), Rule::Object(table)) => is_field_of(table, nested),
        (Some(_), _) => false,
    })
}

fn is_missing(object: &JsonObject<'_>, path: &str) -> bool {
    match path.split_once('.') {
        None => object.get(path).is_none_or(|value| value.get() == "\"\""),
        Some((name, nested)) => object.get(name).is_none_or(|value| {
            serde_json::from_str::<JsonObject<'_>>(value.get()).is_ok_and(|object| is_missing(&object, nested))
        }),
    }
}
