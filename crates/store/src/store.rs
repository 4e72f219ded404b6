use async_trait::async_trait;
use domain::{Entry, GatewayPaymentId, Movement, Payment, PaymentId, Progress, ReferenceId, ShopName, Sighting, Time};
use uuid::Uuid;

use crate::StoreError;

/// The write path. Everything is a batch; a batch is one durable commit, and each unit of it stands or falls alone.
#[async_trait]
pub trait Store: Send + Sync {
    /// Opens payments: one durable row each, before anything leaves for the gateway. Answers are in the order of the
    /// births. A reference that is taken comes back as the payment that has it.
    async fn open(&self, births: &[Birth]) -> Result<Vec<Opened>, StoreError>;

    /// Payments by any of their names, in the order of the names.
    async fn load(&self, names: &[Name]) -> Result<Vec<Option<Stored>>, StoreError>;

    /// Records decisions, all of a write or none of it. A write whose payment has moved on since it was decided comes
    /// back as [`Outcome::Lost`]: load again, apply again.
    async fn commit(&self, writes: &[Write]) -> Result<Vec<Outcome>, StoreError>;

    /// Makes notices durable and brings the payments along that they are about. The same body again is counted and
    /// not stored twice.
    async fn receive(&self, notices: &[Notice]) -> Result<Vec<Received>, StoreError>;

    /// Leases payments whose next check is due, the most overdue first, passing over what others hold.
    async fn claim_due(&self, claim: &Claim) -> Result<Vec<Stored>, StoreError>;

    /// Leases notices that are durable and not filed yet: what a crash or an outage left behind.
    async fn claim_notices(&self, claim: &Claim) -> Result<Vec<DueNotice>, StoreError>;

    /// The encrypted requests of a payment that may still have to leave, kept until it is final or a day has gone.
    async fn kept_request(&self, payment: PaymentId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Forgets kept requests that were kept since before `before`; answers how many.
    async fn forget_kept_requests(&self, before: Time) -> Result<u64, StoreError>;

    /// Leases a shop's sweep, if it is due and nobody is on it. A shop that was never swept is due.
    async fn claim_sweep(&self, claim: &SweepClaim) -> Result<Option<Sweep>, StoreError>;

    /// Records how far a sweep has come, and gives its lease up. False, and nothing is recorded, if somebody else has
    /// claimed it since.
    async fn record_sweep(&self, sweep: &Sweep) -> Result<bool, StoreError>;

    /// All sweeps, in the order of their shops.
    async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError>;

    /// When the oldest open payment of a shop was opened; none if none is open.
    async fn oldest_open(&self, shop: &ShopName) -> Result<Option<Time>, StoreError>;

    /// Files gateway payments that no payment matches. One that is there already is changed by news, by a later try to
    /// match it, or by its match, which stays; by anything else it is not.
    async fn file_unmatched(&self, unmatched: &[UnmatchedPayment]) -> Result<(), StoreError>;

    /// Unmatched gateway payments of a shop that are to be matched again, the most overdue first.
    async fn due_unmatched(&self, shop: &ShopName, now: Time, limit: u32) -> Result<Vec<UnmatchedPayment>, StoreError>;
}

/// Which process holds a lease: made once at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnerId(pub Uuid);

/// One of a payment's names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// Ours.
    Id(PaymentId),
    /// The caller's.
    Reference(ShopName, ReferenceId),
    /// The gateway's, whether it was adopted or stands beside the payment (surplus, cascade, foreign).
    Gateway(ShopName, GatewayPaymentId),
}

/// A payment as it is stored, with what lies beside its ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The fold of its ledger.
    pub payment: Payment,
    /// Looks without news, and the next one.
    pub progress: Progress,
    /// Raised with each lease; a write of a lease holder carries it, so that one who overslept loses.
    pub epoch: u64,
    /// Until when somebody is working on it.
    pub leased_until: Option<Time>,
}

/// A payment to be opened.
#[derive(Debug, Clone)]
pub struct Birth {
    /// As it is after its first entry. Its id was made for this very attempt to open it, so a row with this id is ours
    /// even if the commit's answer was lost.
    pub payment: Payment,
    /// Its first entry.
    pub entry: Entry,
    /// When it is looked at next.
    pub next_check_at: Option<Time>,
    /// Who is about to send its request, and until when; the epoch is then 1.
    pub lease: Option<(OwnerId, Time)>,
    /// The encrypted request, for a second attempt.
    pub kept_request: Option<Vec<u8>>,
}

impl Birth {
    /// The row as it is once the birth is durable.
    pub fn as_stored(&self) -> Stored {
        Stored {
            payment: self.payment.clone(),
            progress: Progress { next_check_at: self.next_check_at, ..Progress::default() },
            epoch: self.lease.is_some().into(),
            leased_until: self.lease.map(|(_, until)| until),
        }
    }
}

/// What came of a birth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// The row is there.
    New,
    /// The reference is taken, by this payment. It may be our own row, after a lost answer.
    Existing(Box<Stored>),
    /// The database refuses this birth, whatever its neighbours do.
    Poison(String),
}

/// One unit of a commit: what is in it happens together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Write {
    /// A payment that is compared and moved.
    pub moves: Option<Move>,
    /// A payment that is born with it: a refund beside the reservation on its deposit.
    pub birth: Option<Birth>,
    /// A notice that this settles.
    pub notice: Option<Filed>,
}

/// A payment that is compared and moved.
#[derive(Debug, Clone)]
pub struct Move {
    /// As it is afterwards.
    pub payment: Payment,
    /// The version that this was decided on.
    pub expected_version: u64,
    /// The lease that this was decided under; `None` for who needs none (notices, late answers).
    pub expected_epoch: Option<u64>,
    /// The new ledger entry; none for a look without news, which changes only what lies beside the ledger.
    pub entry: Option<Entry>,
    /// What the entry books; none without one.
    pub movements: Vec<Movement>,
    /// A gateway id that becomes this payment's, adopted or beside it. A clash is an answer, not an error. The claim
    /// of an id that this payment has already is no clash.
    pub claim: Option<GatewayPaymentId>,
    /// Looks and the next one, afterwards.
    pub progress: Progress,
    /// What becomes of the lease.
    pub lease: Lease,
}

/// What a write does to its payment's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// Leaves it as it is.
    Keep,
    /// Gives it up.
    Release,
    /// Takes or prolongs it; the epoch rises by one.
    Take(OwnerId, Time),
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Durable.
    Won,
    /// The payment has another version or epoch by now, or stands in an earlier write of the same batch.
    Lost,
    /// The birth's reference is taken.
    Taken,
    /// The claimed gateway id belongs to this other payment.
    Claimed(PaymentId),
    /// The database refuses this write, whatever its neighbours do.
    Poison(String),
}

/// Our name for a notice: a UUIDv7 made at receipt.
pub type NoticeId = Uuid;

/// A verified notice of the gateway, on its way into the inbox.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Our name for it.
    pub id: NoticeId,
    /// Whose signing key it was verified with.
    pub shop: ShopName,
    /// When it came.
    pub received_at: Time,
    /// Until when whoever received it is on it, so that no worker claims it meanwhile.
    pub leased_until: Time,
    /// The raw bytes, masked and encrypted.
    pub body: Vec<u8>,
    /// A keyed digest of the raw bytes: the same notice again has the same one.
    pub digest: Vec<u8>,
    /// The gateway payment that it is about.
    pub gateway_payment_id: Option<GatewayPaymentId>,
    /// The reference that it carries.
    pub reference_id: Option<ReferenceId>,
    /// The state that it tells, in the gateway's word.
    pub state: Option<String>,
}

/// What came of a notice's receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The notice that is stored: this one, or the first with the same body.
    pub id: NoticeId,
    /// Whether the same body was there already.
    pub repeat: bool,
    /// The verdict on it, if somebody has filed it.
    pub filed: Option<String>,
    /// The payment that it is about: by gateway id, else by reference.
    pub payment: Option<Box<Stored>>,
}

/// A notice that is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// Which one.
    pub id: NoticeId,
    /// What it came to: a [`domain::Verdict`]'s word, or `unmatched`.
    pub verdict: String,
    /// The payment that it was about.
    pub payment: Option<PaymentId>,
    /// When.
    pub at: Time,
}

/// A notice that waits to be filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNotice {
    /// Which one.
    pub id: NoticeId,
    /// Whose.
    pub shop: ShopName,
    /// When it came.
    pub received_at: Time,
    /// The masked and encrypted bytes.
    pub body: Vec<u8>,
    /// How often it was tried before.
    pub attempts: u32,
}

/// A claim on due work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// What is due by then.
    pub now: Time,
    /// Who claims.
    pub owner: OwnerId,
    /// Until when others pass it over.
    pub until: Time,
    /// No more than this many.
    pub limit: u32,
}

/// A claim on the sweep of a shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepClaim {
    /// Whose.
    pub shop: ShopName,
    /// What is due by then.
    pub now: Time,
    /// Who claims.
    pub owner: OwnerId,
    /// Until when others pass it over.
    pub until: Time,
}

/// How far a shop's payments at the gateway have been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// Whose.
    pub shop: ShopName,
    /// What has changed since then, by the gateway's clock, is what a pass reads. None before the first pass.
    pub cursor: Option<Time>,
    /// When the last complete pass began that could read everything, by our clock: whatever had changed before is known.
    pub swept_at: Option<Time>,
    /// When the last complete pass ended.
    pub completed_at: Option<Time>,
    /// The pass that is under way.
    pub pass: Option<Pass>,
    /// When somebody goes on with it, or begins the next one.
    pub next_at: Time,
    /// Raised with each lease, so that one who overslept loses.
    pub epoch: u64,
}

/// A pass over the list that is not at its end yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// When it began, by our clock.
    pub begun_at: Time,
    /// The cursor of the next pass, once this one is complete; none if the gateway did not say what time it was.
    pub next_cursor: Option<Time>,
    /// How many items of the present slice were read.
    pub offset: u32,
    /// The present slice holds what was created before; none for the first slice.
    pub created_before: Option<Time>,
    /// The latest creation of what was read last: where the next slice begins.
    pub reached: Option<Time>,
    /// Items that could not be read.
    pub unreadable: u32,
}

/// A gateway payment that was seen in a list, and belonged to no payment of ours when it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedPayment {
    /// With whose keys.
    pub shop: ShopName,
    /// As it was seen last.
    pub sighting: Sighting,
    /// When it was seen first.
    pub first_seen_at: Time,
    /// When its latest news came.
    pub last_seen_at: Time,
    /// How often it was tried to match it since then.
    pub tries: u32,
    /// When that is tried next; none if it is tried no more.
    pub next_try_at: Option<Time>,
    /// The payment that it was matched with after all, and when.
    pub matched: Option<(PaymentId, Time)>,
}
