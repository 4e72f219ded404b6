//! What the merchant had done with payments that the gateway has, and money that went back (protocols, section 3).

use domain::{
    Command, CommandKind, CommandOutcome, Commands, Flag, IssuedCommand, Payment, PaymentType, RefundStanding,
};
use gateway_client::request::{Method, Request};
use gateway_simulator::Engine;
use rust_decimal::Decimal;
use store::MemoryStore;

use super::{Judge, Violation, name, rule};
use crate::world::World;

impl World {
    /// The request of a command leaves now: its entry must be durable.
    pub(crate) fn command_leaves(&self, request: &Request) {
        let mut parts = request.path.rsplit('/');
        let last = parts.next().unwrap_or_default();
        let (id, deed) =
            if request.method == Method::Patch { (last, "start") } else { (parts.next().unwrap_or_default(), last) };
        let found = self.judge.lock().command_leaves(id, deed);
        found.unwrap_or_else(|violation| self.violate(violation));
    }
}

impl Judge {
    fn command_leaves(&mut self, id: &str, deed: &str) -> Result<(), Violation> {
        let payment = self.watched.values().map(|watched| &watched.payment);
        let mut payment =
            payment.filter(|payment| payment.gateway_payment_id.as_ref().is_some_and(|ours| ours.as_str() == id));
        let Some(payment) = payment.next() else {
            return Err(Violation::new("I2", format!("a {deed} leaves for {id}, which is nobody's")));
        };
        let sent = self.commands.entry((id.to_owned(), deed.to_owned())).or_default();
        *sent += 1;
        let is_it = |issued: &IssuedCommand| issued.command.kind().to_string() == deed;
        let is_in_flight = |open: &IssuedCommand| open.outcome == CommandOutcome::InFlight && is_it(open);
        let in_flight = payment.commands.open().is_some_and(|(_, open)| is_in_flight(open));
        // Whoever sleeps between its entry and the wire may be overtaken by the repetition, which is made only where a second
        // one does no harm: what leaves late then has an entry all the same.
        let is_repeated = payment.commands.issued().iter().any(|issued| is_it(issued) && issued.requests > 1);
        rule(in_flight || is_repeated, "I1", || format!("{}: a {deed} leaves, and none is in flight", name(payment)))?;
        // Whoever is started without a page is not sent to another one.
        let (who, ours) = (payment.id(), payment.gateway_payment_id.clone());
        let elsewhere = deed == "start" && self.shown.get(&who).is_some_and(|shown| Some(shown) != ours.as_ref());
        rule(!elsewhere, "I2", || format!("{}: a PATCH of {ours:?}, and another was shown", name(payment)))?;
        let of_its_kind = payment.commands.issued().iter().filter(|issued| issued.command.kind().to_string() == deed);
        let allowed: u32 = of_its_kind.map(|issued| issued.requests).sum();
        rule(*sent <= allowed, "I1", || format!("{}: {deed} {sent} of {allowed}", name(payment)))
    }

    /// A caller was told of a refund: it is durable, and its money is reserved.
    #[allow(clippy::unused_self, reason = "it stands beside the other promises and is called as they are")]
    pub(crate) fn refund_was_taken(&self, told: &Payment, memory: &MemoryStore) -> Result<(), Violation> {
        let durable = memory.audited(told.id()).map(|audited| audited.stored.payment);
        let deposit = durable.and_then(|refund| memory.audited(refund.opening.parent?));
        let knows = deposit.is_some_and(|deposit| deposit.stored.payment.refunds.get(told.id()).is_some());
        rule(knows, "I10", || format!("{}: taken, and its deposit knows nothing of it", name(told)))
    }

    /// After each entry: what refunds hold is never more than was captured, unless the gateway itself made it so.
    pub(super) fn check_refunds(payment: &Payment) -> Result<(), Violation> {
        let is_break = payment.flags.contains(&Flag::OverRefunded);
        rule(!payment.is_over_refunded() || is_break, "I10", || {
            format!("{}: more is held than was captured", name(payment))
        })?;
        for once in [CommandKind::Start, CommandKind::Capture] {
            let issued =
                payment.commands.issued().iter().filter(|issued| issued.command.kind() == once && !is_harmless(issued));
            let count = issued.map(|issued| issued.requests).sum::<u32>();
            rule(count <= 1, "I1", || format!("{}: {count} requests of a {once}, which is sent once", name(payment)))?;
        }
        Ok(())
    }

    /// At the end: the gateway itself let no more go back than came in, and both sides of each refund know its end.
    pub(super) fn check_money_back(&self, engine: &Engine) -> Result<(), Violation> {
        for payment in self.watched.values().map(|watched| &watched.payment) {
            check_open_command(payment)?;
            match payment.opening.payment_type {
                PaymentType::Refund => self.check_refund(payment)?,
                PaymentType::Deposit => {
                    let all = self.watched.values().map(|watched| &watched.payment);
                    let of_it = |child: &&Payment| {
                        child.opening.payment_type == PaymentType::Refund && child.opening.parent == Some(payment.id())
                    };
                    let refunds: Vec<_> = all.filter(of_it).collect();
                    check_deposit(payment, &refunds, engine)?;
                }
                PaymentType::Withdrawal => {}
            }
        }
        Ok(())
    }

    fn check_refund(&self, refund: &Payment) -> Result<(), Violation> {
        let deposit = refund.opening.parent.and_then(|parent| self.watched.get(&parent));
        let held = deposit.and_then(|deposit| deposit.payment.refunds.get(refund.id()));
        let standing = RefundStanding::of(refund.state).unwrap_or(RefundStanding::Reserved);
        rule(held.is_some_and(|held| held.standing == standing), "I10", || {
            format!("{}: {}, and its deposit has it as {held:?}", name(refund), refund.state)
        })?;
        rule(!refund.must_tell_parent(), "I7", || format!("{}: its deposit was never told", name(refund)))
    }
}

/// Whether it had no effect, or may have it twice.
fn is_harmless(issued: &IssuedCommand) -> bool {
    let had_none = matches!(issued.outcome, CommandOutcome::NotSent { .. } | CommandOutcome::Refused { .. });
    had_none || matches!(issued.command, Command::Capture { amount: None })
}

/// What may stay open for ever: what may be done once only, and what was sent as often as it may be.
fn check_open_command(payment: &Payment) -> Result<(), Violation> {
    let Some((_, open)) = payment.commands.open() else { return Ok(()) };
    let once = matches!(open.command, Command::Start | Command::Capture { amount: Some(_) });
    rule(once || open.requests == Commands::REQUESTS_MAX, "I7", || {
        format!("{}: a {} is open for ever after {} requests", name(payment), open.command.kind(), open.requests)
    })
}

/// What we asked to go back, of what may have been made, is no more than came in. What the gateway settled otherwise than
/// it was asked is its own doing, and flagged.
fn check_deposit(deposit: &Payment, refunds: &[&Payment], engine: &Engine) -> Result<(), Violation> {
    let Some(captured) = deposit.captured() else { return Ok(()) };
    let corrected = |refund: &&&Payment| !refund.flags.contains(&Flag::GatewayCorrection);
    let alive = |refund: &&&Payment| !refund.state.is_dead();
    // Of what was asked for, the gateway may have moved less: the rest is free again.
    let held = |refund: &&Payment| {
        let asked = refund.opening.requested;
        let moved = refund.settled.filter(|moved| moved.currency() == asked.currency());
        moved.map_or(asked.amount(), |moved| moved.amount().min(asked.amount()))
    };
    let asked: Decimal = refunds.iter().filter(alive).filter(corrected).map(held).sum();
    rule(asked <= captured.amount(), "I10", || format!("{}: {asked} of {captured} may go back", name(deposit)))?;
    let counts = |made: &&gateway_simulator::Payment| {
        made.payment_type() == gateway_simulator::PaymentType::Refund
            && made.parent_payment_id() == deposit.gateway_payment_id.as_ref().map(domain::GatewayPaymentId::as_str)
            && !matches!(made.state().name(), "DECLINED" | "CANCELLED")
            && made.money().1 == captured.currency().as_str()
    };
    let made = engine.payments().iter().filter(counts).filter_map(|made| made.money().0);
    let back: Decimal = made.map(gateway_simulator::Amount::value).sum();
    rule(back <= captured.amount() || deposit.flags.contains(&Flag::OverRefunded), "I10", || {
        format!("{}: {back} of {captured} went back at the gateway, and nobody says so", name(deposit))
    })
}
