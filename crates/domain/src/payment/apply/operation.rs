use super::super::{
    Attempt, Care, Change, CommandOutcome, Decision, Deed, Flag, Operation, Payment, PaymentError, PaymentState,
    Sighting, Source,
};

impl Payment {
    /// What a person decides moves the payment, or is stale where it may not be decided.
    pub(super) fn operated(&self, operation: &Operation) -> Decision {
        match &operation.deed {
            Deed::Note => Decision::Moves(Change::default()),
            Deed::Assign { to } => cared(Care { assignee: to.clone(), ..self.care.clone() }),
            Deed::Snooze { until } => cared(Care { snoozed_until: *until, ..self.care.clone() }),
            Deed::Settle => cared(Care { settled: self.flags.clone(), ..self.care.clone() }),
            Deed::Force { state, sighting } => self.forced(*state, sighting.as_deref(), operation),
            Deed::Release => self.released(operation),
        }
    }

    fn forced(&self, state: PaymentState, sighting: Option<&Sighting>, operation: &Operation) -> Decision {
        if self.may_force(state, sighting).is_err() {
            return Decision::Stale;
        }
        let told = sighting.and_then(Sighting::known_state);
        let mut change = sighting.map(|sighting| self.learned(sighting, told, Source::Poll)).unwrap_or_default();
        if self.gateway_payment_id.is_none()
            && let Some(sighting) = sighting
        {
            change.gateway_payment_id = Some(sighting.id.clone());
            change.flags.extend(self.misfits(sighting));
        }
        change.state = Some(state);
        change.confirmed_by = Some(Source::Operator);
        if self.state.is_final() {
            change.flags.insert(Flag::GatewayCorrection);
        }
        if state.is_dead() && change.error.is_none() {
            let code = if state == PaymentState::Rejected { "never-created" } else { "forced" };
            change.error = Some(PaymentError {
                code: code.to_owned(),
                message: operation.operator.reason.clone(),
                external_result_code: None,
                fields: Vec::new(),
            });
        }
        if let Some((number, open)) = self.commands.open()
            && state != open.command.kind().state()
        {
            change.command = Some((number, open.ended(CommandOutcome::Done)));
        }
        // Whatever it was flagged for was decided by this, and stays to be read in the ledger.
        change.care = Some(Care { settled: self.flags.clone(), snoozed_until: None, ..self.care.clone() });
        Decision::Moves(change)
    }

    fn released(&self, operation: &Operation) -> Decision {
        let unaccounted = (1..).zip(self.submission.attempts()).find(|(_, attempt)| attempt.is_open());
        let (Ok(()), Some((number, attempt))) = (self.may_release(), unaccounted) else { return Decision::Stale };
        let reason = operation.operator.reason.clone().unwrap_or_default();
        let released = Attempt::Released { sent_at: attempt.sent_at(), reason };
        Decision::Moves(Change { attempt: Some((number, released)), ..Change::default() })
    }
}

fn cared(care: Care) -> Decision {
    Decision::Moves(Change { care: Some(care), ..Change::default() })
}
