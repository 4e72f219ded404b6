use std::time::Duration;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use domain::{ShopName, Time};
use ipnet::IpNet;
use orchestrator::Clock as _;
use serde::Serialize;
use store::{KeyRecord, Scope};
use strum::VariantArray as _;
use uuid::Uuid;

use super::{CommandError, Ending, Output, connect, table};
use crate::clock::SystemClock;
use crate::http::digest;
use crate::ids::Ids;
use crate::keys::{GRACE, GRACE_MAX, Rotation, RotationError, Stays, new_key, rotate};
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
        /// The networks that it may be used from, such as 10.1.0.0/16; everywhere if none is named.
        #[arg(long = "network", value_delimiter = ',')]
        networks: Vec<IpNet>,
        /// From when on it is good for nothing, such as 2027-01-01T00:00:00Z; never if it is not said.
        #[arg(long, value_parser = moment)]
        expires_at: Option<Time>,
    },
    /// Makes a new key in the place of one, which is taken for a while longer, and prints it, this once.
    Rotate {
        /// Its id, as `list` shows it; it stays.
        id: Uuid,
        /// For how many seconds the one before is taken too; at most seven days.
        #[arg(long, default_value_t = GRACE.as_secs(), value_parser = clap::value_parser!(u64).range(..=GRACE_MAX.as_secs()))]
        grace_seconds: u64,
        /// Which one stays beside the new one, where two are live: current or previous.
        #[arg(long)]
        stays: Option<Stays>,
    },
    /// Lists the keys; the keys themselves are stored nowhere.
    List,
    /// Makes a key good for nothing.
    Revoke {
        /// Its id, as `list` shows it.
        id: Uuid,
    },
}

/// Makes, lists, changes over and revokes keys.
pub(super) async fn run(args: Args, settings: &Settings, output: &Output) -> Result<Ending, CommandError> {
    let keys = connect(settings).await?.keys;
    match args {
        Args::Create { name, scopes, shops, networks, expires_at } => {
            if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
                return Err(CommandError::Usage("--name must have 1 to 100 characters".to_owned()));
            }
            let key = new_key();
            let record = KeyRecord {
                scopes: scopes.into_iter().collect(),
                shops: shops.into_iter().collect(),
                networks: networks.iter().map(IpNet::trunc).collect(),
                expires_at,
                ..KeyRecord::new(Ids.next(), name, digest(&key).to_vec(), SystemClock.now())
            };
            keys.add_key(&record).await?;
            output.write(&Created { key: &key, record: &record }, |created| {
                format!("{}\n\nThis is the key {}. It is shown this once and stored nowhere.", created.key, record.id)
            })?;
        }
        Args::Rotate { id, grace_seconds, stays } => {
            let Some(record) = keys.keys().await?.into_iter().find(|key| key.id == id) else {
                output.error("there is no such key");
                return Ok(Ending::Found);
            };
            let (key, rotation) = (new_key(), Rotation { grace: Duration::from_secs(grace_seconds), stays });
            match rotate(keys.as_ref(), &record, &key, rotation, SystemClock.now()).await {
                Ok(record) => output.write(&Created { key: &key, record: &record }, |created| {
                    let until = record.previous.as_ref().map(|previous| previous.until.to_string()).unwrap_or_default();
                    let key = created.key;
                    format!("{key}\n\nThis is the key {id} from now on, shown this once. The one before is taken until {until}.")
                })?,
                Err(RotationError::Store(error)) => return Err(error.into()),
                Err(refused) => {
                    output.error(&refused.to_string());
                    return Ok(Ending::Found);
                }
            }
        }
        Args::List => {
            let all = keys.keys().await?;
            output.write(&all, |all| match all.as_slice() {
                [] => "there is no key".to_owned(),
                all => table(["Key", "Name", "Scopes", "Shops", "From", "Made", "Used", "State"], all.iter().map(row)),
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

fn row(key: &KeyRecord) -> [String; 8] {
    let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
    let shops: Vec<&str> = key.shops.iter().map(ShopName::as_str).collect();
    let shops = if shops.is_empty() { "all shops".to_owned() } else { shops.join(", ") };
    let networks: Vec<String> = key.networks.iter().map(ToString::to_string).collect();
    let networks = if networks.is_empty() { "anywhere".to_owned() } else { networks.join(", ") };
    let used = key.used_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let (id, name, made) = (key.id.to_string(), key.name.clone(), key.created_at.to_string());
    [id, name, scopes.join(", "), shops, networks, made, used, state(key)]
}

fn state(key: &KeyRecord) -> String {
    let now = SystemClock.now();
    match (key.revoked_at, key.expires_at, key.previous(now)) {
        (Some(at), ..) => format!("revoked {at}"),
        (None, Some(end), _) if end <= now => format!("expired {end}"),
        (None, _, Some(previous)) => format!("live, the one before until {}", previous.until),
        (None, Some(end), None) => format!("live until {end}"),
        (None, None, None) => "live".to_owned(),
    }
}

fn moment(text: &str) -> Result<Time, String> {
    let read = chrono::DateTime::parse_from_rfc3339(text).map_err(|error| error.to_string())?;
    Ok(Time::new(read.to_utc()))
}
