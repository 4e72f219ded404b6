//! What people decide about a payment beside commands: each an entry of the ledger with who, why and from where.

use domain::{Deed, Evidence, Operation, Operator, PaymentId, Seen, Source};
use store::{Name, Stored};

use crate::record::Under;
use crate::{DeedError, Desk};

impl Desk {
    /// Records what a person decided that changes no state: who looks after it, a note, until when it is put off, that its
    /// flags are dealt with.
    pub async fn care(&self, payment: PaymentId, deed: Deed, operator: Operator) -> Result<Stored, DeedError> {
        let stored = self.find(Name::Id(payment)).await?.ok_or(DeedError::PaymentNotFound)?;
        let operation = Box::new(Operation { deed, operator });
        let evidence =
            Evidence { source: Source::Operator, at: self.now(), begun_at: None, seen: Seen::Operated { operation } };
        Ok(self.record(stored, evidence, Under::nobody()).await?.stored)
    }
}
