use std::collections::BTreeMap;
use std::time::Duration;

use domain::ShopName;
use parking_lot::Mutex;

/// Stops asking a gateway that does not answer (protocols, section 1, step 6). It opens after failures in a row, or at
/// once when our key is refused; it closes only when a harmless GET has succeeded, never by trying a POST.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    shops: Mutex<BTreeMap<ShopName, Circuit>>,
}

/// When the breaker opens, and how long it waits before it asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open before the gateway is probed.
    pub pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 10, pause: Duration::from_secs(5) }
    }
}

/// What is wrong with the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It does not answer, or not as the gateway.
    Unavailable,
    /// It refuses our key.
    Misconfigured,
}

/// The breaker lets requests pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

#[derive(Debug, Default)]
struct Circuit {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    trouble: Trouble,
    probe_at: Duration,
}

impl Breaker {
    /// All circuits closed.
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, shops: Mutex::default() }
    }

    /// Whether a shop's requests may leave; else what is wrong, and for how long at least. `now` is the uptime.
    pub fn check(&self, shop: &ShopName, now: Duration) -> Result<Closed, (Trouble, Duration)> {
        match self.shops.lock().get(shop).and_then(|circuit| circuit.open) {
            None => Ok(Closed),
            Some(open) => Err((open.trouble, open.probe_at.saturating_sub(now).max(Duration::from_secs(1)))),
        }
    }

    /// The gateway answered as the gateway does.
    pub fn succeeded(&self, shop: &ShopName) {
        self.shops.lock().remove(shop);
    }

    /// It did not, or refused our key.
    pub fn failed(&self, shop: &ShopName, trouble: Trouble, now: Duration) {
        let mut shops = self.shops.lock();
        let circuit = shops.entry(shop.clone()).or_default();
        circuit.failures = circuit.failures.saturating_add(1);
        let opens = trouble == Trouble::Misconfigured || circuit.failures >= self.settings.failures;
        if opens || circuit.open.is_some() {
            if circuit.open.is_none() {
                tracing::warn!(shop = shop.as_str(), ?trouble, failures = circuit.failures, "gateway breaker opened");
            }
            circuit.open = Some(Open { trouble, probe_at: now.saturating_add(self.settings.pause) });
        }
    }

    /// Shops whose circuit is open and whose pause is over: time for a GET.
    pub fn due_probes(&self, now: Duration) -> Vec<ShopName> {
        let shops = self.shops.lock();
        let due = |circuit: &Circuit| circuit.open.is_some_and(|open| open.probe_at <= now);
        shops.iter().filter(|(_, circuit)| due(circuit)).map(|(shop, _)| shop.clone()).collect()
    }

    /// Shops whose circuit is open.
    pub fn open(&self) -> Vec<(ShopName, Trouble)> {
        let shops = self.shops.lock();
        shops.iter().filter_map(|(shop, circuit)| Some((shop.clone(), circuit.open?.trouble))).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn second(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_by_a_success() {
        let shop: ShopName = "main".parse().unwrap();
        let breaker = Breaker::new(BreakerSettings { failures: 3, pause: second(5) });
        breaker.failed(&shop, Trouble::Unavailable, second(1));
        breaker.failed(&shop, Trouble::Unavailable, second(1));
        breaker.succeeded(&shop);
        breaker.failed(&shop, Trouble::Unavailable, second(2));
        breaker.failed(&shop, Trouble::Unavailable, second(2));
        assert_eq!(breaker.check(&shop, second(2)), Ok(Closed));
        breaker.failed(&shop, Trouble::Unavailable, second(3));
        assert_eq!(breaker.check(&shop, second(4)), Err((Trouble::Unavailable, second(4))));
        assert!(breaker.due_probes(second(7)).is_empty());
        assert_eq!(breaker.due_probes(second(8)), std::slice::from_ref(&shop));
        breaker.failed(&shop, Trouble::Unavailable, second(8));
        assert!(breaker.due_probes(second(9)).is_empty(), "a failed probe waits again");
        breaker.succeeded(&shop);
        assert_eq!(breaker.check(&shop, second(9)), Ok(Closed));
    }

    #[test]
    fn a_refused_key_opens_it_at_once_and_for_its_shop_alone() {
        let (ours, other): (ShopName, ShopName) = ("main".parse().unwrap(), "second".parse().unwrap());
        let breaker = Breaker::new(BreakerSettings::default());
        breaker.failed(&ours, Trouble::Misconfigured, second(1));
        assert_eq!(breaker.check(&ours, second(1)).unwrap_err().0, Trouble::Misconfigured);
        assert_eq!(breaker.check(&other, second(1)), Ok(Closed));
    }
}
