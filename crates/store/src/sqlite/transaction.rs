use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::{Connection as _, SqliteConnection, SqlitePool};

use super::fault;
use crate::StoreError;

/// What happens inside of one transaction.
#[async_trait]
pub(super) trait Deed: Send + Sync + 'static {
    type Answer: Send + 'static;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Self::Answer, StoreError>;
}

/// A deed of units that stand or fall alone.
#[async_trait]
pub(super) trait Batch: Send + Sync + 'static {
    type Answer: Send + 'static;

    /// How many units there are.
    fn len(&self) -> usize;

    /// Some of the units, as they follow each other; answers in their order.
    async fn run(
        &self,
        connection: &mut SqliteConnection,
        units: Range<usize>,
    ) -> Result<Vec<Self::Answer>, StoreError>;

    /// The answer for a unit that the database refuses.
    fn poison(why: String) -> Self::Answer;
}

/// Why a unit never reaches the database.
pub(super) struct Flaw(pub(super) String);

impl From<serde_json::Error> for Flaw {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// One transaction, one flush.
///
/// It runs on a task of its own: a caller who goes away in the middle would leave the only writing connection in a state
/// that nobody knows, and a commit that was not waited for.
pub(super) async fn write<D: Deed>(writer: &SqlitePool, deed: D) -> Result<D::Answer, StoreError> {
    let writer = writer.clone();
    let task = tokio::spawn(async move { transact(&writer, &deed).await });
    task.await.unwrap_or_else(|_| Err(StoreError::OutcomeUnknown(sqlx::Error::WorkerCrashed)))
}

/// One transaction for all units. If the database refuses what one of them holds, once more, each unit apart, so that
/// only the poison fails.
pub(super) async fn write_batch<B: Batch>(writer: &SqlitePool, batch: B) -> Result<Vec<B::Answer>, StoreError> {
    let batch = Arc::new(batch);
    match write(writer, Together(Arc::clone(&batch))).await {
        Err(error) if fault::poison(&error).is_some() => write(writer, Apart(batch)).await,
        answers => answers,
    }
}

async fn transact<D: Deed>(writer: &SqlitePool, deed: &D) -> Result<D::Answer, StoreError> {
    let mut connection = writer.acquire().await.map_err(StoreError::Unavailable)?;
    let (outcome, is_sound) = transact_on(&mut connection, deed).await;
    if !is_sound {
        connection.close_on_drop();
    }
    outcome
}

/// The outcome, and whether the connection is certain to be outside of any transaction: a full disk ends one by itself,
/// and the connection would believe to be inside of it for ever.
async fn transact_on<D: Deed>(connection: &mut SqliteConnection, deed: &D) -> (Result<D::Answer, StoreError>, bool) {
    let mut transaction = match connection.begin_with("begin immediate").await {
        Ok(transaction) => transaction,
        Err(error) => return (Err(fault::of_statement(error)), false),
    };
    match deed.run(&mut transaction).await {
        Ok(answer) => match transaction.commit().await {
            Ok(()) => (Ok(answer), true),
            Err(error) => (Err(fault::of_commit(error)), false),
        },
        Err(error) => (Err(error), transaction.rollback().await.is_ok()),
    }
}

struct Together<B>(Arc<B>);

#[async_trait]
impl<B: Batch> Deed for Together<B> {
    type Answer = Vec<B::Answer>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<B::Answer>, StoreError> {
        self.0.run(connection, 0..self.0.len()).await
    }
}

struct Apart<B>(Arc<B>);

#[async_trait]
impl<B: Batch> Deed for Apart<B> {
    type Answer = Vec<B::Answer>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<B::Answer>, StoreError> {
        let mut answers = Vec::with_capacity(self.0.len());
        for unit in 0..self.0.len() {
            execute(connection, "savepoint unit").await?;
            match self.0.run(connection, unit..unit + 1).await {
                Ok(answer) => answers.extend(answer),
                Err(error) => {
                    let why = fault::poison(&error).ok_or(error)?;
                    execute(connection, "rollback to unit").await?;
                    answers.push(B::poison(why));
                }
            }
            execute(connection, "release unit").await?;
        }
        Ok(answers)
    }
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), StoreError> {
    sqlx::query(statement).execute(connection).await.map(drop).map_err(fault::of_statement)
}
