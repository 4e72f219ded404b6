//! How the things of a run stand in its trace. Names are short there, and nothing is formatted unless it is kept.

use std::fmt;

use domain::Payment;
use gateway_client::request::{Method, Request};
use gateway_simulator::{Answer, Handled};
use serde_json::Value;
use store::{Lease, Notice, Opened, Outcome, Received, Sweep, UnmatchedPayment, Write};
use uuid::Uuid;

pub(crate) fn order(payment: &Payment) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| write!(f, "{} ({})", payment.opening.reference_id.as_str(), short(payment.id().uuid())))
}

pub(crate) fn short(id: Uuid) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{:04x}", id.as_u128() & 0xffff))
}

pub(crate) fn opened(opened: &Opened) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| match opened {
        Opened::New => f.write_str("new"),
        Opened::Existing(stored) => write!(f, "exists as {}", order(&stored.payment)),
        Opened::Poison(reason) => write!(f, "poison, {reason}"),
    })
}

pub(crate) fn write(write: &Write) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        if let Some(moved) = &write.moves {
            write!(f, "{} on version {}", order(&moved.payment), moved.expected_version)?;
            if let Some(epoch) = moved.expected_epoch {
                write!(f, " in epoch {epoch}")?;
            }
            if let Some(entry) = &moved.entry {
                let kind = serde_json::to_value(&entry.seen).unwrap_or_default();
                let kind = kind["kind"].as_str().unwrap_or("?").to_owned();
                write!(f, ", {} {} {kind} -> {}", entry.source, entry.verdict, moved.payment.state)?;
                if !entry.change.flags.is_empty() {
                    write!(f, " {:?}", entry.change.flags)?;
                }
            }
            let lease = match moved.lease {
                Lease::Keep => "",
                Lease::Release => ", lease given up",
                Lease::Take(..) => ", lease taken",
            };
            f.write_str(lease)?;
            let progress = moved.progress;
            write!(f, ", {} looks, {} empty", progress.checks, progress.empty_look_ups)?;
            if let Some(next) = progress.next_check_at {
                write!(f, ", next {}", next.utc().format("%d %H:%M:%S"))?;
            }
        }
        if let Some(filed) = &write.notice {
            write!(f, " [notice {} {}]", short(filed.id), filed.verdict)?;
        }
        Ok(())
    })
}

pub(crate) fn outcome(outcome: &Outcome) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| match outcome {
        Outcome::Won => f.write_str("won"),
        Outcome::Lost => f.write_str("lost"),
        Outcome::Taken => f.write_str("reference taken"),
        Outcome::Claimed(other) => write!(f, "gateway id belongs to {}", short(other.uuid())),
        Outcome::Poison(reason) => write!(f, "poison, {reason}"),
    })
}

pub(crate) fn notice(notice: &Notice) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        let id = notice.gateway_payment_id.as_ref().map_or("?", |id| id.as_str().get(..6).unwrap_or_default());
        let reference = notice.reference_id.as_ref().map_or("no reference", domain::ReferenceId::as_str);
        write!(f, "notice {} about {id} ({reference}) {}", short(notice.id), notice.state.as_deref().unwrap_or("?"))
    })
}

pub(crate) fn received(received: &Received) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        let repeat = if received.repeat { "again" } else { "new" };
        match &received.payment {
            Some(stored) => write!(f, "{repeat}, about {}", order(&stored.payment)),
            None => write!(f, "{repeat}, about nothing that is known"),
        }
    })
}

/// A request to the gateway, by what it asks for.
pub(crate) fn request(request: &Request) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        f.write_str(request.method.as_str())?;
        if let Some(offset) = offset_of_swept(request) {
            return write!(f, " the list from {offset}");
        }
        match reference_of(request) {
            Some(reference) => write!(f, " {reference}"),
            None => write!(f, " {}", request.path.rsplit('/').next().and_then(|id| id.get(..6)).unwrap_or_default()),
        }
    })
}

/// Whether a request makes a payment; every other POST tells one what to do.
pub(crate) fn is_creation(request: &Request) -> bool {
    request.method == Method::Post && request.path.ends_with("/payments")
}

/// Where a page of a sweep begins, if the request asks for one.
pub(crate) fn offset_of_swept(request: &Request) -> Option<u32> {
    let (_, query) = request.path.split_once('?')?;
    query
        .contains("updated.gte=")
        .then(|| query.split('&').find_map(|pair| pair.strip_prefix("offset=")?.parse().ok()))?
}

pub(crate) fn sweep(sweep: &Sweep) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        write!(f, "sweep of {} in epoch {}", sweep.shop, sweep.epoch)?;
        if let Some(cursor) = sweep.cursor {
            write!(f, " from {}", cursor.utc().format("%d %H:%M:%S"))?;
        }
        sweep.pass.map_or(Ok(()), |pass| write!(f, ", in a pass at {}", pass.offset))
    })
}

pub(crate) fn unmatched(unmatched: &UnmatchedPayment) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        let sighting = &unmatched.sighting;
        let id = sighting.id.as_str().get(..6).unwrap_or_default();
        let reference = sighting.reference_id.as_deref().unwrap_or("no reference");
        write!(f, "unmatched {id} ({reference}) {:?}, {} tries", sighting.state, unmatched.tries)?;
        unmatched.matched.map_or(Ok(()), |(payment, _)| write!(f, ", matched with {}", short(payment.uuid())))
    })
}

/// The reference that a request carries, in its body or in its query.
pub(crate) fn reference_of(request: &Request) -> Option<String> {
    if let Some(body) = &request.body {
        let body: Value = serde_json::from_slice(body).ok()?;
        return body["referenceId"].as_str().map(str::to_owned);
    }
    // References of a run need no encoding.
    let (_, query) = request.path.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("referenceId.eq=")).map(str::to_owned)
}

pub(crate) fn answer(handled: &Handled) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        match &handled.answer {
            Answer::Reply(response) => write!(f, "answered with {}", response.status),
            Answer::Lost { .. } => f.write_str("not answered"),
            Answer::Delayed { by, response } => {
                write!(f, "answered with {} after {} ms", response.status, by.num_milliseconds())
            }
            Answer::Truncated { response, .. } => write!(f, "answered with half of a {}", response.status),
        }?;
        match handled.effect {
            Some(id) => write!(f, ", made {}", id.to_string().get(..6).unwrap_or_default()),
            None => Ok(()),
        }
    })
}

pub(crate) fn fault(name: Option<&'static str>) -> impl fmt::Display {
    fmt::from_fn(move |f| name.map_or(Ok(()), |name| write!(f, " [{name}]")))
}

/// A webhook's body, by what it tells.
pub(crate) fn body(body: &[u8]) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        let told: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| told[name].as_str().unwrap_or("?").to_owned();
        write!(f, "{} ({}) {}", text("id").get(..6).unwrap_or_default(), text("referenceId"), text("state"))
    })
}
