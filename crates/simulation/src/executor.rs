//! A small executor: one thread, virtual time, and which of the tasks that can go on goes on next is a matter of
//! chance. Tasks belong to somebody, and die with them.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use parking_lot::Mutex;

use crate::chance::Chance;

/// Whose task it is: of the world, which never ends, or of a process, which may be killed at any moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    World,
    Process(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TaskId(u64);

#[derive(Default)]
pub(crate) struct Executor {
    /// In microseconds since the run began.
    now: AtomicU64,
    next: AtomicU64,
    tasks: Mutex<BTreeMap<TaskId, Task>>,
    ready: Arc<Mutex<Vec<TaskId>>>,
    timers: Mutex<BTreeMap<(Duration, u64), Waker>>,
    asleep: Mutex<BTreeSet<Owner>>,
    /// What could go on, if only its owner did.
    parked: Mutex<Vec<(Owner, TaskId)>>,
}

struct Task {
    owner: Owner,
    bell: Arc<Bell>,
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Puts its task among those that can go on, once until it is polled.
struct Bell {
    task: TaskId,
    rung: AtomicBool,
    ready: Arc<Mutex<Vec<TaskId>>>,
}

impl Executor {
    /// The time since the run began.
    pub(crate) fn now(&self) -> Duration {
        Duration::from_micros(self.now.load(Ordering::Relaxed))
    }

    pub(crate) fn spawn(&self, owner: Owner, work: impl Future<Output = ()> + Send + 'static) -> TaskId {
        let task = TaskId(self.next.fetch_add(1, Ordering::Relaxed));
        let bell = Arc::new(Bell { task, rung: AtomicBool::new(false), ready: Arc::clone(&self.ready) });
        Arc::clone(&bell).wake();
        self.tasks.lock().insert(task, Task { owner, bell, work: Box::pin(work) });
        task
    }

    /// Polls one of the tasks that can go on and says whose it was; `None` if none can at this moment.
    pub(crate) fn step(&self, chance: &Chance) -> Option<Owner> {
        loop {
            let id = {
                let mut ready = self.ready.lock();
                let count = ready.len();
                if count == 0 {
                    return None;
                }
                ready.swap_remove(chance.below(count))
            };
            // Who has ended or was killed meanwhile is no longer there.
            let Some(mut task) = self.tasks.lock().remove(&id) else { continue };
            if self.asleep.lock().contains(&task.owner) {
                self.parked.lock().push((task.owner, id));
                self.tasks.lock().insert(id, task);
                continue;
            }
            task.bell.rung.store(false, Ordering::Relaxed);
            let waker = Waker::from(Arc::clone(&task.bell));
            let owner = task.owner;
            if task.work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                self.tasks.lock().insert(id, task);
            }
            return Some(owner);
        }
    }

    /// Lets time pass until the next timer, if that is not after `limit`; says whether there was one.
    pub(crate) fn advance(&self, limit: Duration) -> bool {
        let mut timers = self.timers.lock();
        let Some(at) = timers.first_key_value().map(|((at, _), _)| *at).filter(|at| *at <= limit) else { return false };
        self.set_now(at);
        let later = timers.split_off(&(at, u64::MAX));
        let due = std::mem::replace(&mut *timers, later);
        drop(timers);
        due.into_values().for_each(Waker::wake);
        true
    }

    /// Lets time pass without anything happening in it.
    pub(crate) fn pass_to(&self, at: Duration) {
        self.set_now(at.max(self.now()));
    }

    /// Drops all tasks of `owner`, oldest first, wherever they are.
    pub(crate) fn kill(&self, owner: Owner) -> usize {
        self.wake_up(owner);
        let dead: Vec<Task> =
            self.tasks.lock().extract_if(.., |_, task| task.owner == owner).map(|(_, task)| task).collect();
        dead.len()
    }

    /// Drops one task; says whether it was still there.
    pub(crate) fn abandon(&self, task: TaskId) -> bool {
        let abandoned = self.tasks.lock().remove(&task);
        abandoned.is_some()
    }

    /// `owner` does nothing until it is woken, while time goes on.
    pub(crate) fn put_to_sleep(&self, owner: Owner) {
        self.asleep.lock().insert(owner);
    }

    pub(crate) fn wake_up(&self, owner: Owner) {
        self.asleep.lock().remove(&owner);
        let awake = self
            .parked
            .lock()
            .extract_if(.., |(sleeper, _)| *sleeper == owner)
            .map(|(_, task)| task)
            .collect::<Vec<_>>();
        self.ready.lock().extend(awake);
    }

    /// Drops everything, since tasks and the world hold each other.
    pub(crate) fn clear(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock());
        drop(tasks);
        self.timers.lock().clear();
    }

    pub(crate) fn sleep(self: &Arc<Self>, pause: Duration) -> Sleep {
        self.sleep_until(self.now() + pause)
    }

    pub(crate) fn sleep_until(self: &Arc<Self>, until: Duration) -> Sleep {
        Sleep { executor: Arc::clone(self), until, is_set: false }
    }

    fn set_now(&self, now: Duration) {
        self.now.store(u64::try_from(now.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if !self.rung.swap(true, Ordering::Relaxed) {
            self.ready.lock().push(self.task);
        }
    }
}

/// Over at its time. With no time to wait it still lets others go first.
pub(crate) struct Sleep {
    executor: Arc<Executor>,
    until: Duration,
    is_set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.is_set && self.until <= self.executor.now() {
            return Poll::Ready(());
        }
        if self.until <= self.executor.now() {
            context.waker().wake_by_ref();
        } else if !self.is_set {
            let number = self.executor.next.fetch_add(1, Ordering::Relaxed);
            self.executor.timers.lock().insert((self.until, number), context.waker().clone());
        }
        self.is_set = true;
        Poll::Pending
    }
}
