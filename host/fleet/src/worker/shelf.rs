//! What a worker has at hand: components that are ready to be called, and states, each by its digest and fetched once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mmh_engine::{
    build::{Built, BuiltScorer},
    load::{Loader, Loaders},
    runner::LearnedState,
};
use mmh_record::{digest::Digest, limits::Limits, text};
use tokio::sync::OnceCell;

use crate::{FleetError, bus::Bus};

/// Components that are kept ready. Their code is mapped from files.
const MOST_COMPONENTS: usize = 256;

/// Bytes of states that are kept.
const MOST_STATE_BYTES: usize = 256 << 20;

/// Why a worker cannot make a call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Missing {
    /// It will never be able to.
    #[error("{0}")]
    Refused(String),
    /// It may be able to later, or another worker is.
    #[error(transparent)]
    Fleet(#[from] FleetError),
}

/// Something that is made once, or refused once and for all.
type Kept<T> = Mutex<HashMap<(Digest, Digest), Arc<OnceCell<Result<T, String>>>>>;

pub(crate) struct Shelf {
    loaders: Loaders,
    /// The most memory that a call may have here.
    memory_bytes: u64,
    by_limits: Mutex<HashMap<Digest, Arc<Loader>>>,
    harnesses: Kept<Built>,
    scorers: Kept<BuiltScorer>,
    states: Mutex<HashMap<Digest, LearnedState>>,
}

impl Shelf {
    pub fn new(loaders: Loaders, memory_bytes: u64) -> Self {
        Self {
            loaders,
            memory_bytes,
            by_limits: Mutex::default(),
            harnesses: Mutex::default(),
            scorers: Mutex::default(),
            states: Mutex::default(),
        }
    }

    /// The loader for these limits, and what names them. Limits that this machine cannot keep are refused.
    pub fn loader(&self, limits: &Limits) -> Result<(Digest, Arc<Loader>), Missing> {
        let name = Digest::of(serde_json::to_vec(limits).unwrap_or_default());
        if let Some(loader) = guard(&self.by_limits).get(&name) {
            return Ok((name, loader.clone()));
        }
        // Compiling is bounded by the default, which every machine is expected to have.
        let compiling = self.memory_bytes.max(Limits::default().native_memory_bytes);
        for (asked, here) in
            [(limits.memory_bytes, self.memory_bytes), (limits.native_memory_bytes, compiling)]
        {
            if asked > here {
                let [asked, here] = [asked, here].map(text::bytes);
                return Err(Missing::Refused(format!(
                    "a call may take {asked} of memory, and here is {here}"
                )));
            }
        }
        let loader = self.loaders.with(limits).map_err(|error| Missing::Refused(format!("{error:#}")))?;
        let loader = Arc::new(loader);
        let mut known = guard(&self.by_limits);
        if known.len() >= MOST_COMPONENTS {
            known.clear();
        }
        known.insert(name, loader.clone());
        Ok((name, loader))
    }

    /// The harness with this digest.
    pub async fn harness(
        &self,
        bus: &Bus,
        (limits, loader): (Digest, &Loader),
        component: Digest,
    ) -> Result<Built, Missing> {
        let made = cell(&self.harnesses, (limits, component));
        let made = made.get_or_try_init(|| async {
            let bytes = bus.objects.get(component, loader.sandbox.limits().component_bytes).await?;
            let built = loader.harness(bytes).await.map_err(host)?;
            Ok::<_, Missing>(built.map_err(|rejection| rejection.message))
        });
        made.await?.clone().map_err(Missing::Refused)
    }

    /// The scorer with this digest.
    pub async fn scorer(
        &self,
        bus: &Bus,
        (limits, loader): (Digest, &Loader),
        component: Digest,
    ) -> Result<BuiltScorer, Missing> {
        let made = cell(&self.scorers, (limits, component));
        let made = made.get_or_try_init(|| async {
            let bytes = bus.objects.get(component, loader.sandbox.limits().component_bytes).await?;
            let built = loader.scorer(bytes).await.map_err(host)?;
            Ok::<_, Missing>(built.map_err(|rejection| rejection.message))
        });
        made.await?.clone().map_err(Missing::Refused)
    }

    /// The state with this digest.
    pub async fn state(&self, bus: &Bus, state: Digest, most: u64) -> Result<LearnedState, Missing> {
        let empty = LearnedState::new(Vec::new());
        if state == empty.digest() {
            return Ok(empty);
        }
        if let Some(state) = guard(&self.states).get(&state) {
            return Ok(state.clone());
        }
        let found = LearnedState::hashed(bus.objects.get(state, most).await?, state);
        let mut states = guard(&self.states);
        let kept: usize = states.values().map(|state| state.bytes().len()).sum();
        if kept + found.bytes().len() > MOST_STATE_BYTES {
            states.clear();
        }
        states.insert(state, found.clone());
        Ok(found)
    }
}

fn host(error: impl ToString) -> Missing {
    Missing::Fleet(FleetError::Here(error.to_string()))
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cell<T>(kept: &Kept<T>, key: (Digest, Digest)) -> Arc<OnceCell<Result<T, String>>> {
    let mut kept = guard(kept);
    if kept.len() >= MOST_COMPONENTS && !kept.contains_key(&key) {
        kept.clear();
    }
    kept.entry(key).or_default().clone()
}
