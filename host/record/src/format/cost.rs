//! `cost.json`: tokens and money.

use serde::{Deserialize, Serialize};

use crate::{pricing::Usd, usage::Usage};

/// Tokens and money of a part of a run. Cached tokens are part of the input tokens. All money is in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// All tokens that the proposer was sent, cached or not.
    pub proposer_input_tokens: u64,
    /// All tokens that the proposer wrote, its thinking included.
    pub proposer_output_tokens: u64,
    /// Of the proposer's input tokens, those that its provider had in its cache.
    pub proposer_cache_read_tokens: u64,
    /// Of the proposer's input tokens, those that its provider put into its cache.
    pub proposer_cache_write_tokens: u64,
    /// All tokens that the target was sent, cached or not, by evaluations and trials.
    pub target_input_tokens: u64,
    /// All tokens that the target wrote, its thinking included.
    pub target_output_tokens: u64,
    /// Of the target's input tokens, those that its provider had in its cache.
    pub target_cache_read_tokens: u64,
    /// Of the target's input tokens, those that its provider put into its cache.
    pub target_cache_write_tokens: u64,
    /// What the proposer's calls cost.
    #[serde(default)]
    pub proposer_usd: f64,
    /// What the target's calls cost.
    #[serde(default)]
    pub target_usd: f64,
    /// The cost of both. Each request is priced at the rate of its own size. If the provider says what a call cost, that
    /// counts instead of the price of its tokens.
    pub estimated_usd: f64,
    /// The most that calls without a usable answer may have cost in addition. It counts against the budget.
    #[serde(default)]
    pub unknown_usd: f64,
}

impl Cost {
    /// What the target model used.
    pub fn of_target(usage: Usage, usd: f64) -> Self {
        Self {
            target_input_tokens: usage.total_input_tokens(),
            target_output_tokens: usage.output_tokens,
            target_cache_read_tokens: usage.cache_read_tokens,
            target_cache_write_tokens: usage.total_cache_write_tokens(),
            target_usd: usd,
            estimated_usd: usd,
            ..Self::default()
        }
    }

    /// What the proposer used.
    pub fn of_proposer(usage: Usage, usd: f64) -> Self {
        Self {
            proposer_input_tokens: usage.total_input_tokens(),
            proposer_output_tokens: usage.output_tokens,
            proposer_cache_read_tokens: usage.cache_read_tokens,
            proposer_cache_write_tokens: usage.total_cache_write_tokens(),
            proposer_usd: usd,
            estimated_usd: usd,
            ..Self::default()
        }
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        // A stranger's run may say any number: sums stop at the largest.
        for (sum, more) in [
            (&mut self.proposer_input_tokens, other.proposer_input_tokens),
            (&mut self.proposer_output_tokens, other.proposer_output_tokens),
            (&mut self.proposer_cache_read_tokens, other.proposer_cache_read_tokens),
            (&mut self.proposer_cache_write_tokens, other.proposer_cache_write_tokens),
            (&mut self.target_input_tokens, other.target_input_tokens),
            (&mut self.target_output_tokens, other.target_output_tokens),
            (&mut self.target_cache_read_tokens, other.target_cache_read_tokens),
            (&mut self.target_cache_write_tokens, other.target_cache_write_tokens),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.proposer_usd = dollars(self.proposer_usd + other.proposer_usd);
        self.target_usd = dollars(self.target_usd + other.target_usd);
        self.estimated_usd = dollars(self.estimated_usd + other.estimated_usd);
        self.unknown_usd = dollars(self.unknown_usd + other.unknown_usd);
    }
}

/// Rounded to what money is counted in, so that a sum is the same in every order.
fn dollars(sum: f64) -> f64 {
    Usd::from_f64(sum).as_f64()
}

/// `cost.json`: the total, and the same by iteration. Rewritten after every iteration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CostFile {
    /// The sum of all iterations and of the held-out evaluation. Its fields stand at the top of the file.
    #[serde(flatten)]
    pub total: Cost,
    /// Whether both models are simulated: then all money is 0.
    pub mock: bool,
    /// The budget in US dollars. Null for simulated models.
    pub budget_usd: Option<f64>,
    /// What each finished iteration used, by index.
    pub iterations: Vec<IterationCost>,
    /// The held-out evaluation after the search.
    pub test: Cost,
}

/// What one iteration used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IterationCost {
    /// The iteration's number. 0 is the baseline.
    pub index: u32,
    /// Its fields stand beside `index`.
    #[serde(flatten)]
    pub cost: Cost,
}
