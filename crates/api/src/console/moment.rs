use std::time::Duration;

use domain::Time;

/// A moment as a page shows it.
#[derive(Clone)]
pub(super) struct Moment {
    /// For machines.
    pub(super) iso: String,
    /// To the second, in UTC.
    pub(super) text: String,
    /// How far away it is.
    pub(super) distance: String,
}

impl Moment {
    /// As it looks `now`.
    pub(super) fn of(at: Time, now: Time) -> Self {
        let distance =
            if at <= now { format!("{} ago", span(now.since(at))) } else { format!("in {}", span(at.since(now))) };
        Self { iso: at.to_string(), text: at.utc().format("%Y-%m-%d %H:%M:%S").to_string(), distance }
    }

    /// The same of one that may not be there.
    pub(super) fn of_any(at: Option<Time>, now: Time) -> Option<Self> {
        at.map(|at| Self::of(at, now))
    }
}

/// How long something takes or took, in its two largest units.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_two_largest_units() {
        let told = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(told(0), "0 s");
        assert_eq!(told(59), "59 s");
        assert_eq!(told(60), "1 min");
        assert_eq!(told(3_599), "59 min");
        assert_eq!(told(3_600), "1 h 0 min");
        assert_eq!(told(86_399), "23 h 59 min");
        assert_eq!(told(86_400), "1 d 0 h");
        assert_eq!(told(90_061 + 86_400), "2 d 1 h");
    }

    #[test]
    fn a_moment_is_before_or_behind() {
        let now = Time::EPOCH.plus(Duration::from_mins(10));
        assert_eq!(Moment::of(Time::EPOCH, now).distance, "10 min ago");
        assert_eq!(Moment::of(now.plus(Duration::from_secs(5)), now).distance, "in 5 s");
        assert_eq!(Moment::of(Time::EPOCH, now).text, "1970-01-01 00:00:00");
    }
}
