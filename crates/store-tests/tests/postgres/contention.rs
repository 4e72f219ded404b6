//! Statements that the server gives up for the sake of another one are sent again, and nobody hears of it.

use fault_catalogue::struck;
use sqlx::Executor as _;
use store::Opened;

use crate::fixtures::*;
use crate::process::fresh;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_the_server_gave_up_for_another_is_sent_again() {
    for (number, code) in [(1, "40001"), (2, "40P01"), (3, "55P03")] {
        let fresh = fresh().await;
        let (store, raw) = (fresh.process().await.store, &fresh.raw);
        raw.execute(sqlx::AssertSqlSafe(format!(
            "create sequence tries;
             create function lose() returns trigger language plpgsql as $$
             begin
                 if nextval('tries') <= 2 then raise exception 'lost' using errcode = '{code}'; end if;
                 return new;
             end $$;
             create trigger lose before insert on payments for each row execute function lose()"
        )))
        .await
        .unwrap();
        assert_eq!(store.open(&[birth(number, "order-1")]).await.unwrap(), [Opened::New], "{code}");
        let tries: i64 = sqlx::query_scalar("select last_value from tries").fetch_one(raw).await.unwrap();
        assert_eq!(tries, 3, "{code}: lost twice, won once");
        struck(47, tries - 1);
    }
}
