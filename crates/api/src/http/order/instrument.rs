//! `card`, `googlePay`, `applePay`: what a payment is paid with, or paid out to. Nothing of it is told in an error.

use domain::{Card, CardNumber, CardSource, Expiry, Instrument, PaymentType, SecretText, WalletData};
use gateway_client::request::{ApplePay, GooglePay, InvalidRequest};

use crate::http::form::Form;
use crate::http::problem::FieldError;

/// One of the three, and no more.
pub(super) fn instrument(
    form: &mut Form<'_>,
    payment_type: Option<PaymentType>,
    errors: &mut Vec<FieldError>,
) -> Option<Box<Instrument>> {
    let is_payout = payment_type == Some(PaymentType::Withdrawal);
    let named = ["card", "googlePay", "applePay"].into_iter().filter(|name| form.has(name)).collect::<Vec<_>>();
    if let [first, others @ ..] = named.as_slice() {
        errors.extend(others.iter().map(|other| form.error(other, format!("does not go with {first}"))));
    }
    let card = form.form("card", errors).and_then(|form| card(form, is_payout, errors));
    let google_pay = wallet("googlePay", |json| GooglePay::new(json).map(drop), form, errors);
    let apple_pay = wallet("applePay", |json| ApplePay::new(json).map(drop), form, errors);
    let one = card.map(Instrument::Card);
    let one = one.or(google_pay.map(Instrument::GooglePay)).or(apple_pay.map(Instrument::ApplePay));
    one.map(Box::new)
}

/// The gateway's limits (gateway contract, section 6.1.3).
fn card(mut form: Form<'_>, is_payout: bool, errors: &mut Vec<FieldError>) -> Option<Card> {
    let before = errors.len();
    let number: Option<CardNumber> = form.secret("cardNumber", errors);
    let token: Option<SecretText<32>> = form.secret("cardToken", errors);
    let holder_name = form.secret("cardholderName", errors);
    let security_code = form.secret("cardSecurityCode", errors);
    if is_payout && security_code.is_some() {
        errors.push(form.error("cardSecurityCode", "does not go with a WITHDRAWAL"));
    }
    let expiry = expiry(&mut form, errors);
    let source = match (number, token) {
        (Some(number), None) => Some(CardSource::Number(number)),
        (None, Some(token)) => Some(CardSource::Token(token)),
        (Some(_), Some(_)) => {
            errors.push(form.error("cardToken", "does not go with cardNumber"));
            None
        }
        (None, None) => {
            if errors.len() == before {
                errors.push(form.error("cardNumber", "is missing, and so is cardToken"));
            }
            None
        }
    };
    form.finish(errors);
    source.map(|source| Card { source, holder_name, security_code, expiry })
}

fn expiry(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Option<Expiry> {
    let (has_month, has_year) = (form.has("expiryMonth"), form.has("expiryYear"));
    let month = form.secret("expiryMonth", errors);
    let year = form.secret("expiryYear", errors);
    if has_month != has_year {
        let missing = if has_month { "expiryYear" } else { "expiryMonth" };
        errors.push(form.error(missing, "is missing; a month and a year go together"));
    }
    Some(Expiry::new(month?, year?))
}

/// Passed on as it is; only what the gateway's contract says of its fields is checked (gateway contract, appendix C).
fn wallet(
    name: &str,
    check: impl FnOnce(&str) -> Result<(), InvalidRequest>,
    form: &mut Form<'_>,
    errors: &mut Vec<FieldError>,
) -> Option<WalletData> {
    let json = form.object(name, errors)?;
    if let Err(invalid) = check(json) {
        errors.extend(invalid.fields.iter().map(|error| FieldError {
            pointer: format!("/{}", error.field.replace('.', "/")),
            detail: error.flaw.to_string(),
        }));
        return None;
    }
    json.parse().map_err(|error: domain::InvalidText| errors.push(form.error(name, error.to_string()))).ok()
}
