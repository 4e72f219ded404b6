use schemars::JsonSchema;
use serde::Serialize;

/// A list that has no pages.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{View}List")]
pub(super) struct Listed<View> {
    /// All there are.
    pub(super) data: Vec<View>,
}
