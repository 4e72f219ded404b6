//! The database as a process sees it: a statement travels there, happens or not, and its answer travels back or not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{Kind, PaymentId, Seen, ShopName, Time};
use futures::FutureExt as _;
use futures::channel::oneshot;
use store::{
    Birth, Claim, DueNotice, Means, Move, Name, Notice, Opened, Outcome, Received, Store, StoreError, Stored, Sweep,
    SweepClaim, UnmatchedPayment, Write,
};

use crate::executor::Owner;
use crate::fault::Fault;
use crate::process::Slot;
use crate::world::World;
use crate::{PlantedBug, Violation, show};

/// One process's way to the database that all share.
pub(crate) struct Database {
    pub(crate) world: Arc<World>,
    pub(crate) slot: usize,
}

/// What becomes of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// There was no connection, and everybody knows.
    Refused,
    /// The connection broke before it got there.
    Lost,
    /// The connection broke behind it.
    Done,
    /// The connection broke, and the server went on with it.
    DoneLater,
}

#[async_trait]
impl Store for Database {
    async fn open(&self, births: &[Birth]) -> Result<Vec<Opened>, StoreError> {
        let mut statement = births.to_vec();
        for birth in &mut statement {
            self.world.spoil_birth(birth);
        }
        let opened = self.write("open", move |world, who| {
            let opened = world.memory.open(&statement).now_or_never()?;
            for (birth, opened) in statement.iter().zip(opened.iter().flatten()) {
                world.step(who, format_args!("open {}: {}", show::order(&birth.payment), show::opened(opened)));
            }
            let ids = statement.iter().map(|birth| birth.payment.id());
            world.judge_payments(ids);
            Some(opened)
        });
        match opened.await {
            Err(StoreError::OutcomeUnknown(_)) if self.world.has(PlantedBug::UnknownOpenIsDone) => {
                Ok(births.iter().map(|_| Opened::New).collect())
            }
            Ok(mut opened) if self.world.has(PlantedBug::AnyOrderIsTheSame) => {
                take_for_the_same(births, &mut opened);
                Ok(opened)
            }
            opened => opened,
        }
    }

    async fn load(&self, names: &[Name]) -> Result<Vec<Option<Stored>>, StoreError> {
        let names = names.to_vec();
        self.read(move |world| world.memory.load(&names).now_or_never()).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Vec<Outcome>, StoreError> {
        let mut statement = writes.to_vec();
        let leases: Vec<_> = writes.iter().map(lease_of).collect();
        for moved in statement.iter_mut().filter_map(|write| write.moves.as_mut()) {
            self.world.spoil(moved);
        }
        if self.world.has(PlantedBug::ReservesNothing) {
            statement.iter_mut().filter(|write| write.birth.is_some()).for_each(|write| write.moves = None);
        }
        if self.world.has(PlantedBug::LosesCommits) && self.world.chance.happens(300) {
            return Ok(statement.iter().map(|_| Outcome::Won).collect());
        }
        self.write("commit", move |world, who| {
            if world.has(PlantedBug::LastWriterWins) {
                world.let_the_last_writer_win(&mut statement);
            }
            let held: Vec<_> = leases.iter().map(|lease| lease.and_then(|(id, _)| world.epoch_of(id))).collect();
            let outcomes = world.memory.commit(&statement).now_or_never()?;
            for ((lease, held), outcome) in leases.iter().zip(held).zip(outcomes.iter().flatten()) {
                if let (Some((id, epoch)), Outcome::Won) = (lease, outcome) {
                    world.judge_lease(*id, *epoch, held);
                }
            }
            for (write, outcome) in statement.iter().zip(outcomes.iter().flatten()) {
                world.step(who, format_args!("commit {}: {}", show::write(write), show::outcome(outcome)));
                if let (Some(filed), Outcome::Won) = (&write.notice, outcome) {
                    world.judge.lock().notice_was_filed(filed.id);
                }
            }
            let moved = statement.iter().filter_map(|write| write.moves.as_ref()).map(|moved| moved.payment.id());
            let born = statement.iter().filter_map(|write| write.birth.as_ref()).map(|birth| birth.payment.id());
            let ids = moved.chain(born);
            world.judge_payments(ids);
            Some(outcomes)
        })
        .await
    }

    async fn receive(&self, notices: &[Notice]) -> Result<Vec<Received>, StoreError> {
        let statement = notices.to_vec();
        self.write("receive", move |world, who| {
            let received = world.memory.receive(&statement).now_or_never()?;
            for (notice, received) in statement.iter().zip(received.iter().flatten()) {
                world.step(who, format_args!("receive {}: {}", show::notice(notice), show::received(received)));
                if received.filed.is_none() && !received.repeat {
                    world.judge.lock().notice_waits(received.id, notice.leased_until);
                }
            }
            Some(received)
        })
        .await
    }

    async fn claim_due(&self, claim: &Claim) -> Result<Vec<Stored>, StoreError> {
        let claim = *claim;
        self.write("claim", move |world, who| {
            let claimed = world.memory.claim_due(&claim).now_or_never()?;
            for stored in claimed.iter().flatten() {
                world.step(who, format_args!("claim {} epoch {}", show::order(&stored.payment), stored.epoch));
            }
            world.judge_payments(claimed.iter().flatten().map(|stored| stored.payment.id()));
            Some(claimed)
        })
        .await
    }

    async fn claim_notices(&self, claim: &Claim) -> Result<Vec<DueNotice>, StoreError> {
        let claim = *claim;
        self.write("claim", move |world, who| {
            let claimed = world.memory.claim_notices(&claim).now_or_never()?;
            for notice in claimed.iter().flatten() {
                world.step(who, format_args!("claim notice {} of {}", show::short(notice.id), notice.received_at));
                world.judge.lock().notice_waits(notice.id, claim.until);
            }
            Some(claimed)
        })
        .await
    }

    async fn kept_request(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |world| world.memory.kept_request(payment).now_or_never()).await
    }

    async fn forget_kept_requests(&self, before: Time) -> Result<u64, StoreError> {
        self.write("forget", move |world, _| world.memory.forget_kept_requests(before).now_or_never()).await
    }

    async fn claim_sweep(&self, claim: &SweepClaim) -> Result<Option<Sweep>, StoreError> {
        let claim = claim.clone();
        self.write("claim", move |world, who| {
            let claimed = world.memory.claim_sweep(&claim).now_or_never()?;
            if let Ok(Some(sweep)) = &claimed {
                world.step(who, format_args!("claim {}", show::sweep(sweep)));
            }
            Some(claimed)
        })
        .await
    }

    async fn record_sweep(&self, sweep: &Sweep) -> Result<bool, StoreError> {
        let mut sweep = sweep.clone();
        if self.world.has(PlantedBug::CursorBeforeTheEnd) {
            sweep.cursor = sweep.pass.and_then(|pass| pass.next_cursor).or(sweep.cursor);
        }
        self.write("sweep", move |world, who| {
            let held = world.memory.sweeps().now_or_never()?;
            let recorded = world.memory.record_sweep(&sweep).now_or_never()?;
            if let (Ok(held), Ok(true)) = (&held, &recorded) {
                world.judge_sweep(&sweep, held.iter().find(|held| held.shop == sweep.shop));
            }
            let word = if matches!(recorded, Ok(true)) { "recorded" } else { "lost" };
            world.step(who, format_args!("{} is {word}", show::sweep(&sweep)));
            Some(recorded)
        })
        .await
    }

    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        self.read(move |world| world.memory.sweeps().now_or_never()).await
    }

    async fn oldest_open(&self, shop: &ShopName) -> Result<Option<Time>, StoreError> {
        let shop = shop.clone();
        self.read(move |world| world.memory.oldest_open(&shop).now_or_never()).await
    }

    async fn file_unmatched(&self, unmatched: &[UnmatchedPayment]) -> Result<(), StoreError> {
        let statement = unmatched.to_vec();
        self.write("file", move |world, who| {
            let filed = world.memory.file_unmatched(&statement).now_or_never()?;
            for unmatched in &statement {
                world.step(who, format_args!("file {}", show::unmatched(unmatched)));
            }
            Some(filed)
        })
        .await
    }

    async fn due_unmatched(&self, shop: &ShopName, now: Time, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
        let shop = shop.clone();
        self.read(move |world| world.memory.due_unmatched(&shop, now, limit).now_or_never()).await
    }
}

#[async_trait]
impl Means for Database {
    async fn keep_means(&self, payment: PaymentId, sealed: &[u8], at: Time) -> Result<(), StoreError> {
        let sealed = sealed.to_vec();
        let statement = move |world: &Arc<World>, who| {
            world.step(who, format_args!("keep what {} was paid with", show::short(payment.uuid())));
            world.memory.keep_means(payment, &sealed, at).now_or_never()
        };
        self.write("keep means", statement).await
    }

    async fn means(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |world| world.memory.means(payment).now_or_never()).await
    }
}

/// The payment that a write holds by a lease, and in which epoch.
fn lease_of(write: &Write) -> Option<(PaymentId, u64)> {
    let moved = write.moves.as_ref()?;
    Some((moved.payment.id(), moved.expected_epoch?))
}

/// [`PlantedBug::AnyOrderIsTheSame`].
fn take_for_the_same(births: &[Birth], opened: &mut [Opened]) {
    for (birth, opened) in births.iter().zip(opened) {
        if let Opened::Existing(stored) = opened {
            stored.payment.opening.fingerprint = birth.payment.opening.fingerprint.clone();
        }
    }
}

/// What the memory store answered. It is always ready at once; else it would be no store for one thread.
type Happened<T> = Option<Result<T, StoreError>>;

impl Database {
    async fn read<T: Send + 'static>(
        &self,
        statement: impl FnOnce(&Arc<World>) -> Happened<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let fate = if self.world.strikes(Fault::StoreUnavailable) { Fate::Refused } else { Fate::Answered };
        self.run("load", fate, move |world, _| statement(world)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        statement: impl FnOnce(&Arc<World>, Slot) -> Happened<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let fates = [
            (Fault::StoreUnavailable, Fate::Refused),
            (Fault::CommitLost, Fate::Lost),
            (Fault::CommitUnknown, Fate::Done),
            (Fault::CommitLate, Fate::DoneLater),
        ];
        let struck = fates.into_iter().find(|(fault, _)| self.world.strikes(*fault));
        self.run(name, struck.map_or(Fate::Answered, |(_, fate)| fate), statement).await
    }

    async fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        fate: Fate,
        statement: impl FnOnce(&Arc<World>, Slot) -> Happened<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (world, who) = (&self.world, Slot(self.slot));
        // Who dies here has asked for nothing; who dies later cannot take the statement back.
        world.executor.sleep(world.chance.millis(0, 2)).await;
        let delay =
            if world.strikes(Fault::StoreSlow) { world.chance.seconds(1, 25) } else { world.chance.millis(0, 3) };
        if matches!(fate, Fate::Refused | Fate::Lost) {
            world.executor.sleep(delay).await;
            world.step(
                who,
                format_args!("{name}: {}", if fate == Fate::Lost { "lost on the way" } else { "no database" }),
            );
            return Err(fate.error());
        }
        let (tell, told) = oneshot::channel();
        let server = Arc::clone(world);
        let later = if fate == Fate::DoneLater { world.chance.millis(5, 3_000) } else { Duration::ZERO };
        world.executor.spawn(Owner::World, async move {
            server.executor.sleep(delay + later).await;
            let Some(happened) = statement(&server, who) else {
                return server.violate(Violation::of_the_simulation("the memory store was not ready at once"));
            };
            server.wake_workers();
            server.executor.sleep(server.chance.millis(0, 2)).await;
            drop(tell.send(happened));
        });
        match fate {
            Fate::DoneLater => world.executor.sleep(delay).await,
            Fate::Answered | Fate::Refused | Fate::Lost | Fate::Done => {
                let answer = told.await;
                if fate == Fate::Answered {
                    return answer.unwrap_or_else(|_| Err(fate.error()));
                }
            }
        }
        world.step(who, format_args!("{name}: the answer is lost"));
        Err(fate.error())
    }
}

impl Fate {
    fn error(self) -> StoreError {
        match self {
            Self::Refused => StoreError::Unavailable(sqlx::Error::PoolTimedOut),
            Self::Answered | Self::Lost | Self::Done | Self::DoneLater => {
                StoreError::OutcomeUnknown(sqlx::Error::WorkerCrashed)
            }
        }
    }
}

impl World {
    /// Looks at payments that a statement has touched.
    pub(crate) fn judge_payments(&self, ids: impl Iterator<Item = PaymentId>) {
        for id in ids {
            let Some(audited) = self.memory.audited(id) else { continue };
            let found = self.with_engine(|engine, _| self.judge.lock().look_at(audited, engine, self.time()));
            if let Err(violation) = found {
                self.violate(violation);
            }
        }
    }

    fn epoch_of(&self, id: PaymentId) -> Option<u64> {
        self.memory.audited(id).map(|audited| audited.stored.epoch)
    }

    /// Who has lost its lease may not write over the next check, or the lease, of whoever holds it now.
    fn judge_lease(&self, id: PaymentId, epoch: u64, held: Option<u64>) {
        if held != Some(epoch) {
            let id = show::short(id.uuid());
            self.violate(Violation::new("I7", format!("{id}: written under lease {epoch} while {held:?} was held")));
        }
    }

    fn spoil_birth(&self, birth: &mut Birth) {
        if self.has(PlantedBug::KeepsEveryRequest) {
            birth.kept_request.get_or_insert_default();
        }
        if self.has(PlantedBug::MovingIsInert) {
            birth.payment.opening.kind = Kind::Inert;
            birth.entry.seen = Seen::Opened(Box::new(birth.payment.opening.clone()));
        }
    }

    /// Whoever has lost its lease may not store its place, nor its cursor, over those of whoever holds it now.
    fn judge_sweep(&self, sweep: &Sweep, held: Option<&Sweep>) {
        if held.map(|held| held.epoch) != Some(sweep.epoch) {
            self.violate(Violation::new("I7", format!("the sweep of {} was written without its lease", sweep.shop)));
        }
    }

    fn spoil(&self, moved: &mut Move) {
        if self.has(PlantedBug::NoNextCheck) {
            moved.progress.next_check_at = None;
        }
        if self.has(PlantedBug::IgnoresEpochs) {
            moved.expected_epoch = None;
        }
        if self.has(PlantedBug::ForgetsGatewayIds) {
            moved.claim = None;
        }
        if self.has(PlantedBug::BooksNothing) {
            moved.movements.clear();
        }
    }

    /// [`PlantedBug::LastWriterWins`]: what was decided on an old version is written over the new one.
    fn let_the_last_writer_win(&self, writes: &mut [Write]) {
        for moved in writes.iter_mut().filter_map(|write| write.moves.as_mut()) {
            let Some(audited) = self.memory.audited(moved.payment.id()) else { continue };
            let version = audited.stored.payment.version;
            moved.expected_version = version;
            moved.expected_epoch = None;
            moved.payment.version = version;
            if let Some(entry) = &mut moved.entry {
                entry.sequence = version + 1;
                moved.payment.version = version + 1;
            }
        }
    }
}
