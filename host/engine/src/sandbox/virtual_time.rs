//! Time and randomness as a harness sees them: the same on every machine and in every run.
//!
//! Each call has one clock. Reading it moves it by a tick; waiting for a moment moves it to that moment at once. This
//! clock alone decides whether a moment is reached, so waiting takes no real time, and no real time can be observed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use wasmtime::{
    Result, bail,
    component::{HasData, Resource, ResourceTable},
};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtxBuilder,
    p2::{DynPollable, Pollable, bindings::clocks::monotonic_clock, subscribe},
};
use wasmtime_wasi_io::bindings::wasi::io::poll;

use super::MAX_HANDLES;
use mmh_record::digest::{Digest, KeyBuilder};

/// Every call starts at this moment: 2000-01-01T00:00:00Z.
const EPOCH_S: u64 = 946_684_800;

/// How far the clock moves when it is read.
const TICK_NS: u64 = 1_000;

/// The clock of one call, in nanoseconds since its start.
#[derive(Clone, Default)]
pub struct VirtualClock(Arc<AtomicU64>);

impl VirtualClock {
    /// Reads the clock, which moves it by a tick. It stops at the largest number.
    fn tick(&self) -> u64 {
        let later = |now: u64| Some(now.saturating_add(TICK_NS));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).unwrap_or(u64::MAX)
    }

    fn wait_until(&self, moment: u64) {
        self.0.fetch_max(moment, Ordering::Relaxed);
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

/// The clock of a call, and the moments that it waits for.
#[derive(Default)]
pub struct Time {
    pub clock: VirtualClock,
    /// The moments by their pollables. All other pollables belong to streams, which are always ready.
    moments: HashMap<u32, u64>,
}

/// The interfaces of time, as one call has them.
pub struct TimeView<'a> {
    pub time: &'a mut Time,
    pub table: &'a mut ResourceTable,
}

/// Tells the linker that these interfaces need a [`TimeView`].
pub struct HasTime;

impl HasData for HasTime {
    type Data<'a> = TimeView<'a>;
}

/// The table's entry behind a moment's pollable. Its own readiness is never used, because the clock decides.
struct Moment;

#[async_trait::async_trait]
impl Pollable for Moment {
    async fn ready(&mut self) {}
}

impl TimeView<'_> {
    fn subscribe(&mut self, moment: u64) -> Result<Resource<DynPollable>> {
        let stand_in = self.table.push(Moment)?;
        let pollable = subscribe(self.table, stand_in)?;
        self.time.moments.insert(pollable.rep(), moment);
        Ok(pollable)
    }

    /// The moment from which a pollable is ready; 0 if it always is. Fails if the handle is unknown.
    fn moment(&self, pollable: &Resource<DynPollable>) -> Result<u64> {
        self.table.get(pollable)?;
        Ok(self.time.moments.get(&pollable.rep()).copied().unwrap_or(0))
    }
}

impl monotonic_clock::Host for TimeView<'_> {
    fn now(&mut self) -> Result<u64> {
        Ok(self.time.clock.tick())
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(TICK_NS)
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<DynPollable>> {
        self.subscribe(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> Result<Resource<DynPollable>> {
        let now = self.time.clock.tick();
        self.subscribe(now.saturating_add(duration))
    }
}

impl poll::Host for TimeView<'_> {
    /// The indexes of the pollables that are ready. If none is, time moves to the earliest moment.
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        if pollables.is_empty() || pollables.len() > MAX_HANDLES {
            bail!("{} pollables are polled, 1 to {MAX_HANDLES} can be", pollables.len());
        }
        let moments = pollables.iter().map(|it| self.moment(it)).collect::<Result<Vec<_>>>()?;
        let mut now = self.time.clock.tick();
        if let Some(earliest) = moments.iter().min().copied().filter(|earliest| *earliest > now) {
            self.time.clock.wait_until(earliest);
            now = earliest;
        }
        let ready = (0u32..).zip(moments).filter(|(_, moment)| *moment <= now);
        Ok(ready.map(|(at, _)| at).collect())
    }
}

impl poll::HostPollable for TimeView<'_> {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        let moment = self.moment(&pollable)?;
        Ok(moment <= self.time.clock.tick())
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        let moment = self.moment(&pollable)?;
        self.time.clock.wait_until(moment);
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        self.time.moments.remove(&pollable.rep());
        poll::HostPollable::drop(self.table, pollable)
    }
}

/// Gives a call its clocks and its randomness. Randomness depends on the seed alone.
pub fn install(builder: &mut WasiCtxBuilder, clock: &VirtualClock, seed: Digest) {
    let rng = |purpose: &str| {
        let key = KeyBuilder::new("randomness").part("seed", seed.bytes()).part("purpose", purpose).finish();
        (ChaCha8Rng::from_seed(*key.bytes()), key)
    };
    let (_, hash_seed) = rng("hash");
    let mut hash_bytes = [0; 16];
    hash_bytes.copy_from_slice(&hash_seed.bytes()[..16]);
    builder
        .wall_clock(clock.clone())
        .monotonic_clock(clock.clone())
        .secure_random(rng("secure").0)
        .insecure_random(rng("insecure").0)
        // Rust's `HashMap` order, and with it fuel, depends on this one.
        .insecure_random_seed(u128::from_le_bytes(hash_bytes));
}

#[cfg(test)]
mod tests {
    use monotonic_clock::Host as _;
    use poll::{Host as _, HostPollable as _};

    use super::*;

    const HOUR_NS: u64 = 3_600_000_000_000;

    /// A view whose handles are made again from their numbers, as a guest's are.
    struct Call {
        time: Time,
        table: ResourceTable,
    }

    impl Call {
        fn view(&mut self) -> TimeView<'_> {
            TimeView { time: &mut self.time, table: &mut self.table }
        }

        fn after(&mut self, duration: u64) -> u32 {
            self.view().subscribe_duration(duration).expect("a pollable").rep()
        }

        fn stream(&mut self) -> u32 {
            let stand_in = self.table.push(Moment).expect("there is room");
            subscribe(&mut self.table, stand_in).expect("a pollable").rep()
        }

        async fn poll(&mut self, pollables: &[u32]) -> Vec<u32> {
            let handles = pollables.iter().map(|rep| Resource::new_borrow(*rep)).collect();
            self.view().poll(handles).await.expect("they are polled")
        }

        fn now(&mut self) -> u64 {
            self.view().now().expect("a time")
        }
    }

    fn call() -> Call {
        Call { time: Time::default(), table: ResourceTable::new() }
    }

    #[tokio::test]
    async fn waiting_moves_the_clock_and_takes_no_time() {
        let begun = std::time::Instant::now();
        let mut call = call();
        let (hour, day, never) = (call.after(HOUR_NS), call.after(24 * HOUR_NS), call.after(u64::MAX));
        assert_eq!(call.poll(&[day, hour, never]).await, [1], "the earliest one");
        assert!((HOUR_NS..HOUR_NS + 10_000).contains(&call.now()));
        assert_eq!(
            call.poll(&[day, hour, hour]).await,
            [1, 2],
            "what is past is ready, however often it is named"
        );
        let stream = call.stream();
        assert_eq!(call.poll(&[day, stream]).await, [1], "a stream is ready, and nobody waits");
        call.view().block(Resource::new_borrow(day)).await.expect("it waits");
        assert!((24 * HOUR_NS..24 * HOUR_NS + 10_000).contains(&call.now()));
        assert_eq!(call.poll(&[never]).await, [0]);
        assert_eq!((call.now(), call.now()), (u64::MAX, u64::MAX), "time stops at its end");
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    /// A moment comes after a number of reads, however much real time passes between them.
    #[tokio::test]
    async fn looking_moves_the_clock_too() {
        let mut found = Vec::new();
        for pause in [0, 5] {
            let mut call = call();
            let pollable = call.after(100 * TICK_NS);
            let mut looks = 1;
            while !call.view().ready(Resource::new_borrow(pollable)).await.expect("it is asked") {
                looks += 1;
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            found.push(looks);
        }
        assert_eq!(found, [100, 100]);
    }

    #[tokio::test]
    async fn handles_are_looked_at() {
        let mut call = call();
        let pollable = call.after(1);
        call.view().drop(Resource::new_own(pollable)).expect("it is dropped");
        assert!(call.time.moments.is_empty());
        assert!(call.view().ready(Resource::new_borrow(pollable)).await.is_err(), "it is gone");
        assert!(call.view().poll(Vec::new()).await.is_err(), "nothing would ever be ready");
        let stream = call.stream();
        let many = (0..=MAX_HANDLES).map(|_| Resource::new_borrow(stream)).collect();
        assert!(call.view().poll(many).await.is_err(), "more than there can be");
    }
}
