//! The switches as a list for people, made of their own documentation, so that it cannot lag behind.

use std::fmt::Write as _;

use schemars::generate::SchemaSettings;
use serde_json::{Value, value::RawValue};

use crate::json_object::JsonObject;
use crate::switches::Switches;

impl Switches {
    /// Every switch with its default, what it is for, and what it may be.
    pub fn list() -> String {
        let mut list = String::new();
        for Line { name, default, field } in lines() {
            // Writing into a text cannot fail.
            let _ = write!(list, "\n  {name:<26}{default}");
            put_wrapped(&mut list, &meaning(&field), 6);
            for choice in choices(&field) {
                // What is the switch's own form is said already; what its fields are is not.
                let meaning = if *choice == field { meanings_of_fields(&field) } else { meaning(choice) };
                let _ = write!(list, "\n        {:<35} {meaning}", form(choice));
            }
        }
        list
    }

    /// Every switch by its name in JSON, and what it is for.
    pub fn described() -> Vec<(String, String)> {
        lines().into_iter().map(|Line { name, field, .. }| (name, meaning(&field))).collect()
    }
}

/// A switch as its documentation has it.
struct Line {
    name: String,
    /// As it is written in JSON.
    default: String,
    field: Value,
}

/// In the order in which the fields are written, which is that of the table.
fn lines() -> Vec<Line> {
    let schema = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<Switches>();
    let defaults = serde_json::to_string(&Switches::default()).unwrap_or_default();
    let defaults: Option<JsonObject<'_>> = serde_json::from_str(&defaults).ok();
    let line = |(name, default): (&str, &RawValue)| {
        let field = schema.get("properties").and_then(|fields| fields.get(name)).cloned().unwrap_or_default();
        Line { name: name.to_owned(), default: default.get().to_owned(), field }
    };
    defaults.iter().flat_map(JsonObject::values).map(line).collect()
}

/// What the documentation says, in one line and without the marks that only its own pages show.
fn meaning(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "")
}

fn meanings_of_fields(schema: &Value) -> String {
    let fields = schema.get("properties").and_then(Value::as_object);
    let lines: Vec<String> =
        fields.into_iter().flatten().map(|(name, field)| format!("{name}: {}", meaning(field))).collect();
    lines.join(" ")
}

/// The values that a switch can have, where they are not just any number or text.
fn choices(schema: &Value) -> Vec<&Value> {
    let alternatives = ["oneOf", "anyOf"].iter().find_map(|word| schema.get(word)?.as_array());
    match alternatives {
        // Inside a switch that may be off, what stands beside `null`.
        Some(alternatives) => alternatives.iter().filter(|it| !is_null(it)).flat_map(flattened).collect(),
        None if schema.get("properties").is_some() => vec![schema],
        None => Vec::new(),
    }
}

fn flattened(schema: &Value) -> Vec<&Value> {
    let nested = choices(schema);
    if nested.is_empty() { vec![schema] } else { nested }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
}

/// How a value is written in JSON, with `…` for what is free.
fn form(schema: &Value) -> String {
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(fields) = schema.get("properties").and_then(Value::as_object) {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{}", form(value))).collect();
        return format!("{{{}}}", fields.join(","));
    }
    let is_text = schema.get("type").is_some_and(|kind| kind == "string");
    if is_text { "\"…\"".to_owned() } else { "…".to_owned() }
}

/// Breaks lines at spaces, so that they fit beside each other in a README and in a terminal.
fn put_wrapped(list: &mut String, text: &str, indent: usize) {
    const WIDTH: usize = 110;
    let mut column = WIDTH;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column + 1 + length > WIDTH {
            list.push('\n');
            list.extend(std::iter::repeat_n(' ', indent));
            column = indent + length;
        } else {
            list.push(' ');
            column += 1 + length;
        }
        list.push_str(word);
    }
}
