//! Counts what an instance allocates, all memories together, and remembers what it refused.

use wasmtime::{ResourceLimiter, Result};

/// Table elements of an instance together. A Rust guest needs a few hundred.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;

/// wasmtime's own limiter counts per memory, and a later trap does not say why; this one totals.
#[derive(Debug)]
pub struct Limiter {
    limit_bytes: usize,
    bytes: usize,
    table_elements: usize,
    /// The most memory there was at once.
    pub peak_bytes: usize,
    /// What the refused growth would have led to, if one was refused.
    pub refused_bytes: Option<usize>,
}

impl Limiter {
    pub fn new(limit_bytes: u64) -> Self {
        let limit_bytes = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        Self { limit_bytes, bytes: 0, table_elements: 0, peak_bytes: 0, refused_bytes: None }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let wanted = self.bytes.saturating_add(desired.saturating_sub(current));
        if wanted > self.limit_bytes {
            self.refused_bytes = Some(wanted);
            return Ok(false);
        }
        self.bytes = wanted;
        self.peak_bytes = self.peak_bytes.max(wanted);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        let allowed = wanted <= MAX_TABLE_ELEMENTS;
        if allowed {
            self.table_elements = wanted;
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        32
    }

    fn tables(&self) -> usize {
        32
    }

    fn memories(&self) -> usize {
        16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_all_memories() {
        let mut limiter = Limiter::new(100);
        let table = [
            ("first memory", 0, 60, true, None),
            ("second memory", 0, 30, true, None),
            ("growth within the total", 30, 40, true, None),
            ("growth beyond it", 60, 61, false, Some(101)),
        ];
        for (name, current, desired, allowed, refused) in table {
            assert_eq!(limiter.memory_growing(current, desired, None).ok(), Some(allowed), "{name}");
            assert_eq!(limiter.refused_bytes, refused, "{name}");
        }
        assert_eq!(limiter.peak_bytes, 100);
    }
}
