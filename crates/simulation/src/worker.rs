//! The loops of a process. They look when something is due instead of every second, which comes to the same.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use orchestrator::Desk;

use crate::executor::Owner;
use crate::process::Slot;
use crate::world::World;

/// Starts them all.
pub(crate) fn start(world: &Arc<World>, slot: usize, desk: &Arc<Desk>) {
    let owner = Owner::Process(slot);
    world.executor.spawn(owner, check_what_is_due(Arc::clone(world), slot, Arc::clone(desk)));
    world.executor.spawn(owner, file_what_waits(Arc::clone(world), slot, Arc::clone(desk)));
    world.executor.spawn(owner, probe(Arc::clone(world), slot, Arc::clone(desk)));
    world.executor.spawn(owner, sweep(Arc::clone(world), slot, Arc::clone(desk)));
    world.executor.spawn(owner, forget(Arc::clone(world), slot, Arc::clone(desk)));
}

async fn check_what_is_due(world: Arc<World>, slot: usize, desk: Arc<Desk>) {
    loop {
        until(&world, |world| world.judge.lock().next_check()).await;
        tick(&world).await;
        let limit = world.chance.pick([1, 4, 20]);
        match desk.check_due(limit).await {
            Ok(checked) if checked.payments > 0 => {
                world
                    .step(Slot(slot), format_args!("checked {} payments, {} failed", checked.payments, checked.failed));
            }
            Ok(_) => {}
            Err(error) => world.step(Slot(slot), format_args!("could not check: {error}")),
        }
    }
}

async fn file_what_waits(world: Arc<World>, slot: usize, desk: Arc<Desk>) {
    loop {
        until(&world, |world| world.judge.lock().next_notice()).await;
        tick(&world).await;
        let limit = world.chance.pick([1, 4, 20]);
        match desk.file_waiting_notices(limit).await {
            Ok(0) => {}
            Ok(taken_up) => world.step(Slot(slot), format_args!("took up {taken_up} notices")),
            Err(error) => world.step(Slot(slot), format_args!("could not file: {error}")),
        }
    }
}

async fn probe(world: Arc<World>, slot: usize, desk: Arc<Desk>) {
    loop {
        let next_probe = |world: &World| {
            let is_open = !desk.breaker().open().is_empty();
            let is_due = !desk.breaker().due_probes(world.executor.now()).is_empty();
            is_open.then(|| world.executor.now() + if is_due { Duration::ZERO } else { Duration::from_secs(1) })
        };
        until(&world, next_probe).await;
        tick(&world).await;
        let probed = desk.probe_gateways().await;
        if probed > 0 {
            world.step(Slot(slot), format_args!("probed {probed} gateways"));
        }
    }
}

/// Less and less often in the quiet days, in which less and less happens: each pass begins where the one before it began.
async fn sweep(world: Arc<World>, slot: usize, desk: Arc<Desk>) {
    let mut quiet = Duration::from_mins(1);
    loop {
        let pause = world.chance.seconds(20, 600);
        if world.is_calm() {
            quiet = (quiet * 4).min(Duration::from_hours(12));
        }
        world.executor.sleep(if world.is_calm() { quiet } else { pause }).await;
        // Turns follow each other until a pass is complete.
        loop {
            let swept = match desk.sweep_due().await {
                Ok(swept) => swept,
                Err(error) => {
                    world.step(Slot(slot), format_args!("could not sweep: {error}"));
                    break;
                }
            };
            if swept.pages == 0 || swept.failed > 0 {
                break;
            }
            world.step(Slot(slot), format_args!("swept {} pages, {} new items", swept.pages, swept.items));
            tick(&world).await;
        }
    }
}

async fn forget(world: Arc<World>, slot: usize, desk: Arc<Desk>) {
    loop {
        world.executor.sleep(Duration::from_hours(6)).await;
        if let Ok(1..) = desk.forget_kept_requests().await {
            world.step(Slot(slot), format_args!("forgot kept requests"));
        }
    }
}

async fn tick(world: &Arc<World>) {
    world.executor.sleep(world.chance.millis(100, 1_000)).await;
}

/// Over when `next` lies in the past; asked again whenever something has been written.
async fn until(world: &Arc<World>, next: impl Fn(&World) -> Option<Duration>) {
    let mut alarm: Option<(Duration, std::pin::Pin<Box<crate::executor::Sleep>>)> = None;
    poll_fn(|context| {
        let at = next(world);
        match at {
            Some(at) if at <= world.executor.now() => return Poll::Ready(()),
            Some(at) if alarm.as_ref().is_none_or(|(set, _)| *set != at) => {
                let mut sleep = Box::pin(world.executor.sleep_until(at));
                // The first look only sets it.
                if pin!(&mut sleep).poll(context).is_ready() {
                    return Poll::Ready(());
                }
                alarm = Some((at, sleep));
            }
            Some(_) | None => {}
        }
        world.wait_for_work(context.waker());
        Poll::Pending
    })
    .await;
}
