//! Runs recorded examples again from recorded replies, with the recorded harness or with another one. If that is wanted, a
//! model answers requests that are not recorded.
//!
//! Not in here: the check of a whole run, which is `verify`.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use mmh_models::{cancel::Cancel, metering::MeteredModel};
use mmh_record::{
    RecordError,
    clock::Clock,
    data::Split,
    format::{CallRow, TraceRow},
    manifest::Finding,
    outcome::OutcomeKind,
    text,
};
use serde::Serialize;
use similar::TextDiff;

use super::{
    differences,
    stage::{self, Stage},
};
use crate::{
    dataset::Example,
    evaluate::{
        Evaluator, ExampleSet, Learned, Learning, Purpose, RecordedEvaluation, Sink, Target,
        replay::{RecordedModel, Replay},
        sink::{Discard, KeptCalls},
    },
    progress::Silent,
};

/// After this time the search for a short diff of two prompts ends.
const DIFF_PATIENCE: Duration = Duration::from_millis(200);

/// Most lines of a diff of two prompts, and most characters of each.
const DIFF_LINES: usize = 24;
const DIFF_COLUMNS: usize = 160;

/// Everything that is needed to run examples again. Cheap to clone.
#[derive(Clone)]
pub struct Rerun {
    /// The harness and the recorded calls.
    pub stage: Stage,
    /// Answers from the record, and perhaps from a model.
    pub replay: Replay,
    /// Most examples at once.
    pub concurrency: usize,
    /// Whether the harness is the recorded one, so that the outcomes should be the recorded ones as well.
    pub is_recorded: bool,
    /// Stops it before the next examples.
    pub cancel: Cancel,
}

/// The result of learning again.
#[derive(Clone, Debug, Default)]
pub struct Relearned {
    /// The harness's state; empty if it failed.
    pub state: Arc<[u8]>,
    /// The prompts that were not in the record.
    pub unrecorded: Vec<Unrecorded>,
    /// Why there is no state.
    pub failed: Option<String>,
}

/// A prompt that was not in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unrecorded {
    /// Its text.
    pub prompt: String,
    /// The diff from the most similar recorded prompt of the same example. `None` if the example has no recorded prompt.
    pub diff: Option<String>,
}

/// An example's new outcome compared with the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The recorded harness: exactly the same, fuel included.
    Same,
    /// The recorded harness: another outcome.
    Different,
    /// The recorded harness: the wall clock ended the recorded call, so it cannot be compared.
    ByTheClock,
    /// Another harness: wrong before, correct now.
    Fixed,
    /// Another harness: correct before, wrong now.
    Broken,
    /// Another harness: correct both times, or wrong both times.
    Unchanged,
    /// Another harness: it needed a reply that is not recorded.
    Unknown,
}

impl Standing {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::ByTheClock => "by-the-clock",
            Self::Fixed => "fixed",
            Self::Broken => "broken",
            Self::Unchanged => "unchanged",
            Self::Unknown => "unknown",
        }
    }
}

/// An example that was run again.
#[derive(Clone, Debug, Serialize)]
pub struct Again {
    /// How the outcomes compare.
    pub standing: Standing,
    /// The recorded outcome.
    pub recorded: TraceRow,
    /// The new outcome, with the recorded latency.
    pub found: TraceRow,
    /// The fields in which they differ.
    pub differences: Vec<Finding>,
    /// The new run's model calls in order, whether answered from the record or not.
    pub calls: Vec<CallRow>,
    /// The prompts that were not in the record.
    pub unrecorded: Vec<Unrecorded>,
}

impl Rerun {
    /// Offers the harness the train split again, from recorded replies.
    pub async fn learn(&self, train: &[Example]) -> Result<Relearned, RecordError> {
        let (evaluator, recorded) = (self.evaluator(), self.recorded());
        let sink: Arc<dyn Sink> = Arc::new(Discard);
        let learning = evaluator.learn(self.stage.harness.clone(), train, &recorded, &sink).await?;
        let mut relearned = match learning {
            Learning::Done(learned) => Relearned { state: learned.state().clone(), ..Relearned::default() },
            Learning::Failed { reason, .. } => Relearned { failed: Some(reason), ..Relearned::default() },
            Learning::Interrupted { .. } => {
                Relearned { failed: Some("learning was stopped".into()), ..Relearned::default() }
            }
        };
        for batch in self.stage.lessons.batches(train) {
            for id in self.stage.lessons.predictions(&batch) {
                relearned.unrecorded.extend(self.unrecorded(&id, &recorded));
            }
            relearned.unrecorded.extend(self.unrecorded(&batch.id, &recorded));
        }
        Ok(relearned)
    }

    /// Runs these examples again, and returns them in their order. `tainted` says that the state depends on replies that
    /// are not recorded and were not asked for. Examples that were not run because of a stop are missing.
    pub async fn examples(
        &self,
        rows: &[TraceRow],
        state: &Arc<[u8]>,
        tainted: bool,
    ) -> Result<Vec<Again>, RecordError> {
        let examples: Vec<Example> = rows.iter().map(|row| stage::example_of(row).0).collect();
        let (recorded, calls) = (self.recorded(), Arc::new(KeptCalls::default()));
        let harness = Learned::with_state(self.stage.harness.clone(), state.clone());
        let done = self.evaluator();
        let done = done
            .evaluate(&harness, ExampleSet::new(Split::Val, &examples), self.recorded(), calls.clone())
            .await?;
        let mut found: HashMap<String, TraceRow> =
            done.rows.into_iter().map(|row| (row.example_id.clone(), row)).collect();
        let again = rows.iter().filter_map(|row| {
            let found = found.remove(&row.example_id)?;
            let unrecorded = self.unrecorded(&row.example_id, &recorded);
            Some(self.again(row.clone(), found, calls.take(&row.example_id), unrecorded, tainted))
        });
        Ok(again.collect())
    }

    /// Compares an example's new outcome with the recorded one.
    fn again(
        &self,
        recorded: TraceRow,
        found: TraceRow,
        calls: Vec<CallRow>,
        unrecorded: Vec<Unrecorded>,
        tainted: bool,
    ) -> Again {
        // Times are not compared.
        let found = TraceRow { latency_ms: recorded.latency_ms, ..found };
        let differences = differences(&recorded, &found);
        let unknown = tainted || (!self.replay.is_live() && !unrecorded.is_empty());
        let standing = self.standing(&recorded, &found, unknown);
        Again { standing, recorded, found, differences, calls, unrecorded }
    }

    /// The evaluator of every search, with the record as its model.
    pub(super) fn evaluator(&self) -> Evaluator {
        let (stage, clock) = (&self.stage, Clock::Fixed(Timestamp::UNIX_EPOCH));
        let model = Arc::new(RecordedModel::new(&stage.model));
        Evaluator {
            runner: stage.runner.clone(),
            target: Arc::new(Target::new(MeteredModel::free(model, clock, self.cancel.clone()), None)),
            kind: stage.kind.clone(),
            task: stage.task.clone(),
            seed: stage.seed,
            concurrency: self.concurrency,
            lessons: stage.lessons.clone(),
            times: Arc::default(),
            record_bytes: stage.record_bytes,
            clock,
            observer: Arc::new(Silent),
            cancel: self.cancel.clone(),
        }
    }

    /// The record without outcomes, so that all examples are run.
    fn recorded(&self) -> RecordedEvaluation {
        let (calls, purpose) = (self.stage.calls.clone(), Purpose::Replay(self.replay.clone()));
        let scorer_calls = self.stage.scorer_calls.clone();
        RecordedEvaluation { calls, scorer_calls, purpose, ..RecordedEvaluation::default() }
    }

    /// The prompts of an example or batch that were not in the record, each with a diff from the most similar recorded one.
    fn unrecorded(&self, id: &str, recorded: &RecordedEvaluation) -> Vec<Unrecorded> {
        let prompts = self.replay.take_unrecorded(id);
        if prompts.is_empty() {
            return Vec::new();
        }
        let rows = [&recorded.calls, &recorded.scorer_calls].map(|calls| {
            calls.get(id).unwrap_or_else(|error| {
                // Then no request is a recorded one, which is reported.
                tracing::warn!("{error}");
                Cow::Borrowed(&[])
            })
        });
        let rows = rows.iter().flat_map(|rows| rows.iter());
        let known: Vec<String> = rows.map(|row| row.request.prompt_text()).collect();
        let described = prompts.into_iter().map(|prompt| {
            let diff = prompt_diff(&known, &prompt);
            Unrecorded { prompt, diff }
        });
        described.collect()
    }

    fn standing(&self, recorded: &TraceRow, found: &TraceRow, unknown: bool) -> Standing {
        match (recorded.correct, found.correct) {
            _ if self.is_recorded && !stage::is_replayable(recorded) => Standing::ByTheClock,
            _ if self.is_recorded && recorded == found => Standing::Same,
            _ if self.is_recorded => Standing::Different,
            _ if unknown => Standing::Unknown,
            (false, true) => Standing::Fixed,
            (true, false) => Standing::Broken,
            _ => Standing::Unchanged,
        }
    }
}

/// Whether an outcome of this kind is a trap, which has a place in the source.
pub fn has_a_place(kind: OutcomeKind) -> bool {
    use OutcomeKind::{Exit, MemoryLimit, OutOfFuel, Panic, StackOverflow, Trap};
    matches!(kind, Panic | Trap | Exit | StackOverflow | OutOfFuel | MemoryLimit)
}

/// The number of examples of each standing.
pub fn counts(again: &[Again]) -> BTreeMap<Standing, usize> {
    let mut counts = BTreeMap::new();
    again.iter().for_each(|it| *counts.entry(it.standing).or_insert(0) += 1);
    counts
}

/// A short diff of a prompt from the most similar of these; nothing if there are none.
fn prompt_diff(recorded: &[String], prompt: &str) -> Option<String> {
    let diffs = recorded
        .iter()
        .map(|old| TextDiff::configure().timeout(DIFF_PATIENCE).diff_lines(old.as_str(), prompt));
    let closest = diffs.max_by(|left, right| left.ratio().total_cmp(&right.ratio()))?;
    if closest.ratio() == 1.0 {
        return Some("the same text: other settings, or asked more often than it was".into());
    }
    let unified = closest.unified_diff().context_radius(1).to_string();
    let lines: Vec<&str> = unified.lines().filter(|line| !line.starts_with('\\')).collect();
    let mut shown: Vec<String> =
        lines.iter().take(DIFF_LINES).map(|line| text::ellipsis(line, DIFF_COLUMNS)).collect();
    if lines.len() > DIFF_LINES {
        shown.push(format!("[{} more lines]", lines.len() - DIFF_LINES));
    }
    Some(shown.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_compared_with_the_closest() {
        let recorded = ["one\ntwo\nthree\n".to_owned(), "red\ngreen\nblue\n".to_owned()];
        let long: String = (0..100).map(|line| format!("{line}\n")).collect();
        // name, recorded prompts, prompt, what the diff says
        let table: [(&str, &[String], &str, Option<&str>); 4] = [
            ("nothing recorded", &[], "x", None),
            ("the closest", &recorded, "red\ngrey\nblue\n", Some("-green\n+grey\n")),
            ("the same text", &recorded, "one\ntwo\nthree\n", Some("the same text")),
            ("a long one is cut", &recorded, &long, Some("more lines]")),
        ];
        for (name, recorded, prompt, expected) in table {
            let found = prompt_diff(recorded, prompt);
            match expected {
                None => assert_eq!(found, None, "{name}"),
                Some(part) => {
                    let found = found.unwrap_or_default();
                    assert!(found.contains(part), "{name}: {found}");
                    assert!(found.lines().count() <= DIFF_LINES + 1, "{name}");
                }
            }
        }
    }
}
