//! Settlement files: their lines, which payments they tell of, and which no file does.

use domain::{BreakKind, Finding, GatewayState, PaymentState, Side};
use store::{Against, Run, RunState, Settlement, Step};
use uuid::Uuid;

use crate::fixtures::*;
use crate::reconciling;
use crate::test_store::{TestStore, on_every_store};

on_every_store! {
    async fn a_file_is_kept_once_with_its_lines_in_order(store: &TestStore) {
        let files = store.settlements();
        let id = Uuid::from_u128(7);
        let lines: Vec<(u64, String)> = (1..=5).map(|number| (number, format!("{{\"number\": {number}}}"))).collect();
        files.keep_lines(id, &lines[..3]).await.unwrap();
        files.keep_lines(id, &lines).await.unwrap();
        assert_eq!(files.settlement(id).await.unwrap(), None, "lines alone are no file");
        assert!(files.keep_settlement(&settlement(id)).await.unwrap());
        assert!(!files.keep_settlement(&Settlement { lines: 9, ..settlement(id) }).await.unwrap());
        assert_eq!(files.settlement(id).await.unwrap(), Some(settlement(id)));
        let numbers = |lines: Vec<(u64, String)>| lines.iter().map(|(number, _)| *number).collect::<Vec<_>>();
        assert_eq!(numbers(files.settlement_lines(id, 0, 2).await.unwrap()), [1, 2]);
        assert_eq!(numbers(files.settlement_lines(id, 2, 9).await.unwrap()), [3, 4, 5]);
        assert_eq!(files.settlement_lines(Uuid::from_u128(8), 0, 9).await.unwrap(), []);
        // One of the databases writes JSON in its own way.
        let line = files.settlement_lines(id, 4, 9).await.unwrap()[0].1.replace(' ', "");
        assert_eq!(line, "{\"number\":5}");
    }

    async fn what_was_paid_and_is_in_no_file_is_told(store: &TestStore) {
        let files = store.settlements();
        for (number, state) in [(1, GatewayState::Completed), (2, GatewayState::Completed), (3, GatewayState::Declined)] {
            store.open(&[birth(number, &format!("order-{number}"))]).await;
            let there = store.load_id(id(number)).await;
            let paid = found(sighting(&there.payment, &format!("gw{number}"), state), at(1));
            store.commit(&[write(&there, &paid)]).await;
        }
        let window = [at(0), at(1_000)];
        let all = files.unsettled(&shop(), window, None, 10).await.unwrap();
        let ids: Vec<_> = all.iter().map(|(_, id)| *id).collect();
        assert_eq!(ids, [id(1), id(2)], "what was declined is not paid out");
        let (first_at, first) = all[0];
        assert_eq!(files.unsettled(&shop(), window, None, 1).await.unwrap(), all[..1]);
        assert_eq!(files.unsettled(&shop(), window, Some((first_at, first.uuid())), 10).await.unwrap(), all[1..]);
        assert_eq!(files.unsettled(&other_shop(), window, None, 10).await.unwrap(), []);
        assert_eq!(files.unsettled(&shop(), [at(900), at(1_000)], None, 10).await.unwrap(), []);

        files.note_settled(Uuid::from_u128(7), &[id(1)]).await.unwrap();
        files.note_settled(Uuid::from_u128(8), &[id(1)]).await.unwrap();
        assert_eq!(files.unsettled(&shop(), window, None, 10).await.unwrap(), all[1..]);
        files.note_settled(Uuid::from_u128(8), &[]).await.unwrap();
    }

    /// What was found in files is not ended by a run against the list, and files are compared whatever else is.
    async fn what_was_found_in_files_is_no_business_of_the_list(store: &TestStore) {
        let runs = store.reconciliations();
        let list = reconciling::run(1, 0);
        let file = Run { id: Uuid::from_u128(2), against: Against::Settlement, ..reconciling::run(2, 0) };
        assert_eq!(runs.order_run(&list).await.unwrap(), list);
        assert_eq!(runs.order_run(&file).await.unwrap(), file, "beside the one of the same window");
        assert_eq!(runs.order_run(&file).await.unwrap(), file);

        let claimed = runs.claim_run(&reconciling::claim(1, 0)).await.unwrap().unwrap();
        let unsettled = Finding {
            kind: BreakKind::NotSettled,
            payment: Some(id(5)),
            ours: Side { state: Some(PaymentState::Completed.to_string()), money: None },
            ..reconciling::finding("subject", "1.00")
        };
        let findings = vec![
            (Uuid::from_u128(10), reconciling::finding("subject", "1.00")),
            (Uuid::from_u128(11), unsettled.clone()),
        ];
        assert!(runs.record_step(&Step { findings, ..reconciling::step(&claimed, 0) }).await.unwrap());
        let ended = Run { state: RunState::Completed, finished_at: Some(at(1)), ..claimed };
        assert!(runs.record_step(&reconciling::step(&ended, 1)).await.unwrap());
        let open = store.settlements().open_settlement_breaks(&[id(5), id(6)]).await.unwrap();
        assert_eq!(open, [(Uuid::from_u128(11), BreakKind::NotSettled, "subject".to_owned())]);
        assert_eq!(store.settlements().open_settlement_breaks(&[id(6)]).await.unwrap(), []);

        let of_file = runs.claim_run(&reconciling::claim(1, 2)).await.unwrap().unwrap();
        assert_eq!(of_file.against, Against::Settlement);
        let later = Run { id: Uuid::from_u128(3), to: at(5_000), ..reconciling::run(3, 2) };
        runs.order_run(&later).await.unwrap();
        let unfound = runs.unfound_breaks(&later, None, 10).await.unwrap();
        assert_eq!(unfound.iter().map(|one| one.of.id.as_u128()).collect::<Vec<_>>(), [10]);
    }
}

pub(crate) fn settlement(id: Uuid) -> Settlement {
    Settlement {
        id,
        shop: shop(),
        digest: "ab".repeat(32),
        format: "csv".to_owned(),
        bytes: 120,
        lines: 5,
        unnamed: 1,
        window: [at(0), at(86_400)],
        uploaded_by: Some(reconciling::actor()),
        uploaded_at: at(90_000),
    }
}
