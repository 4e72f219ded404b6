//! The loops over the orchestrator's single steps.

use std::sync::Arc;
use std::time::Duration;

use orchestrator::{DeedError, Desk, Exporter, Reconciler};
use store::Books;

use crate::settings;
use crate::works::Works;

/// How many notices one step takes up.
const NOTICES: u32 = 32;

/// How many lines of the books one step posts.
const LINES: u32 = 1_000;

/// One step of a worker: everything that is due now, once. Tests call it; production loops over it. Answers whether
/// there was anything to do.
pub async fn step(desk: &Desk, batch: u32) -> Result<bool, DeedError> {
    let looked = look_after(desk, batch).await?;
    Ok(sweep(desk).await? || looked)
}

async fn look_after(desk: &Desk, batch: u32) -> Result<bool, DeedError> {
    let probed = desk.probe_gateways().await;
    let filed = desk.file_waiting_notices(NOTICES).await?;
    let checked = desk.check_due(batch).await?;
    Ok(probed > 0 || filed > 0 || checked.payments > 0)
}

async fn sweep(desk: &Desk) -> Result<bool, DeedError> {
    Ok(desk.sweep_due().await?.pages > 0)
}

/// What a loop does. A sweep, a reconciliation or an export that goes through much takes a while, and nobody's next look waits for it.
enum Work {
    LookAfter(Arc<Desk>),
    Sweep(Arc<Desk>),
    Reconcile(Arc<Reconciler>),
    Export(Arc<Exporter>),
}

impl Work {
    const fn name(&self) -> &'static str {
        match self {
            Self::LookAfter(_) => "look after payments",
            Self::Sweep(_) => "sweep",
            Self::Reconcile(_) => "reconcile",
            Self::Export(_) => "export",
        }
    }
}

/// Starts the loops; they end when the program stops.
pub fn start(
    desk: &Arc<Desk>,
    books: Arc<dyn Books>,
    reconciler: &Arc<Reconciler>,
    exporter: &Arc<Exporter>,
    works: &Works,
    settings: &settings::Workers,
) {
    for _ in 0..settings.count {
        works.begin(run(Work::LookAfter(Arc::clone(desk)), works.clone(), settings.clone()));
    }
    works.begin(run(Work::Sweep(Arc::clone(desk)), works.clone(), settings.clone()));
    works.begin(run(Work::Reconcile(Arc::clone(reconciler)), works.clone(), settings.clone()));
    works.begin(run(Work::Export(Arc::clone(exporter)), works.clone(), settings.clone()));
    works.begin(post(Arc::clone(desk), books, works.clone()));
    works.begin(forget(Arc::clone(desk), works.clone()));
}

async fn run(work: Work, works: Works, settings: settings::Workers) {
    let idle = Duration::from_millis(settings.idle_milliseconds);
    let mut failing = false;
    while !works.stopping().is_cancelled() {
        let worked = match &work {
            Work::LookAfter(desk) => look_after(desk, settings.batch).await,
            Work::Sweep(desk) => sweep(desk).await,
            Work::Reconcile(reconciler) => reconciler.reconcile_due().await,
            Work::Export(exporter) => exporter.export_due().await,
        };
        let pause = match worked {
            Ok(worked) => {
                failing = false;
                if worked { Duration::ZERO } else { idle }
            }
            Err(error) => {
                // One line when it begins to fail, not one for each try.
                if !failing {
                    tracing::error!(work = work.name(), error = &error as &dyn std::error::Error, "worker cannot work");
                }
                failing = true;
                idle.max(Duration::from_secs(1))
            }
        };
        pause_or_stop(&works, pause).await;
    }
}

/// What is booked gets its place a second later: as many lines at once as there are.
async fn post(desk: Arc<Desk>, books: Arc<dyn Books>, works: Works) {
    let mut failing = false;
    while !works.stopping().is_cancelled() {
        let posted = books.post(desk.now(), LINES).await;
        if let Err(error) = &posted
            && !failing
        {
            tracing::error!(error = error as &dyn std::error::Error, "lines of the books cannot be posted");
        }
        failing = posted.is_err();
        let more = matches!(posted, Ok(posted) if posted >= u64::from(LINES));
        pause_or_stop(&works, if more { Duration::ZERO } else { Duration::from_secs(1) }).await;
    }
}

/// Nothing is sent a second time a day later, so what was kept for it goes.
async fn forget(desk: Arc<Desk>, works: Works) {
    while !works.stopping().is_cancelled() {
        if let Err(error) = desk.forget_kept_requests().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "kept requests could not be forgotten");
        }
        pause_or_stop(&works, Duration::from_mins(10)).await;
    }
}

async fn pause_or_stop(works: &Works, pause: Duration) {
    let _ = tokio::time::timeout(pause, works.stopping().cancelled()).await;
}
