//! Looks into existing runs and components: runs examples again ([`rerun`]), describes a component ([`component`]), compares
//! two iterations ([`diff`]), exports a harness ([`export`]).
//!
//! Nothing in here changes a run or checks it: for checks see `verify`.

pub mod component;
pub mod diff;
pub mod export;
mod interface;
pub mod looked;
mod outcomes;
pub mod rerun;
pub mod stage;

use serde_json::Value;

use crate::evaluate::recorded_replies::Calls;
use mmh_engine::compile::{CompileError, Rejection};
use mmh_record::{
    RecordError,
    data::Split,
    format::{Summary, TraceRow},
    layout,
    manifest::{self, Finding},
    reader::RunReader,
    recorded::Recorded,
    text,
};

/// The requested thing does not exist, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The run's folder cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A harness could not be compiled for a reason of the host.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// There is no folder of this iteration.
    #[error("the run has no iteration {index}{there}")]
    NoIteration {
        /// The iteration's index.
        index: u32,
        /// Which iterations there are, after a colon.
        there: String,
    },
    /// The iteration has no outcomes on this split.
    #[error("iteration {index} has no {split} evaluation{why}")]
    NotEvaluated {
        /// The iteration's index.
        index: u32,
        /// The split's name.
        split: &'static str,
        /// Why not, after a colon; empty if the run does not say.
        why: String,
    },
    /// The evaluation has no example with this id.
    #[error("iteration {index} has no {split} example {id:?}: its {count} examples are {range}")]
    NoExample {
        /// The iteration's index.
        index: u32,
        /// The split's name.
        split: &'static str,
        /// The id that was asked for.
        id: String,
        /// The number of recorded examples.
        count: usize,
        /// The first and the last id.
        range: String,
    },
    /// The iteration's source did not become a component.
    #[error("iteration {index} has no component{why}")]
    NoComponent {
        /// The iteration's index.
        index: u32,
        /// Why not, after a colon; empty if the run does not say.
        why: String,
    },
    /// A file is no WebAssembly component.
    #[error("{name} is no component: {problem}")]
    NotAComponent {
        /// The file.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// One iteration of a run, and one of its evaluations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The iteration's index.
    pub index: u32,
    /// The split that was evaluated.
    pub split: Split,
    /// Where the harness is, such as `iterations/003`.
    pub home: String,
    /// Where the evaluation is: `home`, or `test/003`.
    pub folder: String,
}

/// The record of an evaluation.
#[derive(Clone)]
pub struct Evaluated {
    /// Outcomes, in the order of the examples; never empty.
    pub traces: Vec<TraceRow>,
    /// Model calls, by example.
    pub calls: Calls,
    /// Model calls of the task's own scorer, by example.
    pub scorer_calls: Calls,
}

impl Place {
    /// Finds an iteration of the run. Its evaluation may be missing.
    pub fn find(reader: &RunReader, index: u32, split: Split) -> Result<Self, AuditError> {
        let home = layout::iteration(index);
        if reader.folder(&home).is_none() {
            let there = listed(reader, layout::Place::Iteration);
            let there = if there.is_empty() { ": it has none".into() } else { format!(": it has {there}") };
            return Err(AuditError::NoIteration { index, there });
        }
        let folder = if split == Split::Test { layout::held_out(index) } else { home.clone() };
        Ok(Self { index, split, home, folder })
    }

    /// Reads its evaluation.
    pub fn evaluated(&self, reader: &RunReader) -> Result<Evaluated, AuditError> {
        let traces = self.rows(reader)?;
        let calls = |file| Calls::index(reader.dir(), &layout::file(&self.folder, file), |_| {});
        let (calls, scorer_calls) = (calls(layout::CALLS)?, calls(layout::SCORER_CALLS)?);
        Ok(Evaluated { traces, calls, scorer_calls })
    }

    /// Reads as much of each outcome as the type has. There is at least one.
    fn rows<T: Recorded>(&self, reader: &RunReader) -> Result<Vec<T>, AuditError> {
        let traces = layout::file(&self.folder, layout::TRACES);
        let rows: Vec<T> = if reader.has(&traces) { reader.lines(&traces)? } else { Vec::new() };
        // If learning failed, the file is empty.
        if rows.is_empty() {
            let (index, split) = (self.index, self.split.name());
            return Err(AuditError::NotEvaluated { index, split, why: self.why_not(reader) });
        }
        Ok(rows)
    }

    /// The component's bytes.
    pub fn component(&self, reader: &RunReader) -> Result<Vec<u8>, AuditError> {
        let path = format!("{}/{}", self.home, layout::COMPONENT);
        if !reader.has(&path) {
            return Err(AuditError::NoComponent { index: self.index, why: self.unscored(reader) });
        }
        Ok(reader.bytes(&path)?)
    }

    /// Why there is no evaluation, if the run says so.
    fn why_not(&self, reader: &RunReader) -> String {
        match self.split {
            Split::Test => match listed(reader, layout::Place::HeldOut).as_str() {
                "" => ": the run has no held-out evaluation".into(),
                there => format!(": held-out evaluations are there of {there}"),
            },
            _ => self.unscored(reader),
        }
    }

    fn unscored(&self, reader: &RunReader) -> String {
        let Ok(summary) = reader.summary() else { return String::new() };
        unscored_reason(&summary, self.index).map_or_else(String::new, |why| format!(": {why}"))
    }
}

/// Why an iteration has no score, if it has none.
pub fn unscored_reason(summary: &Summary, index: u32) -> Option<String> {
    let unscored = summary.unscored.iter().find(|it| it.index == index)?;
    Some(format!("{}: {}", unscored.status, text::ellipsis(&text::one_line(&unscored.reason), 200)))
}

/// The iterations that have a folder in such a place.
fn listed(reader: &RunReader, place: layout::Place) -> String {
    let folders = manifest::folders_of(reader.dir()).unwrap_or_default();
    let below = folders.iter().filter_map(|folder| folder.split_once('/'));
    let names = below.filter(|(parent, _)| *parent == place.parent()).map(|(_, name)| text::one_line(name));
    names.collect::<Vec<_>>().join(", ")
}

/// The fields in which two records of one shape differ.
pub fn differences(expected: &impl serde::Serialize, found: &impl serde::Serialize) -> Vec<Finding> {
    let json = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
    let (expected, found) = (json(serde_json::to_value(expected)), json(serde_json::to_value(found)));
    let (Some(expected), Some(found)) = (expected.as_object(), found.as_object()) else { return Vec::new() };
    let names = expected.keys().chain(found.keys().filter(|name| !expected.contains_key(*name)));
    let null = Value::Null;
    let pairs =
        names.map(|name| (name, expected.get(name).unwrap_or(&null), found.get(name).unwrap_or(&null)));
    let differing = pairs.filter(|(_, expected, found)| expected != found);
    differing.map(|(name, expected, found)| Finding::new(name, shown(expected), shown(found))).collect()
}

fn shown(value: &Value) -> String {
    text::ellipsis(&value.to_string(), 200)
}

/// A rejection in one line: kind and message.
pub fn rejected(rejection: &Rejection) -> String {
    format!("{}: {}", rejection.kind.name(), rejection.message)
}
