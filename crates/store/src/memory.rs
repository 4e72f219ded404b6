mod reconciliations;
mod settlements;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::{Entry, GatewayPaymentId, Movement, PaymentId, PaymentState, Progress, ReferenceId, ShopName, Time};

use crate::columns::UnmatchedColumns;
use crate::flaw::{flaw_of_birth, flaw_of_write, without_nul};
use crate::{
    Audited, Birth, Books, BooksEnd, Claim, DueNotice, Filed, Lease, Line, LineEntry, LineName, LinePayment, Means,
    Move, Name, Notice, NoticeId, NoticeRecord, Opened, Outcome, OwnerId, Received, Store, StoreError, Stored, Sweep,
    SweepClaim, UnmatchedPayment, Write,
};

/// A [`Store`] in memory for the simulation: the semantics of the databases without their durability, the same
/// answers for the same questions in every run. Its futures are ready when they are polled first, on any executor.
///
/// A clone is a copy of its own, as a backup is: cheap, because rows are shared until one of the two writes to them.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

/// One row of the outbox: a change of state that others are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxRow {
    /// Whose.
    pub payment: PaymentId,
    /// Counted from 1 without gaps, over this payment's changes of state.
    pub sequence: u64,
    /// The ledger entry that changed it.
    pub entry: u64,
    /// The state that it then had.
    pub state: PaymentState,
    /// When.
    pub at: Time,
}

/// Which payment a gateway payment belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayPaymentRow {
    /// Whose keys it was seen with.
    pub shop: ShopName,
    /// The gateway's name for it.
    pub id: GatewayPaymentId,
    /// Ours.
    pub payment: PaymentId,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// One payment with its whole ledger.
    pub fn audited(&self, id: PaymentId) -> Option<Audited> {
        self.tables().payments.get(&id).map(|row| row.audited())
    }

    /// All payments with their whole ledgers, in the order of their ids.
    pub fn all(&self) -> Vec<Audited> {
        self.tables().payments.values().map(|row| row.audited()).collect()
    }

    /// Who has which payment leased, in the order of the payments' ids.
    pub fn owners(&self) -> Vec<(PaymentId, OwnerId)> {
        let tables = self.tables();
        tables.payments.values().filter_map(|row| Some((row.stored.payment.id(), row.owner?))).collect()
    }

    /// The outbox, in the order of (payment, sequence).
    pub fn outbox(&self) -> Vec<OutboxRow> {
        self.tables().payments.values().flat_map(|row| row.outbox.clone()).collect()
    }

    /// The gateway ids that belong to payments, in the order of (shop, id).
    pub fn gateway_payments(&self) -> Vec<GatewayPaymentRow> {
        let tables = self.tables();
        let row = |((shop, id), payment): (&(ShopName, GatewayPaymentId), &PaymentId)| GatewayPaymentRow {
            shop: shop.clone(),
            id: id.clone(),
            payment: *payment,
        };
        tables.gateway_payments.iter().map(row).collect()
    }

    /// All notices, in the order in which they came, each with the payment that it was filed under.
    pub fn inbox(&self) -> Vec<(NoticeRecord, Option<PaymentId>)> {
        let tables = self.tables();
        let mut rows: Vec<&NoticeRow> = tables.notices.values().map(AsRef::as_ref).collect();
        rows.sort_by_key(|row| (row.notice.received_at, row.notice.id));
        rows.into_iter().map(|row| (row.record(), row.filed.as_ref().and_then(|filed| filed.payment))).collect()
    }

    /// Gateway payments that belong to no payment, in the order of (id, shop).
    pub fn unmatched(&self) -> Vec<UnmatchedPayment> {
        let tables = self.tables();
        let is_open = |row: &&UnmatchedPayment| {
            let key = (row.shop.clone(), row.sighting.id.clone());
            row.matched.is_none() && !tables.gateway_payments.contains_key(&key)
        };
        tables.unmatched.values().filter(is_open).cloned().collect()
    }

    /// The payments whose request is kept, in the order of their ids.
    pub fn kept_requests(&self) -> Vec<PaymentId> {
        self.tables().kept_requests.keys().copied().collect()
    }

    // Nothing panics while it holds the lock; and if it did, the rows would still be whole.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Books for MemoryStore {
    async fn post(&self, now: Time, limit: u32) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let posted: BTreeSet<LineName> = tables.posted.iter().map(|(name, _)| *name).collect();
        let names = tables.payments.values().flat_map(|row| row.lines.iter().map(Line::name));
        let waiting: Vec<LineName> = names.filter(|name| !posted.contains(name)).take(limit as usize).collect();
        let posted_at = tables.posted.last().map_or(now, |(_, last)| now.max(*last));
        let count = waiting.len() as u64;
        tables.posted.extend(waiting.into_iter().map(|name| (name, posted_at)));
        Ok(count)
    }

    async fn books_end(&self) -> Result<BooksEnd, StoreError> {
        let tables = self.tables();
        let lines: usize = tables.payments.values().map(|row| row.lines.len()).sum();
        Ok(BooksEnd {
            place: tables.posted.len() as u64,
            posted_at: tables.posted.last().map_or(Time::EPOCH, |(_, at)| *at),
            waits: tables.posted.len() < lines,
        })
    }

    async fn place_before(&self, time: Time) -> Result<u64, StoreError> {
        Ok(self.tables().posted.iter().filter(|(_, at)| *at < time).count() as u64)
    }

    async fn lines(&self, after: u64, through: u64, limit: u32) -> Result<Vec<Line>, StoreError> {
        let tables = self.tables();
        let places = (1..).zip(&tables.posted).filter(|(place, _)| (after + 1..=through).contains(place));
        let line = |(place, (name, posted_at)): (u64, &(LineName, Time))| {
            let row = tables.payments.get(&name.payment)?;
            let line = row.lines.iter().find(|line| line.name() == *name)?;
            let same = |known: &&Line| {
                let (known, ours) = (&known.movement, &line.movement);
                known.gateway_payment_id == ours.gateway_payment_id && known.kind == ours.kind
            };
            let first = row.lines.iter().find(same).map(Line::name).filter(|first| first != name);
            Some(Line { place, posted_at: *posted_at, restates: first, ..line.clone() })
        };
        Ok(places.take(limit as usize).filter_map(line).collect())
    }
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self { tables: Mutex::new(self.tables().clone()) }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn open(&self, births: &[Birth]) -> Result<Vec<Opened>, StoreError> {
        let mut tables = self.tables();
        Ok(births.iter().map(|birth| tables.open(birth)).collect())
    }

    async fn load(&self, names: &[Name]) -> Result<Vec<Option<Stored>>, StoreError> {
        let tables = self.tables();
        Ok(names.iter().map(|name| tables.load(name).cloned()).collect())
    }

    async fn commit(&self, writes: &[Write]) -> Result<Vec<Outcome>, StoreError> {
        let mut tables = self.tables();
        let mut seen = BTreeSet::new();
        Ok(writes.iter().map(|write| tables.commit(write, &mut seen)).collect())
    }

    async fn receive(&self, notices: &[Notice]) -> Result<Vec<Received>, StoreError> {
        let mut tables = self.tables();
        Ok(notices.iter().map(|notice| tables.receive(notice)).collect())
    }

    async fn claim_due(&self, claim: &Claim) -> Result<Vec<Stored>, StoreError> {
        Ok(self.tables().claim_due(claim))
    }

    async fn claim_notices(&self, claim: &Claim) -> Result<Vec<DueNotice>, StoreError> {
        Ok(self.tables().claim_notices(claim))
    }

    async fn kept_request(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables().kept_requests.get(&payment).map(|kept| kept.request.clone()))
    }

    async fn forget_kept_requests(&self, before: Time) -> Result<u64, StoreError> {
        let kept = &mut self.tables().kept_requests;
        let count = kept.len();
        kept.retain(|_, kept| kept.kept_at >= before);
        Ok((count - kept.len()) as u64)
    }

    async fn claim_sweep(&self, claim: &SweepClaim) -> Result<Option<Sweep>, StoreError> {
        Ok(self.tables().claim_sweep(claim))
    }

    async fn record_sweep(&self, sweep: &Sweep) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let held = tables.sweeps.get_mut(&sweep.shop).filter(|(held, _)| held.epoch == sweep.epoch);
        Ok(held.map(|row| *row = (sweep.clone(), None)).is_some())
    }

    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        Ok(self.tables().sweeps.values().map(|(sweep, _)| sweep.clone()).collect())
    }

    async fn oldest_open(&self, shop: &ShopName) -> Result<Option<Time>, StoreError> {
        let tables = self.tables();
        let payments = tables.payments.values().map(|row| &row.stored.payment);
        let open = payments.filter(|payment| payment.opening.shop == *shop && !payment.state.is_final());
        Ok(open.map(|payment| payment.created_at).min())
    }

    async fn file_unmatched(&self, unmatched: &[UnmatchedPayment]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for columns in UnmatchedColumns::of_all(unmatched)? {
            tables.file_unmatched(columns.payment()?);
        }
        Ok(())
    }

    async fn due_unmatched(&self, shop: &ShopName, now: Time, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError> {
        let tables = self.tables();
        let is_due = |row: &&UnmatchedPayment| row.shop == *shop && row.next_try_at.is_some_and(|next| next <= now);
        let mut due: Vec<_> = tables.unmatched.values().filter(is_due).cloned().collect();
        due.sort_by_key(|row| row.next_try_at);
        due.truncate(limit as usize);
        Ok(due)
    }
}

#[async_trait]
impl Means for MemoryStore {
    async fn keep_means(&self, payment: PaymentId, sealed: &[u8], _: Time) -> Result<(), StoreError> {
        self.tables().means.insert(payment, sealed.to_vec());
        Ok(())
    }

    async fn means(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables().means.get(&payment).cloned())
    }
}

/// As the databases' tables, with what is unique among them as keys.
#[derive(Debug, Clone, Default)]
struct Tables {
    payments: BTreeMap<PaymentId, Arc<Row>>,
    references: BTreeMap<(ShopName, ReferenceId), PaymentId>,
    gateway_payments: BTreeMap<(ShopName, GatewayPaymentId), PaymentId>,
    notices: BTreeMap<NoticeId, Arc<NoticeRow>>,
    digests: BTreeMap<(ShopName, Vec<u8>), NoticeId>,
    kept_requests: BTreeMap<PaymentId, Kept>,
    /// Each with the end of its lease.
    sweeps: BTreeMap<ShopName, (Sweep, Option<Time>)>,
    unmatched: BTreeMap<(GatewayPaymentId, ShopName), UnmatchedPayment>,
    means: BTreeMap<PaymentId, Vec<u8>>,
    /// The books: which lines were posted, in order, and when.
    posted: Vec<(LineName, Time)>,
    reconciliations: reconciliations::Records,
    settlements: settlements::Files,
}

#[derive(Debug, Clone)]
struct Row {
    stored: Stored,
    owner: Option<OwnerId>,
    ledger: Vec<Entry>,
    outbox: Vec<OutboxRow>,
    /// The lines of the books, without a place.
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct NoticeRow {
    notice: Notice,
    deliveries: u64,
    attempts: u32,
    leased_until: Time,
    filed: Option<Filed>,
}

#[derive(Debug, Clone)]
struct Kept {
    kept_at: Time,
    request: Vec<u8>,
}

impl Tables {
    fn open(&mut self, birth: &Birth) -> Opened {
        if let Some(flaw) = flaw_of_birth(birth) {
            return Opened::Poison(flaw.to_owned());
        }
        let opening = &birth.payment.opening;
        if let Some(there) = self.load(&Name::Reference(opening.shop.clone(), opening.reference_id.clone())) {
            return Opened::Existing(Box::new(there.clone()));
        }
        if self.payments.contains_key(&opening.id) {
            return Opened::Poison(ID_TAKEN.to_owned());
        }
        self.give_birth(birth);
        Opened::New
    }

    fn load(&self, name: &Name) -> Option<&Stored> {
        let id = match name {
            Name::Id(id) => id,
            Name::Reference(shop, reference) => self.references.get(&(shop.clone(), reference.clone()))?,
            Name::Gateway(shop, id) => self.gateway_payments.get(&(shop.clone(), id.clone()))?,
        };
        self.payments.get(id).map(|row| &row.stored)
    }

    /// `seen` are the payments of the units before this one, whatever came of them.
    fn commit(&mut self, write: &Write, seen: &mut BTreeSet<PaymentId>) -> Outcome {
        if let Some(flaw) = flaw_of_write(write) {
            return Outcome::Poison(flaw.to_owned());
        }
        if let Some(refusal) = self.refusal(write, seen) {
            return refusal;
        }
        if let Some(moved) = &write.moves {
            self.make_move(moved);
        }
        if let Some(birth) = &write.birth {
            self.give_birth(birth);
        }
        if let Some(filed) = &write.notice {
            self.file(filed);
        }
        Outcome::Won
    }

    /// Why this unit does not happen, if so. Everything is asked before anything is done.
    fn refusal(&self, write: &Write, seen: &mut BTreeSet<PaymentId>) -> Option<Outcome> {
        let moved = write.moves.as_ref();
        let birth = write.birth.as_ref();
        let ids = moved.map(|moved| moved.payment.id()).into_iter().chain(birth.map(|birth| birth.payment.id()));
        let repeats = ids.filter(|id| !seen.insert(*id)).count();
        if repeats > 0 || moved.is_some_and(|moved| !self.is_as_expected(moved)) {
            return Some(Outcome::Lost);
        }
        moved.and_then(|moved| self.clash(moved)).or_else(|| birth.and_then(|birth| self.obstacle(birth)))
    }

    fn is_as_expected(&self, moved: &Move) -> bool {
        self.payments.get(&moved.payment.id()).is_some_and(|row| {
            row.stored.payment.version == moved.expected_version
                && moved.expected_epoch.is_none_or(|epoch| epoch == row.stored.epoch)
        })
    }

    fn clash(&self, moved: &Move) -> Option<Outcome> {
        let key = (moved.payment.opening.shop.clone(), moved.claim.clone()?);
        let holder = self.gateway_payments.get(&key)?;
        (*holder != moved.payment.id()).then_some(Outcome::Claimed(*holder))
    }

    fn obstacle(&self, birth: &Birth) -> Option<Outcome> {
        let opening = &birth.payment.opening;
        if self.references.contains_key(&(opening.shop.clone(), opening.reference_id.clone())) {
            return Some(Outcome::Taken);
        }
        self.payments.contains_key(&opening.id).then(|| Outcome::Poison(ID_TAKEN.to_owned()))
    }

    fn give_birth(&mut self, birth: &Birth) {
        let opening = &birth.payment.opening;
        self.references.insert((opening.shop.clone(), opening.reference_id.clone()), opening.id);
        if let Some(request) = &birth.kept_request {
            let kept = Kept { kept_at: birth.payment.created_at, request: request.clone() };
            self.kept_requests.insert(opening.id, kept);
        }
        let mut row = Row {
            stored: Stored {
                payment: birth.payment.clone(),
                progress: Progress { next_check_at: birth.next_check_at, ..Progress::default() },
                epoch: u64::from(birth.lease.is_some()),
                leased_until: birth.lease.map(|(_, until)| until),
            },
            owner: birth.lease.map(|(owner, _)| owner),
            ledger: Vec::new(),
            outbox: Vec::new(),
            lines: Vec::new(),
        };
        row.record(&birth.entry);
        self.payments.insert(opening.id, Arc::new(row));
    }

    fn make_move(&mut self, moved: &Move) {
        let id = moved.payment.id();
        if let Some(claim) = &moved.claim {
            self.gateway_payments.insert((moved.payment.opening.shop.clone(), claim.clone()), id);
        }
        if moved.payment.state.is_final() {
            self.kept_requests.remove(&id);
        }
        let Some(row) = self.payments.get_mut(&id).map(Arc::make_mut) else { return };
        if let Some(entry) = &moved.entry {
            row.stored.payment = moved.payment.clone();
            row.record(entry);
            row.book(entry, &moved.movements);
        }
        row.stored.progress = moved.progress;
        match moved.lease {
            Lease::Keep => {}
            Lease::Release => row.lease(None),
            Lease::Take(owner, until) => row.lease(Some((owner, until))),
        }
    }

    /// The first verdict stays.
    fn file(&mut self, filed: &Filed) {
        if let Some(row) = self.notices.get_mut(&filed.id).map(Arc::make_mut)
            && row.filed.is_none()
        {
            row.filed = Some(filed.clone());
        }
    }

    fn receive(&mut self, notice: &Notice) -> Received {
        let key = (notice.shop.clone(), notice.digest.clone());
        let known = self.digests.get(&key).copied();
        let id = *self.digests.entry(key).or_insert(notice.id);
        let state = notice.state.as_deref().map(|state| without_nul(state).into_owned());
        let row = self.notices.entry(id).or_insert_with(|| {
            Arc::new(NoticeRow {
                notice: Notice { state, ..notice.clone() },
                deliveries: 0,
                attempts: 0,
                leased_until: notice.leased_until,
                filed: None,
            })
        });
        let row = Arc::make_mut(row);
        row.deliveries += 1;
        let filed = row.filed.as_ref().map(|filed| filed.verdict.clone());
        Received { id, repeat: known.is_some(), filed, payment: self.subject(notice) }
    }

    /// The payment that a notice is about: by gateway id, else by reference.
    fn subject(&self, notice: &Notice) -> Option<Box<Stored>> {
        let shop = &notice.shop;
        let by_gateway_id = notice.gateway_payment_id.clone().map(|id| Name::Gateway(shop.clone(), id));
        let by_reference = notice.reference_id.clone().map(|reference| Name::Reference(shop.clone(), reference));
        let mut names = by_gateway_id.into_iter().chain(by_reference);
        names.find_map(|name| self.load(&name)).cloned().map(Box::new)
    }

    fn claim_due(&mut self, claim: &Claim) -> Vec<Stored> {
        let mut due: Vec<(Time, PaymentId)> =
            self.payments.iter().filter_map(|(id, row)| Some((row.due(claim.now)?, *id))).collect();
        due.sort_unstable();
        due.truncate(claim.limit as usize);
        let mut claimed = Vec::with_capacity(due.len());
        for (_, id) in due {
            if let Some(row) = self.payments.get_mut(&id).map(Arc::make_mut) {
                row.lease(Some((claim.owner, claim.until)));
                claimed.push(row.stored.clone());
            }
        }
        claimed
    }

    fn claim_notices(&mut self, claim: &Claim) -> Vec<DueNotice> {
        let mut due: Vec<&mut Arc<NoticeRow>> = self.notices.values_mut().filter(|row| row.is_due(claim.now)).collect();
        due.sort_unstable_by_key(|row| (row.notice.received_at, row.notice.id));
        due.truncate(claim.limit as usize);
        due.into_iter().map(|row| Arc::make_mut(row).claim(claim.until)).collect()
    }

    fn claim_sweep(&mut self, claim: &SweepClaim) -> Option<Sweep> {
        let (sweep, leased_until) = self.sweeps.entry(claim.shop.clone()).or_insert_with(|| {
            let never = Sweep {
                shop: claim.shop.clone(),
                cursor: None,
                swept_at: None,
                completed_at: None,
                pass: None,
                next_at: claim.now,
                epoch: 0,
            };
            (never, None)
        });
        if sweep.next_at > claim.now || leased_until.is_some_and(|until| until > claim.now) {
            return None;
        }
        sweep.epoch += 1;
        *leased_until = Some(claim.until);
        Some(sweep.clone())
    }

    /// What a row says of the payment is changed by news; its tries and its match only together with what was tried to
    /// match.
    fn file_unmatched(&mut self, told: UnmatchedPayment) {
        let key = (told.sighting.id.clone(), told.shop.clone());
        let Some(known) = self.unmatched.get_mut(&key) else {
            self.unmatched.insert(key, told);
            return;
        };
        let same = known.sighting == told.sighting;
        let counts = if told.tries == 0 && told.matched.is_none() {
            !same
        } else {
            same && (told.matched.is_some() || known.tries < told.tries)
        };
        if known.matched.is_none() && counts {
            *known = UnmatchedPayment { first_seen_at: known.first_seen_at, ..told };
        }
    }
}

const ID_TAKEN: &str = "the id belongs to a payment with another reference";

impl Row {
    fn record(&mut self, entry: &Entry) {
        if let Some(state) = entry.change.state {
            self.outbox.push(OutboxRow {
                payment: self.stored.payment.id(),
                sequence: self.outbox.len() as u64 + 1,
                entry: entry.sequence,
                state,
                at: entry.at,
            });
        }
        self.ledger.push(entry.clone());
    }

    fn book(&mut self, entry: &Entry, movements: &[Movement]) {
        let payment = &self.stored.payment;
        let opening = &payment.opening;
        let line = |movement: &Movement| Line {
            place: 0,
            posted_at: Time::EPOCH,
            entry: LineEntry { sequence: entry.sequence, at: entry.at, source: entry.source, state: payment.state },
            movement: movement.clone(),
            restates: None,
            payment: LinePayment {
                id: opening.id,
                shop: opening.shop.clone(),
                reference_id: opening.reference_id.clone(),
                requested: opening.requested,
                payment_method: payment.payment_method.clone(),
                parent: opening.parent,
                metadata: opening.metadata.clone(),
            },
        };
        self.lines.extend(movements.iter().map(line));
    }

    fn lease(&mut self, lease: Option<(OwnerId, Time)>) {
        self.stored.epoch += u64::from(lease.is_some());
        self.stored.leased_until = lease.map(|(_, until)| until);
        self.owner = lease.map(|(owner, _)| owner);
    }

    /// Since when it is due, if it is and nobody is working on it.
    fn due(&self, now: Time) -> Option<Time> {
        let held = self.stored.leased_until.is_some_and(|until| until > now);
        self.stored.progress.next_check_at.filter(|next| *next <= now && !held)
    }

    fn audited(&self) -> Audited {
        let lines = self.lines.iter().map(|line| (line.entry.sequence, line.movement.clone())).collect();
        Audited { stored: self.stored.clone(), ledger: self.ledger.clone(), lines }
    }
}

impl NoticeRow {
    fn is_due(&self, now: Time) -> bool {
        self.filed.is_none() && self.notice.received_at <= now && self.leased_until <= now
    }

    fn claim(&mut self, until: Time) -> DueNotice {
        let attempts = self.attempts;
        self.attempts += 1;
        self.leased_until = until;
        DueNotice {
            id: self.notice.id,
            shop: self.notice.shop.clone(),
            received_at: self.notice.received_at,
            body: self.notice.body.clone(),
            attempts,
        }
    }

    fn record(&self) -> NoticeRecord {
        NoticeRecord {
            id: self.notice.id,
            shop: self.notice.shop.clone(),
            received_at: self.notice.received_at,
            deliveries: self.deliveries,
            gateway_payment_id: self.notice.gateway_payment_id.as_ref().map(ToString::to_string),
            state: self.notice.state.clone(),
            verdict: self.filed.as_ref().map(|filed| filed.verdict.clone()),
        }
    }
}
