//! A worker: takes calls from the queue as long as it has processors and memory for them, makes them, and stores what came
//! of them. It has no key, no data set and no budget.

mod call;
pub mod metrics;
mod model;
mod shelf;
mod slots;
mod tally;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_nats::{Subscriber, jetstream::consumer::PullConsumer};
use futures::{StreamExt, future::BoxFuture};
use mmh_engine::load::Loaders;
use tokio::task::JoinSet;

use crate::{
    Access, FleetError, Tell,
    bus::{self, Bus, Role},
    wire::{Hello, Version},
};
use shelf::Shelf;
use slots::Slots;
use tally::Tally;

/// How often a worker tells about itself.
const HELLO_EVERY: Duration = Duration::from_secs(1);

/// How long the server keeps a question for calls.
const ASK_FOR: Duration = Duration::from_secs(5);

/// How long calls have to end when the worker is stopped. Then they are left to others.
const END_WITHIN: Duration = Duration::from_secs(20);

/// How long the server may take for what a worker says last.
const SAY_WITHIN: Duration = Duration::from_secs(2);

/// What a worker is made of.
pub struct Settings {
    /// Its name in lists and messages.
    pub name: String,
    /// How many processors it uses.
    pub processors: usize,
    /// Makes components ready, with the memory that all calls share.
    pub loaders: Loaders,
    /// The most memory that one call may have.
    pub memory_bytes: u64,
    /// Where its metrics are offered, if they are.
    pub metrics: Option<tokio::net::TcpListener>,
}

/// A worker at work.
struct Worker {
    id: String,
    name: String,
    processors: usize,
    version: Version,
    bus: Arc<Bus>,
    shelf: Shelf,
    slots: Slots,
    tally: Tally,
    /// Whether the coordinators of runs are there, and when that was found out.
    wanted: Mutex<HashMap<String, (Instant, bool)>>,
    /// Runs that take no results of this worker any more.
    left: Mutex<HashSet<String>>,
}

/// Works until `stop` ends, then lets the calls under way end.
pub async fn serve(
    access: &Access,
    settings: Settings,
    tell: Tell,
    stop: BoxFuture<'_, ()>,
) -> Result<(), FleetError> {
    let Settings { name, processors, loaders, memory_bytes, metrics } = settings;
    let bus = Arc::new(Bus::open(access, Role::Worker(&name)).await?);
    let worker = Arc::new(Worker {
        id: bus::unguessable()?,
        name,
        processors,
        version: Version::own(),
        bus,
        shelf: Shelf::new(loaders, memory_bytes),
        slots: Slots::new(processors),
        tally: Tally::default(),
        wanted: Mutex::default(),
        left: Mutex::default(),
    });
    let begun = async {
        let who = worker.subscribe(bus::WHO.into()).await?;
        let leave = worker.subscribe(bus::leave(&worker.id)).await?;
        Ok((who, leave, worker.bus.consumer(&worker.version).await?))
    };
    let (who, leave, consumer) = worker.bus.denials.or(begun).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(worker.bus.denials.clone().tell(tell.clone()));
    tasks.spawn(tell_who(worker.clone(), who));
    tasks.spawn(tell_often(worker.clone()));
    tasks.spawn(leave_runs(worker.clone(), leave, tell.clone()));
    if let Some(listener) = metrics {
        tasks.spawn(metrics::offer(listener, worker.clone()));
    }
    let count = worker.processors;
    tell(format!(
        "worker {}: {count} processor{}, {}; Ctrl-C lets what is under way end",
        worker.name,
        if count == 1 { "" } else { "s" },
        worker.version
    ));
    let mut calls = JoinSet::new();
    tokio::select! {
        () = stop => {}
        () = take(&worker, consumer, &mut calls) => {}
    }
    tell(format!("stopping: {} calls are under way", worker.slots.counts().under_way));
    let ended = tokio::time::timeout(END_WITHIN, worker.slots.all_free()).await;
    calls.shutdown().await;
    // A server that is away takes nothing any more.
    let _ = tokio::time::timeout(SAY_WITHIN, worker.bus.client.flush()).await;
    if ended.is_err() {
        tell("the calls that have not ended are left to other workers".into());
    }
    Ok(())
}

/// Takes calls as long as there is room for them.
async fn take(worker: &Arc<Worker>, mut consumer: PullConsumer, calls: &mut JoinSet<()>) {
    loop {
        let free = worker.slots.some_free().await;
        while calls.try_join_next().is_some() {}
        let batch = consumer.batch().max_messages(free).expires(ASK_FOR).messages().await;
        let mut failed = batch.is_err();
        if let Ok(mut batch) = batch {
            while let Some(message) = batch.next().await {
                match message {
                    Ok(message) => {
                        let begun = worker.slots.begin();
                        calls.spawn(call::make(worker.clone(), message, begun));
                    }
                    Err(error) => {
                        tracing::debug!("calls are asked for again: {error}");
                        failed = true;
                        break;
                    }
                }
            }
        }
        if failed {
            // A server that was started again may have lost the queue.
            tokio::time::sleep(Duration::from_millis(300)).await;
            let again = async {
                worker.bus.ensure().await?;
                worker.bus.consumer(&worker.version).await
            };
            if let Ok(found) = again.await {
                consumer = found;
            }
        }
    }
}

/// Answers who is there.
async fn tell_who(worker: Arc<Worker>, mut asked: Subscriber) {
    while let Some(message) = asked.next().await {
        if let (Some(reply), Ok(hello)) = (message.reply, serde_json::to_vec(&worker.hello())) {
            let _ = worker.bus.client.publish(reply, hello.into()).await;
        }
    }
}

/// Tells about the worker again and again.
async fn tell_often(worker: Arc<Worker>) {
    loop {
        worker.tally.tick();
        if let Ok(hello) = serde_json::to_vec(&worker.hello()) {
            let _ = worker.bus.client.publish(bus::HELLO, hello.into()).await;
        }
        tokio::time::sleep(HELLO_EVERY).await;
    }
}

/// Leaves the calls of runs to others that take no results of this worker.
async fn leave_runs(worker: Arc<Worker>, mut asked: Subscriber, tell: Tell) {
    while let Some(message) = asked.next().await {
        let run = String::from_utf8_lossy(&message.payload).into_owned();
        let is_new = worker.left.lock().unwrap_or_else(PoisonError::into_inner).insert(run);
        if is_new {
            tell("warning: a coordinator found a wrong result of this worker, and takes no more: is its memory sound?".into());
        }
    }
}

impl Worker {
    async fn subscribe(&self, subject: String) -> Result<Subscriber, FleetError> {
        let problem = |error: async_nats::SubscribeError| FleetError::Server {
            does: "takes no subscription",
            problem: error.to_string(),
        };
        self.bus.client.subscribe(subject).await.map_err(problem)
    }

    fn wanted(&self) -> MutexGuard<'_, HashMap<String, (Instant, bool)>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_left(&self, run: &str) -> bool {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).contains(run)
    }

    fn hello(&self) -> Hello {
        let counts = self.slots.counts();
        Hello {
            id: self.id.clone(),
            name: self.name.clone(),
            version: self.version.clone(),
            processors: self.processors,
            under_way: counts.under_way,
            waiting: counts.waiting,
            done: self.tally.done(),
            calls_per_s: self.tally.calls_per_s(),
        }
    }
}
