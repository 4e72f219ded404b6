//! Internal services that order payments, and the customers whom they send to the checkout page.

use std::sync::Arc;
use std::time::Duration;

use domain::{
    Card, CardSource, Currency, Customer, Flow, Instrument, Money, Order, Parent, PaymentId, PaymentType, ReferenceId,
    ShopName, WalletData,
};
use gateway_simulator::{Amount, DECLINED_CARD, ErrorCode, Exchange, SUCCESS_CARD, Which};
use orchestrator::DeedError;
use rust_decimal::Decimal;
use store::{Name, Stored};

use crate::executor::Owner;
use crate::fault::Fault;
use crate::process::Slot;
use crate::world::World;
use crate::{Violation, show};

/// What one order comes with: who asks for it, how often, and when.
#[derive(Clone)]
struct Errand {
    order: Order,
    begins: Duration,
    /// How often one caller tries while it gets no answer.
    tries: usize,
    /// How often the payment is looked at afterwards.
    looks: usize,
}

impl World {
    /// Sends callers with one order, some of them at the same time, one of them perhaps with another sum.
    pub(crate) fn send_callers(self: &Arc<Self>, number: usize, until: Duration) -> Option<()> {
        let order = self.new_order(number)?;
        self.plan_settlement(order.reference_id.as_str());
        let errand = Errand {
            begins: self.chance.between(Duration::ZERO, until),
            tries: self.chance.pick([1, 3, 6]),
            looks: self.chance.pick([0, 3, 12]),
            order,
        };
        self.send_merchants(&errand.order.shop, &errand.order.reference_id);
        let mut copies = vec![errand];
        for _ in 1..self.chance.pick([1, 1, 1, 2, 3]) {
            let mut errand = copies.first()?.clone();
            errand.begins += self.chance.pick([Duration::ZERO, Duration::from_millis(2), Duration::from_secs(20)]);
            if self.chance.happens(3_000) {
                errand.order.money = money(number + 1, errand.order.money.currency())?;
            }
            copies.push(errand);
        }
        let is_deposit = copies.first()?.order.payment_type == PaymentType::Deposit;
        if number > BEGINS_A_CHAIN && is_deposit && self.chance.happens(1_000) {
            self.executor.spawn(Owner::World, charge(Arc::clone(self), copies));
        } else {
            for errand in copies {
                self.executor.spawn(Owner::World, call(Arc::clone(self), errand));
            }
        }
        Some(())
    }

    fn new_order(&self, number: usize) -> Option<Order> {
        let shops: Vec<&ShopName> = self.shops.keys().collect();
        let shop = (*shops.get(self.chance.below(shops.len()))?).clone();
        let reference_id = reference(number)?;
        let money = money(number, self.chance.pick(["EUR", "USD"]).parse().ok()?)?;
        let is_payout = self.chance.happens(1_200);
        let payment_type = if is_payout { PaymentType::Withdrawal } else { PaymentType::Deposit };
        let method = if is_payout {
            Some("BASIC_CARD")
        } else {
            self.chance.pick([None, None, Some("BASIC_CARD"), Some("BANKTRANSFER")])
        };
        let instrument = self.instrument(is_payout);
        let is_host_to_host = !is_payout && instrument.is_none() && self.chance.happens(1_500);
        let customer = Customer { ip: "81.4.178.167".parse().ok(), ..Customer::default() };
        Some(Order {
            flow: if is_host_to_host { Flow::HostToHost } else { Flow::Redirect },
            customer: is_host_to_host.then(|| Box::new(customer)),
            payment_method: method.and_then(|method| method.parse().ok()),
            pre_auth: !is_payout && self.chance.happens(2_500),
            start_recurring: number == BEGINS_A_CHAIN && !is_payout,
            instrument,
            ..Order::new(shop, reference_id, payment_type, money)
        })
    }

    /// What the caller has collected to pay with, or out to: nothing, as a rule.
    fn instrument(&self, is_payout: bool) -> Option<Box<Instrument>> {
        let card = |source| {
            let security_code = if is_payout { None } else { "737".parse().ok() };
            Instrument::Card(Card { source, holder_name: None, security_code, expiry: None })
        };
        let number = |number: &str| number.parse().ok().map(CardSource::Number).map(card);
        let wallet = |made: fn(WalletData) -> Instrument| r#"{"apiVersion":2}"#.parse().ok().map(made);
        let drawn = match self.chance.below(if is_payout { 4 } else { 30 }) {
            0 => number(SUCCESS_CARD),
            1 => number(DECLINED_CARD),
            2 => "token-of-a-card".parse().ok().map(CardSource::Token).map(card),
            3 if !is_payout => wallet(Instrument::GooglePay),
            4 => wallet(Instrument::ApplePay),
            _ => None,
        };
        drawn.map(Box::new)
    }

    /// A charge of the chain that the shop's first payment has begun, if the gateway has that by now; else of a chain that
    /// nobody knows.
    async fn charged(self: &Arc<Self>, order: Order) -> Order {
        let Some(reference) = reference(BEGINS_A_CHAIN) else { return order };
        let name = Name::Reference(order.shop.clone(), reference);
        let found = self.ask(move |desk| async move { desk.find(name).await }).await;
        let begun = found.and_then(Result::ok).flatten().map(|stored| stored.payment);
        let known = begun.and_then(|payment| Some((payment.id(), payment.gateway_payment_id?)));
        let nobodys = || ("rt-of-nobody".to_owned(), "0".repeat(32).parse().ok().map(Parent::AtGateway));
        // The name that the engine gives to a chain.
        let (token, parent) =
            known.map_or_else(nobodys, |(id, at_gateway)| (format!("rt{at_gateway}"), Some(Parent::Ours(id))));
        Order { recurring_token: token.parse().ok(), parent, instrument: None, ..order }
    }

    /// What the gateway will do with this payment that was not ordered.
    fn plan_settlement(&self, reference: &str) {
        use gateway_simulator::Fault as G;
        let other_amount = || G::OtherAmount(Amount::new(Decimal::new(9_875, 4)));
        let exchange = || Exchange { currency: "USDT".to_owned(), rate: Amount::new(Decimal::new(10_825, 4)) };
        let mut planned = Vec::new();
        if self.strikes(Fault::OtherAmount) {
            planned.push(other_amount());
        } else if self.strikes(Fault::OtherCurrency) {
            planned.push(G::OtherCurrency(exchange()));
        }
        if self.strikes(Fault::ListLag) {
            let lag = self.chance.seconds(5, 30 * 60);
            planned.push(G::ListLag { millis: u32::try_from(lag.as_millis()).unwrap_or(u32::MAX) });
        }
        self.with_engine(|engine, _| {
            for fault in planned {
                engine.faults_mut().add(reference, fault, None);
            }
        });
    }
}

/// The number of the order with which each shop's chain of charges begins.
const BEGINS_A_CHAIN: usize = 0;

fn reference(number: usize) -> Option<ReferenceId> {
    format!("order-{number:04}").parse().ok()
}

fn money(number: usize, currency: Currency) -> Option<Money> {
    let cents = 1_000 + 7 * i64::try_from(number).ok()?;
    Money::requested(Decimal::new(cents, 2), currency).ok()
}

/// Callers who go on with a chain: all of them with the same order, as it is once the first of them begins.
async fn charge(world: Arc<World>, copies: Vec<Errand>) {
    let Some(first) = copies.first().cloned() else { return };
    world.executor.sleep(first.begins).await;
    let charged = world.charged(first.order).await;
    for copy in copies {
        let order = Order { money: copy.order.money, ..charged.clone() };
        let errand = Errand { order, begins: copy.begins.saturating_sub(first.begins), ..copy };
        world.executor.spawn(Owner::World, call(Arc::clone(&world), errand));
    }
}

/// One caller: asks until there is an answer, or patience is at its end; then looks at the payment now and then.
async fn call(world: Arc<World>, errand: Errand) {
    world.executor.sleep(errand.begins).await;
    let reference = errand.order.reference_id.clone();
    for _ in 0..errand.tries {
        let (id, order) = (PaymentId::from(world.new_id()), errand.order.clone());
        let answer = world.ask(move |desk| async move { desk.take(id, order, None, None).await }).await;
        match answer {
            Some(Ok(taken)) => {
                world.step("caller", format_args!("{} is taken as {}", reference.as_str(), taken.stored.payment.state));
                let found = world.judge.lock().order_was_taken(&errand.order, &taken.stored.payment, &world.memory);
                found.unwrap_or_else(|violation| world.violate(violation));
                world.show(&taken.stored);
                return look_after(&world, &errand).await;
            }
            Some(Err(DeedError::ReferenceTaken { payment, .. })) => {
                world.step("caller", format_args!("{} is refused, the reference is taken", reference.as_str()));
                let found = world.judge.lock().order_was_refused(&errand.order, payment, &world.memory);
                return found.unwrap_or_else(|violation| world.violate(violation));
            }
            Some(Err(error)) => world.step("caller", format_args!("{} is not taken: {error}", reference.as_str())),
            None => world.step("caller", format_args!("{} is not answered", reference.as_str())),
        }
        world
            .executor
            .sleep(world.chance.pick([
                Duration::ZERO,
                Duration::from_millis(300),
                Duration::from_secs(10),
                Duration::from_mins(4),
            ]))
            .await;
    }
}

async fn look_after(world: &Arc<World>, errand: &Errand) {
    for _ in 0..errand.looks {
        world
            .executor
            .sleep(world.chance.pick([Duration::from_millis(200), Duration::from_secs(5), Duration::from_mins(5)]))
            .await;
        let name = Name::Reference(errand.order.shop.clone(), errand.order.reference_id.clone());
        match world.ask(move |desk| async move { desk.find(name).await }).await {
            Some(Ok(Some(stored))) => {
                let id = stored.payment.id();
                world.show(&stored);
                // A person may be impatient as well.
                if world.chance.happens(1_000) {
                    world.step("person", format_args!("has {} checked now", show::order(&stored.payment)));
                    drop(world.ask(move |desk| async move { desk.check_now(id).await.map(drop) }).await);
                }
            }
            Some(Ok(None)) => world.violate(Violation::new(
                "I6",
                format!("{} was taken and is not there", errand.order.reference_id.as_str()),
            )),
            Some(Err(_)) | None => {}
        }
    }
}

impl World {
    /// A customer gets to see what our answer says; the first time, somebody sets out to pay.
    fn show(self: &Arc<Self>, stored: &Stored) {
        let payment = &stored.payment;
        // Whoever is paid host-to-host is sent to no page, and told how to pay.
        let is_told = payment.falls_back_to_redirect() || !payment.external_refs.is_empty();
        if payment.opening.flow == Flow::HostToHost && !is_told {
            return;
        }
        let found = self.judge.lock().payment_was_shown(payment, &self.memory);
        match found {
            Ok(true) => {
                let page = payment
                    .redirect_url
                    .as_deref()
                    .and_then(|url| url.rsplit('/').next())
                    .and_then(|id| id.parse().ok());
                if let Some(page) = page {
                    self.executor.spawn(Owner::World, pay(Arc::clone(self), page));
                }
            }
            Ok(false) => {}
            Err(violation) => self.violate(violation),
        }
    }
}

/// One customer on the checkout page.
async fn pay(world: Arc<World>, page: gateway_simulator::PaymentId) {
    for _ in 0..world.chance.pick([0, 1, 1, 1, 2]) {
        let pause = world.chance.pick([
            Duration::from_millis(500),
            Duration::from_secs(40),
            Duration::from_mins(8),
            Duration::from_mins(59),
        ]);
        world.executor.sleep(world.chance.between(Duration::ZERO, pause)).await;
        let deed = world.chance.below(10);
        let state = world.with_engine(|engine, now| {
            let which = Which::Id(page);
            let done = match deed {
                0..=5 => engine.pay(now, which, Some(SUCCESS_CARD)),
                6 => engine.pay(now, which, Some(DECLINED_CARD)),
                7 => engine.decline(now, which, ErrorCode::DECLINED_BY_ISSUER),
                8 => engine.cancel(now, which),
                _ => engine.time_out(now, which),
            };
            done.map(gateway_simulator::Payment::state).ok()
        });
        let page = page.to_string();
        match state {
            Some(state) => {
                world.step("customer", format_args!("of {} gets {}", page.get(..6).unwrap_or_default(), state.name()));
            }
            None => world.step("customer", format_args!("of {} comes too late", page.get(..6).unwrap_or_default())),
        }
        world.post_what_is_due();
    }
}

/// What may happen to all at once.
pub(crate) async fn disturb(world: Arc<World>, until: Duration) {
    if world.strikes(Fault::GatewayDown) {
        world.executor.sleep(world.chance.between(Duration::ZERO, until)).await;
        world.step("gateway", format_args!("is down"));
        world.set_gateway_down(true);
        world
            .executor
            .sleep(world.chance.pick([Duration::from_secs(20), Duration::from_mins(12), Duration::from_mins(100)]))
            .await;
        world.step("gateway", format_args!("is up"));
        world.set_gateway_down(false);
    }
}

/// The whole house goes down, and comes back more than a day later: what the gateway shows without being asked for a
/// window is then too young.
pub(crate) async fn go_down(world: Arc<World>, begins: Duration, pause: Duration) {
    world.executor.sleep(begins).await;
    world.set_house_down(true);
    for slot in 0..crate::process::PROCESSES {
        world.crash(slot);
        world.restart_after(slot, pause);
    }
    world.executor.sleep(pause).await;
    world.step(Slot(0), format_args!("and all others may start again"));
    world.set_house_down(false);
}
