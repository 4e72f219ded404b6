//! Our own processes: started, asked, killed, and started again under another name.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use orchestrator::{Desk, Parts};
use store::{Coalescer, OwnerId};
use uuid::{Builder, Uuid};

use crate::chance::Chance;
use crate::clock::{ProcessClock, Skew};
use crate::database::Database;
use crate::executor::Owner;
use crate::fault::{Fault, Swarm};
use crate::network::Network;
use crate::worker;
use crate::world::World;

/// How many run at the same time, on one database.
pub(crate) const PROCESSES: usize = 2;

/// A place where a process runs.
pub(crate) struct Process {
    /// None while it is down.
    pub(crate) desk: Option<Arc<Desk>>,
    skew: Skew,
}

/// The name of a place in the trace.
#[derive(Clone, Copy)]
pub(crate) struct Slot(pub(crate) usize);

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl Process {
    pub(crate) fn new(swarm: &Swarm, chance: &Chance) -> Self {
        let is_skewed = swarm.rate(Fault::ProcessClock) > 0;
        // What `/readyz` lets pass (architecture, "Money, names, time").
        let skew = if is_skewed { Skew::draw(chance, [Duration::from_secs(2)]) } else { Skew::NONE };
        Self { desk: None, skew }
    }
}

impl World {
    /// A name that no other has: a UUIDv7 of this moment.
    pub(crate) fn new_id(&self) -> Uuid {
        let millis = u64::try_from(self.time().unix_micros() / 1000).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &self.chance.ten_bytes()).into_uuid()
    }

    pub(crate) fn start_process(self: &Arc<Self>, slot: usize) {
        let database = Arc::new(Database { world: Arc::clone(self), slot });
        let (batch_max, flights_max) = (self.chance.pick([1, 3, 50]), self.chance.pick([1, 2]));
        let skew = self.processes.lock()[slot].skew;
        let desk = Arc::new(Desk::new(Parts {
            store: Arc::new(Coalescer::with_flights(database.clone(), batch_max, flights_max)),
            means: database,
            gateway: Arc::new(Network { world: Arc::clone(self), slot }),
            clock: Arc::new(ProcessClock { world: Arc::clone(self), skew }),
            vault: self.vault.clone(),
            signing_keys: self.shops.iter().map(|(shop, keys)| (shop.clone(), keys.signing.clone())).collect(),
            owner: OwnerId(self.new_id()),
            rules: self.rules.clone(),
        }));
        self.processes.lock()[slot].desk = Some(Arc::clone(&desk));
        self.step(Slot(slot), format_args!("starts"));
        worker::start(self, slot, &desk);
    }

    /// Asks one of the processes to do something. `None` if it is down, or dies over it.
    pub(crate) async fn ask<T, Answer>(self: &Arc<Self>, deed: impl FnOnce(Arc<Desk>) -> Answer) -> Option<T>
    where
        T: Send + 'static,
        Answer: Future<Output = T> + Send + 'static,
    {
        let slot = self.chance.below(PROCESSES);
        let desk = self.processes.lock()[slot].desk.clone()?;
        let (tell, told) = oneshot::channel();
        let answer = deed(desk);
        let task = self.executor.spawn(Owner::Process(slot), async move {
            // Whoever asked may be gone.
            drop(tell.send(answer.await));
        });
        if self.may_strike(Fault::HangUp) {
            let world = Arc::clone(self);
            self.executor.spawn(Owner::World, async move {
                world.executor.sleep(world.chance.millis(0, 400)).await;
                if world.executor.abandon(task) {
                    world.count(Fault::HangUp);
                    world.step(Slot(slot), format_args!("is left by a caller, the deed is dropped"));
                }
            });
        }
        told.await.ok()
    }

    /// What may happen to a process after any of its steps.
    pub(crate) fn endanger(self: &Arc<Self>, slot: usize) {
        if self.strikes(Fault::Crash) {
            let pause = self.chance.pick([Duration::from_millis(50), Duration::from_secs(3), Duration::from_mins(2)]);
            self.crash(slot);
            self.restart_after(slot, pause);
        } else if self.strikes(Fault::Pause) {
            let pause = self.chance.pick([
                Duration::from_secs(2),
                Duration::from_secs(25),
                Duration::from_mins(2),
                Duration::from_mins(11),
            ]);
            self.put_to_sleep_for(slot, pause);
        }
    }

    /// A process stands still, and the world goes on.
    pub(crate) fn put_to_sleep_for(self: &Arc<Self>, slot: usize, pause: Duration) {
        self.step(Slot(slot), format_args!("stands still for {pause:?}"));
        self.executor.put_to_sleep(Owner::Process(slot));
        let world = Arc::clone(self);
        self.executor.spawn(Owner::World, async move {
            world.executor.sleep(pause).await;
            world.step(Slot(slot), format_args!("goes on"));
            world.executor.wake_up(Owner::Process(slot));
        });
    }

    /// Kills a process: everything that it was doing is gone, and what it has sent is on its way.
    pub(crate) fn crash(&self, slot: usize) {
        self.processes.lock()[slot].desk = None;
        let tasks = self.executor.kill(Owner::Process(slot));
        self.step(Slot(slot), format_args!("is killed over {tasks} tasks"));
    }

    pub(crate) fn restart_after(self: &Arc<Self>, slot: usize, pause: Duration) {
        let world = Arc::clone(self);
        self.executor.spawn(Owner::World, async move {
            world.executor.sleep(pause).await;
            while world.house_is_down() {
                world.executor.sleep(Duration::from_mins(10)).await;
            }
            let is_down = world.processes.lock()[slot].desk.is_none();
            if is_down {
                world.start_process(slot);
            }
        });
    }
}
