//! One payment and what is seen of it, in few words.
#![allow(dead_code)] // Each theme tells its stories with some of these words.

use std::fmt::Display;
use std::time::Duration;

use domain::{
    Attempt, Command, Currency, Decision, Entry, Evidence, Flag, Flow, GatewayState, Kind, Money, Opening, Payment,
    PaymentId, PaymentState, PaymentType, Rejection, Seen, SeenState, Sighting, Source, Time, parse_amount,
};

/// The gateway payment that becomes ours, unless a story says otherwise.
pub(crate) const OURS: &str = "ours0001";
/// Another gateway payment under our reference.
pub(crate) const TWIN: &str = "twin0001";
/// A word that the gateway's contract does not know.
pub(crate) const ANOTHER_WORD: &str = "RECONCILING";

/// A payment and its ledger: `sees` is the only thing that happens to it.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) payment: Payment,
    pub(crate) ledger: Vec<Entry>,
}

impl Story {
    /// An order of 25.00 EUR, opened in second 0.
    pub(crate) fn opened(kind: Kind) -> Self {
        let (payment, entry) = Payment::open(opening(kind), at(0));
        Self { payment, ledger: vec![entry] }
    }

    /// Told by the answer to its first POST in second 10, or refused by it.
    pub(crate) fn answered(state: PaymentState) -> Self {
        let mut story = Self::opened(Kind::Inert);
        story.sees(&match gateway_state(state) {
            Some(told) => accepted(10, 1, sighting(OURS, &told)),
            None if state == PaymentState::Rejected => refused(10, 1),
            None => accepted(10, 1, sighting(OURS, ANOTHER_WORD)),
        });
        assert_eq!(story.payment.state, state);
        story
    }

    /// Told by a look-up in second 10, while the outcome of its first POST is not known; or refused.
    pub(crate) fn found(state: PaymentState) -> Self {
        let mut story = Self::opened(Kind::Inert);
        match gateway_state(state) {
            Some(told) => drop(story.sees(&found(10, sighting(OURS, &told)))),
            None if state == PaymentState::Rejected => drop(story.sees(&refused(10, 1))),
            None => {}
        }
        assert_eq!(story.payment.state, state);
        story
    }

    /// A payment of this type and flow, told by the answer to its POST in second 10.
    pub(crate) fn of(payment_type: PaymentType, flow: Flow, state: PaymentState) -> Self {
        let opening = Opening { payment_type, flow, ..opening(Kind::Inert) };
        let (payment, entry) = Payment::open(opening, at(0));
        let mut story = Self { payment, ledger: vec![entry] };
        let mut told = sighting(OURS, &state);
        told.payment_type = Some(payment_type.to_string());
        story.sees(&accepted(10, 1, told));
        story
    }

    /// Applies and records, as the service does.
    pub(crate) fn sees(&mut self, evidence: &Evidence) -> Decision {
        let decision = self.payment.apply(evidence);
        if let Some((payment, entry)) = self.payment.after(evidence, &decision) {
            self.payment = payment;
            self.ledger.push(entry);
        }
        decision
    }

    /// Several, one after the other. What nobody could bind yet waits, as in the inbox, until an id is known.
    pub(crate) fn sees_all<'a>(&mut self, all: impl IntoIterator<Item = &'a Evidence>) {
        let mut inbox = Vec::new();
        for evidence in all {
            if let Decision::Elsewhere(domain::Elsewhere::Unbound, _) = self.sees(evidence) {
                inbox.push(evidence);
            }
            if self.payment.gateway_payment_id.is_some() {
                for waiting in inbox.drain(..) {
                    self.sees(waiting);
                }
            }
        }
    }

    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.payment.flags.contains(&flag)
    }

    pub(crate) fn attempt(&self, number: usize) -> &Attempt {
        self.payment.submission.attempt(number).unwrap()
    }

    pub(crate) fn gateway_payment_id(&self) -> Option<&str> {
        self.payment.gateway_payment_id.as_ref().map(domain::GatewayPaymentId::as_str)
    }
}

pub(crate) fn opening(kind: Kind) -> Opening {
    Opening {
        // The last two digits of the low half choose the jitter: none here, so that times can be written down.
        id: PaymentId::from(uuid::Uuid::from_u64_pair(0x0198_0000_0000_7000, 0x8000_0000_0000_0000 + 92)),
        shop: "main".parse().unwrap(),
        reference_id: "order-1001".parse().unwrap(),
        payment_type: PaymentType::Deposit,
        requested: euros("25.00"),
        payment_method: None,
        flow: Flow::Redirect,
        kind,
        pre_auth: false,
        parent: None,
        metadata: [("basket".parse().unwrap(), "seven apples".parse().unwrap())].into(),
        fingerprint: domain::Fingerprint::default(),
        ordered_by: None,
        trace: None,
    }
}

pub(crate) fn at(second: u64) -> Time {
    Time::EPOCH.plus(Duration::from_secs(second))
}

pub(crate) fn money(amount: &str, currency: &str) -> Money {
    Money::evidenced(parse_amount(amount).unwrap(), currency.parse::<Currency>().unwrap()).unwrap()
}

pub(crate) fn euros(amount: &str) -> Money {
    money(amount, "EUR")
}

/// The gateway's word for one of our states, if it is one of the gateway's.
pub(crate) fn gateway_state(state: PaymentState) -> Option<GatewayState> {
    state.to_string().parse().ok()
}

pub(crate) fn seen_state(word: &str) -> SeenState {
    word.parse().map_or_else(|_| SeenState::Unknown(word.to_owned()), SeenState::Known)
}

/// A deposit of 25.00 EUR under our reference, made in second 1, in this state or word.
pub(crate) fn sighting<State: Display + ?Sized>(id: &str, state: &State) -> Sighting {
    Sighting {
        id: id.parse().unwrap(),
        state: seen_state(&state.to_string()),
        reference_id: Some("order-1001".to_owned()),
        payment_type: Some("DEPOSIT".to_owned()),
        parent: None,
        money: Some(euros("25.00")),
        customer_money: None,
        fee: None,
        payment_method: None,
        error: None,
        created: Some(at(1)),
        redirect_url: None,
        external_refs: std::collections::BTreeMap::new(),
    }
}

fn evidence(source: Source, second: u64, begun_at: Option<Time>, seen: Seen) -> Evidence {
    Evidence { source, at: at(second), begun_at, seen }
}

pub(crate) fn accepted(second: u64, attempt: usize, sighting: Sighting) -> Evidence {
    evidence(Source::Response, second, None, Seen::Accepted { attempt, sighting })
}

pub(crate) fn found(second: u64, sighting: Sighting) -> Evidence {
    evidence(Source::Poll, second, Some(at(second)), Seen::Found { sighting })
}

pub(crate) fn undecided(second: u64, sighting: Sighting) -> Evidence {
    evidence(Source::Poll, second, None, Seen::Undecided { sighting })
}

pub(crate) fn webhook(second: u64, sighting: Sighting) -> Evidence {
    evidence(Source::Webhook, second, None, Seen::Reported { sighting })
}

pub(crate) fn sweep(second: u64, sighting: Sighting) -> Evidence {
    evidence(Source::Sweep, second, Some(at(second)), Seen::Reported { sighting })
}

/// A look by id that was answered in the second in which it began.
pub(crate) fn look(second: u64, sighting: Sighting) -> Evidence {
    look_begun_at(second, second, sighting)
}

pub(crate) fn look_begun_at(begun: u64, second: u64, sighting: Sighting) -> Evidence {
    evidence(Source::Poll, second, Some(at(begun)), Seen::Reported { sighting })
}

pub(crate) fn about_to_send(second: u64, attempt: usize) -> Evidence {
    evidence(Source::Request, second, None, Seen::AboutToSend { attempt, reason: "may go again".to_owned() })
}

pub(crate) fn not_sent(second: u64, attempt: usize) -> Evidence {
    evidence(Source::Response, second, None, Seen::NotSent { attempt, reason: "connection refused".to_owned() })
}

pub(crate) fn outcome_unknown(second: u64, attempt: usize) -> Evidence {
    evidence(Source::Response, second, None, Seen::OutcomeUnknown { attempt, reason: "timed out".to_owned() })
}

pub(crate) fn refused(second: u64, attempt: usize) -> Evidence {
    let fields = vec![("amount".to_owned(), "must be positive".to_owned())];
    let rejection = Rejection { message: "validation failed".to_owned(), fields };
    evidence(Source::Response, second, None, Seen::Refused { attempt, rejection })
}

pub(crate) fn given_up(second: u64) -> Evidence {
    evidence(Source::Request, second, None, Seen::GivenUp { reason: "connection refused".to_owned() })
}

pub(crate) fn missing(second: u64) -> Evidence {
    evidence(Source::Poll, second, Some(at(second)), Seen::Missing)
}

pub(crate) fn claimed_elsewhere(second: u64, attempt: usize) -> Evidence {
    let seen = Seen::ClaimedElsewhere { attempt: Some(attempt), id: "strangers0001".parse().unwrap() };
    evidence(Source::Response, second, None, seen)
}

pub(crate) fn opened_again(second: u64) -> Evidence {
    evidence(Source::Request, second, None, Seen::Opened(Box::new(opening(Kind::Inert))))
}

pub(crate) fn command_issued(second: u64, number: usize, command: Command) -> Evidence {
    let by = domain::Actor { key: uuid::Uuid::from_u128(5), name: "shop floor".to_owned() };
    let id = Some(uuid::Uuid::from_u128(u128::from(second)));
    evidence(Source::Request, second, None, Seen::CommandIssued { number, id, command, by: Some(by) })
}

pub(crate) fn command_repeated(second: u64, number: usize, request: u32) -> Evidence {
    let reason = "no trace of the one before".to_owned();
    evidence(Source::Request, second, None, Seen::CommandRepeated { number, request, reason })
}

pub(crate) fn command_not_sent(second: u64, number: usize) -> Evidence {
    let reason = "connection refused".to_owned();
    evidence(Source::Response, second, None, Seen::CommandNotSent { number, reason })
}

pub(crate) fn command_denied(second: u64, number: usize) -> Evidence {
    let reason = "Illegal Workflow State".to_owned();
    evidence(Source::Response, second, None, Seen::CommandDenied { number, reason })
}

pub(crate) fn command_unknown(second: u64, number: usize) -> Evidence {
    evidence(Source::Response, second, None, Seen::CommandUnknown { number, reason: "timed out".to_owned() })
}

/// The answer to a request that left in second `begun`.
pub(crate) fn command_answered(begun: u64, second: u64, number: usize, sighting: Sighting) -> Evidence {
    evidence(Source::Response, second, Some(at(begun)), Seen::CommandAnswered { number, sighting })
}

pub(crate) fn refund_id(number: u128) -> PaymentId {
    PaymentId::from(uuid::Uuid::from_u128(number))
}

pub(crate) fn refund_opened(second: u64, number: u128, money: Money) -> Evidence {
    let seen = Seen::RefundOpened { refund: refund_id(number), money, by: None };
    evidence(Source::Request, second, None, seen)
}

pub(crate) fn refund_ended(second: u64, number: u128, state: PaymentState) -> Evidence {
    let seen = Seen::RefundEnded { refund: refund_id(number), state, settled: None };
    evidence(Source::Request, second, None, seen)
}
