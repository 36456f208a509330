//! From a run folder to what the page shows. A run that is under way, was cut off or is damaged gives what is
//! there, and says what is not: only a folder without a readable `config.json` is an error.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    compared,
    data::{HeldOut, Iteration, PageObjective, Read, Results, Run},
    diff::{self, Change},
    known::{Examples, Labels, Listed, Shown},
    read::{self, FILES, OUTCOMES, Part, Places},
    stage, usage,
};
use crate::{compare::board, lineage};
use mmh_record::{
    RecordError,
    digest::Digest,
    format::{Config, CostFile, IterationSummary, ReadRow, Summary, Unscored},
    layout::{self, Place},
    objective::Objective,
    reader::RunReader,
    recorded::Recorded,
    scorer::ScorerSpec,
};

/// Reads runs. Kept between two looks at the same run, it reads again only what has changed.
#[derive(Default)]
pub struct Collector {
    /// Of which run the rest is.
    run: Option<(Digest, Timestamp)>,
    parts: HashMap<String, Arc<Part>>,
    val: Examples,
    test: Examples,
    labels: Labels,
    changes: HashMap<(Digest, Digest), Vec<Change>>,
    compared: compared::Kept,
}

/// Told where the long texts of an evaluation are: by its folder, in the order of `Run::evaluations`.
pub type Seen<'a> = dyn FnMut(&str, &Places) + 'a;

impl Collector {
    /// The run as it stands now.
    pub fn run(&mut self, reader: &RunReader) -> Result<Run, RecordError> {
        self.run_with(reader, &mut |_, _| {})
    }

    /// The same; `seen` is told of each evaluation that is read.
    pub fn run_with(&mut self, reader: &RunReader, seen: &mut Seen<'_>) -> Result<Run, RecordError> {
        let config = reader.config()?;
        self.begin(&config);
        let going = reader.is_being_written();
        let mut problems = Vec::new();
        let summary = top::<Summary>(reader, layout::SUMMARY, &mut problems);
        let costs = top::<CostFile>(reader, layout::COST, &mut problems);
        let indices = indices(reader, summary.as_ref());
        let tests = indices_in(reader, Place::HeldOut);
        let mut part = |index, place| (index, self.part(reader, place, index, seen));
        let parts: BTreeMap<u32, Arc<Part>> =
            indices.into_iter().map(|index| part(index, Place::Iteration)).collect();
        let test_parts: BTreeMap<u32, Arc<Part>> =
            tests.into_iter().map(|index| part(index, Place::HeldOut)).collect();
        for part in parts.values().chain(test_parts.values()) {
            problems.extend(part.problems.iter().cloned());
        }

        let mut labels = Shown::new(&self.labels, config.task.labels.len());
        let (mut val, mut test) = (Listed::new(&self.val), Listed::new(&self.test));
        let results: Vec<Results> =
            parts.values().map(|part| shown(&part.results, &mut val, &mut labels)).collect();
        let held_out = test_parts.iter().map(|(&index, part)| {
            let known = summary.iter().flat_map(|summary| &summary.test).find(|test| test.index == index);
            let score = known.map(|test| test.score.clone()).or_else(|| part.score.clone());
            HeldOut { index, score, results: shown(&part.results, &mut test, &mut labels) }
        });
        let held_out = held_out.collect();
        let (labels, val, test) = (labels.names, val.texts, test.texts);
        let mut iterations: Vec<Iteration> = Vec::new();
        for ((&index, part), results) in parts.iter().zip(results) {
            missing(index, part, summary.as_ref(), &mut problems);
            let iteration = self.iteration(index, part, results, summary.as_ref(), &iterations);
            let iteration = stage::after(iteration, going);
            iterations.push(iteration);
        }
        let untested = summary.iter().flat_map(|summary| &summary.untested);
        problems.extend(untested.map(|it| format!("no held-out score of {:03}: {}", it.index, it.reason)));
        let mut run = Run {
            scorer: scorer(reader, &config, &mut problems),
            objective: PageObjective::of(Objective::of(&config)),
            total_cost: summary.as_ref().map(|summary| summary.total_cost).unwrap_or_default(),
            costs,
            best: summary.as_ref().and_then(|summary| summary.best_iteration_index),
            baseline: summary.as_ref().and_then(board::best_baseline).unwrap_or_default(),
            finished_at: summary.as_ref().and_then(|summary| summary.finished_at),
            going,
            stopped: summary.as_ref().and_then(|summary| summary.stopped.clone()),
            time: summary.as_ref().and_then(|summary| summary.time),
            labels,
            outcomes: OUTCOMES.iter().map(|kind| kind.name()).collect(),
            val,
            test,
            inputs_cut: self.val.is_cut() || self.test.is_cut(),
            traces_left_out: 0,
            held_out,
            compared: self.compared.of(reader, summary.as_ref()),
            iterations,
            limits: Vec::new(),
            problems,
            config,
        };
        let most = parts.values().chain(test_parts.values()).map(|part| part.most.clone());
        run.limits = usage::against(&run.config.limits, &run, most);
        Ok(run)
    }

    /// Forgets what it knows of another run that had the same name.
    fn begin(&mut self, config: &Config) {
        let run = Some((config.dataset_digest, config.started_at));
        if self.run != run {
            *self = Self { run, labels: Labels::new(&config.task.labels), ..Self::default() };
        }
    }

    fn part(&mut self, reader: &RunReader, place: Place, index: u32, seen: &mut Seen<'_>) -> Arc<Part> {
        let (folder, examples) = match place {
            Place::HeldOut => (layout::held_out(index), &mut self.test),
            _ => (layout::iteration(index), &mut self.val),
        };
        let stamp = read::stamp(reader, &folder);
        if let Some(part) = self.parts.get(&folder).filter(|part| part.stamp == stamp) {
            return part.clone();
        }
        let (part, places) = Part::read(reader, &folder, examples, &mut self.labels);
        seen(&folder, &places);
        let part = Arc::new(part);
        self.parts.insert(folder, part.clone());
        part
    }

    fn iteration(
        &mut self,
        index: u32,
        part: &Part,
        results: Results,
        summary: Option<&Summary>,
        earlier: &[Iteration],
    ) -> Iteration {
        let scored = summary.and_then(|it| it.iterations.iter().find(|it| it.index == index));
        let unscored = summary.and_then(|it| it.unscored.iter().find(|it| it.index == index));
        let (source, note) = source(part, scored, unscored);
        let given = summary.and_then(|it| it.config.given(index)).map(|given| given.words());
        let source_note = given.or_else(|| note.map(str::to_owned));
        let parent = scored.and_then(|it| it.parent).or_else(|| {
            lineage::parent(&source, earlier.iter().map(|it| (it.index, it.source.as_str())))
                .filter(|_| scored.is_none() && !source.is_empty())
        });
        let old = parent.and_then(|parent| earlier.iter().find(|it| it.index == parent));
        let changes = old.map(|old| self.changes(&old.source, &source)).unwrap_or_default();
        let (status, reason) = stage::of(part, scored, unscored);
        Iteration {
            index,
            status,
            reason,
            leaks: scored.map_or(0, |it| it.leaks.len()),
            remark: scored.and_then(|it| it.score.asks_no_model()),
            parent,
            reasoning: scored.map_or_else(|| part.reasoning.clone(), |it| it.reasoning.clone()),
            changes,
            source_note,
            score: scored.map(|it| it.score.clone()),
            cost: scored.map(|it| it.cost).or_else(|| unscored.map(|it| it.cost)),
            started_at: scored.map(|it| it.started_at).or_else(|| unscored.map(|it| it.started_at)),
            finished_at: scored.map(|it| it.finished_at).or_else(|| unscored.map(|it| it.finished_at)),
            source_digest: (!source.is_empty()).then(|| Digest::of(&source).to_string()),
            source,
            component_digest: scored.map(|it| it.component_digest.to_string()),
            component_bytes: part.component_bytes,
            turns: part.turns.clone(),
            reads: part.reads.iter().map(read_row).collect(),
            trials: part.trials,
            notes: part.notes.clone(),
            claimed: part.claimed,
            results,
            provenance: part.provenance.clone(),
            test_result: part.test_result.clone(),
        }
    }

    fn changes(&mut self, old: &str, new: &str) -> Vec<Change> {
        let key = (Digest::of(old), Digest::of(new));
        self.changes.entry(key).or_insert_with(|| diff::changes(old, new)).clone()
    }
}

/// The candidates that have a folder in such a place.
pub fn indices_in(reader: &RunReader, place: Place) -> BTreeSet<u32> {
    let entries = reader.folder(place.parent()).and_then(|dir| dir.entries().ok());
    let Some(entries) = entries else { return BTreeSet::new() };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    names.filter_map(|name| layout::index_of(&name)).collect()
}

/// All iterations that the folder or the summary knows.
fn indices(reader: &RunReader, summary: Option<&Summary>) -> BTreeSet<u32> {
    let mut found = indices_in(reader, Place::Iteration);
    if let Some(summary) = summary {
        found.extend(summary.iterations.iter().map(|it| it.index));
        found.extend(summary.unscored.iter().map(|it| it.index));
    }
    found
}

/// A file of the run itself.
fn top<T: Recorded>(reader: &RunReader, file: &str, problems: &mut Vec<String>) -> Option<T> {
    match reader.json(file) {
        Ok(value) => Some(value),
        Err(problem) => {
            problems.push(problem.to_string());
            None
        }
    }
}

/// The source of the task's own scorer.
fn scorer(reader: &RunReader, config: &Config, problems: &mut Vec<String>) -> Option<String> {
    let spec = config.task.metric.as_ref()?.scorer?;
    let ScorerSpec::Source(_) = spec else { return None };
    reader.text(layout::SCORER_SOURCE).map_err(|problem| problems.push(problem.to_string())).ok()
}

/// Notes which files of a scored iteration are not there.
fn missing(index: u32, part: &Part, summary: Option<&Summary>, problems: &mut Vec<String>) {
    if let Some(summary) = summary.filter(|summary| summary.iterations.iter().any(|it| it.index == index)) {
        for (file, stamp) in FILES.iter().zip(&part.stamp) {
            let needed = match *file {
                layout::SOURCE | layout::PYTHON_SOURCE => {
                    let name = summary.config.harness_language.source();
                    *file == name && summary.config.given(index).is_none()
                }
                layout::TRANSCRIPT | layout::READS => !summary.config.is_baseline(index),
                layout::BATCHES
                | layout::CALLS
                | layout::STATE
                | layout::PREDICTIONS
                | layout::NOTES
                | layout::AGENT_LOG => false,
                _ => true,
            };
            if needed && stamp.is_none() {
                problems.push(format!("{} is missing", RunReader::iteration_file(index, file)));
            }
        }
    }
}

fn source(
    part: &Part,
    scored: Option<&IterationSummary>,
    unscored: Option<&Unscored>,
) -> (String, Option<&'static str>) {
    match (scored, &part.source, &part.refused) {
        (Some(scored), _, _) => (scored.harness_code.clone(), None),
        (None, Some(source), _) if unscored.is_some() => (source.clone(), Some("never scored")),
        (None, Some(source), _) => (source.clone(), Some("not scored yet")),
        (None, None, Some(refused)) => (refused.clone(), Some("the last submission, which was refused")),
        (None, None, None) => (String::new(), None),
    }
}

/// What came of the examples, with the numbers that the page has for examples and labels.
fn shown(results: &Results, examples: &mut Listed<'_>, labels: &mut Shown<'_>) -> Results {
    let mut shown = results.clone();
    for example in &mut shown.example {
        *example = examples.place(*example, labels);
    }
    for predicted in &mut shown.predicted {
        if let Ok(number) = u32::try_from(*predicted) {
            *predicted = labels.place(number).into();
        }
    }
    shown
}

fn read_row(row: &ReadRow) -> Read {
    Read { path: row.path.clone(), bytes: row.bytes_read, step: row.step, at: row.at }
}
