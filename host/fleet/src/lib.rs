//! Calls into harnesses on many machines, over NATS JetStream: the workers that take them, and the coordinator that hands
//! them out and puts their reports where an evaluation expects them.
//!
//! A call is data, and so is its report. What a call needs besides, its component and its state, lies in an object store by
//! digest. Model calls come back to the coordinator, which alone has keys, budget, reply cache and journal. Nothing here
//! decides a result: whatever happens to a worker, to the server or to the way between them, the report is the one that the
//! coordinator's own sandbox would have given, and where nobody else can make a call, that sandbox makes it.

mod bus;
mod connect;
pub mod coordinator;
mod denials;
mod objects;
mod roster;
mod watching;
pub mod wire;
pub mod worker;

pub use bus::{Bus, Queue, Role};
pub use connect::{Access, FleetError};
pub use roster::{Standing, ask_who};
pub use watching::{Look, Watch};

use std::sync::Arc;

/// Tells the user a remark.
pub type Tell = Arc<dyn Fn(String) + Send + Sync>;
