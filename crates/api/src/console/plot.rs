use domain::Time;

/// The size of a plot, in units of its own.
const WIDTH: u64 = 640;
const HEIGHT: u64 = 160;

/// Lines over time, drawn without a script.
pub(super) struct Plot {
    /// What it shows.
    pub(super) title: &'static str,
    /// What its numbers are.
    pub(super) unit: &'static str,
    /// When it begins and ends.
    pub(super) from: String,
    /// Likewise.
    pub(super) to: String,
    /// The largest number on it.
    pub(super) top: u64,
    /// The lines, each of which is named.
    pub(super) lines: Vec<PlotLine>,
}

/// One line of a plot.
pub(super) struct PlotLine {
    /// What it is of.
    pub(super) name: String,
    /// How it is drawn: 1 to 6.
    pub(super) style: usize,
    /// Its corners, as SVG writes them.
    pub(super) points: String,
    /// Its last number.
    pub(super) latest: u64,
}

/// A named row of numbers, one for each moment.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) values: Vec<u64>,
}

impl Plot {
    /// Draws series over the same moments; none while there are not two of them.
    pub(super) fn of(title: &'static str, unit: &'static str, times: &[Time], series: Vec<Series>) -> Option<Self> {
        let (first, last) = (times.first()?, times.last()?);
        let length = last.since(*first).as_secs();
        if length == 0 {
            return None;
        }
        let top = series.iter().flat_map(|one| one.values.iter().copied()).max().unwrap_or_default().max(1);
        let places: Vec<u64> = times.iter().map(|at| at.since(*first).as_secs() * WIDTH / length).collect();
        let draw = |(index, one): (usize, Series)| {
            // A number may be larger than what a product of it with the height can hold.
            let height = |value: u64| u64::try_from(u128::from(value) * u128::from(HEIGHT) / u128::from(top));
            let corner = |(x, value): (&u64, &u64)| format!("{x},{}", HEIGHT - height(*value).unwrap_or(HEIGHT));
            let points: Vec<String> = places.iter().zip(&one.values).map(corner).collect();
            let latest = one.values.last().copied().unwrap_or_default();
            PlotLine { name: one.name, style: index % 6 + 1, points: points.join(" "), latest }
        };
        let lines = series.into_iter().enumerate().map(draw).collect();
        let clock = |at: &Time| at.utc().format("%H:%M").to_string();
        Some(Self { title, unit, from: clock(first), to: clock(last), top, lines })
    }

    /// What it shows, for those who do not see it.
    pub(super) fn in_words(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(|line| format!("{} {}", line.name, line.latest)).collect();
        format!(
            "{} from {} to {} UTC, at most {} {}; now {}",
            self.title,
            self.from,
            self.to,
            self.top,
            self.unit,
            lines.join(", ")
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: u64) -> Time {
        Time::EPOCH.plus(Duration::from_secs(second))
    }

    fn series(values: &[u64]) -> Series {
        Series { name: "open".to_owned(), values: values.to_vec() }
    }

    #[test]
    fn a_line_goes_from_edge_to_edge_and_as_high_as_its_largest_number() {
        let plot = Plot::of("Open", "payments", &[at(0), at(60), at(120)], vec![series(&[0, 8, 4])]).unwrap();
        assert_eq!(plot.lines[0].points, "0,160 320,0 640,80");
        assert_eq!((plot.top, plot.lines[0].latest), (8, 4));
        assert_eq!(plot.in_words(), "Open from 00:00 to 00:02 UTC, at most 8 payments; now open 4");
    }

    #[test]
    fn nothing_is_drawn_of_one_moment_and_the_largest_numbers_fit() {
        assert!(Plot::of("Open", "payments", &[at(0)], vec![series(&[1])]).is_none());
        assert!(Plot::of("Open", "payments", &[], Vec::new()).is_none());
        let plot = Plot::of("Open", "payments", &[at(0), at(1)], vec![series(&[0, u64::MAX])]).unwrap();
        assert_eq!(plot.lines[0].points, "0,160 640,0");
        let flat = Plot::of("Open", "payments", &[at(0), at(1)], vec![series(&[0, 0])]).unwrap();
        assert_eq!(flat.lines[0].points, "0,160 640,160");
    }
}
