use super::Request;

/// `GET /api/v1/balances`: the merchant's balances as this shop sees them (gateway contract, section
/// 6.14). Its answer is for [`read_balances`](crate::answer::read_balances).
pub fn list_balances() -> Request {
    Request::list("/api/v1/balances".to_owned())
}

/// `GET /api/v1/available-withdrawal-balances`: what can be paid out now. Its answer is for
/// [`read_withdrawal_balances`](crate::answer::read_withdrawal_balances).
pub fn list_withdrawal_balances() -> Request {
    Request::list("/api/v1/available-withdrawal-balances".to_owned())
}
