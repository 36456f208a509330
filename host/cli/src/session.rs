//! Puts a search together from resolved parts and runs it: a new one, or one that goes on.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    error::{CliError, CliResult, INTERRUPTED},
    model_args::{self, Choice, Connector},
    output,
    scoreboard::{Format, Scoreboard},
    telemetry,
    terminal::Terminal,
};
use mmh_engine::build::Builder;
use mmh_exports::otlp::Ready;
use mmh_models::cancel::{Cancel, Stop};
use mmh_record::{reader::RunReader, text};
use mmh_search::session::{Models, Plan, ReadyProposer};
use mmh_search::{progress::Observer, search::SearchError};

/// Who asks for a search, and what is different for them.
pub struct Front {
    /// The client that proposes, unless the arguments say who does.
    pub client: Option<ReadyProposer>,
    /// Stops the run.
    pub cancel: Cancel,
    /// What goes on with a run, before its folder.
    pub goes_on: &'static str,
    /// What is said where somebody asked for the stop.
    pub stopped_by: &'static str,
    /// Whether scores are printed at the end.
    pub shows_scores: bool,
    /// The OpenTelemetry endpoint that the run is sent to, if there is one.
    pub telemetry: Option<Ready>,
}

impl Front {
    /// A person on the command line.
    pub fn command_line() -> Self {
        let (client, cancel) = (None, Cancel::default());
        let (goes_on, stopped_by) = ("mmh run --resume", CliError::BY_SIGNAL);
        Self { client, cancel, goes_on, stopped_by, shows_scores: true, telemetry: None }
    }
}

/// Who proposes, as it is asked for.
pub enum Proposing<'a> {
    /// This model.
    Model(Choice<'a>),
    /// This proposer outside of the process.
    Outside(ReadyProposer),
}

/// Proposer and target of a run, or why they cannot be asked.
pub fn models(
    connector: &Connector<'_>,
    proposing: Proposing<'_>,
    target: &Choice<'_>,
) -> Result<Models, CliError> {
    let proposer = match proposing {
        Proposing::Model(choice) => ReadyProposer::Model(Box::new(connector.proposer(&choice)?)),
        Proposing::Outside(proposer) => proposer,
    };
    let target = connector.target(target)?;
    let replies = model_args::replies(connector.global, &target)?;
    Ok(Models { proposer, target, replies })
}

/// Runs a search and prints what came of it. `folder` is the run's, for messages.
pub async fn run(
    plan: Plan,
    folder: PathBuf,
    builder: Builder,
    terminal: Arc<Terminal>,
    (front, json): (&Front, bool),
) -> CliResult {
    let cancel = front.cancel.clone();
    stop_with_signal(terminal.clone(), cancel.clone());
    let reader = RunReader::new(plan.start.writer.dir()?);
    let summary = plan.start.summary.clone();
    let followed = (RunReader::new(plan.start.writer.dir()?), plan.clock);
    let search = plan.search(builder, terminal.clone(), cancel.clone())?;
    let target = search.evaluator.target.clone();
    terminal.follow(&summary, search.budget.clone());
    let (of_run, clock) = followed;
    let exporter = front.telemetry.as_ref().map(|to| to.follow(of_run, &summary.config, clock));
    let ended = search.run().await;
    terminal.done();
    telemetry::end(exporter).await;
    let (_, stop) = ended?;
    if front.shows_scores {
        let mut scoreboard = Scoreboard::read(&reader)?;
        scoreboard.replies = target.tally();
        scoreboard.print(Format::json_or_text(json))?;
    }
    let (shown, done) = (text::path(&folder), "what was finished is in");
    if !json {
        output::text(&model_args::kept(target.tally()));
        outln!("\nrun folder: {shown}");
    }
    Ok(match stop {
        Some(stop) => {
            let done = format!("{done} {shown}; `{} {shown}` goes on", front.goes_on);
            CliError::stopped_by(front.stopped_by, &stop, &done)
        }
        None => {
            if front.shows_scores && !json {
                next(&shown, best(&reader));
            }
            ExitCode::SUCCESS
        }
    })
}

/// The best iteration of a run, if it has one.
fn best(reader: &RunReader) -> Option<u32> {
    reader.summary().ok()?.best_iteration_index
}

/// What one does next most often.
fn next(run: &str, best: Option<u32>) {
    errln!("next:");
    errln!("  mmh view {run}");
    match best {
        Some(best) if best > 0 => errln!("  mmh diff {run} 0 {best}"),
        _ => errln!("  mmh summary {run}"),
    }
    errln!("  mmh verify {run}");
}

impl From<SearchError> for CliError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Compile(error) => error.into(),
            SearchError::Record(error) => error.into(),
            SearchError::RecordEnds(_) => CliError::host(error),
        }
    }
}

/// A request to stop that comes with the first Ctrl-C or SIGTERM.
pub fn stop_on_signal(observer: Arc<dyn Observer>) -> Cancel {
    let cancel = Cancel::default();
    stop_with_signal(observer, cancel.clone());
    cancel
}

/// The first Ctrl-C, or SIGTERM, lets what is under way finish; the second one ends the program.
pub fn stop_with_signal(observer: Arc<dyn Observer>, stop: Cancel) {
    tokio::spawn(async move {
        let Ok(mut signals) = Signals::listen() else { return };
        signals.next().await;
        stop.stop(Stop::Asked);
        observer
            .note("stopping: what is under way is finished and recorded; Ctrl-C again stops at once".into());
        signals.next().await;
        std::process::exit(INTERRUPTED.into());
    });
}

/// What asks this program to end: Ctrl-C, and SIGTERM, which is how other programs say it.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
