//! Repeats a recorded search in a scratch folder, from its claims.

use std::sync::Arc;

use super::{SimulatedModels, Verifier, VerifyError, ahead};
use crate::{
    claims::Claims,
    dataset::{self, Dataset},
    evaluate::{Target, replay::RecordedModel},
    noted::Ending,
    progress::Silent,
    propose::{ModelLoop, Proposer},
    search::{Search, SearchError},
    session::{Session, Start},
};
use mmh_models::{
    ChatModel,
    cancel::Cancel,
    metering::{MeteredModel, budget::Budget},
};
use mmh_record::{
    RecordError,
    baseline::Baseline,
    clock::Clock,
    format::{Config, Cost, CostFile, Frontier, Summary},
    layout,
    manifest::Finding,
    reader::RunReader,
    writer::{Beginning, RunWriter},
};
use mmh_report::frontier;

/// How the repeated search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Like the recorded one.
    Whole,
    /// Where the recorded one was killed, or is at the moment.
    Open,
    /// Where the record cannot be followed any further, which is a finding.
    Early,
}

/// A recorded run and the repeated one.
pub struct Made {
    /// Reads the recorded run.
    pub recorded: RunReader,
    /// Reads the repeated run.
    pub derived: RunReader,
    /// The configuration of both.
    pub config: Config,
    /// How the repeated search ended.
    pub end: End,
    /// The cost of the repeated run.
    pub total: Cost,
    /// Its costs with an iteration that was not in the summary yet.
    pub ahead: Option<CostFile>,
}

impl Made {
    /// Whether the recorded frontier is that of the derived summary without its last iteration: a run that was killed right
    /// after its summary was written has such a one.
    pub fn has_frontier_of_before(&self) -> Result<bool, RecordError> {
        let summary = self.derived.summary()?;
        let before = summary.iterations.len().saturating_sub(1);
        let before = frontier::among(&summary.config, &summary.iterations[..before]);
        Ok(self.recorded.json::<Frontier>(layout::FRONTIER).is_ok_and(|recorded| recorded == before))
    }
}

/// Repeats the search of the verifier's run.
pub async fn run(
    verifier: Verifier,
    dataset: Dataset,
    claims: Arc<Claims>,
    folders: &[String],
) -> Result<Made, VerifyError> {
    let Verifier { reader: recorded, config, scratch, .. } = &verifier;
    let baselines = baselines(recorded, config, &claims);
    let summary = Summary::new(config.clone());
    let cost = CostFile { mock: config.mock, budget_usd: config.budget_usd, ..CostFile::default() };
    let beginning = Beginning { config, summary: &summary, cost: &cost, baselines: &baselines };
    let writer = RunWriter::scratch(scratch, &beginning)?;
    let derived = RunReader::new(writer.dir()?);
    let (config, recorded) = (config.clone(), verifier.reader);
    let search = Parts { config: &config, dataset, claims: claims.clone(), simulated: verifier.simulated };
    let search = search.put_together(verifier.builder, writer, summary, baselines);
    ahead::evaluate(&search, &claims, &recorded, folders).await;
    let ended = search.run().await;
    let end = end(ended.map(drop), &claims)?;
    let ahead = claims.take_ahead();
    let total = ahead.as_ref().map_or_else(|| derived.cost().map(|it| it.total), |it| Ok(it.total))?;
    Ok(Made { recorded, derived, config, end, total, ahead })
}

/// What the run starts from. A baseline that is not there, or is another one, is a finding.
fn baselines(recorded: &RunReader, config: &Config, claims: &Claims) -> Vec<Baseline> {
    let baseline = |index| match recorded.baseline(config, index) {
        Ok(baseline) => Some(baseline),
        Err(error) => {
            let (folder, expected) = (layout::iteration(index), "the baseline to start from");
            claims.notes.add(Finding::new(folder, expected, error.to_string()));
            // What follows cannot be as it was, so one is enough.
            None
        }
    };
    let mut found: Vec<Baseline> = (0..config.protocol.baselines).map_while(baseline).collect();
    if found.is_empty() {
        found.push("".into());
    }
    found
}

/// How the search ended. The end of the record is a finding, unless the run is still running or was killed.
fn end(ended: Result<(), SearchError>, claims: &Claims) -> Result<End, VerifyError> {
    let place = match ended {
        Ok(()) => return Ok(End::Whole),
        Err(SearchError::RecordEnds(place)) => place,
        // A damaged file is the run's, because the scratch folder was just written.
        Err(SearchError::Record(RecordError::Damaged { file, problem })) => {
            claims.notes.add(Finding::new(&file, "what a run has there", problem));
            return Ok(End::Early);
        }
        Err(SearchError::Record(RecordError::Io { action: "read", file, source })) => {
            claims.notes.add(Finding::new(&file, "what a run has there", source.to_string()));
            return Ok(End::Early);
        }
        Err(SearchError::Record(
            error @ (RecordError::TooLarge { .. } | RecordError::TooManyRows { .. }),
        )) => {
            claims.notes.add(Finding::new("the run", "files of a size that runs have", error.to_string()));
            return Ok(End::Early);
        }
        Err(SearchError::Record(error)) => return Err(error.into()),
        Err(SearchError::Compile(error)) => return Err(error.into()),
    };
    if claims.ending() == Ending::Open {
        return Ok(End::Open);
    }
    let found = "the record ends here: what follows was not derived";
    claims.notes.add(Finding::new(&place, "what belongs to a finished run", found));
    Ok(End::Early)
}

/// The parts of a search that differ between runs.
struct Parts<'a> {
    config: &'a Config,
    dataset: Dataset,
    claims: Arc<Claims>,
    simulated: SimulatedModels,
}

impl Parts<'_> {
    fn put_together(
        self,
        builder: mmh_engine::build::Builder,
        writer: RunWriter,
        summary: Summary,
        baselines: Vec<Baseline>,
    ) -> Search {
        let Self { config, dataset, claims, simulated } = self;
        let (clock, cancel) = (Clock::Fixed(config.started_at), Cancel::default());
        let limits = builder.sandbox.limits().clone();
        let free = |model| MeteredModel::free(model, clock, cancel.clone());
        let (target, proposer) = models(config, simulated);
        let proposer: Arc<dyn Proposer> = Arc::new(ModelLoop::new(free(proposer), limits.clone()));
        let parts = (Arc::new(Target::new(free(target), None)), proposer);
        // Rows that are taken from the run are those that it chose.
        let size = if claims.missing.dataset { usize::MAX } else { config.eval_split_size };
        let val = dataset::sample(&dataset.val, size, config.seed);
        let start = Start { summary, writer, baselines, dataset, val };
        let session =
            Session { limits: &limits, budget: Arc::new(Budget::unlimited()), clock, cancel: cancel.clone() };
        let concurrency = builder.at_once();
        let search = session.search(start, builder, parts, concurrency, Arc::new(Silent));
        Search { claims: Some(claims), ..search }
    }
}

/// The models of a run, target first. Simulated ones are asked again; for others there are the recorded replies.
fn models(config: &Config, simulated: SimulatedModels) -> (Arc<dyn ChatModel>, Arc<dyn ChatModel>) {
    if config.mock {
        return simulated(config.seed);
    }
    let recorded = |id: &String| Arc::new(RecordedModel::new(id));
    (recorded(&config.target_model), recorded(&config.proposer_model))
}
