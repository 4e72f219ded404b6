//! The objects of requests.

use serde_json::{Map, Value, json};

use super::wire::Wire;

/// A field of a request's object.
pub(super) struct Field {
    name: &'static str,
    schema: Value,
    needed: bool,
}

/// One that must be there.
pub(super) fn needed<T: Wire>(name: &'static str) -> Field {
    Field { name, schema: T::schema(), needed: true }
}

/// One that may be there. Absent and null are one.
pub(super) fn may<T: Wire>(name: &'static str) -> Field {
    Field { name, schema: or_null(T::schema()), needed: false }
}

impl Field {
    /// With a word for people.
    pub(super) fn told(mut self, description: &str) -> Self {
        if let Some(schema) = self.schema.as_object_mut() {
            schema.insert("description".to_owned(), description.into());
        }
        self
    }
}

/// An object with these fields and no others: an unknown one is refused.
pub(super) fn object<const N: usize>(fields: [Field; N]) -> Value {
    let needed: Vec<&str> = fields.iter().filter(|field| field.needed).map(|field| field.name).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false });
    if !needed.is_empty() {
        schema["required"] = json!(needed);
    }
    schema["properties"] =
        fields.into_iter().map(|field| (field.name.to_owned(), field.schema)).collect::<Map<_, _>>().into();
    schema
}

fn or_null(mut schema: Value) -> Value {
    let Some(members) = schema.as_object_mut() else { return schema };
    if let Some(one_type) = members.get_mut("type") {
        *one_type = json!([one_type.take(), "null"]);
        if let Some(words) = members.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
    } else if let Some(choices) = members.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.push(json!({ "type": "null" }));
    }
    schema
}
