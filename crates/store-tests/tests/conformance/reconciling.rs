//! Runs, one at a time per shop; what they met, found, proved and closed; and what people say of it.

use domain::{Actor, BreakKind, Finding, GatewayState, PaymentId, PaymentState, Side};
use store::{
    Against, Break, BreakFilter, BreakState, BreaksPage, Cause, Filed, Met, Outcome, Reconciled, Reconciliations,
    Resolution, Run, RunClaim, RunProgress, RunState, RunStep, RunsPage, Step, Tally, Write,
};
use uuid::Uuid;

use crate::fixtures::*;
use crate::test_store::{TestStore, on_every_store};

on_every_store! {
    async fn runs_of_a_shop_take_turns(store: &TestStore) {
        let books = store.reconciliations();
        let first = run(1, 10);
        assert_eq!(books.order_run(&first).await.unwrap(), first);
        let by_somebody = Run { ordered_by: Some(actor()), cause: Cause::Ordered, to: at(2_000), ..run(2, 20) };
        assert_eq!(books.order_run(&by_somebody).await.unwrap(), by_somebody);
        let again = Run { id: Uuid::from_u128(3), ..first.clone() };
        assert_eq!(books.order_run(&again).await.unwrap(), first, "the same window is compared already");
        let same_id = Run { to: at(9_000), ..first.clone() };
        assert_eq!(books.order_run(&same_id).await.unwrap(), first, "an order that is repeated is one order");

        assert_eq!(books.claim_run(&claim(1, 9)).await.unwrap(), None, "nobody goes on with it yet");
        let claimed = books.claim_run(&claim(1, 50)).await.unwrap().unwrap();
        let taken = Run { state: RunState::Running, begun_at: Some(at(50)), epoch: 1, ..first.clone() };
        assert_eq!(claimed, taken);
        assert_eq!(books.claim_run(&claim(2, 60)).await.unwrap(), None, "and nobody begins the next one beside it");
        let elsewhere = RunClaim { shop: other_shop(), ..claim(2, 60) };
        assert_eq!(books.claim_run(&elsewhere).await.unwrap(), None);

        let paused = Run { next_at: at(80), ..claimed };
        assert!(books.record_step(&step(&paused, 70)).await.unwrap());
        assert_eq!(books.claim_run(&claim(2, 79)).await.unwrap(), None, "a pause ends no run");
        let gone_on = books.claim_run(&claim(2, 80)).await.unwrap().unwrap();
        assert_eq!((gone_on.id, gone_on.epoch, gone_on.begun_at), (first.id, 2, Some(at(50))));
        let done = Run { state: RunState::Completed, finished_at: Some(at(90)), tally: Some(Tally::default()), ..gone_on };
        assert!(books.record_step(&step(&done, 90)).await.unwrap());
        assert_eq!(books.run(first.id).await.unwrap(), Some(done.clone()));
        assert_eq!(books.claim_run(&claim(2, 90)).await.unwrap().unwrap().id, by_somebody.id);
        let anew = books.order_run(&again).await.unwrap();
        assert_eq!(anew.id, again.id, "the one before has ended");

        let page = RunsPage { shops: [shop()].into(), state: None, before: None, limit: 2 };
        let ids = |runs: Vec<Run>| runs.iter().map(|run| run.id.as_u128()).collect::<Vec<_>>();
        assert_eq!(ids(books.runs(&page).await.unwrap()), [2, 3]);
        let rest = RunsPage { before: Some((at(10), Uuid::from_u128(3))), ..page.clone() };
        assert_eq!(ids(books.runs(&rest).await.unwrap()), [1]);
        let waiting = RunsPage { state: Some(RunState::Waiting), ..page.clone() };
        assert_eq!(ids(books.runs(&waiting).await.unwrap()), [3]);
        let of_others = RunsPage { shops: [other_shop()].into(), ..page };
        assert_eq!(books.runs(&of_others).await.unwrap(), []);
        assert_eq!(books.run(Uuid::from_u128(99)).await.unwrap(), None);
    }

    async fn whoever_overslept_records_nothing(store: &TestStore) {
        let books = store.reconciliations();
        books.order_run(&run(1, 0)).await.unwrap();
        let late = books.claim_run(&claim(1, 0)).await.unwrap().unwrap();
        let taken_over = books.claim_run(&claim(2, 60)).await.unwrap().unwrap();
        let found = Step { findings: vec![(Uuid::from_u128(7), finding("gw1", "1"))], met: vec![met("gw1", true)], ..step(&late, 61) };
        assert!(!books.record_step(&found).await.unwrap());
        assert_eq!((all(&*books).await, books.met(late.id, &[gateway_id("gw1")]).await.unwrap()), (vec![], vec![false]));
        let progress = RunProgress { step: RunStep::Payments, offset: 400, after: Some((at(3), Uuid::from_u128(4))), ..RunProgress::default() };
        let on = Run { progress, failure: Some("the line was cut".to_owned()), failures: 2, ..taken_over };
        assert!(books.record_step(&Step { release: false, ..step(&on, 62) }).await.unwrap());
        assert_eq!(books.run(on.id).await.unwrap(), Some(on.clone()));
        assert_eq!(books.claim_run(&claim(3, 70)).await.unwrap(), None, "its lease was kept");
    }

    async fn a_difference_is_one_break_until_it_ends(store: &TestStore) {
        let books = store.reconciliations();
        let first = begun(&*books, 1, 10).await;
        record(&*books, &first, 11, &[(101, finding("gw1", "1")), (102, finding("gw2", "2"))]).await;
        // The same again, and with another sum: the break that is open says what is so now.
        record(&*books, &first, 12, &[(103, finding("gw1", "1")), (104, finding("gw2", "2.5"))]).await;
        let tally = books.tally(first.id).await.unwrap();
        assert_eq!(tally, Tally { open: [(BreakKind::MissingHere, 2)].into(), opened: 2, ..Tally::default() });
        let [one, two] = <[Break; 2]>::try_from(by_subject(&*books).await).unwrap();
        assert_eq!((one.id.as_u128(), one.first_seen_at, one.last_seen_at), (101, at(11), at(12)));
        assert_eq!((two.id.as_u128(), two.finding), (102, finding("gw2", "2.5")));
        ended(&*books, &first, 13).await;

        // A person deals with the one.
        let assigned = books.assign_break(one.id, "ledger team").await.unwrap().unwrap();
        assert_eq!(assigned.owner.as_deref(), Some("ledger team"));
        let word = Resolution { reason: "a test order".to_owned(), by: actor(), at: at(15) };
        let resolved = books.resolve_break(one.id, &word).await.unwrap().unwrap();
        assert_eq!((resolved.state, resolved.ended_at, resolved.resolved_by), (BreakState::Resolved, Some(at(15)), Some(actor())));
        assert_eq!((books.resolve_break(one.id, &word).await.unwrap(), books.assign_break(one.id, "x").await.unwrap()), (None, None));

        // The next run finds it as it was, and the other one no more.
        let second = begun(&*books, 2, 20).await;
        record(&*books, &second, 21, &[(201, finding("gw1", "1"))]).await;
        let unfound = books.unfound_breaks(&second, None, 10).await.unwrap();
        assert_eq!(unfound.iter().map(|one| one.of.id).collect::<Vec<_>>(), [two.id]);
        let closing = Step { closed: vec![(two.id, "it is gone".to_owned()), (one.id, "no".to_owned())], ..step(&second, 22) };
        assert!(books.record_step(&Step { release: false, ..closing }).await.unwrap());
        let tally = books.tally(second.id).await.unwrap();
        assert_eq!(tally, Tally { resolved: 1, closed: 1, ..Tally::default() });
        ended(&*books, &second, 23).await;
        let [one, two] = <[Break; 2]>::try_from(by_subject(&*books).await).unwrap();
        assert_eq!((one.state, one.last_run, one.last_seen_at), (BreakState::Resolved, second.id, at(21)));
        assert_eq!((two.state, two.closed_run, two.reason.as_deref()), (BreakState::Closed, Some(second.id), Some("it is gone")));

        // With another sum the first is opened anew, and what is there again after its end is another break.
        let third = begun(&*books, 3, 30).await;
        record(&*books, &third, 31, &[(301, finding("gw1", "1.01")), (302, finding("gw2", "2.5"))]).await;
        assert_eq!(books.tally(third.id).await.unwrap().opened, 2);
        record(&*books, &third, 32, &[(303, finding("gw1", "1.01")), (304, finding("gw2", "2.5"))]).await;
        let every = by_subject(&*books).await;
        let shown: Vec<_> = every.iter().map(|one| (one.id.as_u128(), one.state)).collect();
        assert_eq!(shown, [(101, BreakState::Resolved), (301, BreakState::Open), (102, BreakState::Closed), (302, BreakState::Open)]);
    }

    async fn only_what_a_run_covers_is_closed_by_it(store: &TestStore) {
        let books = store.reconciliations();
        let first = begun(&*books, 1, 10).await;
        let outside = Finding { subject_at: at(1_000), ..finding("gw9", "9") };
        let edge = Finding { subject_at: at(0), gateway_payment: None, ..finding("gw3", "3") };
        record(&*books, &first, 11, &[(1, outside), (2, finding("gw1", "1")), (3, edge)]).await;
        ended(&*books, &first, 12).await;
        let second = begun(&*books, 2, 20).await;
        let looked = Step { met: vec![met("gw1", true)], ..step(&second, 21) };
        assert!(books.record_step(&Step { release: false, ..looked }).await.unwrap());
        let unfound = books.unfound_breaks(&second, None, 10).await.unwrap();
        let shown: Vec<_> = unfound.iter().map(|one| (one.of.id.as_u128(), one.said.as_deref())).collect();
        assert_eq!(shown, [(3, None), (2, Some("COMPLETED 1 EUR"))]);
        let after = Some((at(0), Uuid::from_u128(3)));
        assert_eq!(books.unfound_breaks(&second, after, 10).await.unwrap().len(), 1);
        assert_eq!(books.unfound_breaks(&second, None, 1).await.unwrap().len(), 1);
    }

    async fn breaks_are_listed_page_by_page_and_filtered(store: &TestStore) {
        let books = store.reconciliations();
        let first = begun(&*books, 1, 10).await;
        let of_ours = Finding { kind: BreakKind::StateDiffers, payment: Some(id(5)), ..finding("gw5", "5") };
        record(&*books, &first, 11, &[(1, finding("gw1", "1")), (2, of_ours)]).await;
        record(&*books, &first, 12, &[(3, finding("gw3", "0.000000000000000001"))]).await;
        books.assign_break(Uuid::from_u128(3), "somebody").await.unwrap();
        let listed = async |filter: BreakFilter, before, limit| {
            let page = BreaksPage { filter, before, limit };
            books.breaks(&page).await.unwrap().iter().map(|one| one.id.as_u128()).collect::<Vec<_>>()
        };
        let any = BreakFilter::default;
        assert_eq!(listed(any(), None, 2).await, [3, 2]);
        assert_eq!(listed(any(), Some((at(11), Uuid::from_u128(2))), 2).await, [1]);
        assert_eq!(listed(BreakFilter { kind: Some(BreakKind::StateDiffers), ..any() }, None, 9).await, [2]);
        assert_eq!(listed(BreakFilter { payment: Some(id(5)), ..any() }, None, 9).await, [2]);
        assert_eq!(listed(BreakFilter { owner: Some("somebody".to_owned()), ..any() }, None, 9).await, [3]);
        assert_eq!(listed(BreakFilter { shops: [other_shop()].into(), ..any() }, None, 9).await, Vec::<u128>::new());
        assert_eq!(listed(BreakFilter { shops: [shop(), other_shop()].into(), ..any() }, None, 9).await, [3, 2, 1]);
        assert_eq!(listed(BreakFilter { state: Some(BreakState::Closed), ..any() }, None, 9).await, Vec::<u128>::new());
        let small = books.one_break(Uuid::from_u128(3)).await.unwrap().unwrap();
        assert_eq!(small.finding.theirs.money, Some(money("0.000000000000000001", "EUR")));
        assert_eq!(books.one_break(Uuid::from_u128(99)).await.unwrap(), None);
    }

    async fn what_the_gateway_says_is_kept_whatever_it_holds(store: &TestStore) {
        let books = store.reconciliations();
        let first = begun(&*books, 1, 10).await;
        let odd = Finding { reference: Some("a\u{0}b".to_owned()), theirs: Side { state: Some("X\u{0}".to_owned()), money: None }, ..finding("gw1", "1") };
        let met = Met { said: "X\u{0}".to_owned(), ..met("gw1", false) };
        let both = Step { met: vec![met], findings: vec![(Uuid::from_u128(1), odd)], ..step(&first, 11) };
        assert!(books.record_step(&both).await.unwrap());
        let kept = all(&*books).await.remove(0).finding;
        assert_eq!((kept.reference.as_deref(), kept.theirs.state.as_deref()), (Some("a\u{fffd}b"), Some("X\u{fffd}")));
    }

    async fn payments_and_notices_of_a_window_are_walked_through(store: &TestStore) {
        let books = store.reconciliations();
        for number in 1..=4 {
            let there = open(store.store.as_ref(), &birth(number, &format!("order-{number}"))).await;
            if number < 4 {
                let gateway = format!("gw{number}");
                let adopting = write(&there, &accepted(&there.payment, &gateway, GatewayState::Checkout, at(1)));
                assert_eq!(store.commit(&[adopting]).await, [Outcome::Won]);
            }
        }
        let mine = begun(&*books, 1, 10).await;
        let looked = Step { met: vec![met("gw1", true), met("gw2", false), met("gw8", true)], ..step(&mine, 11) };
        assert!(books.record_step(&Step { release: false, ..looked }).await.unwrap());
        let ids = [gateway_id("gw2"), gateway_id("gw3")];
        assert_eq!(books.met(mine.id, &ids).await.unwrap(), [true, false]);
        let walked = async |after, limit| {
            let covered = books.covered_payments(&mine, after, limit).await.unwrap();
            covered.iter().map(|one| (one.id, one.agrees)).collect::<Vec<_>>()
        };
        assert_eq!(walked(None, 9).await, [(id(1), true), (id(2), false), (id(3), false)], "the fourth has no id there");
        assert_eq!(walked(None, 1).await, [(id(1), true)]);
        assert_eq!(walked(Some((at(0), id(2).uuid())), 9).await, [(id(3), false)]);
        let before = Run { from: at(1), ..mine.clone() };
        assert_eq!(books.covered_payments(&before, None, 9).await.unwrap(), []);

        // One about a payment of ours, one about what the run met, one that waits, one about nothing at all.
        for (number, gateway, verdict) in [(1, Some("gw3"), true), (2, Some("gw8"), true), (3, Some("gw7"), false), (4, Some("gw7"), true), (5, None, true)] {
            let notice = store::Notice { gateway_payment_id: gateway.map(gateway_id), ..notice(number) };
            store.store.receive(&[notice]).await.unwrap();
            let filed = Filed { id: Uuid::from_u128(number), verdict: "unmatched".to_owned(), payment: None, at: at(12) };
            if verdict {
                assert_eq!(store.commit(&[Write { notice: Some(filed), ..Write::default() }]).await, [Outcome::Won]);
            }
        }
        let notices = books.unmatched_notices(&mine, None, 9).await.unwrap();
        assert_eq!(notices.iter().map(|one| one.id.as_u128()).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(notices[0].state.as_deref(), Some("COMPLETED"));
        let rest = books.unmatched_notices(&mine, Some((at(10), Uuid::from_u128(4))), 9).await.unwrap();
        assert_eq!(rest.len(), 1);

        assert_eq!((books.forget_met(mine.id, 2).await.unwrap(), books.forget_met(mine.id, 2).await.unwrap()), (2, 1));
        assert_eq!(books.met(mine.id, &ids).await.unwrap(), [false, false]);
    }

    async fn what_was_proven_keeps_its_time_until_it_is_another_thing(store: &TestStore) {
        let books = store.reconciliations();
        let first = begun(&*books, 1, 10).await;
        let proven = |number, state, amount: Option<&str>, seconds, run: &Run| Reconciled {
            payment: id(number), at: at(seconds), run: run.id, state, money: amount.map(|amount| money(amount, "EUR")),
        };
        let prove = async |run: &Run, seconds, proven: &[Reconciled]| {
            let step = Step { reconciled: proven.to_vec(), release: false, ..step(run, seconds) };
            assert!(books.record_step(&step).await.unwrap());
        };
        let paid = proven(1, PaymentState::Completed, Some("10.50"), 11, &first);
        let dead = proven(2, PaymentState::Declined, None, 11, &first);
        prove(&first, 11, &[paid.clone(), dead.clone()]).await;
        ended(&*books, &first, 12).await;
        let second = begun(&*books, 2, 20).await;
        let more = proven(1, PaymentState::Completed, Some("10.51"), 21, &second);
        prove(&second, 21, &[more.clone(), proven(2, PaymentState::Declined, None, 21, &second)]).await;
        assert_eq!(books.reconciled(&[id(3), id(2), id(1)]).await.unwrap(), [more, dead]);
        assert_eq!(books.reconciled(&[]).await.unwrap(), []);
    }
}

pub(crate) fn run(number: u128, seconds: u64) -> Run {
    Run {
        id: Uuid::from_u128(number),
        shop: shop(),
        from: at(0),
        to: at(1_000),
        cause: Cause::LastDay,
        against: Against::List,
        ordered_by: None,
        ordered_at: at(seconds),
        state: RunState::Waiting,
        failure: None,
        failures: 0,
        progress: RunProgress::default(),
        tally: None,
        begun_at: None,
        finished_at: None,
        next_at: at(seconds),
        epoch: 0,
    }
}

pub(crate) fn claim(process: u128, seconds: u64) -> RunClaim {
    RunClaim { shop: shop(), now: at(seconds), owner: owner(process), until: at(seconds + 60) }
}

pub(crate) fn step(run: &Run, seconds: u64) -> Step {
    Step {
        run: run.clone(),
        at: at(seconds),
        release: true,
        met: Vec::new(),
        findings: Vec::new(),
        reconciled: Vec::new(),
        closed: Vec::new(),
    }
}

pub(crate) fn actor() -> Actor {
    Actor { key: Uuid::from_u128(77), name: "finance".to_owned() }
}

pub(crate) fn met(gateway: &str, agrees: bool) -> Met {
    Met { id: gateway_id(gateway), said: "COMPLETED 1 EUR".to_owned(), agrees }
}

pub(crate) fn finding(gateway: &str, amount: &str) -> Finding {
    Finding {
        kind: BreakKind::MissingHere,
        subject: gateway.to_owned(),
        subject_at: at(5),
        payment: None::<PaymentId>,
        gateway_payment: Some(gateway_id(gateway)),
        reference: Some("order-1".to_owned()),
        ours: Side::default(),
        theirs: Side { state: Some("COMPLETED".to_owned()), money: Some(money(amount, "EUR")) },
    }
}

async fn begun(books: &dyn Reconciliations, number: u128, seconds: u64) -> Run {
    books.order_run(&run(number, seconds)).await.unwrap();
    books.claim_run(&claim(1, seconds)).await.unwrap().unwrap()
}

async fn record(books: &dyn Reconciliations, run: &Run, seconds: u64, findings: &[(u128, Finding)]) {
    let findings = findings.iter().map(|(id, finding)| (Uuid::from_u128(*id), finding.clone())).collect();
    assert!(books.record_step(&Step { findings, release: false, ..step(run, seconds) }).await.unwrap());
}

async fn ended(books: &dyn Reconciliations, run: &Run, seconds: u64) {
    let run = Run { state: RunState::Completed, finished_at: Some(at(seconds)), ..run.clone() };
    assert!(books.record_step(&step(&run, seconds)).await.unwrap());
}

async fn all(books: &dyn Reconciliations) -> Vec<Break> {
    books.breaks(&BreaksPage { filter: BreakFilter::default(), before: None, limit: 100 }).await.unwrap()
}

async fn by_subject(books: &dyn Reconciliations) -> Vec<Break> {
    let mut all = all(books).await;
    all.sort_by_key(|one| (one.finding.subject.clone(), one.first_seen_at));
    all
}
