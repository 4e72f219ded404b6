use std::time::Duration;

use domain::Time;
use export::Zone;
use jiff::civil::Date;

/// A window of time as people give it: two instants (RFC 3339), or two dates in a zone. The first is in it, the second
/// is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    /// Where it begins.
    pub(crate) from: &'a str,
    /// Where it ends.
    pub(crate) to: &'a str,
    /// The zone of dates, as the IANA names it; UTC if there is none.
    pub(crate) zone: Option<&'a str>,
}

/// One thing that is wrong with it: which field, and what.
pub(crate) type WindowError = (&'static str, String);

const MOMENT: &str = "must be a moment such as 2026-11-23T10:11:12Z (RFC 3339), or a date such as 2026-11-23";

impl Window<'_> {
    /// The two moments, of which the second lies behind the first, not in the future, and no further than `longest`.
    pub(crate) fn read(&self, now: Time, longest: Duration) -> Result<[Time; 2], Vec<WindowError>> {
        let mut errors = Vec::new();
        let zone = zone(self.zone).map_err(|error| errors.push(("zone", error))).ok();
        let mut moment = |field, text| {
            let read = zone.as_ref().map(|zone| moment(text, zone));
            read.and_then(|read| read.map_err(|error| errors.push((field, error.to_owned()))).ok())
        };
        let (from, to) = (moment("from", self.from), moment("to", self.to));
        let (Some(from), Some(to)) = (from, to) else { return Err(errors) };
        if to <= from {
            return Err(vec![("to", "must be later than from; a date means its beginning".to_owned())]);
        }
        if to > now {
            return Err(vec![("to", "must not lie in the future".to_owned())]);
        }
        if to.since(from) > longest {
            let days = longest.as_secs() / (24 * 60 * 60);
            return Err(vec![("to", format!("must be no more than {days} days after from"))]);
        }
        Ok([from, to])
    }
}

fn zone(name: Option<&str>) -> Result<Zone, String> {
    name.map_or_else(|| Ok(Zone::utc()), Zone::named).map_err(|error| error.to_string())
}

fn moment(text: &str, zone: &Zone) -> Result<Time, &'static str> {
    if text.len() == 10 {
        let date: Date = text.parse().map_err(|_| MOMENT)?;
        return zone.start_of(date).ok_or(MOMENT);
    }
    let instant = chrono::DateTime::parse_from_rfc3339(text).map_err(|_| MOMENT)?;
    Ok(Time::new(instant.to_utc()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MONTH: Duration = Duration::from_hours(31 * 24);

    fn now() -> Time {
        moment("2026-11-26T09:00:00Z", &Zone::utc()).unwrap()
    }

    fn read(from: &str, to: &str, zone: Option<&str>) -> Result<[String; 2], Vec<WindowError>> {
        Window { from, to, zone }.read(now(), MONTH).map(|window| window.map(|moment| moment.to_string()))
    }

    #[test]
    fn dates_are_those_of_their_zone_and_moments_those_of_everyone() {
        let day = ["2026-11-01T00:00:00.000Z".to_owned(), "2026-11-02T00:00:00.000Z".to_owned()];
        assert_eq!(read("2026-11-01", "2026-11-02", None), Ok(day.clone()));
        assert_eq!(read("2026-11-01T01:00:00+01:00", "2026-11-02T00:00:00Z", Some("Asia/Tokyo")), Ok(day));
        // The day on which summer time ends has 25 hours.
        let long = ["2026-10-24T22:00:00.000Z".to_owned(), "2026-10-25T23:00:00.000Z".to_owned()];
        assert_eq!(read("2026-10-25", "2026-10-26", Some("Europe/Berlin")), Ok(long));
    }

    #[test]
    fn what_makes_no_window_is_told_by_field() {
        for (from, to, zone, field) in [
            ("2026-11-02", "2026-11-01", None, "to"),
            ("2026-11-02", "2026-11-02", None, "to"),
            ("2026-11-02", "2026-11-27", None, "to"),
            ("2026-09-02", "2026-11-02", None, "to"),
            ("yesterday", "2026-11-02", None, "from"),
            ("2026-11-31", "2026-11-02", None, "from"),
            ("2026-11-01", "2026-11-02T10:00:00", None, "to"),
            ("2026-11-01", "2026-11-02", Some("Middle/Earth"), "zone"),
            ("2026-11-01", "2026-11-02", Some(""), "zone"),
        ] {
            let errors = read(from, to, zone).unwrap_err();
            let fields: Vec<_> = errors.iter().map(|(field, _)| *field).collect();
            assert_eq!(fields, [field], "{from} {to} {zone:?}: {errors:?}");
        }
        assert_eq!(read("a", "b", None).unwrap_err().len(), 2, "all at once");
    }
}
