//! Looking at the database past the service, and meddling with it.

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::app::{Data, TestApp};

impl TestApp {
    /// The number that a query brings.
    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        self.data.count(query).await
    }

    /// How many notices are kept.
    pub(crate) async fn inbox(&self) -> i64 {
        self.count("select count(*) from webhook_notices").await
    }

    /// How many of them nobody has decided on.
    pub(crate) async fn waiting_notices(&self) -> i64 {
        self.count("select count(*) from webhook_notices where verdict is null").await
    }
}

impl Data {
    async fn count(&self, query: &'static str) -> i64 {
        let url = self.url();
        match self {
            Self::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
            }
            Self::Postgres(_) | Self::Server(_) => {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    /// The texts that a query brings.
    pub(crate) async fn texts(&self, query: &'static str) -> Vec<String> {
        let url = self.url();
        match self {
            Self::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
            Self::Postgres(_) | Self::Server(_) => {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
        }
    }

    /// Every row of every table as text: its table, and all that is in it, bytes as hex digits.
    pub(crate) async fn everything(&self) -> Vec<(String, String)> {
        let url = self.url();
        match self {
            Self::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                let columns: Vec<(String, String)> = sqlx::query_as(
                    "select m.name, c.name from sqlite_schema m, pragma_table_info(m.name) c where m.type = 'table'",
                )
                .fetch_all(&mut connection)
                .await
                .unwrap();
                let mut rows = Vec::new();
                for (table, column) in columns {
                    let query = format!(
                        r#"select case typeof("{column}") when 'blob' then hex("{column}") else "{column}" end || ''
                           from "{table}" where "{column}" is not null"#
                    );
                    let values: Vec<String> =
                        sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap();
                    rows.extend(values.into_iter().map(|value| (table.clone(), value)));
                }
                rows
            }
            Self::Postgres(_) | Self::Server(_) => {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                let tables: Vec<String> = sqlx::query_scalar(
                    "select table_name::text from information_schema.tables
                     where table_schema = 'public' and table_type = 'BASE TABLE'",
                )
                .fetch_all(&mut connection)
                .await
                .unwrap();
                let mut rows = Vec::new();
                for table in tables {
                    let query = format!(r#"select t::text from "{table}" t"#);
                    let values: Vec<String> =
                        sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap();
                    rows.extend(values.into_iter().map(|value| (table.clone(), value)));
                }
                rows
            }
        }
    }

    /// From now on no ledger can be written, as if whoever wrote one died each time.
    pub(crate) async fn close_the_ledger(&self) {
        self.execute(
            "create trigger closed before insert on payment_events begin select raise(abort, 'closed'); end",
            "create function closed() returns trigger language plpgsql as $$ begin raise exception 'closed'; end $$;
             create trigger closed before insert on payment_events for each row execute function closed()",
        )
        .await;
    }

    /// From now on the database refuses each entry of payments whose reference begins with "poison".
    pub(crate) async fn poison(&self) {
        self.execute(
            "create trigger poison before insert on payment_events
             when (select reference_id from payments where payment_id = new.payment_id) like 'poison%'
             begin select raise(abort, 'poison'); end",
            "create function poison() returns trigger language plpgsql as $$
             begin
                 if (select reference_id from payments where payment_id = new.payment_id) like 'poison%' then
                     raise exception 'poison' using errcode = 'check_violation';
                 end if;
                 return new;
             end $$;
             create trigger poison before insert on payment_events for each row execute function poison()",
        )
        .await;
    }

    /// And now it takes them again.
    pub(crate) async fn heal(&self) {
        self.execute("drop trigger poison", "drop trigger poison on payment_events").await;
    }

    /// From now on PostgreSQL takes almost half a second for each new payment.
    pub(crate) async fn slow_down(&self) {
        self.execute(
            "select raise(abort, 'only PostgreSQL is slowed down')",
            "create function slow() returns trigger language plpgsql as $$
             begin perform pg_sleep(0.4); return new; end $$;
             create trigger slow before insert on payments for each row execute function slow()",
        )
        .await;
    }

    /// And now it is as fast as before.
    pub(crate) async fn speed_up(&self) {
        self.execute("", "drop trigger slow on payments").await;
    }

    /// A payment has one entry less than its version says.
    pub(crate) async fn break_a_rule(&self) {
        const BREAK: &str = "update payments set version = version + 1
                             where payment_id = (select min(payment_id::text)::uuid from payments)";
        const BREAK_IN_FILE: &str = "update payments set version = version + 1
                                     where payment_id = (select min(payment_id) from payments)";
        self.execute(BREAK_IN_FILE, BREAK).await;
    }

    /// From now on nothing more fits into PostgreSQL: each insert fails with the code that a full disk has (53100).
    pub(crate) async fn fill_the_disk(&self) {
        self.execute(
            "select raise(abort, 'SQLite has its own test')",
            "create function disk_full() returns trigger language plpgsql as $$
             begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$;
             create trigger disk_full before insert on payments for each row execute function disk_full();
             create trigger disk_full before insert on webhook_notices for each row execute function disk_full()",
        )
        .await;
    }

    /// And now there is room again.
    pub(crate) async fn make_room(&self) {
        self.execute("", "drop trigger disk_full on payments; drop trigger disk_full on webhook_notices").await;
    }

    /// Does something in a transaction that stays open until it is let go.
    pub(crate) async fn hold_up(&self, statement: &'static str) -> HeldUp {
        let mut connection = PgConnection::connect(&self.url()).await.unwrap();
        sqlx::raw_sql("begin").execute(&mut connection).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        HeldUp(connection)
    }

    /// And now it can again.
    pub(crate) async fn open_the_ledger(&self) {
        self.execute("drop trigger closed", "drop trigger closed on payment_events").await;
    }

    pub(crate) async fn execute(&self, sqlite: &'static str, postgres: &'static str) {
        let url = self.url();
        match self {
            Self::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(sqlite)).execute(&mut connection).await.unwrap();
            }
            Self::Postgres(_) | Self::Server(_) => {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(postgres)).execute(&mut connection).await.unwrap();
            }
        }
    }
}

/// A transaction in whose way others stand.
pub(crate) struct HeldUp(PgConnection);

impl HeldUp {
    pub(crate) async fn let_go(mut self) {
        sqlx::raw_sql("rollback").execute(&mut self.0).await.unwrap();
        self.0.close().await.unwrap();
    }
}
