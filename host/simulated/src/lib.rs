//! Simulated models: they run the whole machinery offline, free and reproducibly. Their accuracy says nothing
//! about a real model.

pub mod proposer;
pub mod target;

use std::sync::Arc;

use mmh_models::ChatModel;

/// The simulated target and the simulated proposer of a seed.
pub fn models(seed: u64) -> (Arc<dyn ChatModel>, Arc<dyn ChatModel>) {
    (Arc::new(target::SimulatedTarget::new(seed)), Arc::new(proposer::SimulatedProposer::new(seed)))
}
