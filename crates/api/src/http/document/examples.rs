//! Examples: what tests really sent and were answered. `WRITE_EXAMPLES=1` has the stories write them anew.

use serde_json::{Map, Value, json};
use strum::VariantArray as _;

use crate::http::problem::Kind;

const WRITTEN: &str = include_str!("examples.json");

/// Puts them where they belong.
pub(super) fn put_into(document: &mut Value) {
    let written: Value = serde_json::from_str(WRITTEN).unwrap_or_default();
    document["components"]["examples"] = problems(&written["problems"]);
    let paths = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        for (status, example) in written["operations"][&id].as_object().into_iter().flatten() {
            put_answer(operation, status, &example["answer"]);
            put_request(operation, status, &example["request"]);
        }
        for response in operation["responses"].as_object_mut().into_iter().flat_map(Map::values_mut) {
            put_problems(response, &written["problems"]);
        }
    }
}

/// One for each code.
fn problems(written: &Value) -> Value {
    let example = |kind: &Kind| {
        let value = written.get(kind.code())?;
        Some((kind.code().to_owned(), json!({ "summary": kind.title(), "value": value })))
    };
    Kind::VARIANTS.iter().filter_map(example).collect::<Map<_, _>>().into()
}

fn put_answer(operation: &mut Value, status: &str, example: &Value) {
    let content = operation.pointer_mut(&format!("/responses/{status}/content/application~1json"));
    if let Some(content) = content.filter(|_| !example.is_null()) {
        content["examples"] = json!({ "example": { "value": example } });
    }
}

fn put_request(operation: &mut Value, status: &str, example: &Value) {
    let content = operation.pointer_mut("/requestBody/content/application~1json");
    if let Some(content) = content.filter(|_| !example.is_null()) {
        content["examples"][status] = json!({ "summary": format!("answered with {status}"), "value": example });
    }
}

fn put_problems(response: &mut Value, written: &Value) {
    let codes = response["x-problem-codes"].clone();
    let codes = codes.as_array().into_iter().flatten().filter_map(Value::as_str);
    let examples: Map<String, Value> = codes
        .filter(|code| written.get(code).is_some())
        .map(|code| (code.to_owned(), json!({ "$ref": format!("#/components/examples/{code}") })))
        .collect();
    if let Some(content) = response.pointer_mut("/content/application~1problem+json") {
        content["examples"] = examples.into();
    }
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use super::*;

    /// The schema, with what it refers to.
    fn assert_fits(place: &str, schema: &Value, example: &Value, document: &Value) {
        let mut root = schema.clone();
        root["components"] = document["components"].clone();
        let validator = jsonschema::options().should_validate_formats(true).build(&root).unwrap();
        let wrong: Vec<String> = validator.iter_errors(example).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{place}: {wrong:?}\n{example}");
    }

    #[test]
    fn every_operation_was_run_by_a_test_and_shows_what_was_sent_and_answered() {
        let document = document();
        let written: Value = serde_json::from_str(WRITTEN).unwrap();
        let mut left = written["operations"].as_object().unwrap().clone();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let place = format!("{method} {path}");
                let run = left.remove(operation["operationId"].as_str().unwrap());
                assert!(run.is_some(), "{place}: no test has run it; run the stories with WRITE_EXAMPLES=1");
                let successes =
                    operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
                let contents = successes.filter_map(|(_, response)| response.pointer("/content/application~1json"));
                let contents: Vec<&Value> = contents.filter(|_| path != "/openapi.json").collect();
                let examples: Vec<(&Value, &Value)> = contents
                    .iter()
                    .flat_map(|content| {
                        content["examples"]
                            .as_object()
                            .into_iter()
                            .flat_map(Map::values)
                            .map(|one| (&content["schema"], &one["value"]))
                    })
                    .collect();
                assert!(contents.is_empty() || !examples.is_empty(), "{place} has no example of an answer");
                for (schema, example) in examples {
                    assert_fits(&place, schema, example, &document);
                }
                let Some(body) = operation.pointer("/requestBody/content/application~1json") else { continue };
                let requests: Vec<&Value> = body["examples"].as_object().into_iter().flat_map(Map::values).collect();
                assert!(
                    operation["requestBody"]["required"] == false || !requests.is_empty(),
                    "{place} has no example of a request"
                );
                for request in requests {
                    assert_fits(&place, &body["schema"], &request["value"], &document);
                }
            }
        }
        assert!(left.is_empty(), "no longer operations: {:?}", left.keys());
    }

    #[test]
    fn every_problem_was_answered_in_a_test_and_shows_what_was_told() {
        let document = document();
        for kind in Kind::VARIANTS {
            let example = &document["components"]["examples"][kind.code()]["value"];
            assert_eq!(
                example["code"],
                kind.code(),
                "no test was answered with it; run the stories with WRITE_EXAMPLES=1"
            );
            assert_fits(kind.code(), &json!({ "$ref": "#/components/schemas/Problem" }), example, &document);
            let codes =
                document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
            let mut responses = codes.flat_map(|operation| operation["responses"].as_object().unwrap().values());
            let is_general = matches!(kind, Kind::MethodNotAllowed);
            assert!(
                is_general
                    || responses.any(|response| response["x-problem-codes"]
                        .to_string()
                        .contains(&format!("\"{}\"", kind.code()))),
                "{kind:?} is nowhere"
            );
        }
    }
}
