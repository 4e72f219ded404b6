use std::fmt;

use domain::Time;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use thiserror::Error;

/// The time zone whose calendar a merchant's books follow, by its IANA name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// A name that is not in the IANA list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be a time zone by its IANA name, such as Europe/Berlin")]
pub struct UnknownZone;

impl Zone {
    /// Looks a zone up by its name.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(name).map_err(|_| UnknownZone)?;
        Ok(Self { name: zone.iana_name().unwrap_or(name).to_owned(), zone })
    }

    /// UTC.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// The calendar day on which `time` falls here.
    pub fn business_date(&self, time: Time) -> Date {
        let micros = time.unix_micros();
        let bound = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
        self.zone.to_datetime(Timestamp::from_microsecond(micros).unwrap_or(bound)).date()
    }

    /// The first moment of a day: where midnight is skipped, the first one after it. None if it lies outside of what can
    /// be told.
    pub fn start_of(&self, date: Date) -> Option<Time> {
        let begun = date.to_zoned(self.zone.clone()).ok()?;
        Time::from_unix_micros(begun.timestamp().as_microsecond())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::from_unix_micros(text.parse::<Timestamp>().unwrap().as_microsecond()).unwrap()
    }

    #[test]
    fn a_day_is_the_zones_own_also_where_its_clocks_change() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        for (moment, day) in [
            ("2026-10-24T21:59:59.999999Z", "2026-10-24"),
            ("2026-10-24T22:00:00Z", "2026-10-25"),
            ("2026-10-25T22:59:59Z", "2026-10-25"),
            ("2026-10-25T23:00:00Z", "2026-10-26"),
            ("2026-03-28T23:00:00Z", "2026-03-29"),
            ("2026-03-29T22:00:00Z", "2026-03-30"),
        ] {
            assert_eq!(berlin.business_date(at(moment)).to_string(), day, "{moment}");
        }
        assert_eq!(berlin.start_of("2026-10-26".parse().unwrap()), Some(at("2026-10-25T23:00:00Z")));
        // At midnight the clocks of Beirut jump to one.
        let beirut = Zone::named("Asia/Beirut").unwrap();
        assert_eq!(beirut.start_of("2026-03-29".parse().unwrap()), Some(at("2026-03-28T22:00:00Z")));
        assert_eq!(Zone::named("Middle/Earth"), Err(UnknownZone));
        assert_eq!(Zone::named("europe/berlin").unwrap().to_string(), "Europe/Berlin");
    }
}
