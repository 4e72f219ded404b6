use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{GatewayPaymentId, ShopName, Sighting, Time};
use parking_lot::Mutex;
use store::Pass;

use super::Swept;

/// What this process remembers of its sweeps, shop by shop. Nothing depends on it: it spares questions and repeats.
#[derive(Debug, Default)]
pub(crate) struct Sweeping(Mutex<BTreeMap<ShopName, Local>>);

#[derive(Debug, Default)]
struct Local {
    /// The uptime before which there is no sense in asking for a turn.
    ask_at: Duration,
    /// When the oldest open payment was opened, and the uptime at which that was asked.
    oldest: Option<(Duration, Time)>,
    /// How many items fit into an answer, where fewer do than are usually asked for.
    limit: Option<u16>,
    /// The slice of the pass that is being read, and what was met in it.
    slice: Option<(Time, Option<Time>)>,
    met: BTreeSet<GatewayPaymentId>,
    counts: Swept,
}

/// How long it is remembered which open payment is the oldest.
const OLDEST_FOR: Duration = Duration::from_hours(24);

impl Sweeping {
    pub(super) fn is_due(&self, shop: &ShopName, now: Duration) -> bool {
        self.0.lock().get(shop).is_none_or(|local| local.ask_at <= now)
    }

    pub(super) fn ask_again(&self, shop: &ShopName, at: Duration) {
        self.with(shop, |local| local.ask_at = at);
    }

    pub(super) fn count(&self, shop: &ShopName, swept: Swept, ask_at: Duration) {
        self.with(shop, |local| {
            local.ask_at = ask_at;
            local.counts.add(swept);
        });
    }

    pub(super) fn counts(&self) -> Vec<(ShopName, Swept)> {
        self.0.lock().iter().map(|(shop, local)| (shop.clone(), local.counts)).collect()
    }

    pub(super) fn oldest(&self, shop: &ShopName, now: Duration) -> Option<Time> {
        let (asked_at, oldest) = self.0.lock().get(shop)?.oldest?;
        (now.saturating_sub(asked_at) < OLDEST_FOR).then_some(oldest)
    }

    pub(super) fn set_oldest(&self, shop: &ShopName, now: Duration, oldest: Time) {
        self.with(shop, |local| local.oldest = Some((now, oldest)));
    }

    pub(super) fn limit(&self, shop: &ShopName) -> Option<u16> {
        self.0.lock().get(shop)?.limit
    }

    pub(super) fn set_limit(&self, shop: &ShopName, limit: Option<u16>) {
        self.with(shop, |local| local.limit = limit);
    }

    /// Those that were not met in this slice of the pass: what comes in pushes others to later pages.
    pub(super) fn unmet(&self, shop: &ShopName, pass: &Pass, sightings: Vec<Sighting>) -> Vec<Sighting> {
        let slice = Some((pass.begun_at, pass.created_before));
        self.with(shop, |local| {
            if local.slice != slice {
                local.slice = slice;
                local.met.clear();
            }
            let mut here = BTreeSet::new();
            let mut is_new = |id: &GatewayPaymentId| !local.met.contains(id) && here.insert(id.clone());
            sightings.into_iter().filter(|sighting| is_new(&sighting.id)).collect()
        })
    }

    /// What they tell is durable.
    pub(super) fn meet(&self, shop: &ShopName, sightings: &[Sighting]) {
        self.with(shop, |local| local.met.extend(sightings.iter().map(|sighting| sighting.id.clone())));
    }

    fn with<T>(&self, shop: &ShopName, deed: impl FnOnce(&mut Local) -> T) -> T {
        let mut shops = self.0.lock();
        match shops.get_mut(shop) {
            Some(local) => deed(local),
            None => deed(shops.entry(shop.clone()).or_default()),
        }
    }
}
