//! Limits the memory of an instance, counted over all its memories, and remembers a refused growth. Within its limit, an
//! instance waits until the memory of all calls at once has room.

use async_trait::async_trait;
use wasmtime::{ResourceLimiterAsync, Result};

use super::deadline::CallTime;
use crate::memory::Share;

/// Most table elements of an instance, all tables together. A Rust guest needs a few hundred.
const MAX_TABLE_ELEMENTS: usize = 1_000_000;

/// wasmtime's own limiter counts each memory alone, and a later trap does not say that memory was refused.
pub struct Limiter {
    /// What the call holds of the memory of all calls.
    share: Share,
    /// The time of the call, which stands still while it waits for memory.
    pub time: CallTime,
    limit_bytes: usize,
    bytes: usize,
    table_elements: usize,
    /// The largest total so far, in bytes.
    pub peak_bytes: usize,
    /// The total that a refused growth would have led to, in bytes, if one was refused.
    pub refused_bytes: Option<usize>,
}

impl Limiter {
    pub fn new(limit_bytes: u64, share: Share, time: CallTime) -> Self {
        let limit_bytes = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        Self { share, time, limit_bytes, bytes: 0, table_elements: 0, peak_bytes: 0, refused_bytes: None }
    }
}

#[async_trait]
impl ResourceLimiterAsync for Limiter {
    async fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let wanted = self.bytes.saturating_add(desired.saturating_sub(current));
        if wanted > self.limit_bytes {
            self.refused_bytes = Some(wanted);
            return Ok(false);
        }
        if !self.share.try_grow(wanted as u64) {
            self.time.stand_still();
            self.share.grow(wanted as u64).await;
            self.time.go_on();
        }
        self.bytes = wanted;
        self.peak_bytes = self.peak_bytes.max(wanted);
        Ok(true)
    }

    async fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        let allowed = wanted <= MAX_TABLE_ELEMENTS;
        if allowed {
            self.table_elements = wanted;
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        64
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
    use std::time::Duration;

    use super::*;
    use crate::memory::MemoryBudget;

    #[tokio::test]
    async fn totals_all_memories() {
        let share = MemoryBudget::unlimited().begin(0, 100).await;
        let mut limiter = Limiter::new(100, share, CallTime::new(Duration::from_secs(60)));
        let table = [
            ("first memory", 0, 60, true, None),
            ("second memory", 0, 30, true, None),
            ("growth within the total", 30, 40, true, None),
            ("growth beyond it", 60, 61, false, Some(101)),
        ];
        for (name, current, desired, allowed, refused) in table {
            assert_eq!(limiter.memory_growing(current, desired, None).await.ok(), Some(allowed), "{name}");
            assert_eq!(limiter.refused_bytes, refused, "{name}");
        }
        assert_eq!(limiter.peak_bytes, 100);
    }
}
