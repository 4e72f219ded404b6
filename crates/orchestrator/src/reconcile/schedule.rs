//! What is compared without anybody asking for it.

use std::time::Duration;

use domain::{Actor, ShopName, Time};
use store::{Against, Cause, Run, RunProgress, RunState};
use uuid::Uuid;

use super::{Reconciler, name_from};
use crate::DeedError;

const DAY: Duration = Duration::from_hours(24);
const WEEK: Duration = Duration::from_hours(7 * 24);

impl Reconciler {
    /// Orders a run; one that is under way for the same window will do.
    pub async fn order(
        &self,
        id: Uuid,
        shop: ShopName,
        [from, to]: [Time; 2],
        cause: Cause,
        by: Option<Actor>,
    ) -> Result<Run, DeedError> {
        let now = self.desk.now();
        let run = Run {
            id,
            shop,
            from,
            to,
            cause,
            against: Against::List,
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
        Ok(self.records.order_run(&run).await?)
    }

    /// The latest window of each schedule, once: its run has a name that follows from it, so that of many processes each
    /// orders the same one. What was missed while nobody was there is covered by the next one, or by the week's.
    pub(super) async fn order_scheduled(&self) -> Result<(), DeedError> {
        let rules = &self.rules;
        let schedules = [
            (Cause::LastDay, rules.day_interval, Duration::ZERO, DAY),
            (Cause::LastWeek, rules.week_interval, rules.week_offset, WEEK),
        ];
        for (cause, interval, offset, length) in schedules {
            let Some(interval) = interval else { continue };
            let to = latest(self.desk.now().minus(rules.margin), interval, offset);
            for shop in self.desk.signing_keys.keys() {
                let key = (shop.clone(), cause.into());
                if self.ordered.lock().get(&key) == Some(&to) {
                    continue;
                }
                let name: &str = cause.into();
                let id = name_from(&[name.as_bytes(), shop.as_str().as_bytes(), &to.unix_micros().to_be_bytes()]);
                self.order(id, shop.clone(), [to.minus(length), to], cause, None).await?;
                self.ordered.lock().insert(key, to);
            }
        }
        Ok(())
    }
}

/// The last moment of a schedule at or before `now`: the same for everyone, since it is counted from 1970.
fn latest(now: Time, interval: Duration, offset: Duration) -> Time {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).max(1);
    let since = now.minus(offset).unix_micros();
    let begun = since - since.rem_euclid(micros(interval));
    Time::from_unix_micros(begun).unwrap_or(Time::EPOCH).plus(offset)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_has_the_same_moments_for_everyone() {
        let hour = Duration::from_hours(1);
        let at =
            |hours: u64, seconds: u64| Time::EPOCH.plus(Duration::from_hours(hours)).plus(Duration::from_secs(seconds));
        assert_eq!(latest(at(500_000, 0), hour, Duration::ZERO), at(500_000, 0));
        assert_eq!(latest(at(500_000, 3_599), hour, Duration::ZERO), at(500_000, 0));
        let midnight = 500_016;
        assert_eq!(latest(at(midnight + 1, 0), DAY, 2 * hour), at(midnight - 22, 0));
        assert_eq!(latest(at(midnight + 2, 0), DAY, 2 * hour), at(midnight + 2, 0));
    }
}
