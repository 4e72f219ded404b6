use domain::{ShopName, Text, Time};
use ipnet::IpNet;
use serde_json::{Value, json};
use store::Scope;

use super::super::fields::{may, needed, object};
use super::super::operation::{Operation, Tag};
use super::super::wire::Wire;
use crate::http::keys::{KeyView, KeysView, NETWORKS_MAX, WithKey};
use crate::http::problem::Kind;
use crate::keys::{GRACE_MAX, Stays};

/// What a key may do; it may do something.
struct Scopes;

impl Wire for Scopes {
    fn schema() -> Value {
        json!({ "type": "array", "minItems": 1, "items": Scope::schema() })
    }
}

/// Where a key may be used from.
struct Networks;

impl Wire for Networks {
    fn schema() -> Value {
        json!({ "type": "array", "maxItems": NETWORKS_MAX, "items": IpNet::schema() })
    }
}

/// How long two of a key are good.
struct Grace;

impl Wire for Grace {
    fn schema() -> Value {
        json!({ "type": "integer", "minimum": 0, "maximum": GRACE_MAX.as_secs() })
    }
}

pub(super) fn operation(deed: (&str, &str)) -> Option<Operation> {
    Some(match deed {
        ("POST", "/v1/keys") => keyed("addKey", "Give somebody a key")
            .about("The key is shown this once, and stored nowhere: an `Idempotency-Key` is refused.")
            .body(object([
                needed::<Text<100>>("name").told("what the ledger calls whoever uses it"),
                needed::<Scopes>("scopes"),
                may::<Vec<ShopName>>("shops").told("of these shops; of all that this key may see if it is left out"),
                may::<Networks>("networks").told("from these networks only; from anywhere if it is left out"),
                may::<Time>("expiresAt").told("later than now; it does not end if it is left out"),
            ]))
            .answers::<WithKey<'static>>(201, "the key, and what it may")
            .saying(201, "Location", "where the key is read, without the key")
            .saying(201, "Cache-Control", "`no-store`"),
        ("GET", "/v1/keys") => keyed("listKeys", "List the keys, the oldest first")
            .answers::<KeysView<'static>>(200, "all that this key might have given"),
        ("GET", "/v1/keys/{id}") => keyed("readKey", "Read what a key may, and when it was used last")
            .of("the key")
            .answers::<KeyView<'static>>(200, "what is known of it"),
        ("DELETE", "/v1/keys/{id}") => keyed("revokeKey", "Revoke a key")
            .of("the key")
            .answers_empty(204, "within seconds it is good for nothing any more"),
        ("POST", "/v1/keys/{id}/rotate") => keyed("rotateKey", "Change a key over to a new one")
            .about("Both are taken for a while. The new one is shown this once: an `Idempotency-Key` is refused.")
            .of("the key")
            .optional_body(object([
                may::<Grace>("graceSeconds").told("how long the one that stays is taken; a day if it is left out"),
                may::<Stays>("stays").told("which one stays beside the new one; needed where two are live"),
            ]))
            .answers::<WithKey<'static>>(200, "the new key, and what it may")
            .saying(200, "Cache-Control", "`no-store`")
            .problems(&[Kind::NotInThisState, Kind::VersionChanged]),
        _ => return None,
    })
}

fn keyed(id: &'static str, summary: &'static str) -> Operation {
    Operation::with_key(id, Tag::Keys, &[Scope::Admin], summary)
}
