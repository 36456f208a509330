//! The coordinator: a [`Runner`] that puts calls into the work queue, answers the model calls of whoever makes them, and
//! takes the results.
//!
//! A call is over as soon as one result of it is there, whoever sends it. What was lost on the way is put again, and what
//! nobody makes is made here, so that every call comes to the same end as without any worker.

mod audit;
mod desk;
mod hearing;
mod sending;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use mmh_engine::{
    build::BuiltScorer,
    runner::{HarnessCall, Runner, ScorerCall, Trained},
    sandbox::{LabelledExample, ModelPort, Report, Sandbox},
};
use mmh_record::{digest::Digest, grade::Grade, input::Input, limits::Limits, text};
use tokio::{sync::mpsc, task::JoinSet};

use audit::{Returned, Verdict};
use desk::{Desk, RepliesOnly};

use crate::{
    Access, FleetError, Standing, Tell,
    bus::{self, Bus, Role},
    objects::Objects,
    roster::{ANSWER_WITHIN, Roster, ask_who},
    wire::{Account, Answer, Done, Version, Work, framed},
};

/// Calls under way at once for each processor, where nobody says how many.
const PER_PROCESSOR: usize = 4;

/// Most remarks of a run.
const MOST_REMARKS: usize = 1_000;

/// What may be decided about a fleet.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How large a part of the calls is made here as well, to compare: from 0 to 1.
    pub audit_share: f64,
    /// How long nobody has to be there before a call is made here.
    pub patience: Duration,
}

/// A runner whose calls are made by workers.
pub struct Fleet {
    shared: Arc<Shared>,
    here: Arc<Sandbox>,
    /// What listens to the bus. It ends with the fleet.
    _listening: JoinSet<()>,
}

/// What a fleet's tasks share.
struct Shared {
    bus: Bus,
    /// The unguessable part of the subjects.
    run: String,
    version: Version,
    settings: Settings,
    tell: Tell,
    next: AtomicU64,
    /// The calls under way, by their ids.
    pending: Mutex<HashMap<String, Pending>>,
    roster: Roster,
    /// Whether it was said who is there.
    has_begun: AtomicBool,
    /// Workers whose results are not taken any more.
    distrusted: Mutex<HashSet<String>>,
    /// How many results of each worker were taken.
    taken: Mutex<HashMap<String, u64>>,
    /// Remarks that were made: each is made once.
    told: Mutex<HashSet<String>>,
}

/// A call under way.
#[derive(Clone)]
struct Pending {
    desk: Arc<Desk>,
    results: mpsc::UnboundedSender<Bytes>,
}

impl Pending {
    /// Ends the call as if a worker had refused it.
    fn give_up(&self, done: &Done) {
        if let Ok(refusal) = framed(done, &[]) {
            let _ = self.results.send(Objects::whole(&refusal));
        }
    }
}

/// A result that came, with the id of its call.
struct Came {
    call: Digest,
    done: Done,
    tail: Bytes,
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, HashMap<String, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_distrusted(&self, worker: &str) -> bool {
        self.distrusted.lock().unwrap_or_else(PoisonError::into_inner).contains(worker)
    }

    fn standing(&self) -> Standing {
        self.roster.standing(&self.version, |worker| self.is_distrusted(worker))
    }

    /// Tells a remark, once.
    fn tell_once(&self, remark: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // What comes from the bus may be anything.
        if told.len() < MOST_REMARKS && told.insert(remark.clone()) {
            (self.tell)(remark);
        }
    }

    /// Takes no more results of a worker, and asks it to leave the calls of this run to others.
    async fn distrust(&self, done: &Done, why: &str) {
        let is_new =
            self.distrusted.lock().unwrap_or_else(PoisonError::into_inner).insert(done.worker.clone());
        if !is_new {
            return;
        }
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).get(&done.worker).copied();
        (self.tell)(format!(
            "warning: the worker {} ({}) is not used any more: {why}; {} results of it were taken before, which `mmh \
             verify` checks",
            text::name(&done.name),
            text::name(&done.worker),
            taken.unwrap_or_default()
        ));
        let run = Bytes::copy_from_slice(self.run.as_bytes());
        if let Err(error) = self.bus.client.publish(bus::leave(&bus::part(&done.worker)), run).await {
            tracing::debug!("the worker is not told: {error}");
        }
    }

    fn count(&self, worker: &str) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken.entry(worker.to_owned()).or_default() += 1;
    }
}

impl Fleet {
    /// Connects to a fleet. Calls that nobody makes are made by `here`. Fails if no worker is there.
    pub async fn join(
        access: &Access,
        settings: Settings,
        here: Arc<Sandbox>,
        tell: Tell,
    ) -> Result<Self, FleetError> {
        let bus = Bus::open(access, Role::Coordinator).await?;
        let shared = Arc::new(Shared {
            bus,
            run: bus::unguessable()?,
            version: Version::own(),
            settings,
            tell,
            next: AtomicU64::new(0),
            pending: Mutex::default(),
            roster: Roster::default(),
            has_begun: AtomicBool::new(false),
            distrusted: Mutex::default(),
            taken: Mutex::default(),
            told: Mutex::default(),
        });
        let bus = &shared.bus;
        let begun = async { Ok((hearing::begin(&shared).await?, ask_who(bus, ANSWER_WITHIN).await?)) };
        let (listening, found) = bus.denials.or(begun).await?;
        for hello in found {
            shared.roster.note(hello);
        }
        let standing = shared.standing();
        let others = shared.roster.others(&shared.version);
        for other in &others {
            shared.tell_once(format!("{other}, and gets no calls: this is {}", shared.version));
        }
        if standing.workers == 0 {
            let url = access.shown();
            let others = if others.is_empty() { "" } else { " of this version" };
            return Err(FleetError::NoWorker(format!(
                "there is no worker{others} at {url}: `mmh worker --nats {url}` starts one"
            )));
        }
        (shared.tell)(format!("fleet: {}", standing.line()));
        shared.has_begun.store(true, Ordering::Relaxed);
        Ok(Self { shared, here, _listening: listening })
    }

    /// How the fleet stands.
    pub fn standing(&self) -> Standing {
        self.shared.standing()
    }

    /// How many calls at once keep the workers busy that are there now.
    pub fn at_once(&self) -> usize {
        (self.standing().processors * PER_PROCESSOR).max(1)
    }

    /// Makes a call: by a worker, or else here. `here` makes it in the sandbox of this process.
    async fn make<'a, T: Returned>(
        &'a self,
        work: Work,
        blobs: [Option<(Digest, &'a [u8])>; 2],
        (model, limits): (Arc<dyn ModelPort>, Limits),
        read: fn(Answer, Bytes) -> Option<Account<T>>,
        here: impl Fn(Arc<dyn ModelPort>) -> BoxFuture<'a, Report<T>> + Send + Sync + 'a,
    ) -> Report<T> {
        let desk = Desk::new(model, limits.clone());
        let came = self.shared.call(work, blobs, &desk, self.here.limits()).await;
        // A call that is made here goes on with the replies that are there, or on their way.
        let Some(Came { call, done, tail }) = came else {
            let report = here(desk.clone()).await;
            desk.close().await;
            return report;
        };
        let (worker, name) = (done.worker.clone(), done.name.clone());
        let about = Done { worker, name, answer: Answer::Refused(String::new()) };
        let verdict = match read(done.answer, tail) {
            Some(account) => audit::judge(account, &desk, &limits),
            None => Verdict::Nonsense("a result of another kind"),
        };
        let report = match verdict {
            Verdict::Sound(report) if audit::is_chosen(call, self.shared.settings.audit_share) => {
                self.compared(report, &desk, about, here).await
            }
            Verdict::Sound(report) => {
                self.shared.count(&about.worker);
                report
            }
            Verdict::ByTheClock => here(desk.clone()).await,
            Verdict::Nonsense(why) => {
                self.shared.distrust(&about, &format!("it sent {why}")).await;
                here(desk.clone()).await
            }
        };
        desk.close().await;
        report
    }

    /// Makes the call here as well. What is found here counts.
    async fn compared<'a, T: Returned>(
        &self,
        far: Report<T>,
        desk: &Arc<Desk>,
        about: Done,
        here: impl Fn(Arc<dyn ModelPort>) -> BoxFuture<'a, Report<T>> + Send + Sync + 'a,
    ) -> Report<T> {
        let own = here(Arc::new(RepliesOnly(desk.clone()))).await;
        match audit::difference(&far, &own) {
            None => {
                self.shared.count(&about.worker);
                far
            }
            Some("its model calls") => {
                let why = "a call was made here as well, and its model calls are others";
                self.shared.distrust(&about, why).await;
                // What the worker has asked was no request of the harness, so the model is asked now.
                here(desk.clone()).await
            }
            Some(what) => {
                let why = format!("a call was made here as well, and {what} is another");
                self.shared.distrust(&about, &why).await;
                own
            }
        }
    }
}

#[async_trait]
impl Runner for Fleet {
    fn limits(&self) -> &Limits {
        self.here.limits()
    }

    async fn predict(
        &self,
        harness: &Trained,
        call: &HarnessCall<Input>,
        model: Arc<dyn ModelPort>,
    ) -> Report<String> {
        let read = |answer, _| match answer {
            Answer::Text(account) => Some(account),
            _ => None,
        };
        let limits = self.here.limits().clone();
        let here = |model| Runner::predict(&*self.here, harness, call, model);
        self.make(Work::Predict(call.clone()), blobs(harness), (model, limits), read, here).await
    }

    async fn learn(
        &self,
        harness: &Trained,
        call: &HarnessCall<Vec<LabelledExample>>,
        model: Arc<dyn ModelPort>,
    ) -> Report<Vec<u8>> {
        let read = |answer, tail: Bytes| match answer {
            Answer::State(account) => Some(account.map(|()| tail.to_vec())),
            _ => None,
        };
        let limits = self.here.limits().of_batch(call.input.len());
        let here = |model| Runner::learn(&*self.here, harness, call, model);
        self.make(Work::Learn(call.clone()), blobs(harness), (model, limits), read, here).await
    }

    async fn score(
        &self,
        scorer: &BuiltScorer,
        call: &ScorerCall,
        model: Arc<dyn ModelPort>,
    ) -> Report<Grade> {
        let read = |answer, _| match answer {
            Answer::Grade(account) => Some(account),
            _ => None,
        };
        let limits = self.here.limits().clone();
        let component = Some((scorer.component.digest, &*scorer.component.bytes));
        let here = |model| Runner::score(&*self.here, scorer, call, model);
        self.make(Work::Score(call.clone()), [component, None], (model, limits), read, here).await
    }
}

/// What a worker needs of a harness: its component, and its state if it has one.
fn blobs(harness: &Trained) -> [Option<(Digest, &[u8])>; 2] {
    let (component, state) = (&harness.built.component, &harness.state);
    let state = (!state.bytes().is_empty()).then(|| (state.digest(), &**state.bytes()));
    [Some((component.digest, &*component.bytes)), state]
}

/// The id of a call as a part of a subject.
fn id(call: Digest) -> String {
    call.to_string()
}

impl Shared {
    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}
