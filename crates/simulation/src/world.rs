//! What everybody in a run shares: time, chance, faults, the gateway, the database, and the judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use domain::{ShopName, Time};
use gateway_client::signature::{Encoding, SigningKeys};
use gateway_simulator::{Engine, Setup, Shop};
use orchestrator::{RequestRate, Rules, SweepRules, Vault};
use parking_lot::Mutex;
use secrecy::SecretString;
use store::MemoryStore;

use crate::chance::Chance;
use crate::clock::{Skew, start};
use crate::executor::Executor;
use crate::fault::{Fault, FaultCounts, Swarm};
use crate::judge::Judge;
use crate::process::{PROCESSES, Process};
use crate::trace::Trace;
use crate::{Plan, PlantedBug, Violation};

pub(crate) struct World {
    pub(crate) executor: Arc<Executor>,
    pub(crate) chance: Chance,
    pub(crate) swarm: Swarm,
    pub(crate) bug: Option<PlantedBug>,
    pub(crate) memory: MemoryStore,
    pub(crate) judge: Mutex<Judge>,
    pub(crate) processes: Mutex<Vec<Process>>,
    pub(crate) shops: BTreeMap<ShopName, ShopKeys>,
    pub(crate) vault: Vault,
    pub(crate) rules: Rules,
    pub(crate) gateway_clock: Skew,
    engine: Mutex<Engine>,
    trace: Mutex<Trace>,
    faults: Mutex<FaultCounts>,
    is_calm: AtomicBool,
    gateway_is_down: AtomicBool,
    house_is_down: AtomicBool,
    /// When the gateway is looked at again.
    pub(crate) alarms: Mutex<BTreeSet<Duration>>,
    /// Workers that wait for something to become due.
    idle: Mutex<Vec<Waker>>,
    /// When passes began, by their cursors, for [`PlantedBug::UpdatedBeforeInTheSweep`].
    pub(crate) pass_ends: Mutex<BTreeMap<String, String>>,
}

/// What a shop and the gateway share.
pub(crate) struct ShopKeys {
    pub(crate) api_key: String,
    pub(crate) signing: SigningKeys,
}

impl World {
    /// `None` only if one of the fixed texts below were no name or key.
    pub(crate) fn new(plan: &Plan) -> Option<Arc<Self>> {
        let chance = Chance::new(plan.seed);
        let swarm = Swarm::draw(&chance);
        let shops: BTreeMap<_, _> = ["main", "second"].into_iter().filter_map(shop_keys).collect();
        let gateway_shop =
            |(name, keys): (&ShopName, &ShopKeys)| Shop::new(name.as_str(), &keys.api_key, signing_key(name.as_str()));
        let mut engine = Engine::new(Setup {
            shops: shops.iter().map(gateway_shop).collect(),
            checkout_url: "https://checkout.gateway.example/payment".to_owned(),
            switches: gateway_simulator::Switches::default(),
            seed: chance.number(),
        });
        let switches = engine.switches_mut();
        switches.well_known_prefixes = false;
        switches.sparse_creation = swarm.rate(Fault::SparseAnswers) > 0;
        switches.webhook_without_reference = swarm.rate(Fault::HookWithoutReference) > 0;
        switches.hold_withdrawals = chance.happens(5_000);
        switches.webhook_retries = chance.pick([0, 0, 3]);
        switches.deposit_processing_millis = chance.pick([0, 0, 2_000, 90_000]);
        let mut faults = FaultCounts::default();
        for fault in [
            Fault::SparseAnswers,
            Fault::HookWithoutReference,
            Fault::HooksSilent,
            Fault::GatewayClock,
            Fault::ProcessClock,
        ] {
            if swarm.rate(fault) > 0 {
                faults.count(fault);
            }
        }
        let gateway_clock = if swarm.rate(Fault::GatewayClock) > 0 {
            Skew::draw(&chance, [Duration::from_secs(5), Duration::from_mins(4), Duration::from_mins(40)])
        } else {
            Skew::NONE
        };
        let processes = (0..PROCESSES).map(|_| Process::new(&swarm, &chance)).collect();
        Some(Arc::new(Self {
            executor: Arc::new(Executor::default()),
            judge: Mutex::default(),
            memory: MemoryStore::new(),
            processes: Mutex::new(processes),
            vault: Vault::new(&SecretString::from("a master key of the simulation, long enough")).ok()?,
            rules: rules(plan.bug),
            engine: Mutex::new(engine),
            trace: Mutex::new(Trace::new(plan.tracing)),
            faults: Mutex::new(faults),
            bug: plan.bug,
            is_calm: AtomicBool::new(false),
            gateway_is_down: AtomicBool::new(false),
            house_is_down: AtomicBool::new(false),
            alarms: Mutex::default(),
            idle: Mutex::default(),
            pass_ends: Mutex::default(),
            chance,
            swarm,
            shops,
            gateway_clock,
        }))
    }

    /// The true time, which nobody in the run has a clock for.
    pub(crate) fn time(&self) -> Time {
        start().plus(self.executor.now())
    }

    /// One line of the trace: something happened.
    pub(crate) fn step(&self, who: impl fmt::Display, what: fmt::Arguments<'_>) {
        self.trace.lock().step(self.executor.now(), who, what);
    }

    /// Whether `fault` strikes now; counted if it does.
    pub(crate) fn strikes(&self, fault: Fault) -> bool {
        let strikes = self.may_strike(fault);
        if strikes {
            self.count(fault);
        }
        strikes
    }

    /// The same, for those who only then find out whether there is anything to strike.
    pub(crate) fn may_strike(&self, fault: Fault) -> bool {
        !self.is_calm() && self.chance.happens(self.swarm.rate(fault))
    }

    pub(crate) fn count(&self, fault: Fault) {
        self.faults.lock().count(fault);
    }

    pub(crate) fn has(&self, bug: PlantedBug) -> bool {
        self.bug == Some(bug)
    }

    /// No fault strikes any more.
    pub(crate) fn calm_down(&self) {
        self.is_calm.store(true, Ordering::Relaxed);
        self.set_gateway_down(false);
        self.set_house_down(false);
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Relaxed)
    }

    pub(crate) fn set_gateway_down(&self, is_down: bool) {
        self.gateway_is_down.store(is_down, Ordering::Relaxed);
    }

    pub(crate) fn gateway_is_down(&self) -> bool {
        self.gateway_is_down.load(Ordering::Relaxed)
    }

    pub(crate) fn set_house_down(&self, is_down: bool) {
        self.house_is_down.store(is_down, Ordering::Relaxed);
    }

    pub(crate) fn house_is_down(&self) -> bool {
        self.house_is_down.load(Ordering::Relaxed)
    }

    /// The engine, at the gateway's time.
    pub(crate) fn with_engine<T>(&self, deed: impl FnOnce(&mut Engine, chrono::DateTime<chrono::Utc>) -> T) -> T {
        let now = self.gateway_clock.applied_to(self.time()).utc();
        deed(&mut self.engine.lock(), now)
    }

    /// Somebody's rule is broken; the first one is what the run comes to.
    pub(crate) fn violate(&self, violation: Violation) {
        self.step("judge", format_args!("{violation}"));
        self.judge.lock().verdict.get_or_insert(violation);
    }

    pub(crate) fn is_decided(&self) -> bool {
        self.judge.lock().verdict.is_some()
    }

    /// Lets `waker` know when something may have become due.
    pub(crate) fn wait_for_work(&self, waker: &Waker) {
        self.idle.lock().push(waker.clone());
    }

    pub(crate) fn wake_workers(&self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        idle.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn faults(&self) -> FaultCounts {
        self.faults.lock().clone()
    }

    pub(crate) fn take_trace(&self) -> Trace {
        std::mem::take(&mut *self.trace.lock())
    }

    pub(crate) fn steps(&self) -> u64 {
        self.trace.lock().steps
    }
}

fn shop_keys(name: &str) -> Option<(ShopName, ShopKeys)> {
    let signing = SigningKeys::new(signing_key(name).into(), [], Encoding::Auto).ok()?;
    Some((name.parse().ok()?, ShopKeys { api_key: format!("api-key-of-{name}"), signing }))
}

fn signing_key(shop: &str) -> String {
    format!("signing-key-of-{shop}")
}

/// The settings as they are shipped, but for what makes more happen in one run.
fn rules(bug: Option<PlantedBug>) -> Rules {
    let mut rules = Rules {
        moving_methods: "BANKTRANSFER".parse().into_iter().collect(),
        public_url: Some("https://pay.merchant.example".to_owned()),
        notice_pause: Duration::from_secs(20),
        // Small pages, so that twins are on more than one.
        page_items: 1,
        // Here too, and turns that end in the middle of a pass, and slices.
        sweep: Some(SweepRules {
            interval: Duration::from_secs(20),
            page_items: 3,
            pages_max: 2,
            slice_items: 9,
            ..SweepRules::default()
        }),
        rate: RequestRate { per_second: NonZeroU32::MIN.saturating_add(4), burst: NonZeroU32::MIN.saturating_add(9) },
        ..Rules::default()
    };
    rules.intervals.polls = [10 * 60, 60 * 60, 6 * 60 * 60, 24 * 60 * 60].map(Duration::from_secs).to_vec();
    if bug == Some(PlantedBug::NoQuarantine) {
        rules.intervals.quarantine = Duration::ZERO;
        rules.intervals.empty_look_ups = 0;
        rules.intervals.empty_look_up_pause = Duration::ZERO;
    }
    rules
}
