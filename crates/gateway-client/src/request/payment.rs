use super::{PAYMENTS, Request};
use crate::GatewayId;

/// `GET /api/v1/payments/{id}` (gateway contract, section 6.3). Its answer is for
/// [`read_payment`](crate::answer::read_payment).
pub fn get_payment(id: &GatewayId) -> Request {
    Request::read(format!("{PAYMENTS}/{id}"))
}

/// `GET /api/v1/payments/{id}/operations`: how the gateway processed a payment (gateway contract,
/// section 6.10). Its answer is for [`read_operations`](crate::answer::read_operations).
pub fn list_operations(id: &GatewayId) -> Request {
    Request::list(format!("{PAYMENTS}/{id}/operations"))
}
