//! What a search optimises: the one place that says which of two scores is better.

use crate::format::Score;

/// What candidates are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// The fraction of examples that were answered right. More is better.
    #[default]
    Accuracy,
}

impl Objective {
    /// The figure that is compared.
    pub fn value(self, score: &Score) -> f64 {
        match self {
            Self::Accuracy => score.accuracy,
        }
    }

    /// Whether a figure is better than another one. Equal figures are not better, and neither is what is no number.
    pub fn is_better(self, new: f64, than: f64) -> bool {
        match self {
            Self::Accuracy => new > than || (than.is_nan() && !new.is_nan()),
        }
    }

    /// The best of these iterations, by index and figure: of equals, the first in their order.
    pub fn best<I>(self, figures: impl IntoIterator<Item = (I, f64)>) -> Option<(I, f64)> {
        figures.into_iter().reduce(|best, next| if self.is_better(next.1, best.1) { next } else { best })
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
}
