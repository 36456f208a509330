//! What a search optimises: the one place that says which of two scores is better, and how the compared figure is
//! named and written.
//!
//! A further objective is a further variant: the compiler then names every place that has to decide.

use serde::{Serialize, Serializer};

use crate::{
    format::{Config, Interval, Score},
    metric::MetricSpec,
};

/// What candidates are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// The fraction of examples that were answered right. More is better.
    #[default]
    Accuracy,
    /// The mean score of all examples, where an answer can be worth a part of a right one. More is better.
    Score,
}

/// A score as its objective sees it: the figure that is compared, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The objective that the figure belongs to.
    pub objective: Objective,
    /// The figure itself, in its recorded unit: fractions are of 1.
    pub value: f64,
    /// The 95 % interval of the figure.
    pub interval: Interval,
}

/// A figure that is written under its objective's name, as in `{"accuracy": 0.5}`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NamedFigure {
    /// The objective that the figure belongs to.
    pub objective: Objective,
    /// The figure itself.
    pub value: f64,
}

impl Serialize for NamedFigure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.objective.name(), self.value)])
    }
}

/// In which unit figures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Fractions of 1, shown in per cent. Differences are shown in points of a hundred.
    Percent,
}

impl Objective {
    /// The objective of a run: what its metric measures.
    pub fn of(config: &Config) -> Self {
        Self::of_metric(config.task.metric.as_ref())
    }

    /// The objective of a task with this metric. None for the exact one.
    pub fn of_metric(metric: Option<&MetricSpec>) -> Self {
        match metric.is_some_and(MetricSpec::has_partial_credit) {
            true => Self::Score,
            false => Self::Accuracy,
        }
    }

    /// The figure that is compared.
    pub fn value(self, score: &Score) -> f64 {
        match self {
            Self::Accuracy => score.accuracy,
            Self::Score => score.mean_score.unwrap_or(score.accuracy),
        }
    }

    /// The 95 % interval of the figure that is compared.
    pub fn interval(self, score: &Score) -> Interval {
        match self {
            Self::Accuracy => score.interval,
            Self::Score => score.score_interval.unwrap_or(score.interval),
        }
    }

    /// The name of the figure, as people read it and as fields of JSON have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Score => "score",
        }
    }

    /// The names of the fields of a recorded score that hold the figure and its interval.
    pub fn fields(self) -> [&'static str; 2] {
        match self {
            Self::Accuracy => ["accuracy", "interval"],
            Self::Score => ["mean_score", "score_interval"],
        }
    }

    /// Whether a larger figure is a better one.
    pub fn more_is_better(self) -> bool {
        match self {
            Self::Accuracy | Self::Score => true,
        }
    }

    /// The least and the most that a figure can be: the ends of an axis.
    pub fn range(self) -> Interval {
        match self {
            Self::Accuracy | Self::Score => Interval { low: 0.0, high: 1.0 },
        }
    }

    /// In which unit figures are shown.
    pub fn unit(self) -> Unit {
        match self {
            Self::Accuracy | Self::Score => Unit::Percent,
        }
    }

    /// Whether a figure is better than another one. Equal figures are not better, and neither is what is no number.
    pub fn is_better(self, new: f64, than: f64) -> bool {
        let better = if self.more_is_better() { new > than } else { new < than };
        better || (than.is_nan() && !new.is_nan())
    }

    /// The best of these iterations, by index and figure: of equals, the first in their order.
    pub fn best<I>(self, figures: impl IntoIterator<Item = (I, f64)>) -> Option<(I, f64)> {
        figures.into_iter().reduce(|best, next| if self.is_better(next.1, best.1) { next } else { best })
    }
}

impl Unit {
    /// A figure as a number in this unit, without the unit's sign: `58.3`.
    pub fn number(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{:.1}", 100.0 * value),
        }
    }

    /// A figure as a number with few digits, for the ticks of an axis: `60`.
    pub fn tick(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{:.0}", 100.0 * value),
        }
    }

    /// What stands behind the number: `%`.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Percent => "%",
        }
    }

    /// An interval, without the unit's sign: `[32.0, 80.7]`.
    pub fn interval(self, interval: Interval) -> String {
        format!("[{}, {}]", self.number(interval.low), self.number(interval.high))
    }

    /// A difference of two figures in the unit in which differences are told: points of a hundred.
    pub fn points(self, difference: f64) -> f64 {
        match self {
            Self::Percent => 100.0 * difference,
        }
    }
}

impl Score {
    /// The figure that an objective compares, to be written under its name.
    pub fn named(&self, objective: Objective) -> NamedFigure {
        NamedFigure { objective, value: objective.value(self) }
    }

    /// The figure that an objective compares, with its interval.
    pub fn figure(&self, objective: Objective) -> Figure {
        Figure { objective, value: objective.value(self), interval: objective.interval(self) }
    }
}

impl Figure {
    /// The figure with its unit, as a cell of a table: `58.3%`.
    pub fn cell(&self) -> String {
        let unit = self.objective.unit();
        format!("{}{}", unit.number(self.value), unit.sign())
    }

    /// The figure with its unit, as in a sentence: `58.3 %`.
    pub fn spaced(&self) -> String {
        let unit = self.objective.unit();
        format!("{} {}", unit.number(self.value), unit.sign())
    }

    /// The interval, in the figure's unit and without its sign: `[32.0, 80.7]`.
    pub fn interval(&self) -> String {
        self.objective.unit().interval(self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_best() {
        // name, figures in order, which is the best
        let table: [(&str, &[f64], Option<usize>); 6] = [
            ("none", &[], None),
            ("one", &[0.0], Some(0)),
            ("a later one", &[0.1, 0.3, 0.2], Some(1)),
            ("the first of equals", &[0.3, 0.3], Some(0)),
            ("no number is worst", &[f64::NAN, 0.0], Some(1)),
            ("no number after one", &[0.0, f64::NAN], Some(0)),
        ];
        for (name, figures, expected) in table {
            let found = Objective::Accuracy.best(figures.iter().copied().enumerate());
            assert_eq!(found.map(|(at, _)| at), expected, "{name}");
        }
    }

    #[test]
    fn figures_are_written_in_their_unit() {
        let interval = Interval { low: 0.3195, high: 0.8067 };
        let score = Score { accuracy: 7.0 / 12.0, interval, ..Score::default() };
        let figure = score.figure(Objective::Accuracy);
        let unit = Objective::Accuracy.unit();
        let found = [figure.cell(), figure.spaced(), figure.interval(), unit.tick(figure.value)];
        assert_eq!(found, ["58.3%", "58.3 %", "[31.9, 80.7]", "58"]);
    }
}
