//! Starts the command for each candidate, and ends it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use mmh_engine::cache::{Cache, Scratch};
use mmh_record::candidate::CandidateId;
use mmh_search::propose::{
    Assignment, DirectCall, Outcome,
    external::{Asked, Service, Session},
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use super::{
    SOCKET,
    confined::Confinement,
    folder,
    past::Past,
    running::Running,
    socket::{self, Desk},
};

/// How long a command may go on after its harness was accepted: to say what it has done, and what that took.
const GRACE: Duration = Duration::from_secs(10);

/// How long the end of a keeper may follow the removal of its folder.
const GONE: Duration = Duration::from_secs(2);

/// How the command is started.
pub struct Settings {
    /// The command, for a shell.
    pub command: String,
    /// How long it may work on one candidate.
    pub time_limit: Duration,
    /// Its environment, besides what its confinement sets.
    pub environment: Vec<(OsString, OsString)>,
    /// What it may do.
    pub confinement: Confinement,
    /// Where work folders go.
    pub cache: Cache,
}

/// Commands that propose, one for each candidate, several at the same time.
pub struct Agents {
    settings: Settings,
    /// Those that run, by candidate.
    active: Arc<Mutex<BTreeMap<u32, Active>>>,
}

/// A command, its socket and its work folder. All of them end when it is dropped.
struct Active {
    running: Arc<Running>,
    tasks: Vec<JoinHandle<()>>,
    /// The work folder.
    _scratch: Scratch,
}

impl Drop for Active {
    fn drop(&mut self) {
        self.running.kill();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Ends a command whose candidate is dropped.
struct Lease {
    candidate: u32,
    active: Arc<Mutex<BTreeMap<u32, Active>>>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.active.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.candidate));
    }
}

impl Agents {
    /// Commands that are started like this.
    pub fn new(settings: Settings) -> Self {
        Self { settings, active: Arc::default() }
    }

    async fn start(
        &self,
        assignment: &Assignment<'_>,
        calls: &[DirectCall],
    ) -> Result<(Active, mpsc::Receiver<Asked>), String> {
        let Settings { command, time_limit, confinement, cache, .. } = &self.settings;
        let scratch = cache.scratch().map_err(|error| error.to_string())?;
        let folder = scratch.path();
        let words = confinement.words(folder, command);
        // Whoever removes the folder is there before anything lies in it.
        let running = Running::prepare(&confinement.program, folder, &words, &self.variables(folder))
            .map_err(|error| format!("cannot start the proposer's command: {error}"))?;
        let laid_out = folder::lay_out(folder, assignment, calls, (confinement, *time_limit));
        let listener = laid_out.map_err(|error| error.to_string()).and_then(|()| {
            socket::listen(&folder.join(SOCKET))
                .map_err(|error| format!("cannot open the agent's socket: {error}"))
        });
        let listener = match listener {
            Ok(listener) => Some(listener),
            // Somebody has killed the keeper, and the folder has gone with it: then the command has ended.
            Err(_) if timeout(GONE, running.ended()).await.is_ok() => None,
            Err(problem) => return Err(problem),
        };
        let (sender, asked) = mpsc::channel(1);
        let desk = Arc::new(Desk::new(sender, Past::new(calls)));
        let running = Arc::new(running);
        running.go();
        let serving = listener.map(|listener| tokio::spawn(socket::serve(listener, desk.clone())));
        let mut tasks = vec![tokio::spawn(watched(running.clone(), desk, *time_limit))];
        tasks.extend(serving);
        Ok((Active { running, tasks, _scratch: scratch }, asked))
    }

    /// The environment of the command in this folder.
    fn variables(&self, folder: &Path) -> Vec<(OsString, OsString)> {
        let Settings { environment, confinement, .. } = &self.settings;
        let search_path =
            environment.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.as_os_str());
        let mut variables = environment.clone();
        variables.retain(|(name, _)| name != "PATH");
        variables.extend(confinement.environment(folder, search_path));
        variables
    }
}

/// Gives the proposal up when the command ends, or when its time is over.
async fn watched(running: Arc<Running>, desk: Arc<Desk>, time_limit: Duration) {
    let reason = match timeout(time_limit, running.ended()).await {
        Ok(how) => format!("its command ended without a harness, by {how}"),
        Err(_) => {
            running.kill();
            let limit = time_limit.as_secs();
            format!("its command ran for {limit} s without a harness (--proposer-command-timeout-s)")
        }
    };
    desk.give_up(reason).await;
}

#[async_trait]
impl Service for Agents {
    async fn open(&self, assignment: &Assignment<'_>, calls: &[DirectCall]) -> Result<Session, String> {
        let candidate = assignment.candidate.index;
        let (started, asked) = self.start(assignment, calls).await?;
        self.active.lock().unwrap_or_else(PoisonError::into_inner).insert(candidate, started);
        Ok(Session { asked, serving: Box::new(Lease { candidate, active: self.active.clone() }) })
    }

    async fn close(&self, candidate: CandidateId, outcome: &Outcome) -> String {
        let found = self.active.lock().unwrap_or_else(PoisonError::into_inner).remove(&candidate.index);
        let Some(active) = found else { return String::new() };
        let grace = if matches!(outcome, Outcome::Submitted(_)) { GRACE } else { Duration::ZERO };
        active.running.end_within(grace).await
    }
}
