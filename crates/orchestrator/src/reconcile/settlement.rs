//! A settlement file held against what we have: the third book of the same money.
//!
//! Whoever brings a file has it read to its end first. Its lines are kept, then the file, then its run is ordered, each under a
//! name that follows from the file: whoever is cut off in between, or brings it again, comes to the same.

use std::collections::BTreeMap;

use domain::{Actor, BreakKind, PaymentId, SettlementLine, ShopName};
use settlement::{Format, Statement};
use sha2::{Digest as _, Sha256};
use store::{Against, Cause, Name, Run, RunProgress, RunState, RunStep, Settlement, Stored};

use super::{Brought, Halt, Reconciler, name_from};
use crate::DeedError;

/// A settlement file that somebody brings, read.
#[derive(Debug, Clone)]
pub struct SettlementFile {
    shop: ShopName,
    format: Format,
    bytes: u64,
    digest: [u8; 32],
    statement: Statement,
}

/// A settlement file that is kept, with its comparison.
#[derive(Debug, Clone)]
pub struct KeptSettlement {
    /// The file.
    pub settlement: Settlement,
    /// How its comparison stands.
    pub run: Run,
    /// Whether it was there before.
    pub replay: bool,
}

/// Lines that are kept at once.
const KEEP: usize = 1_000;

/// Lines, or payments, that are gone through in one step.
const STEP: u32 = 200;

impl SettlementFile {
    /// A file's bytes, and what they say.
    pub fn new(shop: ShopName, format: Format, bytes: &[u8], statement: Statement) -> Self {
        Self { shop, format, bytes: bytes.len() as u64, digest: Sha256::digest(bytes).into(), statement }
    }
}

impl Reconciler {
    /// Keeps a settlement file and orders its comparison. The same file again is the same one.
    pub async fn bring(
        &self,
        file: &SettlementFile,
        cause: Cause,
        by: Option<Actor>,
    ) -> Result<KeptSettlement, DeedError> {
        let SettlementFile { shop, format, bytes, digest, statement } = file;
        let id = name_from(&[b"settlement", shop.as_str().as_bytes(), digest]);
        let now = self.desk.now();
        let (settlement, replay) = if let Some(kept) = self.settlements.settlement(id).await? {
            (kept, true)
        } else {
            let mut number = 0;
            for lines in statement.lines.chunks(KEEP) {
                let text = |line: &SettlementLine| {
                    number += 1;
                    serde_json::to_string(line).map(|text| (number, text))
                };
                let lines: Vec<_> = lines
                    .iter()
                    .map(text)
                    .collect::<Result<_, _>>()
                    .map_err(|error| DeedError::Poison(error.to_string()))?;
                self.settlements.keep_lines(id, &lines).await?;
            }
            let settlement = Settlement {
                id,
                shop: shop.clone(),
                digest: hex::encode(digest),
                format: format.to_string(),
                bytes: *bytes,
                lines: statement.lines.len() as u64,
                unnamed: statement.unnamed,
                window: statement.window,
                uploaded_by: by.clone(),
                uploaded_at: now,
            };
            let is_new = self.settlements.keep_settlement(&settlement).await?;
            (settlement, !is_new)
        };
        let [from, to] = settlement.window;
        let run = Run {
            id,
            shop: settlement.shop.clone(),
            from,
            to,
            cause,
            against: Against::Settlement,
            ordered_by: by,
            ordered_at: now,
            state: RunState::Waiting,
            failure: None,
            failures: 0,
            progress: RunProgress::default(),
            tally: None,
            begun_at: None,
            finished_at: None,
            next_at: now,
            epoch: 0,
        };
        let run = self.records.order_run(&run).await?;
        Ok(KeptSettlement { settlement, run, replay })
    }

    /// The settlement files that are kept.
    pub fn settlements(&self) -> &std::sync::Arc<dyn store::Settlements> {
        &self.settlements
    }

    /// Some of the file's lines, each held against the payment that has one of its names.
    pub(super) async fn read_lines(&self, run: &mut Run) -> Result<(), Halt> {
        let kept = self.settlements.settlement_lines(run.id, run.progress.offset.into(), STEP).await?;
        let lines: Result<Vec<SettlementLine>, _> = kept.iter().map(|(_, text)| serde_json::from_str(text)).collect();
        let lines = lines.map_err(|_| Halt::Nonsense("the lines of the settlement file cannot be read"))?;
        let payments = self.payments_of(&run.shop, &lines).await?;
        let tells_fees = lines.iter().any(|line| line.fee.is_some());
        let (mut after, mut brought, mut settled) = (run.clone(), Brought::default(), Vec::new());
        for line in &lines {
            let mut found = names(&run.shop, line).into_iter().filter_map(|name| payments.get(&name));
            let Some(stored) = found.next() else {
                brought.find(line.unknown());
                continue;
            };
            settled.push(stored.payment.id());
            stored.payment.settlement_findings(line).into_iter().for_each(|finding| brought.find(finding));
        }
        self.settlements.note_settled(run.id, &settled).await?;
        for (one, kind, subject) in self.settlements.open_settlement_breaks(&settled).await? {
            // What is found again stays open, and a file without fees says nothing of them.
            let is_found = brought.findings.contains_key(&(kind, subject));
            if !is_found && (kind != BreakKind::FeeDiffers || tells_fees) {
                brought.closed.push((one, format!("the settlement file of run {} says otherwise now", run.id)));
            }
        }
        let place = &mut after.progress;
        place.offset = place.offset.saturating_add(u32::try_from(lines.len()).unwrap_or(u32::MAX));
        place.items += lines.len() as u64;
        if lines.len() < STEP as usize {
            (place.step, place.after) = (RunStep::Payments, None);
        }
        self.record(run, after, brought).await
    }

    async fn payments_of(&self, shop: &ShopName, lines: &[SettlementLine]) -> Result<BTreeMap<Name, Stored>, Halt> {
        let mut all: Vec<Name> = lines.iter().flat_map(|line| names(shop, line)).collect();
        all.sort_unstable();
        all.dedup();
        let found = self.desk.store.store().load(&all).await?;
        Ok(all.into_iter().zip(found).filter_map(|(name, stored)| Some((name, stored?))).collect())
    }

    /// Payments of ours that should be in a settlement file by the end of this one, and are in none.
    pub(super) async fn look_for_unsettled(&self, run: &mut Run) -> Result<(), Halt> {
        let lag = self.rules.settlement_lag;
        let window = [run.from.minus(lag), run.to.minus(lag)];
        let unsettled = self.settlements.unsettled(&run.shop, window, run.progress.after, STEP).await?;
        let names: Vec<Name> = unsettled.iter().map(|(_, id)| Name::Id(*id)).collect();
        let payments = self.desk.store.store().load(&names).await?;
        let (mut after, mut brought) = (run.clone(), Brought::default());
        for stored in payments.iter().flatten() {
            brought.find(stored.payment.not_settled(lag));
        }
        let place = &mut after.progress;
        place.payments += unsettled.len() as u64;
        place.after = unsettled.last().map(|(at, id)| (*at, PaymentId::uuid(*id)));
        if unsettled.len() < STEP as usize {
            // What is no longer found ends where a line speaks of it, and nowhere else: other files tell of the same days.
            (place.step, place.after) = (RunStep::Forget, None);
        }
        self.record(run, after, brought).await
    }
}

/// The names under which a line's payment may be known, in the order in which they count.
fn names(shop: &ShopName, line: &SettlementLine) -> Vec<Name> {
    let ids = line.ids.iter().map(|id| Name::Gateway(shop.clone(), id.clone()));
    let references = line.references.iter().map(|reference| Name::Reference(shop.clone(), reference.clone()));
    ids.chain(references).collect()
}
