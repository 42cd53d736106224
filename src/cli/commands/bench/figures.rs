//! What was measured, and what could not be.

use serde::Serialize;

/// What is measured of a snapshotter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Measure {
    /// Seconds until containerd has unpacked the image.
    UnpackSeconds,
    /// Seconds that the first container takes.
    StartSeconds,
    /// Seconds to look at all files.
    WalkSeconds,
    /// Seconds to read all files.
    ReadSeconds,
    /// Bytes that the layers take, as the snapshotter says.
    DiskBytes,
}

impl Measure {
    pub(super) const ALL: [Self; 5] =
        [Self::UnpackSeconds, Self::StartSeconds, Self::WalkSeconds, Self::ReadSeconds, Self::DiskBytes];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UnpackSeconds => "unpack",
            Self::StartSeconds => "first container",
            Self::WalkSeconds => "walk",
            Self::ReadSeconds => "read all",
            Self::DiskBytes => "on disk",
        }
    }
}

/// All values of one measure of one snapshotter.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Series {
    pub(super) snapshotter: String,
    pub(super) measure: Measure,
    pub(super) median: f64,
    pub(super) rounds: Vec<f64>,
}

/// What could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Gap {
    pub(super) snapshotter: String,
    pub(super) measure: Measure,
    pub(super) why: String,
}

/// What was measured, and what could not be.
#[derive(Debug, Default, Serialize)]
pub(super) struct Figures {
    pub(super) measured: Vec<Series>,
    pub(super) not_measured: Vec<Gap>,
}

impl Figures {
    /// Keeps a value, unless another round of the same has failed.
    pub(super) fn record(&mut self, snapshotter: &str, measure: Measure, value: f64) {
        if self.misses(snapshotter, measure) {
            return;
        }
        let same = |series: &&mut Series| series.snapshotter == snapshotter && series.measure == measure;
        if let Some(series) = self.measured.iter_mut().find(same) {
            series.rounds.push(value);
            series.median = median(&series.rounds);
        } else {
            let (snapshotter, rounds) = (snapshotter.to_owned(), vec![value]);
            self.measured.push(Series { snapshotter, measure, median: value, rounds });
        }
    }

    /// Notes that something cannot be measured. What was measured of it before does not count.
    pub(super) fn miss(&mut self, snapshotter: &str, measure: Measure, why: &str) {
        self.measured.retain(|series| series.snapshotter != snapshotter || series.measure != measure);
        if !self.misses(snapshotter, measure) {
            let (snapshotter, why) = (snapshotter.to_owned(), why.to_owned());
            self.not_measured.push(Gap { snapshotter, measure, why });
        }
    }

    pub(super) fn misses(&self, snapshotter: &str, measure: Measure) -> bool {
        self.not_measured.iter().any(|gap| gap.snapshotter == snapshotter && gap.measure == measure)
    }

    pub(super) fn median(&self, snapshotter: &str, measure: Measure) -> Option<f64> {
        let same = |series: &&Series| series.snapshotter == snapshotter && series.measure == measure;
        self.measured.iter().find(same).map(|series| series.median)
    }
}

/// Returns the middle one, or the middle of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!(median(&[3.0]), 3.0);
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 9.0, 2.0]), 3.0);
    }

    #[test]
    fn what_fails_once_was_not_measured() {
        let mut figures = Figures::default();
        figures.record("a", Measure::UnpackSeconds, 1.0);
        figures.record("b", Measure::UnpackSeconds, 2.0);
        figures.miss("a", Measure::UnpackSeconds, "no");
        figures.miss("a", Measure::UnpackSeconds, "still not");
        figures.record("a", Measure::UnpackSeconds, 1.0);
        assert_eq!(figures.median("a", Measure::UnpackSeconds), None);
        assert_eq!(figures.median("b", Measure::UnpackSeconds), Some(2.0));
        assert_eq!(figures.not_measured.len(), 1);
        assert_eq!(figures.not_measured[0].why, "no");
    }
}
