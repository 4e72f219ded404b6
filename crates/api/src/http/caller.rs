use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use domain::{Actor, ShopName, Time};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use store::{Holder, KeyRecord, Scope};
use uuid::Uuid;

use super::App;
use super::address::address_of;
use super::problem::{Kind, Problem};

/// Who calls, proven by a key that may do what is asked; at the console it may be a person whom another service has signed in.
#[derive(Debug, Clone)]
pub struct Caller {
    holder: Holder,
}

impl Caller {
    /// The caller of a request, if its key has `scope`.
    pub async fn of(request: &HttpRequest, app: &App, scope: Scope) -> Result<Self, Problem> {
        Self::of_any(request, app, &[scope]).await
    }

    /// The caller of a request, if its key has one of `scopes`: which of them is needed, the body tells.
    pub async fn of_any(request: &HttpRequest, app: &App, scopes: &[Scope]) -> Result<Self, Problem> {
        let key = bearer(request).ok_or_else(|| unauthorized("send the header Authorization: Bearer <key>"))?;
        let digest = digest(key);
        let now = app.desk.uptime();
        let record = if let Some(known) = app.known_keys.get(&digest, now) {
            Some(known)
        } else {
            let keys = app.keys.clone();
            let found = app.works.run(async move { keys.key_by_digest(&digest).await }).await??;
            found.inspect(|record| app.known_keys.put(digest, record.clone(), now))
        };
        let key = record
            .filter(|record| record.opens(&digest, app.desk.now()))
            .ok_or_else(|| unauthorized("the key is unknown, revoked or expired"))?;
        if let Some(limit) = &app.rate_limit {
            limit.count(request, key.id)?;
        }
        let id = key.id;
        let caller = Self::with(Holder::Key(key));
        caller.check_network(request, app)?;
        app.used_keys.note(id, app.desk.now());
        if scopes.iter().any(|scope| caller.may(*scope)) { Ok(caller) } else { Err(caller.missing(scopes)) }
    }

    /// Whoever has shown that it is this one.
    pub(crate) fn with(holder: Holder) -> Self {
        Self { holder }
    }

    /// Its key, if it has shown one.
    pub(crate) fn key(&self) -> Option<Uuid> {
        match &self.holder {
            Holder::Key(key) => Some(key.id),
            Holder::Person(_) => None,
        }
    }

    /// Refuses whoever calls from where the key may not be used.
    pub(crate) fn check_network(&self, request: &HttpRequest, app: &App) -> Result<(), Problem> {
        let networks = match &self.holder {
            Holder::Key(key) if !key.networks.is_empty() => &key.networks,
            Holder::Key(_) | Holder::Person(_) => return Ok(()),
        };
        let address = address_of(request, &app.trusted_proxies);
        if address.is_some_and(|address| networks.iter().any(|network| network.contains(&address))) {
            return Ok(());
        }
        let place = address.map_or_else(|| "there".to_owned(), |address| address.to_string());
        Err(Problem::new(Kind::NetworkNotAllowed, format!("the key may not be used from {place}")))
    }

    /// Refuses whoever has not this scope.
    pub fn check(&self, scope: Scope) -> Result<(), Problem> {
        if self.may(scope) { Ok(()) } else { Err(self.missing(&[scope])) }
    }

    /// Whether it has this scope.
    pub fn may(&self, scope: Scope) -> bool {
        let scopes = match &self.holder {
            Holder::Key(key) => &key.scopes,
            Holder::Person(person) => &person.scopes,
        };
        scopes.contains(&scope) || scopes.contains(&Scope::Admin)
    }

    /// Who it is, for the ledger.
    pub fn actor(&self) -> Actor {
        let (key, name) = match &self.holder {
            Holder::Key(key) => (key.id, &key.name),
            Holder::Person(person) => (person.id, &person.name),
        };
        Actor { key, name: name.clone() }
    }

    /// Whether it may see this shop.
    pub fn may_see(&self, shop: &ShopName) -> bool {
        self.shops().is_empty() || self.shops().contains(shop)
    }

    /// The shops that it may see; empty means all.
    pub fn shops(&self) -> &BTreeSet<ShopName> {
        match &self.holder {
            Holder::Key(key) => &key.shops,
            Holder::Person(person) => &person.shops,
        }
    }

    fn missing(&self, scopes: &[Scope]) -> Problem {
        let named: Vec<String> = scopes.iter().map(Scope::to_string).collect();
        let who = if self.key().is_some() { "the key has" } else { "you have" };
        Problem::new(Kind::MissingScope, format!("{who} not the scope {}", named.join(" or ")))
    }
}

/// What is stored of a key: it has 256 random bits, so a plain digest tells nothing of it.
pub fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim()).filter(|key| !key.is_empty())
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(Kind::Unauthorized, detail)
}

/// Keys that were found a moment ago, so that a request costs no look at the database. A revoked key works for
/// [`KnownKeys::MEMORY`] longer at most; unknown keys are never remembered. Times are uptimes.
#[derive(Debug, Default)]
pub struct KnownKeys(Mutex<HashMap<[u8; 32], (Duration, KeyRecord)>>);

impl KnownKeys {
    /// How long a key is remembered.
    pub const MEMORY: Duration = Duration::from_secs(5);
    const ENTRIES_MAX: usize = 10_000;

    fn get(&self, digest: &[u8; 32], now: Duration) -> Option<KeyRecord> {
        let known = self.0.lock();
        known.get(digest).filter(|(since, _)| Self::is_fresh(*since, now)).map(|(_, record)| record.clone())
    }

    fn put(&self, digest: [u8; 32], record: KeyRecord, now: Duration) {
        let mut known = self.0.lock();
        if known.len() >= Self::ENTRIES_MAX {
            known.retain(|_, (since, _)| Self::is_fresh(*since, now));
        }
        known.insert(digest, (now, record));
    }

    /// Has a key looked up again that was changed here.
    pub(super) fn forget(&self, id: Uuid) {
        self.0.lock().retain(|_, (_, record)| record.id != id);
    }

    fn is_fresh(since: Duration, now: Duration) -> bool {
        now.saturating_sub(since) < Self::MEMORY
    }
}

/// When keys were used last, until it is written down with all others. A process that dies loses a minute of it.
#[derive(Debug, Default)]
pub struct UsedKeys(Mutex<HashMap<Uuid, Time>>);

impl UsedKeys {
    pub(crate) fn note(&self, key: Uuid, at: Time) {
        let mut used = self.0.lock();
        let noted = used.entry(key).or_insert(at);
        *noted = at.max(*noted);
    }

    /// What is not written down yet. Whoever cannot write it [notes](Self::note) it again.
    pub(crate) fn take(&self) -> Vec<(Uuid, Time)> {
        std::mem::take(&mut *self.0.lock()).into_iter().collect()
    }
}
