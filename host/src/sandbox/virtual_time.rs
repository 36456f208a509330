//! What a harness sees of time and chance: the same on every machine and in every run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

use crate::digest::{Digest, KeyBuilder};

/// Every call starts at this moment: 2000-01-01T00:00:00Z.
const EPOCH_S: u64 = 946_684_800;

/// How far time moves with every look at a clock.
const TICK_NS: u64 = 1_000;

/// Both clocks of one call. They move only when looked at.
#[derive(Clone, Default)]
struct VirtualClock(Arc<AtomicU64>);

impl VirtualClock {
    fn tick(&self) -> u64 {
        self.0.fetch_add(TICK_NS, Ordering::Relaxed)
    }
}

impl HostWallClock for VirtualClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(TICK_NS)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(EPOCH_S) + Duration::from_nanos(self.tick())
    }
}

impl HostMonotonicClock for VirtualClock {
    fn resolution(&self) -> u64 {
        TICK_NS
    }

    fn now(&self) -> u64 {
        self.tick()
    }
}

/// Gives a call its clocks and its randomness, which depend on the seed alone.
pub fn install(builder: &mut WasiCtxBuilder, seed: Digest) {
    let rng = |purpose: &str| {
        let key = KeyBuilder::new("randomness").part("seed", seed.bytes()).part("purpose", purpose).finish();
        (ChaCha8Rng::from_seed(*key.bytes()), key)
    };
    let clock = VirtualClock::default();
    let (_, hash_seed) = rng("hash");
    let mut hash_bytes = [0; 16];
    hash_bytes.copy_from_slice(&hash_seed.bytes()[..16]);
    builder
        .wall_clock(clock.clone())
        .monotonic_clock(clock)
        .secure_random(rng("secure").0)
        .insecure_random(rng("insecure").0)
        // Rust's `HashMap` order, and with it fuel, depends on this one.
        .insecure_random_seed(u128::from_le_bytes(hash_bytes));
}
