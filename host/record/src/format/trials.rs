//! What a score says of several trials of each example, and of the predictions that were made while learning.

use serde::{Deserialize, Serialize};

use super::evaluation::{Interval, Score};

/// `trials` of `score.json`: what several trials of each example came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialScore {
    /// How many trials each example had.
    pub count: u32,
    /// The figure that candidates are compared by, for each trial over all examples, the first trial first.
    pub means: Vec<f64>,
    /// The standard deviation between these, with `count - 1` in the denominator.
    pub spread: f64,
    /// pass^k for k from 1 to `count`: the chance that k trials of an example are all right, as the mean over the examples
    /// of C(c, k) / C(n, k), where c of n trials are right. That is the unbiased estimator of Yao et al. (2024, tau-bench).
    pub pass: Vec<f64>,
}

impl TrialScore {
    /// The chance that all trials of an example are right: pass^k for the largest k.
    pub fn pass_all(&self) -> f64 {
        self.pass.last().copied().unwrap_or_default()
    }
}

/// `online` of `score.json`: what the train examples scored when they were predicted in turn, each before its answer was
/// learned. Only the first pass over them counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OnlineScore {
    /// As in [`Score`].
    pub accuracy: f64,
    /// As in [`Score`].
    pub interval: Interval,
    /// As in [`Score`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_score: Option<f64>,
    /// As in [`Score`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_interval: Option<Interval>,
    /// Train examples that were predicted.
    pub n_examples: u64,
    /// Predictions that are right.
    pub n_correct: u64,
    /// Train examples without a prediction.
    pub n_errors: u64,
}

impl OnlineScore {
    /// The part of a score that predictions have too, and so many errors.
    pub fn of(score: &Score, n_errors: u64) -> Self {
        Self {
            accuracy: score.accuracy,
            interval: score.interval,
            mean_score: score.mean_score,
            score_interval: score.score_interval,
            n_examples: score.n_examples,
            n_correct: score.n_correct,
            n_errors,
        }
    }

    /// The same as a score, so that an objective can name and write its figure.
    pub fn as_score(&self) -> Score {
        Score {
            accuracy: self.accuracy,
            interval: self.interval,
            mean_score: self.mean_score,
            score_interval: self.score_interval,
            n_examples: self.n_examples,
            n_correct: self.n_correct,
            n_errors: self.n_errors,
            ..Score::default()
        }
    }
}

impl Score {
    /// How many answers were graded: one an example, or one a trial of each.
    pub fn n_answers(&self) -> u64 {
        let trials = self.trials.as_ref().map_or(1, |trials| trials.count.max(1));
        self.n_examples.saturating_mul(trials.into())
    }
}
