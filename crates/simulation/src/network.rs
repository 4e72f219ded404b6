//! The way to the gateway and back: real bytes, read by the engine's reader and by ours.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::ShopName;
use futures::channel::oneshot;
use futures::future::{Either, select};
use gateway_client::answer::{Failure, NotSentReason, RawAnswer, Received, UnknownReason, read_date, read_retry_after};
use gateway_client::request::{Method, Request};
use gateway_simulator::{Answer, Response};
use orchestrator::Gateway;

use crate::executor::Owner;
use crate::fault::Fault;
use crate::process::Slot;
use crate::world::World;
use crate::{PlantedBug, show};

/// One process's way to the gateway.
pub(crate) struct Network {
    pub(crate) world: Arc<World>,
    pub(crate) slot: usize,
}

/// How long an answer is waited for (protocols, section 1, step 3).
const TIMEOUT: Duration = Duration::from_secs(30);

#[async_trait]
impl Gateway for Network {
    async fn exchange(&self, shop: &ShopName, request: Request) -> Received {
        // Who dies or stands still here has not sent it yet.
        self.world.executor.sleep(self.world.chance.millis(0, 2)).await;
        let request = self.planted(request);
        let received = self.send(shop, &request).await;
        let broken = matches!(received, Err(Failure::Unknown(UnknownReason::ConnectionLost)));
        if broken && request.method == Method::Post {
            if self.world.has(PlantedBug::ClientRepeats) {
                return self.send(shop, &request).await;
            }
            if self.world.has(PlantedBug::UnknownIsNotSent) {
                return Err(Failure::NotSent(NotSentReason::NoConnection));
            }
        }
        if let Some(offset) = show::offset_of_swept(&request) {
            self.strike_a_pass(shop, offset).await;
        }
        let failed_list = received.as_ref().map_or(true, |answer| answer.status != 200) && request.path.contains('?');
        if failed_list && self.world.has(PlantedBug::FailureIsEmpty) {
            return Ok(RawAnswer::new(200, &br#"{"status":200,"hasMore":false,"result":[]}"#[..]));
        }
        received
    }
}

impl Network {
    async fn send(&self, shop: &ShopName, request: &Request) -> Received {
        let world = &self.world;
        let begun = world.executor.now();
        if world.gateway_is_down() || world.strikes(Fault::NotSent) {
            world.executor.sleep(world.chance.millis(1, 3_000)).await;
            world.step(Slot(self.slot), format_args!("{} is not sent, there is no connection", show::request(request)));
            return Err(Failure::NotSent(NotSentReason::ConnectionRefused));
        }
        if show::is_creation(request) {
            world.post_leaves(request);
        } else if request.method != Method::Get {
            world.command_leaves(request);
        }
        let (tell, told) = oneshot::channel();
        let there = if world.strikes(Fault::RequestLate) {
            world.chance.seconds(31, 12 * 60)
        } else {
            world.chance.millis(5, 120)
        };
        let wire = Wire { world: Arc::clone(world), slot: self.slot, shop: shop.clone(), request: request.clone() };
        world.executor.spawn(Owner::World, async move {
            wire.world.executor.sleep(there).await;
            let received = wire.arrive().await;
            drop(tell.send(received));
        });
        let timeout = world.executor.sleep_until(begun + TIMEOUT);
        let received = match select(told, timeout).await {
            Either::Left((received, _)) => received.unwrap_or(Err(LOST)),
            Either::Right(_) => {
                world.step(Slot(self.slot), format_args!("{} has no answer in time", show::request(request)));
                Err(Failure::Unknown(UnknownReason::Timeout))
            }
        };
        world.judge.lock().answer_came(request, &received, begun);
        world.wake_workers();
        received
    }

    fn planted(&self, request: Request) -> Request {
        let world = &self.world;
        let swept = show::offset_of_swept(&request);
        let no_created_from = match swept {
            None => world.has(PlantedBug::NoCreatedFrom),
            Some(_) => world.has(PlantedBug::NoCreatedFromInTheSweep),
        };
        let Some((path, query)) = request.path.split_once('?') else { return request };
        let mut kept: Vec<&str> =
            query.split('&').filter(|pair| !no_created_from || !pair.starts_with("created.gte=")).collect();
        let end = swept.filter(|_| world.has(PlantedBug::UpdatedBeforeInTheSweep)).map(|_| self.end_of_pass(query));
        kept.extend(end.as_deref());
        Request { path: format!("{path}?{}", kept.join("&")), ..request }
    }

    /// [`PlantedBug::UpdatedBeforeInTheSweep`]: when the pass began, which is the one with this cursor.
    fn end_of_pass(&self, query: &str) -> String {
        let cursor = query.split('&').find(|pair| pair.starts_with("updated.gte=")).unwrap_or_default().to_owned();
        let now = self.world.gateway_clock.applied_to(self.world.time()).utc();
        let mut ends = self.world.pass_ends.lock();
        let end = ends.entry(cursor).or_insert_with(|| now.format("updated.lt=%Y-%m-%dT%H%%3A%M%%3A%S").to_string());
        end.clone()
    }

    /// What may happen between two pages of a list.
    async fn strike_a_pass(&self, shop: &ShopName, offset: u32) {
        let world = &self.world;
        if world.strikes(Fault::ListShift) {
            world.shift_the_list(shop);
        }
        if offset == 0 {
            return;
        }
        let slot = self.slot;
        if world.strikes(Fault::DeathInAPass) {
            let witness = Arc::clone(world);
            world.executor.spawn(Owner::World, async move {
                witness.crash(slot);
                witness.restart_after(slot, witness.chance.pick([50, 3_000, 120_000].map(Duration::from_millis)));
            });
            // Nothing of what comes behind this happens.
            world.executor.sleep(Duration::from_millis(1)).await;
        } else if world.strikes(Fault::SleepInAPass) {
            world.put_to_sleep_for(slot, world.chance.seconds(50, 300));
            world.executor.sleep(Duration::from_millis(1)).await;
        }
    }
}

const LOST: Failure = Failure::Unknown(UnknownReason::ConnectionLost);

/// A request on its way. It goes on without whoever sent it.
struct Wire {
    world: Arc<World>,
    slot: usize,
    shop: ShopName,
    request: Request,
}

impl Wire {
    async fn arrive(&self) -> Received {
        let (world, who) = (&self.world, Slot(self.slot));
        let fault = world.gateway_fault(&self.request);
        let name = fault.as_ref().map(gateway_simulator::Fault::name);
        let key = world.shops.get(&self.shop).map(|keys| format!("Bearer {}", keys.api_key));
        let asked = gateway_simulator::Request {
            method: self.request.method.as_str().parse().unwrap_or(gateway_simulator::Method::Other),
            path_and_query: &self.request.path,
            authorization: key.as_deref(),
            content_type: Some("application/json"),
            body: self.request.body.as_deref().unwrap_or_default(),
        };
        let handled = world.with_engine(|engine, now| engine.handle_with(now, &asked, fault));
        let shown = show::request(&self.request);
        world.step(who, format_args!("{shown} is {}{}", show::answer(&handled), show::fault(name)));
        world.post_what_is_due();
        world.executor.sleep(world.chance.millis(5, 200)).await;
        match handled.answer {
            Answer::Reply(response) => Ok(raw(&response, response.body.clone())),
            Answer::Delayed { by, response } => {
                world.executor.sleep(by.to_std().unwrap_or_default()).await;
                Ok(raw(&response, response.body.clone()))
            }
            // Whether that shows depends on whether the head said how long the body is.
            Answer::Truncated { response, sent } if world.chance.happens(5_000) => {
                Ok(raw(&response, response.body.slice(..sent)))
            }
            Answer::Truncated { .. } | Answer::Lost { .. } => Err(LOST),
        }
    }
}

fn raw(response: &Response, body: Bytes) -> RawAnswer {
    let header = |name| response.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    let date = header("date").and_then(read_date);
    let retry_after = header("retry-after").and_then(|wait| read_retry_after(wait, date));
    RawAnswer { status: response.status, date, retry_after, body }
}

impl World {
    /// What strikes the gateway's answer, in the engine's words.
    fn gateway_fault(&self, request: &Request) -> Option<gateway_simulator::Fault> {
        use gateway_simulator::Fault as G;
        let millis = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        let (is_write, is_creation) = (request.method != Method::Get, show::is_creation(request));
        if show::offset_of_swept(request).is_some_and(|offset| offset > 0) && self.strikes(Fault::PageLost) {
            return Some(G::LostAfter);
        }
        let found = [
            Fault::RequestLost,
            Fault::AnswerLost,
            Fault::ErrorStatus,
            Fault::ErrorStatusAfter,
            Fault::Html,
            Fault::HtmlAfter,
            Fault::Forbidden,
            Fault::Unauthorized,
            Fault::AnswerSlow,
            Fault::AnswerTooSlow,
            Fault::AnswerTruncated,
        ];
        // What only some requests can meet is asked for those alone, so that the counts tell the truth.
        let of_writes = [Fault::Refused].into_iter().filter(|_| is_write);
        let of_creations = [Fault::HookEarly].into_iter().filter(|_| is_creation);
        let faults = found.into_iter().chain(of_writes).chain(of_creations);
        let fault = faults.into_iter().find(|fault| self.strikes(*fault))?;
        Some(match fault {
            Fault::RequestLost => G::LostBefore,
            Fault::AnswerLost => G::LostAfter,
            Fault::ErrorStatus => G::StatusBefore(self.chance.pick([429, 500, 502, 503, 504])),
            Fault::ErrorStatusAfter => G::StatusAfter(self.chance.pick([500, 502, 503, 504])),
            Fault::Html => G::HtmlBefore,
            Fault::HtmlAfter => G::HtmlAfter,
            Fault::Forbidden => G::Forbidden,
            Fault::Unauthorized => G::Unauthorized,
            Fault::Refused => G::StatusBefore(400),
            Fault::AnswerSlow => G::Slow { millis: millis(self.chance.seconds(1, 25)) },
            Fault::AnswerTooSlow => G::Slow { millis: millis(self.chance.seconds(30, 90)) },
            Fault::HookEarly => G::HookEarly { millis: millis(self.chance.millis(100, 5_000)) },
            _ => G::Truncated,
        })
    }
}
