use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use domain::ShopName;
use orchestrator::Clock as _;
use serde::Serialize;
use store::{KeyRecord, Scope};
use strum::VariantArray as _;
use uuid::Uuid;

use super::{CommandError, Ending, Output, connect, table};
use crate::clock::SystemClock;
use crate::http::digest;
use crate::ids::Ids;
use crate::settings::Settings;

/// `api keys …`
#[derive(Debug, Subcommand)]
pub(super) enum Args {
    /// Makes a key and prints it, this once.
    Create {
        /// What its owner calls it.
        #[arg(long)]
        name: String,
        /// What it may do; several times, or with commas.
        #[arg(long = "scope", required = true, value_delimiter = ',', value_parser = scope())]
        scopes: Vec<Scope>,
        /// The shops that it may see; all if none is named.
        #[arg(long = "shop", value_delimiter = ',')]
        shops: Vec<ShopName>,
    },
    /// Lists the keys; the keys themselves are stored nowhere.
    List,
    /// Makes a key good for nothing.
    Revoke {
        /// Its id, as `list` shows it.
        id: Uuid,
    },
}

/// Makes, lists and revokes keys.
pub(super) async fn run(args: Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    let keys = connect(settings).await?.keys;
    match args {
        Args::Create { name, scopes, shops } => {
            if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
                return Err(CommandError::Usage("--name must have 1 to 100 characters".to_owned()));
            }
            let key = new_key();
            let record = record(&key, &name, scopes.into_iter().collect(), shops.into_iter().collect());
            keys.add_key(&record).await?;
            output.write(&Created { key: &key, record: &record }, |created| {
                format!("{}\n\nThis is the key {}. It is shown this once and stored nowhere.", created.key, record.id)
            })?;
        }
        Args::List => {
            let all = keys.keys().await?;
            output.write(&all, |all| match all.as_slice() {
                [] => "there is no key".to_owned(),
                all => table(["Key", "Name", "Scopes", "Shops", "Made", "State"], all.iter().map(row)),
            })?;
        }
        Args::Revoke { id } => {
            if !keys.revoke_key(id, SystemClock.now()).await? {
                output.error("there is no such key that is not revoked");
                return Ok(Ending::Found);
            }
            output.write(&serde_json::json!({ "revoked": id }), |_| format!("{id} is revoked"))?;
        }
    }
    Ok(Ending::Fine)
}

/// Reads a scope; help and errors list those that there are.
fn scope() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::VARIANTS.iter().map(<&'static str>::from)).try_map(|word| word.parse::<Scope>())
}

#[derive(Serialize)]
struct Created<'a> {
    key: &'a str,
    #[serde(flatten)]
    record: &'a KeyRecord,
}

/// A key: 256 random bits, and a beginning by which a scanner recognises it where it should not be.
pub(super) fn new_key() -> String {
    format!("pk_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// What is stored of a key.
pub(super) fn record(key: &str, name: &str, scopes: BTreeSet<Scope>, shops: BTreeSet<ShopName>) -> KeyRecord {
    KeyRecord {
        id: Ids.next(),
        name: name.to_owned(),
        digest: digest(key).to_vec(),
        scopes,
        shops,
        created_at: SystemClock.now(),
        revoked_at: None,
    }
}

fn row(key: &KeyRecord) -> [String; 6] {
    let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
    let shops: Vec<&str> = key.shops.iter().map(ShopName::as_str).collect();
    let shops = if shops.is_empty() { "all shops".to_owned() } else { shops.join(", ") };
    let state = key.revoked_at.map_or_else(|| "live".to_owned(), |at| format!("revoked {at}"));
    [key.id.to_string(), key.name.clone(), scopes.join(", "), shops, key.created_at.to_string(), state]
}
