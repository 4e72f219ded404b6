//! A fresh store of one of the three kinds, with eyes that see everything in it.

use std::sync::Arc;
use std::time::Duration;

use domain::{Movement, Payment, PaymentId, ShopName, Time};
use sqlx::{AssertSqlSafe, PgPool, Row as _, SqlitePool};
use store::{
    Audited, Books, Database, DatabaseUrl, Means, MemoryStore, Name, NoticeRecord, Opened, OutboxRow, Outcome,
    PoolSettings, Reads, Reconciliations, Store, Stored, UnmatchedPayment, Write,
};
use tempfile::TempDir;
use test_postgres::TestDatabase;

/// Each story becomes a module with one test for each store.
macro_rules! on_every_store {
    ($($(#[$doc:meta])* async fn $story:ident($store:ident: &TestStore) $body:block)*) => {$(
        $(#[$doc])*
        mod $story {
            #[allow(unused_imports, reason = "not every story uses all that its file does")]
            use super::*;

            async fn story($store: &TestStore) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_memory() {
                $crate::test_store::TestStore::on_memory().tell(async |store| story(store).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                $crate::test_store::TestStore::on_sqlite().await.tell(async |store| story(store).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                $crate::test_store::TestStore::on_postgres().await.tell(async |store| story(store).await).await;
            }
        }
    )*};
}
pub(crate) use on_every_store;

/// The same for what only databases have.
macro_rules! on_both_databases {
    ($($(#[$doc:meta])* async fn $story:ident($store:ident: &TestStore) $body:block)*) => {$(
        $(#[$doc])*
        mod $story {
            #[allow(unused_imports, reason = "not every story uses all that its file does")]
            use super::*;

            async fn story($store: &TestStore) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                $crate::test_store::TestStore::on_sqlite().await.tell(async |store| story(store).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                $crate::test_store::TestStore::on_postgres().await.tell(async |store| story(store).await).await;
            }
        }
    )*};
}
pub(crate) use on_both_databases;

pub(crate) struct TestStore {
    pub(crate) store: Arc<dyn Store>,
    behind: Behind,
}

enum Behind {
    Memory(Arc<MemoryStore>),
    Sqlite { database: Database, raw: SqlitePool, folder: TempDir },
    Postgres { database: Database, raw: PgPool, server: TestDatabase },
}

impl TestStore {
    pub(crate) fn on_memory() -> Self {
        let memory = Arc::new(MemoryStore::new());
        Self { store: memory.clone(), behind: Behind::Memory(memory) }
    }

    pub(crate) async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payments.db");
        let database = connected(&format!("sqlite:{}", path.display())).await;
        let raw = SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        Self { store: database.store.clone(), behind: Behind::Sqlite { database, raw, folder } }
    }

    pub(crate) async fn on_postgres() -> Self {
        let server = test_postgres::database().await;
        let database = connected(&server.url).await;
        let raw = sqlx::postgres::PgPoolOptions::new().max_connections(1).connect(&server.url).await.unwrap();
        Self { store: database.store.clone(), behind: Behind::Postgres { database, raw, server } }
    }

    pub(crate) fn means(&self) -> Arc<dyn Means> {
        match &self.behind {
            Behind::Memory(memory) => memory.clone(),
            Behind::Sqlite { database, .. } | Behind::Postgres { database, .. } => database.means.clone(),
        }
    }

    pub(crate) fn books(&self) -> Arc<dyn Books> {
        match &self.behind {
            Behind::Memory(memory) => memory.clone(),
            Behind::Sqlite { database, .. } | Behind::Postgres { database, .. } => database.books.clone(),
        }
    }

    /// Files for finance, which the store in memory does not have.
    pub(crate) fn events(&self) -> Arc<dyn store::Events> {
        self.database().unwrap().events.clone()
    }

    pub(crate) fn exports(&self) -> Arc<dyn store::Exports> {
        self.database().unwrap().exports.clone()
    }

    pub(crate) fn settlements(&self) -> Arc<dyn store::Settlements> {
        match &self.behind {
            Behind::Memory(memory) => memory.clone(),
            Behind::Sqlite { database, .. } | Behind::Postgres { database, .. } => database.settlements.clone(),
        }
    }

    pub(crate) fn reconciliations(&self) -> Arc<dyn Reconciliations> {
        match &self.behind {
            Behind::Memory(memory) => memory.clone(),
            Behind::Sqlite { database, .. } | Behind::Postgres { database, .. } => database.reconciliations.clone(),
        }
    }

    /// Runs a story, and looks through everything afterwards.
    pub(crate) async fn tell(self, story: impl AsyncFnOnce(&TestStore)) {
        story(&self).await;
        self.check().await;
    }

    /// What must hold at any time: each ledger folds to its row, each change of state is in the outbox, nothing violates
    /// what the database itself watches.
    pub(crate) async fn check(&self) {
        let all = self.all().await;
        for audited in &all {
            let payment = &audited.stored.payment;
            assert_eq!(Payment::fold(&audited.ledger).as_ref(), Ok(payment));
            assert_eq!(audited.ledger.len() as u64, payment.version);
            assert_eq!(Payment::booked(&audited.ledger).as_ref(), Ok(&audited.lines));
        }
        assert_eq!(self.outbox().await, told(&all));
        assert_eq!(self.booked().await, booked(&all));
        if let Some(database) = self.database() {
            let mut violations = database.reads.violations().await.unwrap();
            // What webhooks tell here never came through the inbox.
            violations.retain(|violation| violation.rule != "I13 notice that never came");
            assert_eq!(violations, []);
        }
    }

    pub(crate) fn database(&self) -> Option<&Database> {
        match &self.behind {
            Behind::Memory(_) => None,
            Behind::Sqlite { database, .. } | Behind::Postgres { database, .. } => Some(database),
        }
    }

    pub(crate) fn reads(&self) -> &Arc<dyn Reads> {
        &self.database().expect("only databases have it").reads
    }

    /// Everything, in the order of the ids.
    pub(crate) async fn all(&self) -> Vec<Audited> {
        if let Behind::Memory(memory) = &self.behind {
            return memory.all();
        }
        let mut all: Vec<Audited> = Vec::new();
        loop {
            let after = all.last().map(|audited| audited.stored.payment.id());
            let page = self.reads().audit(after, 50).await.unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    pub(crate) async fn audited(&self, id: PaymentId) -> Audited {
        self.all().await.into_iter().find(|audited| audited.stored.payment.id() == id).expect("no such payment")
    }

    pub(crate) async fn outbox(&self) -> Vec<OutboxRow> {
        match &self.behind {
            Behind::Memory(memory) => memory.outbox(),
            Behind::Sqlite { raw, .. } => {
                let rows = sqlx::query(
                    "select payment_id, sequence, version, state, occurred_at from outbox order by payment_id, sequence",
                );
                let rows = rows.fetch_all(raw).await.unwrap();
                rows.iter().map(|row| outbox_row(row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))).collect()
            }
            Behind::Postgres { raw, .. } => {
                let rows = sqlx::query(
                    "select payment_id::text, sequence, version, state, (extract(epoch from occurred_at) * 1000000)::int8
                     from outbox order by payment_id, sequence",
                );
                let rows = rows.fetch_all(raw).await.unwrap();
                rows.iter().map(|row| outbox_row(row.get(0), row.get(1), row.get(2), row.get(3), row.get(4))).collect()
            }
        }
    }

    /// The lines of the books, once all are posted, in the order of payments and entries.
    pub(crate) async fn booked(&self) -> Vec<(PaymentId, u64, Movement)> {
        let books = self.books();
        while books.post(Time::EPOCH, 7).await.unwrap() > 0 {}
        let end = books.books_end().await.unwrap();
        let lines = books.lines(0, end.place, u32::MAX).await.unwrap();
        assert_eq!(lines.iter().map(|line| line.place).collect::<Vec<_>>(), (1..=end.place).collect::<Vec<_>>());
        let mut lines: Vec<_> =
            lines.into_iter().map(|line| (line.payment.id, line.entry.sequence, line.movement)).collect();
        lines.sort_by_key(|(payment, sequence, movement)| (*payment, *sequence, movement.number));
        lines
    }

    /// The notices that were filed under a payment.
    pub(crate) async fn notices(&self, payment: PaymentId) -> Vec<NoticeRecord> {
        match &self.behind {
            Behind::Memory(memory) => {
                let filed = memory.inbox().into_iter().filter(|(_, filed_under)| *filed_under == Some(payment));
                filed.map(|(record, _)| record).collect()
            }
            Behind::Sqlite { database, .. } | Behind::Postgres { database, .. } => {
                database.reads.notices(payment).await.unwrap()
            }
        }
    }

    /// What a shop has of gateway payments that nothing matches, in the order of their ids.
    pub(crate) async fn unmatched(&self, shop: &ShopName) -> Vec<UnmatchedPayment> {
        let mut all = match &self.behind {
            Behind::Memory(memory) => memory.unmatched(),
            Behind::Sqlite { database, .. } | Behind::Postgres { database, .. } => {
                database.reads.unmatched(100).await.unwrap()
            }
        };
        all.retain(|unmatched| unmatched.shop == *shop);
        all.sort_by_key(|unmatched| unmatched.sighting.id.clone());
        all
    }

    /// Goes past the store.
    pub(crate) async fn execute(&self, statement: &str) {
        self.try_execute(statement).await.unwrap();
    }

    pub(crate) async fn try_execute(&self, statement: &str) -> Result<(), sqlx::Error> {
        let statement = AssertSqlSafe(statement.to_owned());
        match &self.behind {
            Behind::Memory(_) => panic!("memory speaks no SQL"),
            Behind::Sqlite { raw, .. } => sqlx::raw_sql(statement).execute(raw).await.map(drop),
            Behind::Postgres { raw, .. } => sqlx::raw_sql(statement).execute(raw).await.map(drop),
        }
    }

    /// A second set of connections to the same database, as another process has.
    pub(crate) async fn another_process(&self) -> Database {
        let url = match &self.behind {
            Behind::Memory(_) => panic!("memory belongs to one process"),
            Behind::Sqlite { folder, .. } => format!("sqlite:{}", folder.path().join("payments.db").display()),
            Behind::Postgres { server, .. } => server.url.clone(),
        };
        store::connect(&url.parse().unwrap(), &settings()).await.unwrap()
    }

    pub(crate) async fn load(&self, name: Name) -> Option<Stored> {
        let [stored] = <[_; 1]>::try_from(self.store.load(&[name]).await.unwrap()).unwrap();
        stored
    }

    pub(crate) async fn load_id(&self, id: PaymentId) -> Stored {
        self.load(Name::Id(id)).await.expect("no such payment")
    }

    pub(crate) async fn commit(&self, writes: &[Write]) -> Vec<Outcome> {
        self.store.commit(writes).await.unwrap().into_iter().map(without_reason).collect()
    }

    pub(crate) async fn open(&self, births: &[store::Birth]) -> Vec<Opened> {
        let opened = self.store.open(births).await.unwrap();
        let without_reason = |opened| match opened {
            Opened::Poison(_) => Opened::Poison(String::new()),
            opened => opened,
        };
        opened.into_iter().map(without_reason).collect()
    }
}

/// Each store has its own words for why it refuses.
pub(crate) fn without_reason(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Poison(_) => Outcome::Poison(String::new()),
        outcome => outcome,
    }
}

pub(crate) fn poison() -> Outcome {
    Outcome::Poison(String::new())
}

/// What the outbox must hold, as the ledgers tell it.
fn told(all: &[Audited]) -> Vec<OutboxRow> {
    let of_one = |audited: &Audited| {
        let payment = audited.stored.payment.id();
        let changes: Vec<_> = audited.ledger.iter().filter_map(|entry| Some((entry.change.state?, entry))).collect();
        (1..)
            .zip(changes)
            .map(|(sequence, (state, entry))| OutboxRow {
                payment,
                sequence,
                entry: entry.sequence,
                state,
                at: entry.at,
            })
            .collect::<Vec<_>>()
    };
    all.iter().flat_map(of_one).collect()
}

/// What the books must hold, as the ledgers tell it.
fn booked(all: &[Audited]) -> Vec<(PaymentId, u64, Movement)> {
    let of_one = |audited: &Audited| {
        let payment = audited.stored.payment.id();
        let lines = Payment::booked(&audited.ledger).unwrap();
        lines.into_iter().map(move |(sequence, movement)| (payment, sequence, movement)).collect::<Vec<_>>()
    };
    all.iter().flat_map(of_one).collect()
}

fn outbox_row(payment: &str, sequence: i64, entry: i64, state: &str, at: i64) -> OutboxRow {
    OutboxRow {
        payment: payment.parse().unwrap(),
        sequence: sequence.try_into().unwrap(),
        entry: entry.try_into().unwrap(),
        state: state.parse().unwrap(),
        at: Time::from_unix_micros(at).unwrap(),
    }
}

/// Small pools, since many tests run at once; patience, since the machine is shared.
pub(crate) fn settings() -> PoolSettings {
    PoolSettings {
        requests: 3,
        webhooks: 1,
        workers: 2,
        reads: 2,
        acquire_timeout: Duration::from_secs(30),
        statement_timeout: Duration::from_secs(30),
        lock_timeout: Duration::from_secs(30),
        ..PoolSettings::default()
    }
}

async fn connected(url: &str) -> Database {
    let url: DatabaseUrl = url.parse().unwrap();
    store::migrate(&url).await.unwrap();
    store::connect(&url, &settings()).await.unwrap()
}
