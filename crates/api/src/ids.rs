use domain::PaymentId;
use uuid::Uuid;

/// Where new names come from. They are made at the edge and handed in, so that everything behind it can be repeated.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ids;

impl Ids {
    /// A UUIDv7 (RFC 9562): unique on every replica, and sorted by time.
    #[allow(clippy::disallowed_methods, reason = "this is where names are made")]
    pub fn next(self) -> Uuid {
        Uuid::now_v7()
    }

    /// A name for a payment.
    pub fn payment(self) -> PaymentId {
        self.next().into()
    }
}
