//! What tokens cost.

use serde::{Deserialize, Serialize};

use crate::model::Usage;

/// US dollars per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    pub cache_read: f64,
    pub cache_write: f64,
}

impl Price {
    /// Simulated models cost nothing.
    pub const FREE: Self = Self { input: 0.0, output: 0.0, cache_read: 0.0, cache_write: 0.0 };

    /// The price of this usage in US dollars.
    pub fn of(&self, usage: Usage) -> f64 {
        let parts = [
            (usage.input_tokens, self.input),
            (usage.output_tokens, self.output),
            (usage.cache_read_tokens, self.cache_read),
            (usage.cache_write_tokens, self.cache_write),
        ];
        parts.iter().map(|(tokens, price)| *tokens as f64 * price / 1e6).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_each_kind_of_token() {
        let price = Price { input: 1.0, output: 5.0, cache_read: 0.1, cache_write: 1.25 };
        let usage = Usage {
            input_tokens: 1_000_000,
            output_tokens: 200_000,
            cache_read_tokens: 10_000_000,
            cache_write_tokens: 800_000,
        };
        assert!((price.of(usage) - 4.0).abs() < 1e-9);
        assert_eq!(Price::FREE.of(usage), 0.0);
    }
}
