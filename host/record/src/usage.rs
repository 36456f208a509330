//! Tokens of model calls, as providers count them.

/// Tokens of one or more calls. `input` is what was neither read from nor written to a cache. They are what
/// somebody else says, so sums stop at the largest number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Sent, and neither read from nor written to a cache.
    pub input_tokens: u64,
    /// Written by the model, its thinking included.
    pub output_tokens: u64,
    /// Sent, and found in the provider's cache.
    pub cache_read_tokens: u64,
    /// Sent, and put into the provider's cache for five minutes.
    pub cache_write_tokens: u64,
    /// Written to be kept for an hour, which costs more. Never asked for by this program.
    pub cache_write_1h_tokens: u64,
}

impl Usage {
    /// Everything that went in, cached or not.
    pub fn total_input_tokens(&self) -> u64 {
        self.input_tokens
            .saturating_add(self.cache_read_tokens)
            .saturating_add(self.total_cache_write_tokens())
    }

    /// Everything that was put into a cache, for however long.
    pub fn total_cache_write_tokens(&self) -> u64 {
        self.cache_write_tokens.saturating_add(self.cache_write_1h_tokens)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        let pairs = [
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (&mut self.cache_read_tokens, other.cache_read_tokens),
            (&mut self.cache_write_tokens, other.cache_write_tokens),
            (&mut self.cache_write_1h_tokens, other.cache_write_1h_tokens),
        ];
        pairs.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_beyond_counting_stop_at_the_largest_number() {
        let most = u64::MAX;
        let said = Usage {
            input_tokens: most,
            output_tokens: most,
            cache_read_tokens: most,
            cache_write_tokens: most,
            cache_write_1h_tokens: most,
        };
        let mut total = said;
        total += said;
        assert_eq!((total, said.total_input_tokens(), said.total_cache_write_tokens()), (said, most, most));
    }
}
