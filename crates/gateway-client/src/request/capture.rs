use rust_decimal::Decimal;
use serde::Serialize;

use super::invalid::{Check, InvalidRequest};
use super::{PAYMENTS, Request, json};
use crate::{GatewayId, amount};

#[derive(Serialize)]
struct Capture {
    #[serde(with = "amount")]
    amount: Option<Decimal>,
}

/// `POST /api/v1/payments/{id}/capture`: takes the money that an authorized deposit holds, all of it
/// unless an amount is given (gateway contract, section 6.5). What was captured is what the payment
/// says afterwards. Its answer is for [`classify_command`](crate::answer::classify_command).
///
/// ```
/// use gateway_client::request;
///
/// let id = "7a1dd0b34f9e4b53931c6c0e2f84ad70".parse()?;
/// let part = request::capture_payment(&id, Some("180.50".parse()?))?;
/// assert_eq!(part.body.as_deref(), Some(&br#"{"amount":180.5}"#[..]));
/// assert_eq!(request::capture_payment(&id, None)?.body, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn capture_payment(id: &GatewayId, amount: Option<Decimal>) -> Result<Request, InvalidRequest> {
    let mut check = Check::default();
    check.amount("amount", amount, false);
    check.result()?;
    let body = amount.map(|amount| json(&Capture { amount: Some(amount) }));
    Ok(Request::command(format!("{PAYMENTS}/{id}/capture"), body))
}

/// `POST /api/v1/payments/{id}/void`: lets go of the money that an authorized deposit holds (gateway
/// contract, section 6.6). Its answer is for [`classify_command`](crate::answer::classify_command).
pub fn void_payment(id: &GatewayId) -> Request {
    Request::command(format!("{PAYMENTS}/{id}/void"), None)
}
