//! The names on the bus, and what has to be there: two streams, a consumer for each version, a bucket of objects.
//!
//! | subject | what goes over it |
//! |---|---|
//! | `mmh.call.VERSION.RUN.CALL` | a call, kept in a work queue until a worker says that its result is stored |
//! | `mmh.result.RUN.CALL` | its result, kept for ten minutes |
//! | `mmh.model.RUN.CALL` | a model call: request and reply |
//! | `mmh.alive.RUN` | whether the coordinator of a run is there: request and reply |
//! | `mmh.worker.hello` | each worker about itself, once a second |
//! | `mmh.worker.who` | asks all workers for that |
//! | `mmh.worker.leave.WORKER` | asks a worker to take no more calls of a run |
//!
//! `RUN` is chosen by chance for each run of a command, and nobody can guess it.

use std::time::Duration;

use async_nats::{
    Client,
    jetstream::{
        self, Context,
        consumer::{AckPolicy, PullConsumer, pull},
        stream::{self, RetentionPolicy, StorageType, Stream},
    },
};

use crate::{Access, FleetError, denials::Denials, objects::Objects, wire::Version};

/// The work queue.
const CALLS: &str = "MMH_CALLS";

/// The results.
const RESULTS: &str = "MMH_RESULTS";

/// A call that nobody has taken in a day is of a run that is over.
const CALLS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// A coordinator that was cut off finds the results of that time. What is older is made again.
const RESULTS_KEPT: Duration = Duration::from_secs(600);

/// A call is given to another worker when its worker has not been heard of for so long.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(5);

/// How often a worker says that it still works on a call.
pub(crate) const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// The consumer of a version that nobody uses any more goes away.
const CONSUMER_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Most calls that all workers together have taken.
const MOST_TAKEN: i64 = 100_000;

/// How long the server may take for a request.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) const HELLO: &str = "mmh.worker.hello";
pub(crate) const WHO: &str = "mmh.worker.who";

pub(crate) fn call(version: &Version, run: &str, call: &str) -> String {
    format!("mmh.call.{}.{run}.{call}", version.token())
}

pub(crate) fn result(run: &str, call: &str) -> String {
    format!("mmh.result.{run}.{call}")
}

pub(crate) fn model(run: &str, call: &str) -> String {
    format!("mmh.model.{run}.{call}")
}

pub(crate) fn alive(run: &str) -> String {
    format!("mmh.alive.{run}")
}

pub(crate) fn leave(worker: &str) -> String {
    format!("mmh.worker.leave.{worker}")
}

/// A name that nobody can guess: 128 bits of the system's own chance.
pub(crate) fn unguessable() -> Result<String, FleetError> {
    use std::io::Read;
    let mut bytes = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| FleetError::Here(format!("cannot read /dev/urandom: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// In which part somebody is on the bus. Each gets its answers on subjects of its own, so that a server can be told who may
/// listen to which.
#[derive(Clone, Copy, Debug)]
pub enum Role<'a> {
    /// Hands out calls, makes what is missing on the server, and looks who is there.
    Coordinator,
    /// Makes calls: the worker of this name.
    Worker(&'a str),
}

impl Role<'_> {
    /// What the subjects begin with on which answers come.
    fn inbox(self) -> String {
        match self {
            Self::Coordinator => "_INBOX.mmh-coordinator".into(),
            Self::Worker(name) => format!("_INBOX.mmh-worker.{}", part(name)),
        }
    }

    /// What the server's administrator sees.
    fn shown(self) -> String {
        match self {
            Self::Coordinator => "mmh coordinator".into(),
            Self::Worker(name) => format!("mmh worker {name}"),
        }
    }
}

/// A name as a part of a subject.
pub(crate) fn part(name: &str) -> String {
    let may_stand = |it: &char| it.is_ascii_alphanumeric() || *it == '-' || *it == '_';
    let part: String = name.chars().filter(may_stand).take(64).collect();
    if part.is_empty() { "_".into() } else { part }
}

/// A connection with all that is on the bus.
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) denials: Denials,
    makes_consumers: bool,
    pub(crate) streams: Context,
    pub(crate) objects: Objects,
}

/// What waits in the queue of one version.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Queue {
    /// Calls that no worker has taken yet.
    pub waiting: u64,
    /// Calls that workers have taken and not ended.
    pub taken: u64,
    /// Calls among them that a worker has taken before, and not ended.
    pub taken_again: u64,
}

impl Bus {
    /// Connects, and makes what is missing on the server.
    pub async fn open(access: &Access, role: Role<'_>) -> Result<Self, FleetError> {
        let denials = Denials::new();
        let client = access.connect(&role.shown(), &role.inbox(), &denials).await?;
        let mut streams = jetstream::new(client.clone());
        streams.set_timeout(PATIENCE);
        let objects = Objects::new(&client, &streams);
        let makes_consumers = matches!(role, Role::Coordinator);
        let this = Self { client, denials, makes_consumers, streams, objects };
        this.denials.or(this.ensure()).await?;
        Ok(this)
    }

    /// Makes the streams that are missing: a server that was started again may have lost them.
    pub(crate) async fn ensure(&self) -> Result<(), FleetError> {
        self.calls().await?;
        self.results().await?;
        self.objects.ensure().await?;
        if self.makes_consumers {
            self.consumer(&Version::own()).await?;
        }
        Ok(())
    }

    async fn stream(&self, config: stream::Config) -> Result<Stream, FleetError> {
        let made = self.streams.get_or_create_stream(config).await;
        made.map_err(|error| FleetError::Server { does: "makes no stream", problem: error.to_string() })
    }

    /// The work queue.
    pub(crate) async fn calls(&self) -> Result<Stream, FleetError> {
        self.stream(stream::Config {
            name: CALLS.into(),
            description: Some("calls into harnesses, for the workers of mmh".into()),
            subjects: vec!["mmh.call.>".into()],
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            max_age: CALLS_KEPT,
            ..Default::default()
        })
        .await
    }

    /// The stream of results.
    pub(crate) async fn results(&self) -> Result<Stream, FleetError> {
        self.stream(stream::Config {
            name: RESULTS.into(),
            description: Some("results of calls into harnesses, for the coordinators of mmh".into()),
            subjects: vec!["mmh.result.>".into()],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            max_age: RESULTS_KEPT,
            ..Default::default()
        })
        .await
    }

    /// The consumer that all workers of a version share.
    pub(crate) async fn consumer(&self, version: &Version) -> Result<PullConsumer, FleetError> {
        let name = format!("workers-{}", version.token());
        let config = pull::Config {
            durable_name: Some(name.clone()),
            description: Some(format!("workers of {version}")),
            filter_subject: format!("mmh.call.{}.>", version.token()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            // How often a call is tried, its workers decide: only they can tell a cut line from a call that kills.
            max_deliver: -1,
            max_ack_pending: MOST_TAKEN,
            inactive_threshold: CONSUMER_KEPT,
            ..Default::default()
        };
        let made = self.calls().await?.get_or_create_consumer(&name, config).await;
        made.map_err(|error| FleetError::Server { does: "makes no consumer", problem: error.to_string() })
    }

    /// What waits for the workers of a version.
    pub async fn queue(&self, version: &Version) -> Result<Queue, FleetError> {
        let mut consumer = self.denials.or(self.consumer(version)).await?;
        let info = consumer.info().await.map_err(|error| FleetError::Server {
            does: "says nothing of its queue",
            problem: error.to_string(),
        })?;
        let (taken, taken_again) = (info.num_ack_pending as u64, info.num_redelivered as u64);
        Ok(Queue { waiting: info.num_pending, taken, taken_again })
    }
}
