//! Whatever a webhook brings: it is read without a panic, and no card number in it is kept.
#![no_main]

use gateway_client::answer::read_webhook;
use libfuzzer_sys::fuzz_target;
use orchestrator::mask_card_numbers;
use rust_decimal::Decimal;
use serde_json::value::RawValue;

fuzz_target!(|body: &[u8]| {
    let masked = mask_card_numbers(body);
    assert_eq!(masked, covered(body), "another reader finds other card numbers");
    assert!(is_json(&masked) || !is_json(body), "what was JSON is none any more");

    let Ok(payment) = read_webhook(body) else { return };
    assert!(read_webhook(&masked).is_ok(), "what could be read can be read no more");
    for amount in [payment.amount, payment.customer_amount].into_iter().flatten() {
        check_that_an_amount_is_no_card_number(amount);
    }
});

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(bytes).is_ok()
}

/// What a gateway says has moved is booked from the body that was kept.
fn check_that_an_amount_is_no_card_number(amount: Decimal) {
    if amount.abs() <= domain::Money::AMOUNT_MAX {
        let body = format!(r#"{{"id":"a1","amount":{amount}}}"#);
        assert_eq!(mask_card_numbers(body.as_bytes()), body.as_bytes());
    }
}

/// The same by trying every length at every place: slow, and plain enough to be believed.
fn covered(body: &[u8]) -> Vec<u8> {
    let mut covered = body.to_vec();
    for start in 0..body.len() {
        for length in 13..=19 {
            let Some(digits) = number(body, start, length).filter(|digits| passes_luhn(body, digits)) else { continue };
            for at in &digits[6..length - 4] {
                covered[*at] = b'0';
            }
        }
    }
    covered
}

/// Where its digits stand, if a number of that many begins at `start`: single blanks or dashes between them, and none
/// of its neighbours a part of a word. The digits behind a decimal point are no number of their own.
fn number(body: &[u8], start: usize, length: usize) -> Option<Vec<usize>> {
    let before = &body[..start];
    let continues_a_word = before.last().is_some_and(u8::is_ascii_alphanumeric);
    let is_fraction = matches!(before, [.., b'0'..=b'9', b'.']);
    if continues_a_word || is_fraction {
        return None;
    }
    let mut digits: Vec<usize> = Vec::new();
    let mut at = start;
    while digits.len() < length {
        match body.get(at)? {
            b'0'..=b'9' => digits.push(at),
            b' ' | b'-' if at.checked_sub(1).is_some_and(|last| digits.last() == Some(&last)) => {}
            _ => return None,
        }
        at += 1;
    }
    (!body.get(at).is_some_and(u8::is_ascii_alphanumeric)).then_some(digits)
}

fn passes_luhn(body: &[u8], digits: &[usize]) -> bool {
    const DOUBLED: [u32; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
    let values = digits.iter().rev().map(|at| usize::from(body[*at] - b'0'));
    let sum: u32 = values
        .zip([false, true].into_iter().cycle())
        .map(|(value, second)| if second { DOUBLED[value] } else { u32::try_from(value).unwrap_or_default() })
        .sum();
    sum.is_multiple_of(10)
}
