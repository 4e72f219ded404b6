//! The loops over the orchestrator's single steps.

use std::sync::Arc;
use std::time::Duration;

use domain::Time;
use orchestrator::{BulkWorker, DeedError, Desk, Exporter, Publisher, Pusher, Reconciler, Repeater};
use store::{Books, Replica, StoreError, Switches};
use tokio::sync::{Notify, Semaphore};

use crate::http::{App, stopped};
use crate::sampling::Sampler;
use crate::settings::{self, Settings};
use crate::trend::{self, Sample};
use crate::works::Works;

/// How many notices one step takes up.
const NOTICES: u32 = 32;

/// A process that was silent for so long is forgotten.
const REPLICA_MEMORY: Duration = Duration::from_hours(24);

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
    let taken_up = desk.file_waiting_notices(NOTICES).await?;
    let checked = desk.check_due(batch).await?;
    Ok(probed > 0 || taken_up > 0 || checked.payments > 0)
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
    Bulk(Arc<BulkWorker>),
}

impl Work {
    const fn name(&self) -> &'static str {
        match self {
            Self::LookAfter(_) => "look after payments",
            Self::Sweep(_) => "sweep",
            Self::Reconcile(_) => "reconcile",
            Self::Export(_) => "export",
            Self::Bulk(_) => "bulk actions",
        }
    }
}

/// What the loops go over.
pub struct Hands<'a> {
    /// Where payments are looked after.
    pub desk: &'a Arc<Desk>,
    /// Where lines get their place.
    pub books: Arc<dyn Books>,
    /// What people stop.
    pub switches: Arc<dyn Switches>,
    /// Where runs of reconciliation are carried out.
    pub reconciler: &'a Arc<Reconciler>,
    /// Where files for finance are written.
    pub exporter: &'a Arc<Exporter>,
    /// Where the same is done to many.
    pub bulk: &'a Arc<BulkWorker>,
    /// Where events are told from.
    pub pusher: &'a Arc<Pusher>,
    /// Where requests with names are remembered.
    pub repeater: &'a Arc<Repeater>,
    /// Where events are published from, if they are.
    pub publisher: Option<&'a Arc<Publisher>>,
    /// Where the database is asked for the metrics.
    pub sampler: &'a Arc<Sampler>,
}

/// Starts the loops; they end when the program stops.
pub fn start(hands: Hands<'_>, works: &Works, all: &Settings) {
    let Hands { desk, books, switches, reconciler, exporter, bulk, pusher, repeater, publisher, sampler } = hands;
    let settings = &all.workers;
    for _ in 0..settings.count {
        works.begin(run(Work::LookAfter(Arc::clone(desk)), works.clone(), settings.clone()));
    }
    works.begin(run(Work::Sweep(Arc::clone(desk)), works.clone(), settings.clone()));
    works.begin(run(Work::Reconcile(Arc::clone(reconciler)), works.clone(), settings.clone()));
    works.begin(run(Work::Export(Arc::clone(exporter)), works.clone(), settings.clone()));
    works.begin(run(Work::Bulk(Arc::clone(bulk)), works.clone(), settings.clone()));
    works.begin(post(Arc::clone(desk), books, works.clone()));
    works.begin(stamp(Arc::clone(desk), Arc::clone(pusher), works.clone()));
    works.begin(send(Arc::clone(pusher), works.clone(), all.clone()));
    if let Some(publisher) = publisher {
        works.begin(publish(Arc::clone(publisher), Arc::clone(pusher), works.clone()));
    }
    works.begin(forget(Arc::clone(desk), Arc::clone(pusher), Arc::clone(repeater), works.clone()));
    works.begin(heed(Arc::clone(desk), switches, works.clone()));
    works.begin(sample(Arc::clone(desk), Arc::clone(sampler), works.clone()));
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
            Work::Bulk(bulk) => bulk.act_due().await,
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

/// What changed gets its place in the feed as soon as this process knows of it, and within a second if another one died.
async fn stamp(desk: Arc<Desk>, pusher: Arc<Pusher>, works: Works) {
    let (mut changes, mut failing) = (desk.changes(), false);
    while !works.stopping().is_cancelled() {
        let stamped = pusher.stamp().await;
        if let Err(error) = &stamped
            && !failing
        {
            tracing::error!(error = error as &dyn std::error::Error, "changes cannot be stamped");
        }
        failing = stamped.is_err();
        if matches!(stamped, Ok(1..)) {
            continue;
        }
        tokio::select! {
            // One that fell behind looks as well.
            _ = changes.recv() => {}
            () = pause_or_stop(&works, Duration::from_secs(1)) => {}
        }
        // What comes together is stamped together.
        pause_or_stop(&works, Duration::from_millis(20)).await;
    }
}

/// Takes up endpoints that something is to be sent to, and has each told by itself: nobody waits for another one's receiver.
async fn send(pusher: Arc<Pusher>, works: Works, settings: Settings) {
    let idle = Duration::from_millis(settings.workers.idle_milliseconds);
    let free = Arc::new(Semaphore::new(settings.webhook_endpoints.senders));
    let told = Arc::new(Notify::new());
    let (mut stamped, mut failing) = (pusher.stamped(), false);
    while !works.stopping().is_cancelled() {
        let permit = tokio::select! {
            permit = Arc::clone(&free).acquire_owned() => permit,
            () = works.stopping().cancelled() => return,
        };
        stamped.mark_unchanged();
        let claimed = pusher.claim().await;
        if let Err(error) = &claimed
            && !failing
        {
            tracing::error!(error = error as &dyn std::error::Error, "events cannot be sent");
        }
        failing = claimed.is_err();
        if let Ok(Some(endpoint)) = claimed {
            let (pusher, told) = (Arc::clone(&pusher), Arc::clone(&told));
            works.begin(async move {
                if let Err(error) = pusher.tell(endpoint).await {
                    tracing::error!(error = &error as &dyn std::error::Error, "an endpoint could not be told");
                }
                drop(permit);
                told.notify_one();
            });
            continue;
        }
        drop(permit);
        tokio::select! {
            _ = stamped.changed(), if !failing => {}
            () = told.notified(), if !failing => {}
            () = pause_or_stop(&works, if failing { idle.max(Duration::from_secs(1)) } else { idle }) => {}
        }
    }
}

/// Publishes what has its place in the feed: at once if this process stamped it, within a second if another one did.
async fn publish(publisher: Arc<Publisher>, pusher: Arc<Pusher>, works: Works) {
    let (mut stamped, mut said) = (pusher.stamped(), None);
    while !works.stopping().is_cancelled() {
        stamped.mark_unchanged();
        let failure = publisher.step().await.err().map(|error| error.to_string());
        // One line for each new reason, not one for each try.
        if failure != said {
            if let Some(why) = &failure {
                tracing::error!(why, "events cannot be published");
            } else {
                tracing::info!("events are published again");
            }
        }
        said = failure;
        tokio::select! {
            _ = stamped.changed(), if said.is_none() => {}
            () = pause_or_stop(&works, Duration::from_secs(1)) => {}
        }
    }
}

/// What people have stopped, at whichever process.
async fn heed(desk: Arc<Desk>, switches: Arc<dyn Switches>, works: Works) {
    while !works.stopping().is_cancelled() {
        match switches.switches().await {
            Ok(turned) => desk.stops().set(stopped(&turned)),
            // As long as nobody can be asked, what was stopped stays stopped.
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the switches cannot be read"),
        }
        pause_or_stop(&works, Duration::from_secs(1)).await;
    }
}

/// What the metrics tell of the database: counted by one process, read by all.
async fn sample(desk: Arc<Desk>, sampler: Arc<Sampler>, works: Works) {
    let mut failing = false;
    while !works.stopping().is_cancelled() {
        let taken = sampler.step(desk.now()).await;
        if let Err(error) = &taken
            && !failing
        {
            tracing::error!(error = error as &dyn std::error::Error, "the database cannot be counted for the metrics");
        }
        failing = taken.is_err();
        pause_or_stop(&works, sampler.interval()).await;
    }
}

/// Says that this process serves, keeps how things stand for the plots of the console, and notes who has called.
pub(crate) async fn watch(app: Arc<App>) {
    let started_at = app.desk.now();
    let mut failing = false;
    while !app.works.stopping().is_cancelled() {
        let watched = watch_once(&app, started_at).await;
        if let Err(error) = &watched
            && !failing
        {
            tracing::warn!(error = error as &dyn std::error::Error, "how things stand cannot be seen");
        }
        failing = watched.is_err();
        pause_or_stop(&app.works, trend::INTERVAL).await;
    }
}

/// The same, once.
pub(crate) async fn watch_once(app: &App, started_at: Time) -> Result<(), StoreError> {
    let now = app.desk.now();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let replica = Replica { id: app.desk.owner(), version, started_at, seen_at: now };
    app.replicas.serve_as(&replica, now.minus(REPLICA_MEMORY)).await?;
    if let Some(counted) = app.metrics.latest().open() {
        app.trend.keep(Sample::of(now, &counted.sample, app.metrics.asked()));
    }
    note_used(app).await?;
    if let Some(limit) = &app.rate_limit {
        limit.forget();
    }
    Ok(())
}

async fn note_used(app: &App) -> Result<(), StoreError> {
    let used = app.used_keys.take();
    if used.is_empty() {
        return Ok(());
    }
    let noted = app.keys.note_used(&used).await;
    if noted.is_err() {
        for (key, at) in used {
            app.used_keys.note(key, at);
        }
    }
    noted
}

/// Nothing is sent a second time a day later, so what was kept for it goes.
async fn forget(desk: Arc<Desk>, pusher: Arc<Pusher>, repeater: Arc<Repeater>, works: Works) {
    while !works.stopping().is_cancelled() {
        if let Err(error) = desk.forget_kept_requests().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "kept requests could not be forgotten");
        }
        if let Err(error) = pusher.forget().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "deliveries could not be forgotten");
        }
        if let Err(error) = repeater.forget().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "names of requests could not be forgotten");
        }
        pause_or_stop(&works, Duration::from_mins(10)).await;
    }
}

async fn pause_or_stop(works: &Works, pause: Duration) {
    let _ = tokio::time::timeout(pause, works.stopping().cancelled()).await;
}
