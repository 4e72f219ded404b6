//! A provider of OIDC: it speaks what real ones speak, and is as wrong as a story wants.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::http::header::LOCATION;
use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::Time;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use orchestrator::Clock;
use parking_lot::Mutex;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use crate::app::HandClock;

pub(crate) const CLIENT: &str = "payments of Xk7";
pub(crate) const CLIENT_SECRET: &str = "Xk7ClientSecret: with +/= and %";
pub(crate) const ACCESS_TOKEN: &str = "Xk7AccessToken";
/// What every code begins with.
pub(crate) const CODE: &str = "Xk7Code";

/// A key that it signs with.
pub(crate) struct Signer {
    kid: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
    public: Vec<u8>,
    jwk: Value,
}

impl Signer {
    pub(crate) fn new(kid: &'static str, algorithm: Algorithm) -> Self {
        let pair = match algorithm {
            Algorithm::EdDSA => KeyPair::generate_for(&PKCS_ED25519),
            Algorithm::ES256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            _ => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        };
        let pair = pair.unwrap();
        let (der, public) = (pair.serialize_der(), pair.public_key_raw().to_vec());
        let key = match algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_der(&der),
            Algorithm::ES256 => EncodingKey::from_ec_der(&der),
            // What follows the head of PKCS #8 is the key as RSA has it.
            _ => EncodingKey::from_rsa_der(&der[26..]),
        };
        let mut jwk = match algorithm {
            Algorithm::EdDSA => json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&public) }),
            _ => serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap(),
        };
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        Self { kid, algorithm, key, public, jwk }
    }
}

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    Good,
    /// `alg: none`, and no signature.
    None,
    /// As if the provider's public key were a secret.
    WithThePublicKey,
    /// As if the client's secret were the key.
    WithTheClientSecret,
    /// By somebody who knows the name of the provider's key, and not the key.
    Forged,
    /// By nobody: the claims were changed afterwards.
    Changed,
}

/// What may go wrong at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Silent,
    Huge,
    Broken,
    Html,
    Moved,
}

pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(crate) const TOKEN: &str = "/token";
pub(crate) const KEYS: &str = "/keys";

struct Granted {
    nonce: String,
    challenge: String,
    callback: String,
}

pub(crate) struct State {
    /// Those that are published; the last one signs.
    pub(crate) keys: Vec<Signer>,
    /// Signs instead, and is not published.
    pub(crate) hidden: Option<Signer>,
    pub(crate) signature: Signature,
    /// Who is signed in there.
    pub(crate) person: Value,
    /// Claims that are otherwise than they should be; null ones are missing.
    pub(crate) wrong: Map<String, Value>,
    /// The same of what it says of itself.
    pub(crate) metadata: Map<String, Value>,
    pub(crate) troubles: HashMap<&'static str, Trouble>,
    /// What is added to the way back.
    pub(crate) added: String,
    /// Whether it shows a page of its own, which somebody must go on from; else it sends browsers back at once.
    asks: bool,
    /// How often each address was asked.
    pub(crate) asked: HashMap<&'static str, u32>,
    /// The ID tokens that it gave.
    pub(crate) tokens: Vec<String>,
    granted: HashMap<String, Granted>,
    clock: Option<HandClock>,
}

pub(crate) struct Provider {
    pub(crate) url: String,
    pub(crate) state: Arc<Mutex<State>>,
    server: ServerHandle,
}

struct Served {
    url: String,
    state: Arc<Mutex<State>>,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            keys: vec![Signer::new("first", Algorithm::ES256)],
            hidden: None,
            signature: Signature::Good,
            person: json!({ "sub": "marta-7", "email": "marta@xk7.example", "groups": ["staff", "payments"] }),
            wrong: Map::new(),
            metadata: Map::new(),
            troubles: HashMap::new(),
            added: String::new(),
            asks: false,
            asked: HashMap::new(),
            tokens: Vec::new(),
            granted: HashMap::new(),
            clock: None,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Data::new(Served { url: url.clone(), state: Arc::clone(&state) });
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route(DISCOVERY, web::get().to(discovery))
                .route("/authorize", web::get().to(authorize))
                .route(TOKEN, web::post().to(token))
                .route(KEYS, web::get().to(keys))
        });
        let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, state, server: handle }
    }

    /// Its time is the story's from now on.
    pub(crate) fn keep_time_with(&self, clock: &HandClock) {
        self.state.lock().clock = Some(clock.clone());
    }

    pub(crate) fn is_signed_in(&self, person: Value) {
        self.state.lock().person = person;
    }

    pub(crate) fn asked(&self, path: &'static str) -> u32 {
        self.state.lock().asked.get(path).copied().unwrap_or_default()
    }

    /// To browsers it is another site than what is at 127.0.0.1, and people go on from a page of it.
    pub(crate) fn is_known_as_localhost(&self) {
        let url = self.url.replace("127.0.0.1", "localhost");
        let mut state = self.state.lock();
        state.metadata.insert("issuer".to_owned(), json!(url));
        state.metadata.insert("authorization_endpoint".to_owned(), json!(format!("{url}/authorize?tenant=Xk7")));
        state.wrong.insert("iss".to_owned(), json!(url));
        state.asks = true;
    }

    /// Nobody answers at its address any more.
    pub(crate) async fn stop(&self) {
        self.server.stop(false).await;
    }
}

/// What goes wrong there, if anything does.
async fn trouble(served: &Served, path: &'static str) -> Option<HttpResponse> {
    let trouble = {
        let mut state = served.state.lock();
        *state.asked.entry(path).or_default() += 1;
        state.troubles.get(path).copied()
    };
    match trouble? {
        Trouble::Silent => std::future::pending().await,
        Trouble::Huge => {
            let body = format!("{{\"padding\":\"{}\"}}", "x".repeat(300 * 1024));
            Some(HttpResponse::Ok().content_type("application/json").body(body))
        }
        Trouble::Broken => Some(HttpResponse::InternalServerError().body("Xk7Oops")),
        Trouble::Html => Some(HttpResponse::Ok().body("<html>Xk7 is being looked after</html>")),
        Trouble::Moved => Some(HttpResponse::Found().insert_header((LOCATION, "https://elsewhere.example/")).finish()),
    }
}

async fn discovery(served: Data<Served>) -> HttpResponse {
    if let Some(trouble) = trouble(&served, DISCOVERY).await {
        return trouble;
    }
    let url = &served.url;
    let mut told = json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize?tenant=Xk7"),
        "token_endpoint": format!("{url}{TOKEN}"), "jwks_uri": format!("{url}{KEYS}"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    });
    told.as_object_mut().unwrap().extend(served.state.lock().metadata.clone());
    HttpResponse::Ok().json(told)
}

async fn keys(served: Data<Served>) -> HttpResponse {
    if let Some(trouble) = trouble(&served, KEYS).await {
        return trouble;
    }
    let mut keys: Vec<Value> = served.state.lock().keys.iter().map(|signer| signer.jwk.clone()).collect();
    // Others are there, too: of kinds that nobody here knows, and for other uses.
    keys.push(json!({ "kty": "XYZ", "kid": "first", "odd": [1] }));
    keys.push(json!({ "kty": "oct", "kid": "first", "k": "AAAA" }));
    keys.push(json!("no key at all"));
    HttpResponse::Ok().json(json!({ "keys": keys }))
}

async fn authorize(served: Data<Served>, request: HttpRequest) -> HttpResponse {
    let asked: HashMap<String, String> =
        form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    for (name, value) in [
        ("tenant", "Xk7"),
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("code_challenge_method", "S256"),
        ("scope", "openid email profile"),
    ] {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}: {asked:?}");
    }
    let mut state = served.state.lock();
    let code = format!("{CODE}{}", state.granted.len());
    let (nonce, challenge) = (asked["nonce"].clone(), asked["code_challenge"].clone());
    assert!(nonce.len() >= 32 && asked["state"].len() >= 32 && nonce != asked["state"], "{asked:?}");
    let callback = asked["redirect_uri"].clone();
    let way_back = form_urlencoded::Serializer::new(String::new())
        .append_pair("code", &code)
        .append_pair("state", &asked["state"])
        .append_pair("session_state", "of no concern")
        .finish();
    let location = format!("{callback}?{way_back}{}", state.added);
    state.granted.insert(code, Granted { nonce, challenge, callback });
    if state.asks {
        let link = location.replace('&', "&amp;");
        return HttpResponse::Ok().content_type("text/html").body(format!("<a href=\"{link}\">It is me</a>"));
    }
    HttpResponse::Found().insert_header((LOCATION, location)).finish()
}

async fn token(served: Data<Served>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    if let Some(trouble) = trouble(&served, TOKEN).await {
        return trouble;
    }
    let mut asked: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let mut state = served.state.lock();
    if !is_the_client(&state, &request, &asked) {
        return HttpResponse::Unauthorized().json(json!({ "error": "invalid_client", "error_description": "Xk7" }));
    }
    let refused = || HttpResponse::BadRequest().json(json!({ "error": "invalid_grant", "error_description": "Xk7" }));
    // A code is good once.
    let Some(granted) = asked.remove("code").and_then(|code| state.granted.remove(&code)) else {
        return refused();
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&asked["code_verifier"]));
    if asked["grant_type"] != "authorization_code"
        || asked["redirect_uri"] != granted.callback
        || challenge != granted.challenge
    {
        return refused();
    }
    let token = id_token(&state, &served.url, &granted.nonce);
    state.tokens.push(token.clone());
    HttpResponse::Ok().json(json!({ "access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": token }))
}

/// Both ways that there are to say it; the one in the header, unless only the other one is taken.
fn is_the_client(state: &State, request: &HttpRequest, asked: &HashMap<String, String>) -> bool {
    if state.metadata.contains_key("token_endpoint_auth_methods_supported") {
        return asked.get("client_id").is_some_and(|id| id == CLIENT)
            && asked.get("client_secret").is_some_and(|secret| secret == CLIENT_SECRET);
    }
    let quoted = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let expected = format!("Basic {}", STANDARD.encode(format!("{}:{}", quoted(CLIENT), quoted(CLIENT_SECRET))));
    request.headers().get("authorization").is_some_and(|told| told.as_bytes() == expected.as_bytes())
}

fn id_token(state: &State, issuer: &str, nonce: &str) -> String {
    let now = state.clock.as_ref().map_or(Time::EPOCH, Clock::now).utc().timestamp();
    let mut claims = json!({ "iss": issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce });
    let told = claims.as_object_mut().unwrap();
    told.extend(state.person.as_object().unwrap().clone());
    told.extend(state.wrong.clone());
    told.retain(|_, value| !value.is_null());
    let signer = state.hidden.as_ref().or(state.keys.last()).unwrap();
    let header = |algorithm| Header { kid: Some(signer.kid.to_owned()), ..Header::new(algorithm) };
    let by_secret =
        |secret: &[u8]| encode(&header(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret)).unwrap();
    match state.signature {
        Signature::Good => encode(&header(signer.algorithm), &claims, &signer.key).unwrap(),
        Signature::None => {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.", part(&json!({ "alg": "none", "typ": "JWT", "kid": signer.kid })), part(&claims))
        }
        Signature::WithThePublicKey => by_secret(&signer.public),
        Signature::WithTheClientSecret => by_secret(CLIENT_SECRET.as_bytes()),
        Signature::Forged => {
            encode(&header(signer.algorithm), &claims, &Signer::new(signer.kid, signer.algorithm).key).unwrap()
        }
        Signature::Changed => {
            let token = encode(&header(signer.algorithm), &claims, &signer.key).unwrap();
            let parts: Vec<&str> = token.split('.').collect();
            claims["groups"] = json!(["leads"]);
            format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
        }
    }
}
