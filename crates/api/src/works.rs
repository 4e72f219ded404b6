use std::future::Future;
use std::time::Duration;

use opentelemetry::trace::FutureExt as _;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The program's own runtime. Work that was begun goes on when its caller hangs up: the web framework drops a
/// handler's future, and would drop what it spawned, so nothing that matters runs there.
#[derive(Debug, Clone)]
pub struct Works {
    handle: Handle,
    tracker: TaskTracker,
    stopping: CancellationToken,
}

/// The work ended in a panic, or the runtime is gone. Whatever it was doing is looked after by the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work ended without an outcome")]
pub struct WorkLost;

impl Works {
    /// Work on this runtime.
    pub fn on(handle: Handle) -> Self {
        Self { handle, tracker: TaskTracker::new(), stopping: CancellationToken::new() }
    }

    /// Begins work that goes on whether or not the answer is waited for.
    pub async fn run<F>(&self, work: F) -> Result<F::Output, WorkLost>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn_on(work.in_current_span().with_current_context(), &self.handle).await.map_err(|_| WorkLost)
    }

    /// Begins work that nobody waits for, except the stop.
    pub fn begin<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn_on(work, &self.handle);
    }

    /// Becomes true when the program is to stop; loops watch it.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Asks loops to stop and waits for all work, for no longer than `patience`. False if work was left.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.stopping.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}
