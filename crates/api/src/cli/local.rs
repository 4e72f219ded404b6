use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::Args as ClapArgs;
use gateway_simulator::{
    Clock as FaceClock, FaceOptions, Running, Setup, Shop, Switches, load as load_engine, serve as serve_face,
};
use orchestrator::Clock as _;
use serde::{Deserialize, Serialize};
use store::{KeyRecord, Keys, Scope};
use strum::VariantArray as _;

use super::{CommandError, Ending, Output, serve};
use crate::clock::SystemClock;
use crate::http::digest;
use crate::ids::Ids;
use crate::keys::new_key;
use crate::logs;
use crate::settings::{Settings, load};

/// `api local`
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// Where everything is kept between two starts.
    #[arg(long, value_name = "FOLDER", default_value = ".local")]
    data: PathBuf,
    /// Where the simulated gateway listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    gateway_listen: SocketAddr,
}

/// Serves on this machine alone: SQLite unless the environment names another database, and the simulated gateway
/// beside it. Made to be tried, not to be relied on: its secrets lie in a file, and its gateway is not real.
pub(super) async fn run(args: &Args, file: Option<&Path>, output: &Output) -> Result<Ending, CommandError> {
    let secrets = Secrets::kept_in(&args.data)?;
    let gateway_listener = serve::listen("the simulated gateway", args.gateway_listen)?;
    let mut settings = local_settings(args, file, &secrets, gateway_listener.local_addr()?)?;
    settings.check_for_serving()?;
    logs::start(&settings.log)?;
    let listener = serve::listen("the service", settings.http.listen)?;
    let service = format!("http://{}", listener.local_addr()?);
    if settings.public_url.is_empty() {
        settings.public_url.clone_from(&service);
    }
    let gateway = simulated_gateway(args, gateway_listener, &secrets, &service)?;
    let application = serve::start(&settings, listener).await?;
    admit(application.keys(), &secrets.caller_key).await?;

    let reference_id = format!("order-{}", SystemClock.now().utc().format("%Y%m%d-%H%M%S%3f"));
    let demo = Demo { service, gateway: gateway.url(), key: secrets.caller_key, reference_id };
    output.write(&demo, Demo::text)?;
    serve::stop_signal().await?;
    let ending = serve::stop(application).await;
    gateway.stop().await?;
    ending
}

/// The settings of a service that serves this machine alone; whatever the environment or the file says wins.
fn local_settings(
    args: &Args,
    file: Option<&Path>,
    secrets: &Secrets,
    gateway: SocketAddr,
) -> Result<Settings, CommandError> {
    let mut environment: HashMap<String, String> = HashMap::from([
        ("DATABASE__URL".to_owned(), format!("sqlite:{}", args.data.join("payments.db").display())),
        ("EXPORTS__FOLDER".to_owned(), args.data.join("exports").display().to_string()),
        ("GATEWAY__BASE_URL".to_owned(), format!("http://{gateway}")),
        ("MASTER_KEY".to_owned(), secrets.master_key.clone()),
        ("SHOPS__MAIN__API_KEY".to_owned(), secrets.api_key.clone()),
        ("SHOPS__MAIN__SIGNING_KEY".to_owned(), secrets.signing_key.clone()),
        // Receivers of events are on this machine too.
        ("WEBHOOK_ENDPOINTS__ALLOWED_NETWORKS".to_owned(), "127.0.0.0/8,::1/128".to_owned()),
        ("WEBHOOK_ENDPOINTS__ALLOW_HTTP".to_owned(), "true".to_owned()),
        ("CONSOLE__PLAIN_COOKIES".to_owned(), "true".to_owned()),
        ("SANDBOX__ENABLED".to_owned(), "true".to_owned()),
        ("LOG__LEVEL".to_owned(), "warn".to_owned()),
        ("LOG__FORMAT".to_owned(), "text".to_owned()),
        // On one machine a webhook that does not come is soon made up for.
        ("SWEEP__INTERVAL_SECONDS".to_owned(), "5".to_owned()),
        ("SWEEP__POLL_SECONDS".to_owned(), "5,30,120,600,3600".to_owned()),
    ]);
    let given: HashMap<String, String> = std::env::vars().collect();
    if given.contains_key("DATABASE_URL") {
        environment.remove("DATABASE__URL");
    }
    environment.extend(given);
    Ok(load(file, environment)?)
}

fn simulated_gateway(
    args: &Args,
    listener: TcpListener,
    secrets: &Secrets,
    service: &str,
) -> Result<Running, CommandError> {
    let data = args.data.join("gateway.json");
    let shop = Shop::new("main", &secrets.api_key, &secrets.signing_key)
        .with_webhook_url(format!("{service}/webhooks/paytech/main"));
    let setup = Setup {
        shops: vec![shop],
        checkout_url: String::new(),
        switches: Switches::default(),
        // Ids of the simulated gateway differ from start to start, as a real one's do.
        seed: rand::random(),
    };
    let engine = load_engine(setup, &data).map_err(|error| CommandError::Usage(error.to_string()))?;
    let options = FaceOptions { clock: FaceClock::System, public_url: None, data: Some(data) };
    Ok(serve_face(listener, Arc::new(Mutex::new(engine)), options)?)
}

/// Makes sure that the printed key is known to the database at hand.
async fn admit(keys: &dyn Keys, key: &str) -> Result<(), CommandError> {
    if keys.key_by_digest(&digest(key)).await?.is_none() {
        let scopes: BTreeSet<Scope> = Scope::VARIANTS.iter().copied().collect();
        let record = KeyRecord::new(Ids.next(), "local", digest(key).to_vec(), SystemClock.now());
        keys.add_key(&KeyRecord { scopes, ..record }).await?;
    }
    Ok(())
}

/// What is printed once everything stands: three lines to paste.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Demo {
    /// Where the service listens.
    pub service: String,
    /// Where the simulated gateway listens.
    pub gateway: String,
    /// A key that may do everything.
    pub key: String,
    /// A reference that nobody has used.
    pub reference_id: String,
}

impl Demo {
    fn text(&self) -> String {
        let Self { service, gateway, key, reference_id } = self;
        format!(
            "The service listens on {service}, the simulated gateway on {gateway}.\n\
             \n\
             Take a payment, pay it as the customer would, and see it completed:\n\
             \n\
             curl -sS {service}/v1/payments -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
             -d '{{\"referenceId\":\"{reference_id}\",\"paymentType\":\"DEPOSIT\",\"amount\":\"11.12\",\
             \"currency\":\"EUR\",\"paymentMethod\":\"BASIC_CARD\"}}'; echo\n\
             curl -sS {gateway}/checkout/by-reference/{reference_id}/pay -d cardNumber=4000000000000002; echo\n\
             curl -sS '{service}/v1/payments/by-reference/{reference_id}?wait=30' \
             -H 'Authorization: Bearer {key}'; echo\n\
             \n\
             Or pay in a browser, instead of the second line: {gateway}/checkout\n\
             See it all at {service}/console, with the key {key}\n\
             Ctrl-C stops; the next start finds everything again.\n"
        )
    }
}

/// What a local service keeps between two starts.
#[derive(Serialize, Deserialize)]
#[allow(clippy::struct_field_names, reason = "each is a key, and the settings call them so")]
struct Secrets {
    master_key: String,
    api_key: String,
    signing_key: String,
    caller_key: String,
}

impl Secrets {
    /// Those of an earlier start, or new ones.
    fn kept_in(folder: &Path) -> Result<Self, CommandError> {
        let path = folder.join("secrets.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                CommandError::Usage(format!("{} cannot be read ({error}); remove it to begin anew", path.display()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::new().keep(folder, &path),
            Err(error) => Err(error.into()),
        }
    }

    fn new() -> Self {
        Self {
            master_key: new_key().to_string(),
            api_key: new_key().to_string(),
            signing_key: new_key().to_string(),
            caller_key: new_key().to_string(),
        }
    }

    fn keep(self, folder: &Path, path: &Path) -> Result<Self, CommandError> {
        use std::os::unix::fs::OpenOptionsExt as _;
        fs::create_dir_all(folder)?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&serde_json::to_vec_pretty(&self).map_err(io::Error::from)?)?;
        file.sync_all()?;
        Ok(self)
    }
}
