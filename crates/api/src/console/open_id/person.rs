use domain::Text;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use store::Person;
use uuid::{Builder, Uuid};

use super::Refusal;
use crate::settings::{Group, OpenId};

/// As long as the name of a key.
type Name = Text<100>;
/// The longest name of a person that the provider goes by (OIDC Core, section 2).
const SUBJECT_MAX: usize = 255;

/// The person that an ID token is about, with what the settings let them do.
pub(super) fn of(claims: &Value, settings: &OpenId) -> Result<Person, Refusal> {
    let subject = claims["sub"].as_str().filter(|subject| (1..=SUBJECT_MAX).contains(&subject.len()));
    let subject = subject.ok_or(Refusal::Untrusted("the ID token does not say whom it is about"))?;
    let name = name(claims, &settings.person_claim).or_else(|| readable(subject)).ok_or(Refusal::NoName)?;
    let group = group(claims, settings).ok_or(Refusal::NoGroup)?;
    let (scopes, shops) = (group.scopes.clone(), group.shops.clone());
    Ok(Person { id: id(&settings.issuer, subject), name, scopes, shops })
}

/// The same for the same person always, and for no two: nothing else in a token is (OIDC Core, section 5.7). Names
/// and addresses may be given to somebody else.
fn id(issuer: &str, subject: &str) -> Uuid {
    let mut digest = Sha256::new();
    digest.update((issuer.len() as u64).to_be_bytes());
    digest.update(issuer);
    digest.update(subject);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// An address that nobody has verified may be somebody else's.
fn name(claims: &Value, claim: &str) -> Option<String> {
    let is_unverified =
        claim == "email" && matches!(claims["email_verified"].to_string().as_str(), "false" | "\"false\"");
    let name = find(claims, claim)?.as_str().filter(|_| !is_unverified)?;
    readable(name)
}

/// What can stand in the ledger.
fn readable(name: &str) -> Option<String> {
    let name: Name = name.parse().ok()?;
    (!orchestrator::holds_card_number(name.as_str())).then(|| name.into())
}

/// The first of the settings' groups that the person is in.
fn group<'a>(claims: &Value, settings: &'a OpenId) -> Option<&'a Group> {
    let told = find(claims, &settings.groups_claim)?;
    let is_in = |group: &&Group| match told {
        Value::Array(names) => names.iter().any(|name| name == group.group.as_str()),
        single => single == group.group.as_str(),
    };
    settings.groups.iter().find(is_in)
}

/// A claim by its name, or by the path to it where it stands within others.
fn find<'a>(claims: &'a Value, claim: &str) -> Option<&'a Value> {
    if claim.starts_with('/') { claims.pointer(claim) } else { claims.get(claim) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;
    use store::Scope;

    use super::*;

    fn settings() -> OpenId {
        let group = |name: &str, scopes: &[Scope]| Group {
            group: name.to_owned(),
            scopes: scopes.iter().copied().collect(),
            shops: [].into(),
        };
        OpenId {
            issuer: "https://login.example".to_owned(),
            client_id: "payments".to_owned(),
            client_secret: "secret".to_owned().into(),
            name: "Login".to_owned(),
            scopes: vec!["openid".to_owned()],
            person_claim: "email".to_owned(),
            groups_claim: "groups".to_owned(),
            groups: vec![group("leads", &[Scope::Admin]), group("on-call", &[Scope::OpsRead])],
            answer_seconds: 1,
        }
    }

    #[test]
    fn people_are_told_apart_by_what_the_provider_goes_by_and_by_nothing_else() {
        let told = |issuer: &str, claims: Value| of(&claims, &OpenId { issuer: issuer.to_owned(), ..settings() });
        let (one, other) = ("https://login.example", "https://other.example");
        let marta = told(one, json!({ "sub": "7", "email": "marta@shop.example", "groups": ["on-call"] })).unwrap();
        let renamed = told(one, json!({ "sub": "7", "email": "m@shop.example", "groups": ["leads"] })).unwrap();
        assert_eq!(marta.id, renamed.id, "the same person under another name");
        assert_eq!((marta.id.get_version_num(), marta.name.as_str()), (8, "marta@shop.example"));
        for (issuer, subject) in [(one, "8"), (other, "7")] {
            let somebody = json!({ "sub": subject, "email": "marta@shop.example", "groups": ["on-call"] });
            assert_ne!(told(issuer, somebody).unwrap().id, marta.id, "{issuer} {subject}");
        }
        assert!(matches!(told(one, json!({ "groups": ["leads"] })), Err(Refusal::Untrusted(_))));
        assert!(matches!(told(one, json!({ "sub": "", "groups": ["leads"] })), Err(Refusal::Untrusted(_))));
    }

    #[test]
    fn a_name_is_what_can_stand_in_the_ledger() {
        let long = "a".repeat(101);
        for (claims, name) in [
            (json!({ "email": "marta@shop.example" }), Some("marta@shop.example")),
            (json!({ "email": "marta@shop.example", "email_verified": true }), Some("marta@shop.example")),
            (json!({ "email": "boss@shop.example", "email_verified": false }), Some("7")),
            (json!({ "email": "boss@shop.example", "email_verified": "false" }), Some("7")),
            (json!({}), Some("7")),
            (json!({ "email": ["marta@shop.example"] }), Some("7")),
            (json!({ "email": "a\u{1}b" }), Some("7")),
            (json!({ "email": "4111 1111 1111 1111" }), Some("7")),
            (json!({ "email": long, "sub": long }), None),
        ] {
            let mut all = json!({ "sub": "7", "groups": ["on-call"] });
            all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
            let person = of(&all, &settings());
            assert_eq!(person.as_ref().map(|person| person.name.as_str()).ok(), name, "{claims}");
            assert!(name.is_some() || person == Err(Refusal::NoName));
        }
    }

    #[test]
    fn the_first_group_that_the_settings_name_counts_wherever_it_stands_in_the_token() {
        let in_groups = |claim: &str, claims: Value| {
            let mut all = json!({ "sub": "7" });
            all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
            of(&all, &OpenId { groups_claim: claim.to_owned(), ..settings() }).map(|person| person.scopes)
        };
        let (all, reads) = (Ok([Scope::Admin].into()), Ok([Scope::OpsRead].into()));
        assert_eq!(in_groups("groups", json!({ "groups": ["x", "on-call", "leads"] })), all);
        assert_eq!(in_groups("groups", json!({ "groups": "on-call" })), reads);
        assert_eq!(in_groups("/realm/roles", json!({ "realm": { "roles": ["on-call"] } })), reads);
        assert_eq!(in_groups("https://shop.example/groups", json!({ "https://shop.example/groups": ["leads"] })), all);
        for nothing in [json!({}), json!({ "groups": [] }), json!({ "groups": ["On-Call", 7] }), json!({ "groups": 7 })]
        {
            assert_eq!(in_groups("groups", nothing.clone()), Err(Refusal::NoGroup), "{nothing}");
        }
    }
}
