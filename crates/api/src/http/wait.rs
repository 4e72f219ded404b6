use std::time::Duration;

use domain::{Attempt, Payment, PaymentId};
use orchestrator::{DeedError, Desk};
use store::{Name, Stored};
use tokio::time::{Instant, timeout_at};

/// How long a second caller waits for what the first one's request brings (REST contract).
pub(super) const REPLAY_PATIENCE: Duration = Duration::from_secs(35);

/// The longest `?wait=` (REST contract).
pub(super) const WAIT_MAX: Duration = Duration::from_mins(1);

/// Waits until `enough` is true of the payment or the patience is over, and answers with it as it then is. A change made
/// by this process wakes at once; one made elsewhere is seen by looking, with growing pauses. No connection is held.
pub(super) async fn until(
    desk: &Desk,
    id: PaymentId,
    patience: Duration,
    enough: impl Fn(&Payment) -> bool,
) -> Result<Stored, DeedError> {
    let mut changes = desk.changes();
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_millis(100);
    loop {
        let stored = desk.find(Name::Id(id)).await?.ok_or(DeedError::PaymentNotFound)?;
        if enough(&stored.payment) || Instant::now() >= deadline {
            return Ok(stored);
        }
        let look_again = deadline.min(Instant::now() + pause);
        pause = (pause * 2).min(Duration::from_secs(1));
        let woken = async {
            // One that fell behind, or whose sender is gone, looks as well.
            while changes.recv().await.is_ok_and(|changed| changed != id) {}
        };
        let _ = timeout_at(look_again, woken).await;
    }
}

/// Whether somebody's request for it is still on its way, so that its answer is worth waiting for.
pub(super) fn is_answered(payment: &Payment) -> bool {
    payment.gateway_payment_id.is_some()
        || payment.state.is_final()
        || !matches!(payment.submission.last(), Some(Attempt::InFlight { .. }))
}
