use gateway_client::answer::{self, CreateOutcome, ListOutcome, RawAnswer, read_webhook};
use proptest::prelude::*;

use crate::examples;

/// Every reader sees every answer; what they say does not matter here, only that they say it.
fn read_with_everything(status: u16, body: &[u8]) {
    let answer = RawAnswer::new(status, body.to_vec());
    let _ = answer::classify_create(Ok(answer.clone()));
    let _ = answer::classify_command(Ok(answer.clone()));
    let _ = answer::classify_subscription_command(Ok(answer.clone()));
    let _ = answer::read_payment(Ok(answer.clone()));
    let _ = answer::read_subscription(Ok(answer.clone()));
    let _ = answer::read_operations(Ok(answer.clone()));
    let _ = answer::read_card_tokens(Ok(answer.clone()));
    let _ = answer::read_terminal_tokens(Ok(answer.clone()));
    let _ = answer::read_balances(Ok(answer.clone()));
    let _ = answer::read_withdrawal_balances(Ok(answer.clone()));
    let _ = answer::read_list(Ok(answer));
    let _ = read_webhook(body);
}

#[test]
fn an_answer_that_was_cut_short_is_never_a_success() {
    for name in examples::names() {
        let whole = examples::bytes(&name);
        let whole = whole.trim_ascii();
        for length in 0..whole.len() {
            let answer = RawAnswer::new(200, whole[..length].to_vec());
            let created = answer::classify_create(Ok(answer.clone()));
            assert!(matches!(created, CreateOutcome::Unknown(_)), "{name} cut at {length}");
            let listed = answer::read_list(Ok(answer));
            assert!(matches!(listed, ListOutcome::Unavailable(_)), "{name} cut at {length}");
            read_webhook(&whole[..length]).unwrap_err();
        }
    }
}

#[test]
fn a_refusal_that_was_cut_short_is_never_a_refusal() {
    let whole = examples::bytes("13-error-400-validation.json");
    let whole = whole.trim_ascii();
    for length in 0..whole.len() {
        let outcome = answer::classify_create(Ok(RawAnswer::new(400, whole[..length].to_vec())));
        assert!(matches!(outcome, CreateOutcome::Unknown(_)), "cut at {length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn flipped_bytes_never_panic(
        status in 0..=u16::MAX,
        name in prop::sample::select(examples::names()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut body = examples::bytes(&name);
        for (position, byte) in flips {
            let position = position.index(body.len());
            body[position] = byte;
        }
        for status in [status, 200, 400, 401, 404] {
            read_with_everything(status, &body);
        }
    }

    #[test]
    fn each_class_belongs_to_its_statuses(
        status in prop::sample::select(vec![100, 199, 200, 201, 204, 299, 300, 302, 400, 401, 403, 404, 409, 500]),
        name in prop::sample::select(examples::names()),
    ) {
        let outcome = answer::classify_create(Ok(RawAnswer::new(status, examples::bytes(&name))));
        let allowed = match outcome {
            CreateOutcome::Accepted { .. } => (200..300).contains(&status),
            CreateOutcome::Refused(_) => status == 400,
            CreateOutcome::NotSent(_) => status == 401 || status == 404,
            CreateOutcome::Unknown(_) => true,
        };
        prop_assert!(allowed);
    }

    #[test]
    fn any_bytes_are_read(status in 0..=u16::MAX, body in prop::collection::vec(any::<u8>(), 0..512)) {
        read_with_everything(status, &body);
    }

    #[test]
    fn any_amount_text_is_read_exactly_or_not_at_all(number in "-?[0-9]{1,31}(\\.[0-9]{1,31})?([eE][+-]?[0-9]{1,3})?") {
        let body = format!(r#"{{"id": "a1", "amount": {number}, "customerAmount": "{number}"}}"#);
        if let Ok(payment) = read_webhook(body.as_bytes()) {
            let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((&number, "0"));
            if let (Some(amount), Ok(0)) = (payment.amount, exponent.parse::<i32>()) {
                prop_assert_eq!(plain(&amount.to_string()), plain(mantissa));
            }
            prop_assert_eq!(payment.amount, payment.customer_amount);
        }
    }
}

/// A number's digits without the zeros and the sign that change nothing.
fn plain(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let sign = if whole.is_empty() && fraction.is_empty() { "" } else { sign };
    format!("{sign}{whole}.{fraction}")
}
