use serde::Serialize;

use super::{PAYMENTS, Request, json};
use crate::GatewayId;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reject<'a> {
    reject_reason: &'a str,
}

/// `POST /api/v1/payments/{id}/approve`: lets a withdrawal go that waits for the merchant (gateway
/// contract, section 6.8). Its answer is for [`classify_command`](crate::answer::classify_command).
pub fn approve_withdrawal(id: &GatewayId) -> Request {
    Request::command(format!("{PAYMENTS}/{id}/approve"), None)
}

/// `POST /api/v1/payments/{id}/reject`: refuses a withdrawal that waits for the merchant (gateway
/// contract, section 6.9). The gateway keeps the reason and shows it as `externalResultCode`. Its
/// answer is for [`classify_command`](crate::answer::classify_command).
pub fn reject_withdrawal(id: &GatewayId, reason: Option<&str>) -> Request {
    let body = reason.map(|reject_reason| json(&Reject { reject_reason }));
    Request::command(format!("{PAYMENTS}/{id}/reject"), body)
}
