//! `frontier.json`: which harnesses are worth the length of their prompts.

use serde::{Deserialize, Serialize};

use super::evaluation::{Interval, Score};

/// `frontier.json`: the scored iterations that no other one makes superfluous, on validation. Another one does if it has at
/// least as good a score with at most as many prompt tokens, and is better in one of both; of equals in both, the first
/// iteration stays. Rewritten whenever `summary.json` is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frontier {
    /// By prompt tokens, the fewest first: so each has a better score than the one before.
    pub members: Vec<FrontierMember>,
}

/// An iteration on the frontier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrontierMember {
    /// The iteration's number.
    pub index: u32,
    /// The figure that the run's objective compares, on validation.
    pub score: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// Mean input tokens of an example, all its model calls together.
    pub prompt_tokens: f64,
    /// Whether the provider did not tell the tokens of some calls, so that they were estimated from the size of the texts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub estimated: bool,
    /// Mean number of model calls of an example. 0: the harness asks no model.
    pub model_calls: f64,
    /// What the model calls of an example cost on average, in US dollars. Replies that the reply cache had cost nothing.
    pub cost_usd: f64,
}

impl Frontier {
    /// Whether the iteration is on it.
    pub fn has(&self, index: u32) -> bool {
        self.members.iter().any(|it| it.index == index)
    }
}

/// How a harness is called that makes no model call on any example.
pub const ASKS_NO_MODEL: &str = "asks no model";

/// What must be said of a harness that makes so many model calls on so many examples: [`ASKS_NO_MODEL`], or nothing.
pub fn asks_no_model(n_examples: u64, model_calls: f64) -> Option<&'static str> {
    (n_examples > 0 && model_calls == 0.0).then_some(ASKS_NO_MODEL)
}

impl Score {
    /// What must be said of a harness that makes no model call on any example. None of all others.
    pub fn asks_no_model(&self) -> Option<&'static str> {
        asks_no_model(self.n_examples, self.mean_model_calls)
    }

    /// Mean input tokens of an example, all its model calls together. Runs that are older than the field have their sum.
    pub fn prompt_tokens(&self) -> f64 {
        let sum = || self.total_input_tokens as f64 / self.n_examples.max(1) as f64;
        self.mean_prompt_tokens.unwrap_or_else(sum)
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harness_that_asks_no_model_is_said_to_be_one() {
        let score = |n_examples, mean_model_calls| Score { n_examples, mean_model_calls, ..Score::default() };
        let table = [
            ("no call on any example", score(20, 0.0), Some("asks no model")),
            ("a call on one of them", score(20, 0.05), None),
            ("a call on each", score(20, 1.0), None),
            ("nothing was evaluated", score(0, 0.0), None),
        ];
        for (name, score, expected) in table {
            assert_eq!(score.asks_no_model(), expected, "{name}");
        }
    }

    #[test]
    fn prompt_tokens_of_older_runs_follow_from_their_sum() {
        let older = Score { total_input_tokens: 90, n_examples: 4, ..Score::default() };
        let table = [
            ("recorded", Score { mean_prompt_tokens: Some(7.5), ..older.clone() }, 7.5),
            ("older", older, 22.5),
            ("nothing was evaluated", Score::default(), 0.0),
        ];
        for (name, score, expected) in table {
            assert_eq!(score.prompt_tokens(), expected, "{name}");
        }
    }
}
