use domain::GatewayState;
use fault_catalogue::struck;
use sqlx::PgPool;
use store::{Birth, Claim, Database, Name, Notice, Opened, Outcome, StoreError, Stored, SweepClaim, Write, connect};
use uuid::Uuid;

use crate::fixtures::*;
use crate::process::{Fresh, fresh, settings};
use crate::wire::{Cut, Wire};

/// Take = 2 (open, commit), contested 3 (open, load, commit), webhook = 2 (receive, commit), sweep = 2 per page (load,
/// commit), each shared by its batch of fifty.
#[tokio::test]
async fn each_deed_has_its_number_of_statements() {
    let fresh = fresh().await;
    let wire = Wire::to(&fresh.url).await;
    let process = connect(&wire.url.parse().unwrap(), &settings()).await.unwrap();
    let store = &process.store;
    wire.statements();

    let births: Vec<Birth> = (0..50).map(|n| birth(n, &format!("order-{n}"))).collect();
    store.open(&births).await.unwrap();
    assert_eq!(wire.statements(), 1, "an uncontested open");

    store.open(&births).await.unwrap();
    assert_eq!(wire.statements(), 2, "a contested open reads what it lost against");

    let there: Vec<Stored> = births.iter().map(stored).collect();
    let adopting = |there: &Stored| {
        let gateway_id = format!("g{}", there.payment.id().uuid().as_u128());
        write(there, &accepted(&there.payment, &gateway_id, GatewayState::Checkout, at(1)))
    };
    let writes: Vec<Write> = there.iter().map(adopting).collect();
    let outcomes = store.commit(&writes).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Won));
    assert_eq!(wire.statements(), 1, "a commit");

    let outcomes = store.commit(&writes).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Lost));
    assert_eq!(wire.statements(), 1, "a commit of losers");

    open(&**store, &birth(100, "order-100")).await;
    wire.statements();
    let late = stored(&birth(100, "order-100"));
    let clash = write(&late, &accepted(&late.payment, "g7", GatewayState::Checkout, at(1)));
    assert_eq!(store.commit(&[clash]).await.unwrap(), [Outcome::Claimed(id(7))]);
    assert_eq!(wire.statements(), 2, "a clash asks who has the id");

    let notices: Vec<Notice> =
        (0..50).map(|n| Notice { gateway_payment_id: Some(gateway_id(&format!("g{n}"))), ..notice(n) }).collect();
    let received = store.receive(&notices).await.unwrap();
    assert!(received.iter().all(|received| received.payment.is_some()));
    assert_eq!(wire.statements(), 1, "notices, and their payments with them");
    store.receive(&notices).await.unwrap();
    assert_eq!(wire.statements(), 1, "the same notices again");

    // A page of a sweep: each of its payments by every name that it may have, and then what is new, in two statements.
    let by_any_name = births.iter().enumerate().flat_map(|(n, birth)| {
        let opening = &birth.payment.opening;
        [
            Name::Gateway(opening.shop.clone(), gateway_id(&format!("g{n}"))),
            Name::Reference(opening.shop.clone(), opening.reference_id.clone()),
            Name::Gateway(opening.shop.clone(), gateway_id("parent")),
        ]
    });
    let loaded = store.load(&by_any_name.collect::<Vec<_>>()).await.unwrap();
    let there: Vec<Stored> = loaded.into_iter().step_by(3).map(|stored| stored.unwrap()).collect();
    let paid = |there: &Stored| {
        let gateway_id = there.payment.gateway_payment_id.clone().unwrap();
        write(there, &reported(&there.payment, gateway_id.as_str(), GatewayState::Completed, at(2)))
    };
    let outcomes = store.commit(&there.iter().map(paid).collect::<Vec<_>>()).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Won));
    assert_eq!(wire.statements(), 2, "a page of a sweep");

    let claim = SweepClaim { shop: shop(), now: at(60), owner: owner(1), until: at(90) };
    let sweep = store.claim_sweep(&claim).await.unwrap().unwrap();
    assert!(store.record_sweep(&sweep).await.unwrap());
    assert_eq!(wire.statements(), 2, "the beginning and the end of a turn of it, whatever the number of its pages");

    let claim = Claim { now: at(60), owner: owner(1), until: at(90), limit: 20 };
    assert_eq!(store.claim_due(&claim).await.unwrap().len(), 20);
    assert_eq!(store.claim_notices(&claim).await.unwrap().len(), 20);
    assert_eq!(wire.statements(), 2, "claims");
}

#[tokio::test]
async fn a_statement_whose_answer_was_lost_may_have_been_committed() {
    let (fresh, wire, process) = wired().await;
    wire.cut(Cut::BehindTheServer);
    let lost = process.store.open(&[birth(1, "order-1")]).await;
    assert!(matches!(lost, Err(StoreError::OutcomeUnknown(_))), "{lost:?}");
    until_stored(&fresh.raw, 1).await;

    // Whoever asks again sees its own row.
    let again = process.store.open(&[birth(1, "order-1")]).await.unwrap();
    assert_eq!(again, [Opened::Existing(Box::new(stored(&birth(1, "order-1"))))]);
    struck(9, u8::from(lost.is_err()));
}

#[tokio::test]
async fn a_statement_that_never_arrived_looks_the_same_from_here() {
    let (_fresh, wire, process) = wired().await;
    wire.cut(Cut::BeforeTheServer);
    let lost = process.store.open(&[birth(1, "order-1")]).await;
    assert!(matches!(lost, Err(StoreError::OutcomeUnknown(_))), "{lost:?}");
    assert_eq!(process.store.load(&[Name::Id(id(1))]).await.unwrap(), [None]);
    assert_eq!(process.store.open(&[birth(1, "order-1")]).await.unwrap(), [Opened::New]);
}

#[tokio::test]
async fn a_read_whose_answer_was_lost_changed_nothing() {
    let (_fresh, wire, process) = wired().await;
    wire.cut(Cut::BehindTheServer);
    let lost = process.store.load(&[Name::Id(id(1))]).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
}

/// What came behind the loss must not hide what was committed before it.
#[tokio::test]
async fn a_batch_of_which_a_part_is_open_does_not_say_that_nothing_was_written() {
    let (_fresh, wire, process) = wired().await;
    open(&*process.store, &birth(1, "order-1")).await;
    let batch = [birth(2, "order-2"), birth(3, "order-1")];
    wire.statements();
    let opening = process.store.open(&batch);
    let cutting = async {
        // The first statement is the batch; the second one reads what the second birth lost against.
        while wire.statements() == 0 {
            tokio::task::yield_now().await;
        }
        wire.cut(Cut::BeforeTheServer);
    };
    let (opened, ()) = tokio::join!(opening, cutting);
    assert!(matches!(opened, Err(StoreError::OutcomeUnknown(_))), "{opened:?}");
    assert!(process.store.load(&[Name::Id(id(2))]).await.unwrap()[0].is_some());
}

/// A process whose connections have done everything once, so that only what is asked for is on the wire.
async fn wired() -> (Fresh, Wire, Database) {
    let fresh = fresh().await;
    let wire = Wire::to(&fresh.url).await;
    let process = connect(&wire.url.parse().unwrap(), &settings()).await.unwrap();
    process.store.load(&[Name::Id(id(0))]).await.unwrap();
    wire.statements();
    (fresh, wire, process)
}

async fn until_stored(raw: &PgPool, number: u128) {
    let stored = "select count(*) from payments where payment_id = $1";
    while sqlx::query_scalar::<_, i64>(stored).bind(Uuid::from_u128(number)).fetch_one(raw).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
}
