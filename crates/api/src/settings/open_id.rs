use std::collections::BTreeSet;

use domain::ShopName;
use serde::{Deserialize, Serialize};
use store::Scope;
use url::Url;

use super::load::{InvalidSettings, check_address, wrong};
use super::{Secret, Settings};

/// `[console.openid]`
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct OpenId {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Secret,
    pub name: String,
    pub scopes: Vec<String>,
    pub person_claim: String,
    pub groups_claim: String,
    pub groups: Vec<Group>,
    pub answer_seconds: u64,
}

/// `[[console.openid.groups]]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "see Settings")]
pub struct Group {
    pub group: String,
    pub scopes: BTreeSet<Scope>,
    #[serde(default)]
    pub shops: BTreeSet<ShopName>,
}

impl OpenId {
    /// Whether people sign in by it.
    pub fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }
}

/// The longest name of a button.
const NAME_MAX: usize = 60;
/// The longest that a person waits for an answer of somebody else.
const ANSWER_SECONDS_MAX: u64 = 60;

impl Settings {
    /// Whoever signs people in is named with all that it takes, or not at all; and somebody must be able to sign in.
    pub(super) fn check_open_id(&self) -> Result<(), InvalidSettings> {
        let openid = &self.console.openid;
        check_console_url(&self.console.public_url)?;
        if !openid.is_on() {
            return self.check_no_open_id();
        }
        check_issuer(&openid.issuer)?;
        if self.console.public_url.is_empty() {
            let problem = "is missing; browsers come back to it from console.openid.issuer; set it to where they find \
                           the console, such as https://payments.shop.example";
            return Err(wrong("console.public_url", problem));
        }
        if openid.client_id.is_empty() {
            return Err(wrong("console.openid.client_id", "is missing; the issuer gives one to this service"));
        }
        if !openid.client_secret.is_set() {
            return Err(wrong("console.openid.client_secret", "is missing; set CONSOLE__OPENID__CLIENT_SECRET"));
        }
        if openid.name.is_empty() || openid.name.chars().count() > NAME_MAX {
            return Err(wrong("console.openid.name", &format!("must have 1 to {NAME_MAX} characters")));
        }
        let is_word = |scope: &String| !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic());
        if !openid.scopes.iter().all(is_word) || !openid.scopes.iter().any(|scope| scope == "openid") {
            return Err(wrong("console.openid.scopes", "must be words without blanks, \"openid\" among them"));
        }
        for (key, claim) in [("person_claim", &openid.person_claim), ("groups_claim", &openid.groups_claim)] {
            if claim.is_empty() {
                return Err(wrong(&format!("console.openid.{key}"), "is missing; name a claim of the ID token"));
            }
        }
        if !(1..=ANSWER_SECONDS_MAX).contains(&openid.answer_seconds) {
            return Err(wrong("console.openid.answer_seconds", &format!("must be 1 to {ANSWER_SECONDS_MAX}")));
        }
        self.check_groups()
    }

    fn check_no_open_id(&self) -> Result<(), InvalidSettings> {
        let openid = &self.console.openid;
        if !openid.client_id.is_empty() || openid.client_secret.is_set() || !openid.groups.is_empty() {
            return Err(wrong("console.openid.issuer", "is missing, and the rest of it is there"));
        }
        if !self.console.keys {
            let problem = "is false, and nobody could sign in; set it to true, or console.openid.issuer";
            return Err(wrong("console.keys", problem));
        }
        Ok(())
    }

    fn check_groups(&self) -> Result<(), InvalidSettings> {
        let groups = &self.console.openid.groups;
        if groups.is_empty() {
            let problem = "there is none, and nobody could sign in; say what the people of one group may do";
            return Err(wrong("console.openid.groups", problem));
        }
        let mut seen = BTreeSet::new();
        for (place, group) in (1..).zip(groups) {
            let problem = if group.group.is_empty() {
                "has no name"
            } else if !seen.insert(&group.group) {
                "stands there twice"
            } else if ![Scope::OpsRead, Scope::Admin].iter().any(|scope| group.scopes.contains(scope)) {
                "must have the scope ops:read (or admin), which the console needs"
            } else if !group.shops.iter().all(|shop| self.shops.contains_key(shop)) {
                "names a shop that is none of [shops]"
            } else {
                continue;
            };
            return Err(wrong("console.openid.groups", &format!("group {place}: {problem}")));
        }
        Ok(())
    }
}

/// It is compared letter by letter with what the issuer calls itself, and written before a path.
fn check_issuer(text: &str) -> Result<(), InvalidSettings> {
    check_address("console.openid.issuer", text)?;
    let is_plain = |url: Url| {
        let holds_secret = !url.username().is_empty() || url.password().is_some();
        url.query().is_none() && url.fragment().is_none() && !holds_secret
    };
    if Url::parse(text).is_ok_and(is_plain) {
        return Ok(());
    }
    Err(wrong("console.openid.issuer", "must hold no query, no fragment, no user and no password"))
}

fn check_console_url(text: &str) -> Result<(), InvalidSettings> {
    if text.is_empty() {
        return Ok(());
    }
    check_address("console.public_url", text)?;
    let is_origin = |url: &Url| text.trim_end_matches('/') == url.origin().ascii_serialization();
    if Url::parse(text).is_ok_and(|url| is_origin(&url)) {
        return Ok(());
    }
    let problem = "must be a scheme and a host alone, in small letters, such as https://payments.shop.example; the \
                   console is at its /console";
    Err(wrong("console.public_url", problem))
}
