//! Puts a search together from resolved parts and runs it: a new one, or one that goes on.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    CliResult,
    error::{CliError, INTERRUPTED},
    model_args::{self, Choice, Connected, Connector, Shared},
    output,
    scoreboard::{Format, Scoreboard},
    terminal::Terminal,
};
use mmh_engine::build::Builder;
use mmh_models::{
    cancel::{Cancel, Stop},
    metering::budget::Budget,
};
use mmh_record::{
    RecordError, clock::Clock, format::Summary, ledger, pricing::Usd, reader::RunReader, text,
    writer::RunWriter,
};
use mmh_search::{
    dataset::{Dataset, Example},
    evaluate::{Evaluator, record_share, replies::Replies},
    leaks::Lint,
    progress::Observer,
    propose::Proposer,
    search::{Search, SearchError},
};

/// The two models of a run.
pub struct Models {
    pub proposer: Connected,
    pub target: Connected,
    replies: Option<Replies>,
}

impl Models {
    /// Both models, or why they cannot be asked.
    pub fn connect(
        connector: &Connector<'_>,
        proposer: &Choice<'_>,
        target: &Choice<'_>,
    ) -> Result<Self, CliError> {
        let (proposer, target) = (connector.proposer(proposer)?, connector.target(target)?);
        let replies = model_args::replies(connector.global, &target)?;
        Ok(Self { proposer, target, replies })
    }
}

/// A search with everything that it needs. Its folder is there already.
pub struct Plan {
    /// What is on record of it.
    pub summary: Summary,
    pub writer: RunWriter,
    /// The run's folder, for messages.
    pub folder: PathBuf,
    pub baseline: String,
    pub dataset: Dataset,
    pub val: Vec<Example>,
    pub models: Models,
    pub budget_usd: f64,
    pub clock: Clock,
}

impl Plan {
    /// Runs it and prints what came of it.
    pub async fn run(self, builder: Builder, terminal: Arc<Terminal>, json: bool) -> CliResult {
        let cancel = stop_on_signal(terminal.clone());
        let (folder, reader) = (self.folder.clone(), RunReader::new(self.writer.dir()?));
        let summary = self.summary.clone();
        let search = self.search(builder, terminal.clone(), cancel.clone())?;
        let target = search.evaluator.target.clone();
        terminal.follow(&summary, search.budget.clone());
        let ended = search.run().await;
        terminal.done();
        let (_, stop) = ended?;
        let mut scoreboard = Scoreboard::read(&reader)?;
        scoreboard.replies = target.tally();
        scoreboard.print(Format::json_or_text(json))?;
        let (shown, done) = (text::path(&folder), "what was finished is in");
        if !json {
            output::text(&model_args::kept(target.tally()));
            outln!("\nrun folder: {shown}");
        }
        Ok(match stop {
            Some(stop) => {
                CliError::stopped(&stop, &format!("{done} {shown}; `mmh run --resume {shown}` goes on"))
            }
            None => ExitCode::SUCCESS,
        })
    }

    fn search(
        self,
        builder: Builder,
        observer: Arc<dyn Observer>,
        cancel: Cancel,
    ) -> Result<Search, CliError> {
        let Self { summary, writer, baseline, dataset, val, models, budget_usd, clock, .. } = self;
        let config = summary.config.clone();
        let limits = builder.sandbox.limits().clone();
        let budget = Arc::new(budget(&writer, config.mock, budget_usd)?);
        let shared = Shared { limits: &limits, budget: budget.clone(), clock, cancel: cancel.clone() };
        let concurrency = config.concurrency;
        let evaluator = Evaluator {
            sandbox: builder.sandbox.clone(),
            target: Arc::new(shared.target(models.target, concurrency, models.replies)),
            task: Arc::new(dataset.task.clone()),
            seed: config.seed,
            concurrency,
            record_bytes: record_share(&limits, &config.task),
            clock,
            observer: observer.clone(),
            cancel: cancel.clone(),
        };
        let caller = shared.proposer(models.proposer);
        let proposer = Proposer { caller, limits, clock, observer: observer.clone(), cancel: cancel.clone() };
        // Also where this run evaluates a part of the validation split only.
        let lint = Lint::new(&dataset.train, &dataset.val, &dataset.test);
        Ok(Search {
            config,
            dataset,
            val,
            summary,
            baseline,
            builder,
            lint,
            evaluator,
            proposer,
            budget,
            writer,
            clock,
            observer,
            cancel,
            claims: None,
        })
    }
}

/// The run's budget, less what it has spent already. Simulated models cost nothing.
fn budget(writer: &RunWriter, mock: bool, budget_usd: f64) -> Result<Budget, RecordError> {
    if mock {
        return Ok(Budget::unlimited());
    }
    let (ledger, owed) = ledger::open(writer)?;
    Ok(Budget::kept(Usd::from_f64(budget_usd), Box::new(ledger), owed))
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

/// The first Ctrl-C, or SIGTERM, lets what is under way finish; the second one ends the program.
pub fn stop_on_signal(observer: Arc<dyn Observer>) -> Cancel {
    let cancel = Cancel::default();
    let stop = cancel.clone();
    tokio::spawn(async move {
        let Ok(mut signals) = Signals::listen() else { return };
        signals.next().await;
        stop.stop(Stop::Asked);
        observer
            .note("stopping: what is under way is finished and recorded; Ctrl-C again stops at once".into());
        signals.next().await;
        std::process::exit(INTERRUPTED.into());
    });
    cancel
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
