//! The workers of a fleet, as a page shows them. Whoever starts the server finds them out and keeps them up to date here; this
//! crate knows no bus.

use serde::Serialize;
use tokio::sync::watch;

/// Most workers that a page lists: anybody on a bus may say that it is one. All of them are counted.
pub const LISTED: usize = 200;

/// What is known of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Workers {
    /// The server's address.
    pub server: String,
    /// This program's version. Workers of others take no calls of it.
    pub version: String,
    /// Why nothing is known now. What was known before stays.
    pub problem: Option<String>,
    /// How many workers there are, of any version.
    pub count: usize,
    /// Processors of the workers of this version.
    pub processors: usize,
    /// Calls that they end each second.
    pub calls_per_s: f64,
    /// What waits for them.
    pub queue: Queue,
    /// The first of all workers.
    pub workers: Vec<Worker>,
}

/// What waits for the workers of this version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Queue {
    /// Calls that nobody has taken.
    pub waiting: u64,
    /// Calls that workers have taken and not ended.
    pub taken: u64,
    /// Those among them that were taken before.
    pub taken_again: u64,
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worker {
    /// What tells it from others of its name.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version, where it is another than this program's.
    pub other_version: Option<String>,
    /// How many processors it uses.
    pub processors: usize,
    /// Calls that it has begun and not ended.
    pub under_way: usize,
    /// Those of them that wait for a model.
    pub waiting: usize,
    /// Calls that it has ended.
    pub done: u64,
    /// Calls that it ends each second.
    pub calls_per_s: f64,
}

/// What a page is told of the workers, now and whenever it changes.
#[derive(Clone)]
pub struct News(watch::Receiver<Workers>);

impl News {
    /// Takes them from here.
    pub fn of(workers: watch::Receiver<Workers>) -> Self {
        Self(workers)
    }

    /// The same, from the beginning.
    pub(super) fn anew(&self) -> Self {
        let mut workers = self.0.clone();
        workers.mark_changed();
        Self(workers)
    }

    /// The next state, as JSON. Never comes if nobody finds it out any more.
    pub(super) async fn next(&mut self) -> String {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        serde_json::to_string(&*self.0.borrow_and_update()).unwrap_or_default()
    }
}
