use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a caller asked for, field by field, as keyed digests: two requests can be compared, and the fields
/// that differ be named, without keeping any value.
///
/// Computed by the orchestrator, which holds the key; compared here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(BTreeMap<String, String>);

impl Fingerprint {
    /// From pairs of a JSON pointer (RFC 6901) and the digest of what stands there.
    pub fn new(digests: BTreeMap<String, String>) -> Self {
        Self(digests)
    }

    /// The pointers of the fields that differ, one side missing included; empty if the requests are the same.
    pub fn differences(&self, other: &Fingerprint) -> Vec<String> {
        let here = self.0.iter().filter(|(pointer, digest)| other.0.get(*pointer) != Some(digest));
        let there = other.0.iter().filter(|(pointer, _)| !self.0.contains_key(*pointer));
        let mut pointers: Vec<String> = here.chain(there).map(|(pointer, _)| pointer.clone()).collect();
        pointers.sort();
        pointers
    }
}
