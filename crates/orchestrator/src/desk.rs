use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{Intervals, Patience, PaymentId, PaymentMethod, ShopName, Time};
use gateway_client::signature::SigningKeys;
use store::{Coalescer, Means, Name, OwnerId, Stored};
use tokio::sync::broadcast;

use crate::sweep::Sweeping;
use crate::throttle::Throttle;
use crate::{Breaker, BreakerSettings, Clock, DeedError, Ends, Gateway, RequestRate, Stops, SweepRules, Vault};

/// Where all deeds are done: what they share, handed in once at the start.
pub struct Desk {
    pub(crate) store: Arc<Coalescer>,
    pub(crate) means: Arc<dyn Means>,
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) vault: Vault,
    pub(crate) signing_keys: BTreeMap<ShopName, SigningKeys>,
    pub(crate) owner: OwnerId,
    pub(crate) rules: Rules,
    pub(crate) breaker: Breaker,
    pub(crate) throttle: Throttle,
    pub(crate) sweeping: Sweeping,
    pub(crate) ends: Ends,
    pub(crate) stops: Stops,
    changes: broadcast::Sender<PaymentId>,
}

/// What a [`Desk`] is made of.
pub struct Parts {
    /// The write path, in batches.
    pub store: Arc<Coalescer>,
    /// What payments were paid with.
    pub means: Arc<dyn Means>,
    /// The way to the gateway.
    pub gateway: Arc<dyn Gateway>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The keys for what is kept encrypted.
    pub vault: Vault,
    /// The keys that notices are verified with, by shop. Its names are the shops that exist.
    pub signing_keys: BTreeMap<ShopName, SigningKeys>,
    /// This process's name, made at its start.
    pub owner: OwnerId,
    /// The settings.
    pub rules: Rules,
}

/// The settings of the deeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// When to look, send again and give up.
    pub intervals: Intervals,
    /// How long each thing may take before a person is to know.
    pub patience: Patience,
    /// A request that waited longer than this for its open to be durable is not sent: its lease may be over soon.
    pub send_guard: Duration,
    /// How far before the first request a look-up looks back: the gateway's own default would be a day.
    pub look_back: Duration,
    /// Items on a page of the gateway's list.
    pub page_items: u16,
    /// Pages of one look-up, at most.
    pub pages_max: u32,
    /// Methods whose POST moves money without a customer's deed.
    pub moving_methods: BTreeSet<PaymentMethod>,
    /// Whether the customer of a host-to-host deposit may be sent to the checkout page once it is proven that nothing was
    /// started.
    pub fall_back_to_redirect: bool,
    /// Where the gateway finds us; without it, the shop's setting at the gateway rules.
    pub public_url: Option<String>,
    /// How long a notice that nothing matches is tried again before it is filed as unmatched.
    pub unmatched_after: Duration,
    /// The pause between two tries of a waiting notice.
    pub notice_pause: Duration,
    /// When the gateway is left alone.
    pub breaker: BreakerSettings,
    /// How many requests the gateway is asked for.
    pub rate: RequestRate,
    /// How the gateway's list is swept; none if it is not, and each open payment is asked for by its id alone.
    pub sweep: Option<SweepRules>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            intervals: Intervals::default(),
            patience: Patience::default(),
            send_guard: Duration::from_secs(20),
            look_back: Duration::from_hours(48),
            page_items: 200,
            pages_max: 20,
            moving_methods: BTreeSet::new(),
            fall_back_to_redirect: true,
            public_url: None,
            unmatched_after: Duration::from_hours(1),
            notice_pause: Duration::from_secs(5),
            breaker: BreakerSettings::default(),
            rate: RequestRate::default(),
            sweep: Some(SweepRules::default()),
        }
    }
}

impl Desk {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, means, gateway, clock, vault, signing_keys, owner, rules } = parts;
        let breaker = Breaker::new(rules.breaker);
        // Waiters only learn that something changed and look themselves; one that falls behind looks as well.
        let (changes, _) = broadcast::channel(1024);
        let throttle = Throttle::new(rules.rate, Arc::clone(&clock));
        let sweeping = Sweeping::default();
        let (ends, stops) = (Ends::default(), Stops::default());
        Self {
            store,
            means,
            gateway,
            clock,
            vault,
            signing_keys,
            owner,
            rules,
            breaker,
            throttle,
            sweeping,
            ends,
            stops,
            changes,
        }
    }

    /// A payment by one of its names.
    pub async fn find(&self, name: Name) -> Result<Option<Stored>, DeedError> {
        let found = self.store.store().load(&[name]).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// The ids of payments as this process changes them; a shortcut for waiters, who must look by themselves too, since
    /// other processes change payments as well.
    pub fn changes(&self) -> broadcast::Receiver<PaymentId> {
        self.changes.subscribe()
    }

    /// The name of this process.
    pub fn owner(&self) -> OwnerId {
        self.owner
    }

    /// The gateway's breaker, for those who report on it.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// What is stopped by hand, for those who read the switches.
    pub fn stops(&self) -> &Stops {
        &self.stops
    }

    /// By whom ends were told first, for those who report on it.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// The settings of the deeds.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What time it is, by the clock that was handed in.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// How long the machine has been up, by the same clock: for what must not jump with the wall's time.
    pub fn uptime(&self) -> Duration {
        self.clock.uptime()
    }

    /// The batches in front of the store, for those who report on them.
    pub fn batches(&self) -> &Coalescer {
        &self.store
    }

    pub(crate) fn wake(&self, payment: PaymentId) {
        // Nobody listening is no failure.
        let _ = self.changes.send(payment);
    }

    pub(crate) fn webhook_url(&self, shop: &ShopName) -> Option<String> {
        let base = self.rules.public_url.as_deref()?.trim_end_matches('/');
        Some(format!("{base}/webhooks/paytech/{shop}"))
    }
}
