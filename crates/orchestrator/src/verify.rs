use domain::{Payment, PaymentId, Time, UnfoldableLedger};
use store::{Audited, Reads, StoreError, Violation};

/// What a proof of the books came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Payments whose ledger was folded.
    pub payments: u64,
    /// Entries that were folded.
    pub entries: u64,
    /// Payments that are not what their ledger tells (protocols, invariant I9); at most [`Verified::SHOWN_MAX`].
    pub mismatches: Vec<Mismatch>,
    /// What the database was asked for, each with the invariant that it watches.
    pub rules: Vec<&'static str>,
    /// What breaks an invariant as the database sees it.
    pub violations: Vec<Violation>,
}

/// A payment that is not what its ledger tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Which one.
    pub payment: PaymentId,
    /// What is wrong.
    pub detail: String,
}

impl Verified {
    /// How many mismatches are kept to be shown.
    pub const SHOWN_MAX: usize = 1000;
    const PAGE: u32 = 500;

    /// Folds every ledger and compares it with its row, and asks the database for violations.
    /// With `begun_before`, also for what could have been begun before that and was not.
    pub async fn run(reads: &dyn Reads, begun_before: Option<Time>) -> Result<Self, StoreError> {
        let (mut rules, mut violations) = (reads.rules(), reads.violations().await?);
        if let Some(before) = begun_before {
            rules.push(Violation::OVERDUE);
            violations.extend(reads.overdue(before).await?);
        }
        let mut verified = Self { rules, violations, ..Self::default() };
        let mut after = None;
        loop {
            let page = reads.audit(after, Self::PAGE).await?;
            for audited in &page {
                verified.add(audited);
            }
            match page.last() {
                Some(last) if page.len() == Self::PAGE as usize => after = Some(last.stored.payment.id()),
                _ => return Ok(verified),
            }
        }
    }

    /// How often each rule was found broken; the database shows a hundred of each at most.
    pub fn broken(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let count = |rule: &str| self.violations.iter().filter(|violation| violation.rule == rule).count();
        self.rules.iter().map(move |rule| (*rule, count(rule)))
    }

    /// Whether nothing was found.
    pub fn is_fine(&self) -> bool {
        self.mismatches.is_empty() && self.violations.is_empty()
    }

    fn add(&mut self, audited: &Audited) {
        self.payments += 1;
        self.entries += audited.ledger.len() as u64;
        let row = &audited.stored.payment;
        if let Some(detail) = mismatch(row, Payment::fold(&audited.ledger)).or_else(|| misbooked(audited))
            && self.mismatches.len() < Self::SHOWN_MAX
        {
            self.mismatches.push(Mismatch { payment: row.id(), detail });
        }
    }
}

/// The books hold the lines that the ledger tells, and no others (protocols, invariant I11).
fn misbooked(audited: &Audited) -> Option<String> {
    let told = Payment::booked(&audited.ledger).ok()?;
    let (booked, differ) = (audited.lines.len(), told != audited.lines);
    differ.then(|| {
        format!("the books hold {booked} lines under it that are not the {} that its ledger tells", told.len())
    })
}

fn mismatch(row: &Payment, folded: Result<Payment, UnfoldableLedger>) -> Option<String> {
    let folded = match folded {
        Ok(folded) if folded == *row => return None,
        Ok(folded) => folded,
        Err(error) => return Some(error.to_string()),
    };
    if folded.version != row.version {
        return Some(format!("the row has version {}, the ledger {} entries", row.version, folded.version));
    }
    if folded.state != row.state {
        return Some(format!("the row says {}, the ledger {}", row.state, folded.state));
    }
    Some("the row holds other facts than the ledger tells".to_owned())
}
