//! What an evaluation did, as the first iteration of a run that lies in a scratch folder: so it is shown, written down and
//! put on a page as that of a run. The folder is gone when nobody needs it any more.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use tempfile::TempDir;

use super::{
    Harness,
    bench::{Bench, Ran},
};
use crate::error::CliError;
use mmh_engine::{build::Built, sandbox::PACKAGE, toolchain::sdk};
use mmh_models::remote::Role;
use mmh_record::{
    baseline::Baseline,
    clock::Clock,
    digest::Digest,
    format::{
        CallRow, Config, CostFile, IterationSummary, ProposerKind, SCHEMA_VERSION, Score, Summary, Unscored,
        WitInfo,
    },
    layout,
    reader::RunReader,
    statements,
    user_notes::UserNotes,
    writer::{Beginning, IterationWriter, RunWriter},
};
use mmh_report::html;
use mmh_search::{
    evaluate::{Outcome, Sink, sink::Recorder},
    score::{score, with_cost},
    session::ReadyModel,
};

/// The run's id, which the page shows.
const RUN_ID: &str = "evaluation";

/// The only iteration.
const INDEX: u32 = 0;

/// A record that is being written.
pub struct Scratch {
    folder: TempDir,
    writer: RunWriter,
    iteration: IterationWriter,
    recorder: Arc<Recorder>,
    summary: Summary,
    entry: IterationSummary,
}

impl Scratch {
    /// Begins the record of an evaluation with this target.
    pub fn begin(
        bench: &Bench<'_>,
        target: &ReadyModel,
        harness: &Harness,
        built: &Built,
    ) -> Result<Self, CliError> {
        let folder =
            tempfile::tempdir().map_err(|error| CliError::host(format!("no scratch folder: {error}")))?;
        let source = harness.given.source.clone();
        let given = harness.given.component(INDEX);
        let given_components = given.iter().map(|(_, recorded)| recorded.clone()).collect();
        let summary = Summary::new(Config { given_components, ..config(bench, target) });
        let cost =
            CostFile { mock: bench.mock, budget_usd: summary.config.budget_usd, ..CostFile::default() };
        let baselines = [match &given {
            Some((component, _)) => Baseline::Component(component.as_slice().into()),
            None => Baseline::Source(source.clone()),
        }];
        let beginning =
            Beginning { config: &summary.config, summary: &summary, cost: &cost, baselines: &baselines };
        let writer = RunWriter::scratch(folder.path(), &beginning)?;
        let iteration = writer.iteration(INDEX)?;
        iteration.put(layout::REASONING, b"")?;
        iteration.put(layout::COMPONENT, &built.component.bytes)?;
        if let Some((_, recorded)) = &given {
            iteration.put_json(layout::PROVENANCE, &statements::given(recorded))?;
        } else if !source.is_empty() {
            let made = statements::Made {
                source: Digest::of(&source),
                component: built.component.digest,
                key: bench.builder.compiler.key(&source),
            };
            let lock = bench.builder.compiler.tools().sdk_lock;
            iteration.put_json(layout::PROVENANCE, &statements::provenance(&made, &summary.config, lock))?;
        }
        let lessons = mmh_search::evaluate::Lessons::new(&bench.batches(), &bench.protocol);
        let recorder = Arc::new(Recorder::learning(&iteration, &*bench.dataset.kind, &lessons)?);
        let now = Clock::System.now();
        let entry = IterationSummary {
            index: INDEX,
            parent: None,
            source_digest: Digest::of(&source),
            harness_code: source,
            reasoning: String::new(),
            filesystem_reads: Vec::new(),
            score: Score::default(),
            cost: Default::default(),
            started_at: now,
            finished_at: now,
            component_digest: built.component.digest,
            leaks: harness.leaks.clone(),
        };
        Ok(Self { folder, writer, iteration, recorder, summary, entry })
    }

    /// Receives what happens.
    pub fn sink(&self) -> Arc<dyn Sink> {
        self.recorder.clone()
    }

    /// Ends the record: puts its lines in order, and enters the score.
    pub fn finish(self, bench: &Bench<'_>, ran: &Ran) -> Result<Recorded, CliError> {
        let Self { folder, writer, iteration, recorder, mut summary, mut entry } = self;
        recorder.finish(&iteration, &bench.examples)?;
        let (cost, now) = (ran.cost, Clock::System.now());
        summary.total_cost = cost;
        summary.finished_at = Some(now);
        match (&ran.came, &ran.stop) {
            (Ok((learned, done)), None) => {
                let outcomes: Vec<Outcome> = done.rows.iter().map(Outcome::of).collect();
                let score = score(&outcomes, bench.dataset.kind.objective(), learned, bench.mock);
                entry.score = with_cost(score, &done.cost);
                (entry.cost, entry.finished_at) = (cost, now);
                if !learned.state().is_empty() {
                    iteration.put(layout::STATE, learned.state())?;
                }
                iteration.put_json(layout::SCORE, &entry.score)?;
                let examples = outcomes.iter().map(|it| (it.example_id.as_str(), it.grade.correct));
                let tested =
                    statements::Tested::of(entry.component_digest, bench.split, &entry.score, examples);
                let statement = statements::test_result(&tested, &summary.config);
                iteration.put_json(layout::TEST_RESULT, &statement)?;
                summary.best_iteration_index = Some(INDEX);
                summary.iterations.push(entry);
            }
            (came, stop) => {
                let stopped = stop.as_ref().map(|stop| (stop.status().to_owned(), stop.reason().to_owned()));
                let failed = came.as_ref().err().map(|(kind, why)| ((*kind).to_owned(), why.clone()));
                let (status, reason) = stopped.or(failed).unwrap_or_default();
                let (started_at, finished_at) = (entry.started_at, now);
                summary.unscored.push(Unscored {
                    index: INDEX,
                    status,
                    reason,
                    cost,
                    started_at,
                    finished_at,
                });
            }
        }
        writer.summary(&summary)?;
        Ok(Recorded { reader: RunReader::new(writer.dir()?), _folder: folder })
    }
}

/// A record that is complete.
pub struct Recorded {
    reader: RunReader,
    _folder: TempDir,
}

/// A model call, and who made it.
#[derive(Serialize)]
pub struct CallOf {
    /// `harness` or `scorer`.
    pub by: &'static str,
    #[serde(flatten)]
    pub call: CallRow,
}

impl Recorded {
    /// The model calls of the examples and batches that are wanted: of the harness, then of the scorer.
    pub fn calls(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<CallOf>, CliError> {
        let mut found = Vec::new();
        for (by, file) in [("harness", layout::CALLS), ("scorer", layout::SCORER_CALLS)] {
            let path = RunReader::iteration_file(INDEX, file);
            if !self.reader.has(&path) {
                continue;
            }
            for row in self.reader.rows::<CallRow>(&path)? {
                let call = row?;
                if is_wanted(&call.example_id) {
                    found.push(CallOf { by, call });
                }
            }
        }
        Ok(found)
    }

    /// The page of the evaluation.
    pub fn page(&self) -> Result<html::Report, CliError> {
        Ok(html::make(&self.reader, &UserNotes::default())?)
    }
}

/// The configuration of a run that is this evaluation and nothing else.
fn config(bench: &Bench<'_>, target: &ReadyModel) -> Config {
    let (tools, id) = (bench.builder.compiler.tools(), target.model.id().to_owned());
    let info = target.info.clone();
    Config {
        schema_version: SCHEMA_VERSION,
        run_id: RUN_ID.into(),
        iterations: 0,
        dataset: bench.dataset.task.name.clone(),
        dataset_path: None,
        dataset_columns: Default::default(),
        eval_split_size: bench.examples.len(),
        proposer_model: "none".into(),
        target_model: id.clone(),
        mock: bench.mock,
        started_at: Clock::System.now(),
        seed: bench.seed,
        concurrency: bench.asked_concurrency.map_or(1, usize::from),
        with_test: false,
        limits: bench.limits.clone(),
        prices: BTreeMap::from([(id, target.price.clone())]),
        budget_usd: (!bench.mock).then(|| bench.budget.status().limit.as_f64()),
        candidate_budget_usd: None,
        target_facts: None,
        providers: info.into_iter().map(|info| (Role::Target.name().to_owned(), info)).collect(),
        task: bench.dataset.info(),
        dataset_digest: bench.dataset.digest,
        harness_language: tools.language,
        toolchain: tools.toolchain,
        sdk_digest: tools.sdk_source,
        sdk_build_digest: tools.sdk_build,
        wit: WitInfo {
            package: format!("{PACKAGE}@{}", bench.dataset.kind.world().version()),
            digest: Digest::of(sdk::WIT),
        },
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        deny_leaks: false,
        confinement: bench.builder.compiler.confinement(),
        proposer_kind: ProposerKind::Tools,
        proposer_command: None,
        patience: 0,
        learn_batches: bench.batches(),
        protocol: bench.protocol.clone(),
        given_components: Vec::new(),
        resumes: Vec::new(),
    }
}
