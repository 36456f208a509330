//! Prices of tokens. Prices are data: the catalog of `mmh-models` has them. Money is counted in whole millionths of a
//! millionth of a dollar, so that sums are exact.

use std::{iter::Sum, ops::AddAssign};

use serde::{Deserialize, Serialize};

use crate::usage::Usage;

/// An amount of US dollars. Serialized as a whole number of picodollars: a trillionth of a dollar each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Usd(u64);

const PICO: f64 = 1e12;

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount, about 18 million dollars. Sums stop there.
    pub const MAX: Self = Self(u64::MAX);

    /// An amount in dollars. What is negative or not a number is nothing.
    pub fn from_f64(dollars: f64) -> Self {
        Self((dollars * PICO).round() as u64)
    }

    /// The amount in dollars, as files have it.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / PICO
    }

    /// The sum, or the largest amount where the sum is larger.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or nothing where it would be negative.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The amount so many times, or the largest amount where that is larger.
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// So many tokens at a price in dollars per million.
    fn of_tokens(tokens: u64, per_million: f64) -> Self {
        Self::from_f64(per_million / 1e6).times(tokens)
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = self.plus(other);
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

/// US dollars per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Input tokens that are neither read from nor written to a cache.
    pub input: f64,
    /// Output tokens, thinking included.
    pub output: f64,
    /// Input tokens that came out of the provider's cache.
    pub cache_read: f64,
    /// Input tokens that were put into the provider's cache for five minutes.
    pub cache_write: f64,
    /// Input tokens that were put into the provider's cache for an hour. 0 in runs that are older than this field.
    #[serde(default)]
    pub cache_write_1h: f64,
}

/// A model's price. Each request has the rate of its own size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The rate of requests that are below every tier. Its fields stand beside `tiers`.
    #[serde(flatten)]
    pub rate: Rate,
    /// Rates of larger requests, by growing size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

/// The rate of requests with more than so many input tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tier {
    /// The rate is for requests with more input tokens than this, cached or not.
    pub above_input_tokens: u64,
    /// What all tokens of such a request cost. Its fields stand beside `above_input_tokens`.
    #[serde(flatten)]
    pub rate: Rate,
}

impl Price {
    /// The size above which the request's rate begins, 0 for the first one.
    pub fn tier(&self, usage: Usage) -> u64 {
        self.tier_of(usage.total_input_tokens()).map_or(0, |tier| tier.above_input_tokens)
    }

    /// Whether nothing costs anything, whatever the request.
    pub fn is_free(&self) -> bool {
        *self == Self::default()
    }

    /// What one request costs.
    pub fn of(&self, usage: Usage) -> Usd {
        let rate = self.rate_of(usage.total_input_tokens());
        let parts = [
            (usage.input_tokens, rate.input),
            (usage.output_tokens, rate.output),
            (usage.cache_read_tokens, rate.cache_read),
            (usage.cache_write_tokens, rate.cache_write),
            (usage.cache_write_1h_tokens, rate.cache_write_1h),
        ];
        parts.iter().map(|(tokens, price)| Usd::of_tokens(*tokens, *price)).sum()
    }

    /// The most that a request of at most this size can cost, whatever is cached.
    pub fn at_most(&self, input_tokens: u64, output_tokens: u64) -> Usd {
        let reached = self.tiers.iter().filter(|tier| input_tokens > tier.above_input_tokens);
        let rates = reached.map(|tier| tier.rate).chain([self.rate]);
        let costs = rates.map(|rate| {
            let dearest = rate.input.max(rate.cache_read).max(rate.cache_write).max(rate.cache_write_1h);
            Usd::of_tokens(input_tokens, dearest).plus(Usd::of_tokens(output_tokens, rate.output))
        });
        costs.max().unwrap_or_default()
    }

    fn tier_of(&self, input_tokens: u64) -> Option<&Tier> {
        self.tiers.iter().rev().find(|tier| input_tokens > tier.above_input_tokens)
    }

    fn rate_of(&self, input_tokens: u64) -> Rate {
        self.tier_of(input_tokens).map_or(self.rate, |tier| tier.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price() -> Price {
        let rate = Rate { input: 1.0, output: 5.0, cache_read: 0.1, cache_write: 1.25, cache_write_1h: 2.0 };
        let large =
            Rate { input: 5.0, output: 25.0, cache_read: 0.5, cache_write: 6.25, cache_write_1h: 10.0 };
        Price { rate, tiers: vec![Tier { above_input_tokens: 100_000, rate: large }] }
    }

    #[test]
    fn each_request_has_the_rate_of_its_size() {
        let table = [
            ("nothing", [0, 0, 0, 0, 0], 0.0, 0),
            ("plain", [10_000, 1_000, 0, 0, 0], 0.015, 0),
            ("cached", [0, 0, 50_000, 40_000, 10_000], 0.005 + 0.05 + 0.02, 0),
            ("at the boundary", [100_000, 0, 0, 0, 0], 0.1, 0),
            ("one above it", [100_001, 0, 0, 0, 0], 0.500_005, 100_000),
            ("cached tokens count for the size", [1, 10, 100_000, 0, 0], 0.050_255, 100_000),
        ];
        for (name, [input, output, read, write, hour], dollars, tier) in table {
            let usage = Usage {
                input_tokens: input,
                output_tokens: output,
                cache_read_tokens: read,
                cache_write_tokens: write,
                cache_write_1h_tokens: hour,
            };
            assert_eq!(price().of(usage), Usd::from_f64(dollars), "{name}");
            assert_eq!(price().tier(usage), tier, "{name}");
            assert!(price().at_most(usage.total_input_tokens(), output) >= price().of(usage), "{name}");
        }
    }

    #[test]
    fn a_price_without_a_rate_is_free() {
        assert_eq!(Price::default().at_most(1 << 40, 1 << 40), Usd::ZERO);
        assert_eq!(Usd::from_f64(-1.0), Usd::ZERO);
    }
}
