//! A shop: whom a key belongs to.

use std::fmt;

use serde::Deserialize;

/// One merchant's shop: the API key of a request implies it (gateway contract, section 1).
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shop {
    /// Its name, shown as `shopName`.
    pub name: String,
    /// What the merchant sends as the Bearer token.
    pub api_key: String,
    /// What its webhooks are signed with; without one they carry no signature.
    pub signing_key: Option<String>,
    /// Where its webhooks go when the payment names no place of its own.
    pub webhook_url: Option<String>,
}

impl Shop {
    /// A shop with both keys and no webhook address.
    pub fn new(name: impl Into<String>, api_key: impl Into<String>, signing_key: impl Into<String>) -> Self {
        Self { name: name.into(), api_key: api_key.into(), signing_key: Some(signing_key.into()), webhook_url: None }
    }

    /// The same shop with a default address for its webhooks.
    #[must_use]
    pub fn with_webhook_url(self, url: impl Into<String>) -> Self {
        Self { webhook_url: Some(url.into()), ..self }
    }
}

/// Without the keys: a test's output is read by many.
impl fmt::Debug for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shop").field("name", &self.name).finish_non_exhaustive()
    }
}
