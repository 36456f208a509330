//! `mmh replay`: recorded examples again, in the light, or with a changed harness.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::commands::verify;
use crate::{
    diagnostics::Author,
    error::{CliError, CliResult, EXAMINED_NOT_OK},
    example_view,
    global::Global,
    limits::LimitArgs,
    model_args::{self, Connector, MoneyArgs, TargetArgs},
    output, project,
    session::stop_on_signal,
    terminal::Terminal,
    whose::{self, For, Whose},
    workbench,
};
use mmh_engine::{
    build::{Builder, Built},
    compile::Rejection,
    sandbox::ModelPort,
};
use mmh_models::{cancel::Cancel, metering::budget::Budget};
use mmh_record::{
    clock::Clock,
    data::Split,
    format::{Config, TraceRow, TrialScore, asks_no_model},
    layout,
    limits::Limits,
    objective::Objective,
    reader::RunReader,
    text,
    trial::TrialId,
};
use mmh_report::{compare::trials, statistics::Trials};
use mmh_search::session::Session;
use mmh_search::{
    dataset::task::{self, TaskKind},
    evaluate::{Lessons, Target, record_share, replay::Replay},
    inspect,
    inspect::{
        AuditError, Evaluated, Place,
        looked::{Ended, Traced},
        rerun::{self, Again, Relearned, Rerun, Standing},
        stage::Stage,
    },
    progress::Observer,
};

/// Examples at once where no model is asked.
const AT_ONCE: usize = 8;

/// Examples whose unrecorded prompts are shown, where many have some.
const SHOWN_PROMPTS: usize = 3;

#[derive(Args)]
pub struct ReplayArgs {
    /// The run's folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The iteration whose evaluation is repeated
    #[arg(long, value_name = "N")]
    iteration: u32,
    /// One example, with everything that happened; all of them, a line each, if not given
    #[arg(long, value_name = "ID")]
    example: Option<String>,
    /// The evaluation: validation or held-out
    #[arg(long, default_value = "val")]
    split: EvaluatedSplit,
    /// Run this harness instead of the recorded one, against the recorded replies: a source, a project's folder, or a
    /// component
    #[arg(long, value_name = "PATH")]
    harness: Option<PathBuf>,
    /// Ask the run's target model for replies that are not recorded, and for nothing else
    #[arg(long, requires = "harness")]
    live: bool,
    /// The run's data set, where it is not built in: a changed harness learns from its train split
    #[arg(long, value_name = "PATH", requires = "harness")]
    dataset: Option<String>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    money: MoneyArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// The splits that a run is evaluated on.
#[derive(Clone, Copy, ValueEnum)]
pub enum EvaluatedSplit {
    Val,
    Test,
}

impl From<EvaluatedSplit> for Split {
    fn from(split: EvaluatedSplit) -> Self {
        match split {
            EvaluatedSplit::Val => Self::Val,
            EvaluatedSplit::Test => Self::Test,
        }
    }
}

pub async fn main(global: &Global, args: ReplayArgs) -> CliResult {
    if !args.live && args.target.is_given() {
        return Err(CliError::input("options of the target model are of use with --live only"));
    }
    let reader = RunReader::open(&args.run)?;
    let config = reader.config()?;
    let place = Place::find(&reader, args.iteration, args.split.into())?;
    let evaluated = place.evaluated(&reader)?;
    let wanted = wanted(&place, &evaluated, args.example.as_deref())?;
    let observer: Arc<dyn Observer> = Arc::new(Terminal::new(global, config.mock));
    let whose = Whose::of(global, &reader)?;
    let limits = whose::limits(whose, &config, &args.limits, For::Evaluation)?;
    let live = match args.live {
        true => Some(Live::connect(global, &args, (whose, &config), &limits, &observer)?),
        false => None,
    };
    let language = args.harness.as_deref().map_or(Ok(config.harness_language), project::language)?;
    let builder = workbench::open(global, language, &limits, &args.limits.machine, &*observer).await?;
    let given = match &args.harness {
        Some(path) => match project::read(path, &limits).await? {
            Ok(given) => Some(given),
            Err(rejection) => return Ok(rejected(&args, None, &rejection)),
        },
        None => None,
    };
    let built = match &given {
        Some(given) => given.build(&builder).await?,
        None => builder.load(place.component(&reader)?).await?,
    };
    let file = given.as_ref().and_then(|given| given.file.as_deref());
    let built = match built {
        Ok(built) => built,
        Err(rejection) => return Ok(rejected(&args, file, &rejection)),
    };
    let kind = workbench::kind_of_run(&reader, &config, &builder).await?;
    let rerun = rerun((&config, kind), &builder, &built, evaluated, live.as_ref(), given.is_none());
    let learned = match given {
        None => Relearned { state: state(&reader, &place)?.into(), ..Relearned::default() },
        Some(_) => learn(&args, &config, &rerun).await?,
    };
    let again = match learned.failed {
        Some(_) => Vec::new(),
        None => rerun.examples(&wanted, &learned.state, !args.live && !learned.unrecorded.is_empty()).await?,
    };
    if let Some(live) = &live {
        live.target.settle().await;
    }
    let stop = rerun.cancel.why();
    if learned.failed.is_none() && stop.is_none() && again.len() != wanted.len() {
        return Err(CliError::host("an example could not be run again: this is a bug of mmh"));
    }
    let source = match &given {
        None => reader.text(&layout::file(&place.home, reader.source_name())).ok(),
        Some(given) => Some(given.source.clone()).filter(|source| !source.is_empty()),
    };
    // The runtime of another language has no lines of the harness.
    let lined = source.as_deref().filter(|_| language.is_rust());
    let traced = match (&args.example, again.first()) {
        (Some(_), Some(again)) => trace(&rerun, &builder, lined, again, &learned).await?,
        _ => None,
    };
    let shown = Shown {
        author: Author::new(file),
        args: &args,
        config: &config,
        place: &place,
        built: &built,
        limits: &limits,
    };
    match args.json {
        true => output::json(&shown.json(&learned, &again, traced.as_ref(), live.as_ref())),
        false => output::text(&shown.text(&learned, &again, traced.as_ref(), live.as_ref())),
    }
    if let Some(stop) = stop {
        return Ok(CliError::stopped(&stop, &format!("{} examples were run again", again.len())));
    }
    let bad = learned.failed.is_some() || again.iter().any(|it| it.standing == Standing::Different);
    Ok(if bad { ExitCode::from(EXAMINED_NOT_OK) } else { ExitCode::SUCCESS })
}

/// The model that is asked for what is not recorded, and the money for it.
struct Live {
    target: Arc<Target>,
    budget: Arc<Budget>,
    cancel: Cancel,
    concurrency: usize,
}

impl Live {
    fn connect(
        global: &Global,
        args: &ReplayArgs,
        (whose, config): (Whose, &Config),
        limits: &Limits,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, CliError> {
        let (mock, seed, money) = (config.mock, config.seed, &args.money);
        let connector = Connector { global, whose, money, mock, seed, observer };
        connector.tell_of_budgets(None);
        let connected = connector.target(&args.target.choice().of_run(config))?;
        let replies = model_args::replies(global, &connected)?;
        let (budget, cancel) = (args.money.budget(), stop_on_signal(observer.clone()));
        let session =
            Session { limits, budget: budget.clone(), clock: Clock::System, cancel: cancel.clone() };
        let concurrency = config.concurrency.clamp(1, 256);
        let target = Arc::new(session.target(connected, concurrency, replies));
        Ok(Self { target, budget, cancel, concurrency })
    }
}

/// The recorded examples that are meant.
fn wanted(place: &Place, evaluated: &Evaluated, example: Option<&str>) -> Result<Vec<TraceRow>, AuditError> {
    let rows = &evaluated.traces;
    let Some(id) = example else { return Ok(rows.clone()) };
    // An example's id names all of its trials.
    let is_meant = |row: &&TraceRow| row.example_id == id || TrialId::of(&row.example_id).example == id;
    let found: Vec<TraceRow> = rows.iter().filter(is_meant).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let name = |row: Option<&TraceRow>| row.map_or_else(|| "none".into(), |row| row.example_id.clone());
    let range = format!("{} to {}", name(rows.first()), name(rows.last()));
    let (index, split, count) = (place.index, place.split.name(), rows.len());
    Err(AuditError::NoExample { index, split, id: id.to_owned(), count, range })
}

/// What the recorded harness had learned.
fn state(reader: &RunReader, place: &Place) -> Result<Vec<u8>, CliError> {
    let path = format!("{}/{}", place.home, layout::STATE);
    Ok(if reader.has(&path) { reader.bytes(&path)? } else { Vec::new() })
}

fn rerun(
    (config, kind): (&Config, Arc<dyn TaskKind>),
    builder: &Builder,
    built: &Built,
    evaluated: Evaluated,
    live: Option<&Live>,
    is_recorded: bool,
) -> Rerun {
    let stage = Stage {
        runner: builder.sandbox.clone(),
        harness: built.clone(),
        kind,
        task: Arc::new(task::of_run(config)),
        seed: config.seed,
        model: config.target_model.clone(),
        lessons: Lessons::of(config),
        record_bytes: record_share(
            builder.sandbox.limits(),
            &config.task,
            &config.learn_batches,
            &config.protocol,
        ),
        calls: evaluated.calls,
        scorer_calls: evaluated.scorer_calls,
    };
    Rerun {
        stage,
        replay: Replay::new(live.map(|live| live.target.clone() as Arc<dyn ModelPort>)),
        concurrency: live.map_or(AT_ONCE, |live| live.concurrency),
        is_recorded,
        cancel: live.map_or_else(Cancel::default, |live| live.cancel.clone()),
    }
}

/// A changed harness learns before it predicts, as it would in a search.
async fn learn(args: &ReplayArgs, config: &Config, rerun: &Rerun) -> Result<Relearned, CliError> {
    let dataset = verify::dataset(args.dataset.as_deref(), config)?.ok_or_else(|| {
        CliError::input(format!(
            "a changed harness learns first, and the data set {} is not built in: --dataset names its place",
            config.dataset
        ))
    })?;
    let dataset = workbench::of_run(&config.dataset, dataset, config)?;
    Ok(rerun.learn(&dataset.train).await?)
}

/// Where an example trapped, if it did and there is a source.
async fn trace(
    rerun: &Rerun,
    builder: &Builder,
    source: Option<&str>,
    again: &Again,
    learned: &Relearned,
) -> Result<Option<Result<Traced, String>>, CliError> {
    let Some(source) = source.filter(|_| rerun::has_a_place(again.found.error_kind)) else { return Ok(None) };
    let ended = Ended { row: &again.recorded, calls: &again.calls, state: &learned.state };
    let traced = rerun.trace(builder, source, &ended).await?;
    Ok(Some(traced.map_err(|rejection| inspect::rejected(&rejection))))
}

fn rejected(args: &ReplayArgs, file: Option<&Path>, rejection: &Rejection) -> ExitCode {
    match args.json {
        true => output::json(
            &json!({ "ok": false, "kind": rejection.kind.name(), "message": rejection.message, "diagnostics": rejection.diagnostics }),
        ),
        false => outln!("{}", Author::new(file).rejection(rejection, false)),
    }
    ExitCode::from(EXAMINED_NOT_OK)
}

/// What is shown, besides what came out.
struct Shown<'a> {
    author: Author<'a>,
    args: &'a ReplayArgs,
    config: &'a Config,
    place: &'a Place,
    built: &'a Built,
    limits: &'a Limits,
}

type Trace<'a> = Option<&'a Result<Traced, String>>;

impl Shown<'_> {
    fn json(&self, learned: &Relearned, again: &[Again], traced: Trace<'_>, live: Option<&Live>) -> Value {
        let counts = rerun::counts(again);
        let counts: serde_json::Map<_, _> =
            counts.iter().map(|(standing, count)| (standing.name().to_owned(), json!(count))).collect();
        json!({
            "ok": true,
            "run_id": self.config.run_id,
            "mock": self.config.mock,
            "iteration": self.place.index,
            "split": self.place.split.name(),
            "component_sha256": self.built.component.digest,
            "recorded_harness": self.args.harness.is_none(),
            "counts": counts,
            "remark": self.remark(again),
            "trials": trials(self.config, again),
            "learn_failed": learned.failed,
            "learn_unrecorded": learned.unrecorded,
            "examples": again,
            "backtrace": traced.and_then(|traced| traced.as_ref().ok()),
            "spent_usd": live.map(|live| live.budget.status().spent.as_f64()),
            "replies": live.and_then(|live| live.target.tally()),
        })
    }

    fn text(&self, learned: &Relearned, again: &[Again], traced: Trace<'_>, live: Option<&Live>) -> String {
        let mut out = format!(
            "run {}, iteration {:03}, {}: {}, component {}\n",
            text::one_line(&self.config.run_id),
            self.place.index,
            self.place.split.name(),
            if self.args.harness.is_none() { "the recorded harness" } else { "a changed harness" },
            self.built.component.digest.short(),
        );
        if let Some(failed) = &learned.failed {
            out += &format!("{failed}\n");
        }
        match (&self.args.example, again) {
            (Some(_), [again]) => out += &self.one(again, traced),
            _ => out += &self.many(again),
        }
        if let Some(words) = self.remark(again) {
            out += &format!("it {words}: no example makes a call\n");
        }
        self.unrecorded(&mut out, learned, again);
        if let Some(live) = live {
            let spent = live.budget.status().spent.as_f64();
            out += &format!("asked for what was not recorded: {spent:.4} USD\n");
            out += &model_args::kept(live.target.tally());
        }
        text::plain(&self.author.places(&out))
    }

    /// What must be said of the harness, where all of its examples were run again.
    fn remark(&self, again: &[Again]) -> Option<&'static str> {
        let calls: f64 = again.iter().map(|it| f64::from(it.found.model_calls)).sum();
        asks_no_model(again.len() as u64, calls).filter(|_| self.args.example.is_none())
    }

    fn one(&self, again: &Again, traced: Trace<'_>) -> String {
        let mut out = format!("example {}: {}\n\n", text::one_line(&again.found.example_id), said(again));
        out += &example_view::example(&again.found, &again.calls, self.limits, example_view::Texts::Whole);
        match traced {
            Some(Ok(traced)) => {
                out.push('\n');
                out += &example_view::backtrace(traced);
                if traced.kind != again.found.error_kind {
                    out +=
                        &format!("(built with source lines, it ended otherwise: {})\n", traced.kind.name());
                }
            }
            Some(Err(why)) => out += &format!("\nno backtrace: built with source lines, {why}\n"),
            None => {}
        }
        if again.standing == Standing::Different {
            out += "\nthe record says\n";
            for finding in &again.differences {
                out += &format!("  {}: {}, now {}\n", finding.file, finding.expected, finding.found);
            }
        }
        out
    }

    fn many(&self, again: &[Again]) -> String {
        let mut out = String::from("\n");
        for it in again {
            out += &format!("{}\n", example_view::line(it));
        }
        let counts = rerun::counts(again);
        let counts: Vec<String> =
            counts.iter().map(|(standing, count)| format!("{count} {}", standing.name())).collect();
        out += &format!("\n{} examples: {}\n", again.len(), counts.join(", "));
        let trials = trials(self.config, again);
        out += &trials.map_or_else(String::new, |it| {
            format!("{}\n", trials::of_trials(&it, Objective::of(self.config)))
        });
        out
    }

    /// Prompts that are not in the record: of one example all, of many the first few.
    fn unrecorded(&self, out: &mut String, learned: &Relearned, again: &[Again]) {
        let whole = learned.unrecorded.iter().map(|prompt| ("learn", prompt));
        let of_examples = again
            .iter()
            .flat_map(|it| it.unrecorded.iter().map(|prompt| (it.found.example_id.as_str(), prompt)));
        let all: Vec<_> = whole.chain(of_examples).collect();
        if all.is_empty() {
            return;
        }
        let hint = if self.args.live { "" } else { "; --live asks the model for them" };
        *out += &format!("\n{} not recorded{hint}\n", example_view::prompts(all.len()));
        let most = if self.args.example.is_some() { all.len() } else { SHOWN_PROMPTS };
        for (whose, prompt) in all.iter().take(most) {
            *out += &format!("\n{}", example_view::unrecorded(whose, prompt));
        }
        if all.len() > most {
            *out += &format!("\nand {} more\n", all.len() - most);
        }
    }
}

/// What the trials of the examples come to now. Nothing where each had one.
fn trials(config: &Config, again: &[Again]) -> Option<TrialScore> {
    let mut trials = Trials::default();
    for of_example in again.chunk_by(|one, next| trial_of(one).example == trial_of(next).example) {
        trials.add_example(of_example.iter().map(|it| (trial_of(it).number, it.found.grade())));
    }
    trials.score(Objective::of(config))
}

fn trial_of(again: &Again) -> TrialId<'_> {
    TrialId::of(&again.found.example_id)
}

/// How an example stands, in words.
fn said(again: &Again) -> &'static str {
    match again.standing {
        Standing::Same => "the same as recorded, fuel included",
        Standing::Different => "NOT as recorded",
        Standing::ByTheClock => "ended by the wall clock when it was recorded, so it cannot be compared",
        Standing::Fixed => "fixed: wrong before, right now",
        Standing::Broken => "broken: right before, wrong now",
        Standing::Unchanged => "as right or as wrong as before",
        Standing::Unknown => "unknown: it needs replies that are not recorded",
    }
}
