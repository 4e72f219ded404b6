//! The gateway itself: bytes in, bytes out, time and chance handed in.

mod approval;
mod back_office;
mod balance;
mod call;
mod capture;
mod chargeback;
mod checkout;
mod create;
mod notice;
mod outcome;
mod patch;
mod read;
mod records;
mod subscription;
mod token;
mod trail;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::counters::{Counters, Endpoint};
use crate::delivery::{Delivery, DeliveryQueue};
use crate::envelope::{self, Refusal};
use crate::exchange::{Answer, Handled, Request, Response};
use crate::faults::{Fault, FaultPlan, Moment, Reserved};
use crate::ledger::{Ledger, Place};
use crate::payment::{Payment, PaymentId};
use crate::shop::Shop;
use crate::switches::{IdForm, Switches, UnknownKey, UnknownPayment, WebhookDelivery, WrongState};
use crate::view::PaymentView;

pub use back_office::Correction;
use call::{About, Call};
pub use checkout::{DeedRefused, Which};
pub use outcome::{Outcome, OutcomeRefused};
pub use records::ResumeError;

/// What an engine is made of.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Who may call.
    pub shops: Vec<Shop>,
    /// What the address of a checkout page starts with; a slash and the payment's id follow.
    pub checkout_url: String,
    /// Where the contract is silent.
    pub switches: Switches,
    /// All chance comes from here: same seed, same calls, same bytes.
    pub seed: u64,
}

impl Setup {
    /// One shop, the default switches, seed 0.
    pub fn of_shop(shop: Shop) -> Self {
        Self {
            shops: vec![shop],
            checkout_url: "https://checkout.gateway.example/payment".to_owned(),
            switches: Switches::default(),
            seed: 0,
        }
    }
}

/// The gateway. It has no clock, no threads and no sockets: every call says what time it is, and a time
/// before one that it has seen counts as that one.
#[derive(Debug)]
pub struct Engine {
    shops: Vec<Shop>,
    checkout_url: String,
    switches: Switches,
    faults: FaultPlan,
    reserved: Reserved,
    ledger: Ledger,
    deliveries: DeliveryQueue,
    counters: Counters,
    chance: ChaCha8Rng,
    latest: DateTime<Utc>,
    rate: RateWindow,
}

/// The requests of the running second.
#[derive(Debug, Default)]
struct RateWindow {
    second: i64,
    requests: u32,
}

/// A call that got past the door, or why it did not.
struct Answered {
    effect: Option<PaymentId>,
    response: Response,
    /// Held back by the engine's own decision, without any fault.
    held: TimeDelta,
}

impl Answered {
    const fn unchanged(response: Response) -> Self {
        Self { effect: None, response, held: TimeDelta::zero() }
    }

    const fn changed(id: PaymentId, response: Response) -> Self {
        Self { effect: Some(id), response, held: TimeDelta::zero() }
    }
}

impl Engine {
    /// An empty gateway.
    pub fn new(setup: Setup) -> Self {
        Self {
            ledger: Ledger::new(setup.shops.len()),
            shops: setup.shops,
            checkout_url: setup.checkout_url,
            switches: setup.switches,
            faults: FaultPlan::default(),
            reserved: Reserved::new(),
            deliveries: DeliveryQueue::default(),
            counters: Counters::default(),
            chance: ChaCha8Rng::seed_from_u64(setup.seed),
            latest: DateTime::UNIX_EPOCH,
            rate: RateWindow::default(),
        }
    }

    /// Takes one request.
    pub fn handle(&mut self, now: DateTime<Utc>, request: &Request<'_>) -> Handled {
        self.handle_with(now, request, None)
    }

    /// Takes one request and lets `chosen` strike it, whatever the plan says: for a caller with a chance of
    /// its own. A fault that does not strike answers is not for here and strikes nothing.
    pub fn handle_with(&mut self, now: DateTime<Utc>, request: &Request<'_>, chosen: Option<Fault>) -> Handled {
        let now = self.advance(now);
        let call = self.understand(request);
        let endpoint = call.endpoint();
        self.counters.count_request(endpoint);

        let reference = self.reference_of(&call, request);
        let fault = self.fault_for(endpoint, reference.as_deref(), chosen);
        if let Some(fault) = &fault {
            self.counters.note_fault(fault);
        }
        self.handle_under(now, request, call, fault.as_ref())
    }

    /// Lets time pass: checkouts run out, payments that are being processed end. Every other call does so too.
    pub fn tick(&mut self, now: DateTime<Utc>) {
        self.advance(now);
    }

    /// Takes out the webhooks that leave by now, in the order in which they leave.
    pub fn take_due_deliveries(&mut self, now: DateTime<Utc>) -> Vec<Delivery> {
        let now = self.advance(now);
        let due = self.deliveries.take_due(now);
        self.counters.count_webhooks(due.len() as u64);
        due
    }

    /// Takes out every webhook, due or not.
    pub fn take_all_deliveries(&mut self) -> Vec<Delivery> {
        let all = self.deliveries.take_all();
        self.counters.count_webhooks(all.len() as u64);
        all
    }

    /// When something next happens by itself: a webhook leaves, a checkout runs out, a payment ends.
    pub fn next_event(&self) -> Option<DateTime<Utc>> {
        [self.ledger.next_alarm(), self.deliveries.next_due()].into_iter().flatten().min()
    }

    /// The webhooks that have not left yet.
    pub fn waiting_deliveries(&self) -> impl Iterator<Item = &Delivery> {
        self.deliveries.waiting()
    }

    /// The payment with this id, of whichever shop.
    pub fn payment(&self, id: PaymentId) -> Option<&Payment> {
        self.ledger.get(self.ledger.place_of(id)?)
    }

    /// All payments with this reference, oldest first.
    pub fn payments_of(&self, reference_id: &str) -> impl Iterator<Item = &Payment> {
        self.ledger.places_of_reference(reference_id).iter().filter_map(|&place| self.ledger.get(place))
    }

    /// All payments, oldest first.
    pub fn payments(&self) -> &[Payment] {
        self.ledger.payments()
    }

    /// What the run has seen so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where the contract is silent.
    pub const fn switches(&self) -> &Switches {
        &self.switches
    }

    /// The same, to be turned in the middle of a run.
    pub const fn switches_mut(&mut self) -> &mut Switches {
        &mut self.switches
    }

    /// What goes wrong on purpose.
    pub const fn faults(&self) -> &FaultPlan {
        &self.faults
    }

    /// The same, to be planned.
    pub const fn faults_mut(&mut self) -> &mut FaultPlan {
        &mut self.faults
    }

    /// Reserves prefixes beside those that are well-known, for whoever names them otherwise; what they meant before is
    /// forgotten.
    pub fn reserve(&mut self, prefixes: impl IntoIterator<Item = (String, Fault)>) {
        self.reserved.extend(prefixes);
    }

    /// The reserved prefixes, the longest first.
    pub fn reserved(&self) -> &[(String, Fault)] {
        self.reserved.all()
    }

    /// Moves the checkout pages to another address, also those of payments that exist.
    pub fn set_checkout_url(&mut self, url: impl Into<String>) {
        self.checkout_url = url.into();
    }

    fn advance(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.latest = self.latest.max(now);
        while let Some(place) = self.ledger.due(self.latest) {
            self.let_alarm_ring(place);
        }
        self.latest
    }

    /// The first that has a say: the caller, the plan, the reserved prefixes, the switches.
    fn fault_for(&mut self, endpoint: Endpoint, reference: Option<&str>, chosen: Option<Fault>) -> Option<Fault> {
        let mut first_post = false;
        if let (Endpoint::Create, Some(reference)) = (endpoint, reference) {
            self.counters.count_post(reference);
            first_post = self.counters.posts_of(reference) == 1;
        }
        chosen
            .filter(|fault| fault.moment() == Moment::Answer)
            .or_else(|| self.faults.draw_answer(endpoint, reference.unwrap_or_default()))
            .or_else(|| self.reserved_fault(Moment::Answer, reference).filter(|_| first_post))
            .or_else(|| self.early_hook().filter(|_| endpoint == Endpoint::Create))
    }

    fn handle_under(
        &mut self,
        now: DateTime<Utc>,
        request: &Request<'_>,
        call: Call<'_>,
        fault: Option<&Fault>,
    ) -> Handled {
        let refusal = Refusal { now, path: request.path() };
        if let Some(answer) = fault.and_then(|fault| answer_before_effect(fault, &refusal)) {
            return Handled { effect: None, answer };
        }
        let Answered { effect, response, held } = self.answer(now, request, call);
        if let (Some(Fault::HookEarly { .. }), Some(id)) = (fault, effect) {
            self.pay_at_once(now, id);
        }
        let answer = match fault {
            Some(fault) => answer_after_effect(fault, response, &refusal),
            None if held > TimeDelta::zero() => Answer::Delayed { by: held, response },
            None => Answer::Reply(response),
        };
        Handled { effect, answer }
    }

    fn answer(&mut self, now: DateTime<Utc>, request: &Request<'_>, call: Call<'_>) -> Answered {
        let refusal = Refusal { now, path: request.path() };
        if let Some(response) = self.refuse_above_rate(&refusal) {
            return Answered::unchanged(response);
        }
        let Some(shop) = self.shop_behind(request.authorization) else {
            return Answered::unchanged(match self.switches.unknown_key {
                UnknownKey::Unauthorized => refusal.answer(401, "Invalid token"),
                UnknownKey::Forbidden => Response::html(403, HTML_FORBIDDEN),
            });
        };
        if call.has_body(request.body) && !is_json(request.content_type) {
            return Answered::unchanged(refusal.answer(415, "Content type is not supported"));
        }
        let own =
            |place: &Place| self.ledger.get(*place).is_some_and(|payment| payment.shop == shop && !payment.removed);
        match call {
            Call::Create(Ok(body)) => self.create(&refusal, shop, &body),
            // Unreadable JSON produces no field errors (section 14, line 15).
            Call::Create(Err(_)) => Answered::unchanged(refusal.answer(400, "JSON parse error")),
            Call::List => Answered::unchanged(self.list(&refusal, shop, request.query())),
            Call::Of(about, place) => match place.filter(own) {
                Some(place) => self.answer_about(&refusal, about, place, request.body),
                None => Answered::unchanged(self.not_found(&refusal, about)),
            },
            Call::CardTokens { customer } => {
                Answered::unchanged(self.card_tokens(&refusal, shop, customer, request.query()))
            }
            Call::TerminalTokens { customer } => Answered::unchanged(self.terminal_tokens(&refusal, shop, customer)),
            Call::Balances => Answered::unchanged(self.balances(&refusal, shop)),
            Call::AvailableWithdrawalBalances => Answered::unchanged(self.withdrawal_balances(&refusal, shop)),
            Call::Unknown { status } => Answered::unchanged(refusal.answer(status, "No message available")),
        }
    }

    fn answer_about(&mut self, refusal: &Refusal<'_>, about: About, place: Place, body: &[u8]) -> Answered {
        match about {
            About::Read => Answered::unchanged(self.read(refusal, place)),
            About::Operations => Answered::unchanged(self.operations(refusal, place)),
            About::ReadSubscription => Answered::unchanged(self.subscription(refusal, place)),
            About::Patch => self.patch(refusal, place, body),
            About::Capture => self.capture(refusal, place, body),
            About::Void => self.void(refusal, place),
            About::Chargeback => self.register_chargeback(refusal, place, body),
            About::Approve => self.approve(refusal, place),
            About::Reject => self.reject(refusal, place, body),
            About::PatchSubscription => self.patch_subscription(refusal, place, body),
        }
    }

    fn not_found(&self, refusal: &Refusal<'_>, about: About) -> Response {
        let status = match (about, self.switches.unknown_payment) {
            (About::Capture | About::Void, UnknownPayment::BadRequest) => 400,
            _ => 404,
        };
        refusal.answer(status, "Payment not found")
    }

    /// What an action meets that comes in a state that does not allow it (section 15).
    fn wrong_state(&mut self, refusal: &Refusal<'_>, place: Place) -> Response {
        let is_conflict =
            self.switches.wrong_state == WrongState::Conflict || self.strike(Moment::State, place).is_some();
        refusal.answer(if is_conflict { 409 } else { 400 }, "Illegal Workflow State")
    }

    /// The answer to an action: the payment as it then is.
    fn acted(&self, refusal: &Refusal<'_>, place: Place) -> Answered {
        match self.ledger.get(place) {
            Some(payment) => {
                let view = PaymentView::single(payment, self.surroundings(payment));
                Answered::changed(payment.id, envelope::success(refusal.now, view))
            }
            None => Answered::unchanged(refusal.answer(404, "Payment not found")),
        }
    }

    fn refuse_above_rate(&mut self, refusal: &Refusal<'_>) -> Option<Response> {
        let limit = self.switches.rate_limit?;
        let second = refusal.now.timestamp();
        if self.rate.second != second {
            self.rate = RateWindow { second, requests: 0 };
        }
        self.rate.requests += 1;
        (limit.requests_per_second < self.rate.requests).then(|| too_many_requests(refusal, limit.retry_after_seconds))
    }

    fn shop_behind(&self, authorization: Option<&str>) -> Option<usize> {
        let key = authorization?.strip_prefix("Bearer ")?;
        self.shops.iter().position(|shop| shop.api_key == key)
    }

    fn reserved_fault(&self, moment: Moment, reference: Option<&str>) -> Option<Fault> {
        self.switches.well_known_prefixes.then(|| self.reserved.find(moment, reference?)).flatten()
    }

    /// The fault that strikes a payment at `moment`, counted.
    fn strike(&mut self, moment: Moment, place: Place) -> Option<Fault> {
        let reference = self.reference_at(place);
        self.strike_reference(moment, reference.as_deref())
    }

    /// Taken out of the ledger, so that the engine may change while it is in use.
    fn reference_at(&self, place: Place) -> Option<String> {
        self.ledger.get(place)?.order.reference_id.clone()
    }

    /// The same for one that is not made yet, or that is only asked for.
    fn strike_reference(&mut self, moment: Moment, reference: Option<&str>) -> Option<Fault> {
        let fault = self
            .faults
            .draw_at(moment, reference.unwrap_or_default())
            .or_else(|| self.reserved_fault(moment, reference))?;
        self.counters.note_fault(&fault);
        Some(fault)
    }

    const fn early_hook(&self) -> Option<Fault> {
        match self.switches.webhooks {
            WebhookDelivery::BeforeAnswer { millis } => Some(Fault::HookEarly { millis }),
            _ => None,
        }
    }

    fn new_id(&mut self, reference: Option<&str>) -> PaymentId {
        let form = match self.strike_reference(Moment::Naming, reference) {
            Some(_) => IdForm::Letters,
            None => self.switches.ids,
        };
        match form {
            IdForm::Hex => {
                let (high, low) = (self.chance.next_u64(), self.chance.next_u64());
                PaymentId::of_hex(u128::from(high) << 64 | u128::from(low))
            }
            IdForm::Letters => PaymentId::of_letters(&mut self.chance),
        }
    }
}

fn is_json(content_type: Option<&str>) -> bool {
    content_type
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"))
}

fn too_many_requests(refusal: &Refusal<'_>, retry_after_seconds: Option<u32>) -> Response {
    let mut response = refusal.answer(429, "Too many requests");
    response.headers.extend(retry_after_seconds.map(|wait| ("retry-after", wait.to_string())));
    response
}

const HTML_BAD_GATEWAY: &str =
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";
const HTML_FORBIDDEN: &str = "<html><head><title>Access denied</title></head><body>error code: 1010</body></html>";

/// The answer of a fault that keeps the request from being worked on.
fn answer_before_effect(fault: &Fault, refusal: &Refusal<'_>) -> Option<Answer> {
    match fault {
        Fault::LostBefore => Some(Answer::Lost { after_effect: false }),
        Fault::StatusBefore(status) => Some(Answer::Reply(refusal.answer(*status, "Simulated fault"))),
        Fault::HtmlBefore => Some(Answer::Reply(Response::html(502, HTML_BAD_GATEWAY))),
        Fault::Forbidden => Some(Answer::Reply(Response::html(403, HTML_FORBIDDEN))),
        Fault::Unauthorized => Some(Answer::Reply(refusal.answer(401, "Invalid token"))),
        Fault::RateLimited { retry_after_seconds } => {
            Some(Answer::Reply(too_many_requests(refusal, Some(*retry_after_seconds))))
        }
        _ => None,
    }
}

/// What a fault makes of the answer to a request that was worked on.
fn answer_after_effect(fault: &Fault, response: Response, refusal: &Refusal<'_>) -> Answer {
    match fault {
        Fault::LostAfter => Answer::Lost { after_effect: true },
        Fault::StatusAfter(status) => Answer::Reply(refusal.answer(*status, "Simulated fault")),
        Fault::HtmlAfter => Answer::Reply(Response::html(502, HTML_BAD_GATEWAY)),
        Fault::Slow { millis } | Fault::HookEarly { millis } => {
            Answer::Delayed { by: TimeDelta::milliseconds(i64::from(*millis)), response }
        }
        Fault::Truncated => {
            let sent = response.body.len() / 2;
            Answer::Truncated { response, sent }
        }
        _ => Answer::Reply(response),
    }
}
