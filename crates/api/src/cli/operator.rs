use std::collections::BTreeSet;

use clap::Args as ClapArgs;
use domain::{Actor, ShopName};
use orchestrator::Clock as _;
use store::{Database, KeyRecord, Scope, Stored};

use super::{CommandError, Output};
use crate::clock::SystemClock;
use crate::http::digest;
use crate::settings::Secret;

/// Whoever does something by hand proves who they are, as over HTTP: the ledger names their key.
#[derive(Debug, ClapArgs)]
pub(super) struct KeyArg {
    /// Your key, which needs the scope ops:write. In the environment nobody else sees it.
    #[arg(long = "key", env = "OPERATOR_KEY", hide_env_values = true, value_name = "KEY")]
    key: Secret,
}

/// A person whose key is good for it.
pub(super) struct Operator {
    key: KeyRecord,
}

impl Operator {
    /// The person behind the key.
    pub(super) async fn of(arg: &KeyArg, database: &Database) -> Result<Self, CommandError> {
        let digest = digest(arg.key.expose());
        let known = database.keys.key_by_digest(&digest).await?;
        let known = known.filter(|key| key.opens(&digest, SystemClock.now()));
        let key = known.ok_or_else(|| CommandError::Usage("the key is unknown, revoked or expired".to_owned()))?;
        if key.scopes.contains(&Scope::OpsWrite) || key.scopes.contains(&Scope::Admin) {
            Ok(Self { key })
        } else {
            Err(CommandError::Usage("the key has not the scope ops:write".to_owned()))
        }
    }

    /// Who it is, for the ledger.
    pub(super) fn actor(&self) -> Actor {
        Actor { key: self.key.id, name: self.key.name.clone() }
    }

    /// Whether the key has this scope as well.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.key.scopes.contains(&scope) || self.key.scopes.contains(&Scope::Admin)
    }

    /// The shops that the key may see; empty means all.
    pub(super) fn shops(&self) -> &BTreeSet<ShopName> {
        &self.key.shops
    }

    /// Whether the key may see this shop.
    pub(super) fn may_see(&self, shop: &ShopName) -> bool {
        self.key.shops.is_empty() || self.key.shops.contains(shop)
    }

    /// Whether it may see all of them.
    pub(super) fn sees_all(&self) -> bool {
        self.key.shops.is_empty()
    }

    /// The one payment that has this name and that the key may see; none, and it is said, if there is not exactly one.
    pub(super) async fn payment(
        &self,
        name: &str,
        database: &Database,
        output: &Output,
    ) -> Result<Option<Stored>, CommandError> {
        let found = database.reads.find(name).await?;
        let mut found = found.into_iter().filter(|stored| self.may_see(&stored.payment.opening.shop));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(Some(only)),
            (None, _) => {
                output.error("no payment has this name");
                Ok(None)
            }
            (Some(_), Some(_)) => {
                output.error("several payments have this name");
                Ok(None)
            }
        }
    }
}
