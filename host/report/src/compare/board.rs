//! A run's iterations against each other, by what the traces say of every example. Works on a run that
//! goes on, was killed, or has damaged traces: what cannot be compared is left out, and named.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Grades, Numbers, Paired, SIGNIFICANCE, holm};
use crate::{frontier, statistics::paired_test};
use mmh_record::{
    RecordError,
    data::Split,
    format::{Config, FrontierMember, HeldOut, Score, Summary},
    grade::GradeRow,
    layout::{self, TRACES},
    manifest,
    objective::{NamedFigure, Objective},
    reader::RunReader,
};

/// The status of an iteration that has a score.
pub const SCORED: &str = "scored";
/// The status of an iteration that is not finished and may get a score.
pub const UNDER_WAY: &str = "under-way";

/// What was compared, and by which rules.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Board {
    /// The name of the test that gives the p-values, for people.
    pub test: &'static str,
    /// The name of the method that corrects p-values for several comparisons.
    pub correction: &'static str,
    /// Below this a corrected p-value counts as more than noise.
    pub significance: f64,
    /// All iterations, by index: scored, not scored, and the one under way.
    pub iterations: Vec<Row>,
    /// The best iteration on validation. None before any has a score.
    pub best: Option<Best>,
    /// The held-out comparison of the baseline and the best, where it is the only one: one test, nothing to correct for.
    pub held_out: Option<Against>,
    /// The held-out comparisons of several harnesses with the baseline 000, by index, corrected over all of them. Absent
    /// where the run's protocol asks for the best one only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_out_all: Vec<HeldOutTested>,
    /// The scored iterations that no other one makes superfluous, by score and prompt tokens.
    pub frontier: Vec<FrontierMember>,
    /// What goes on, or went on when the run was killed: candidates of one generation, or held-out evaluations. Empty in a run that has ended.
    pub under_way: Vec<UnderWay>,
    /// Traces that could not be used, and why.
    pub damaged: Vec<String>,
}

/// An iteration's place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The iteration's number.
    pub index: u32,
    /// `scored`, `under-way`, or why there is no score.
    pub status: String,
    /// Whether it is the best on validation.
    pub best: bool,
    /// Against the best of all earlier ones. None for the first, and where a trace is missing.
    pub against_best_so_far: Option<Against>,
    /// Against the baseline, or the best one of several, corrected over all that were compared with it.
    pub against_baseline: Option<Tested>,
    /// Against its parent, which is inferred. For the page alone.
    #[serde(skip)]
    pub against_parent: Option<Against>,
}

/// The best iteration.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Best {
    /// The iteration's number.
    pub index: u32,
    /// The figure that the objective compares, on validation, by the objective's name. As the best of several it is an
    /// optimistic estimate.
    #[serde(flatten)]
    pub value: NamedFigure,
    /// Against the baseline, as in its row. None where it is one, and where a trace is missing.
    pub against_baseline: Option<Tested>,
    /// Against the best of the others, corrected over all pairs: both were picked by their scores.
    pub against_runner_up: Option<Tested>,
}

/// One harness against the iteration `index`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Against {
    /// The iteration that it is compared with.
    pub index: u32,
    /// What it fixed and broke. Its fields stand beside `index`.
    #[serde(flatten)]
    pub paired: Paired,
}

/// The same, with what remains of it when one has looked at several.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Tested {
    /// The comparison. Its fields stand beside the others.
    #[serde(flatten)]
    pub against: Against,
    /// The p-value after Holm's correction, 1 at most.
    pub p_corrected: f64,
    /// Over how many comparisons it was corrected.
    pub comparisons: usize,
    /// Whether the corrected p-value is below [`SIGNIFICANCE`].
    pub more_than_noise: bool,
}

/// A harness against iteration 000 on the held-out examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HeldOutTested {
    /// The iteration whose harness it is.
    pub iteration: u32,
    /// The comparison. Its fields stand beside `iteration`.
    #[serde(flatten)]
    pub tested: Tested,
}

/// What is on record of an iteration that is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnderWay {
    /// The iteration whose harness is proposed or evaluated.
    pub index: u32,
    /// `val`, or `test` for the held-out examples.
    pub split: &'static str,
    /// Examples that have been done, or trials of them.
    pub done: usize,
    /// Examples of the whole evaluation, or trials of them.
    pub total: usize,
    /// Of those that have been done, how many are right; None where the trace cannot be read.
    pub correct: Option<usize>,
    /// Turns of the proposer so far.
    pub turns: usize,
}

/// What is read of a line of `proposer.jsonl`.
#[derive(Deserialize)]
struct TurnRow {
    r#type: String,
}

mmh_record::recorded!(TurnRow);

/// The scored iterations, with what their traces say.
struct Field<'a> {
    summary: &'a Summary,
    objective: Objective,
    grades: BTreeMap<u32, Grades>,
}

impl Board {
    /// Of the run in this folder, whose summary this is.
    pub fn of(reader: &RunReader, summary: &Summary) -> Self {
        let mut damaged = Vec::new();
        let objective = Objective::of(&summary.config);
        let (mut numbers, mut grades) = (Numbers::default(), BTreeMap::new());
        for it in &summary.iterations {
            let file = RunReader::iteration_file(it.index, TRACES);
            grades.extend(
                checked(reader, &file, &mut numbers, &it.score, &mut damaged).map(|found| (it.index, found)),
            );
        }
        let field = Field { summary, objective, grades };
        let best = field.best();
        let (held_out, held_out_all) = held_out(reader, summary, &mut damaged);
        let under_way = under_way(reader, summary);
        Self {
            test: paired_test(objective, summary.config.protocol.trials),
            correction: "Holm",
            significance: SIGNIFICANCE,
            iterations: field.rows(best.as_ref(), &under_way),
            best,
            held_out,
            held_out_all,
            frontier: frontier::of(summary).members,
            under_way,
            damaged,
        }
    }
}

impl Field<'_> {
    fn against(&self, index: u32, other: u32) -> Option<Against> {
        let (before, after) = (self.grades.get(&other)?, self.grades.get(&index)?);
        Some(Against { index: other, paired: Paired::of(self.objective, before, after) })
    }

    fn rows(&self, best: Option<&Best>, under_way: &[UnderWay]) -> Vec<Row> {
        let row = |index, status: &str| Row {
            index,
            status: status.to_owned(),
            best: best.is_some_and(|best| best.index == index),
            against_best_so_far: None,
            against_baseline: None,
            against_parent: None,
        };
        let mut rows: Vec<Row> = self.summary.iterations.iter().map(|it| row(it.index, SCORED)).collect();
        rows.extend(self.summary.unscored.iter().map(|it| row(it.index, &it.status)));
        let proposed = under_way.iter().filter(|it| it.split == Split::Val.name());
        rows.extend(proposed.map(|it| row(it.index, UNDER_WAY)));
        rows.sort_by_key(|row| row.index);
        let against_baseline = self.against_baseline();
        for row in rows.iter_mut().filter(|row| row.status == SCORED) {
            row.against_best_so_far =
                self.best_before(row.index).and_then(|other| self.against(row.index, other));
            row.against_baseline = against_baseline.get(&row.index).copied();
            row.against_parent = self.parent(row.index).and_then(|other| self.against(row.index, other));
        }
        rows
    }

    fn parent(&self, index: u32) -> Option<u32> {
        self.summary.iterations.iter().find(|it| it.index == index)?.parent
    }

    /// The best of the iterations before this one; of equals, the first.
    fn best_before(&self, index: u32) -> Option<u32> {
        first_best(self.summary, |it| it < index)
    }

    /// Every scored iteration against the baseline, or against the best one of several.
    fn against_baseline(&self) -> BTreeMap<u32, Tested> {
        let config = &self.summary.config;
        let Some(baseline) = best_baseline(self.summary) else { return BTreeMap::new() };
        let scored = self.summary.iterations.iter().map(|it| it.index);
        let others: BTreeSet<u32> = scored.filter(|index| !config.is_baseline(*index)).collect();
        self.tested(others.into_iter().map(|index| (index, baseline)))
            .into_iter()
            .map(|((index, _), tested)| (index, tested))
            .collect()
    }

    /// These pairs, corrected over all of them. A pair without traces counts as one that shows nothing.
    fn tested(&self, pairs: impl Iterator<Item = (u32, u32)>) -> BTreeMap<(u32, u32), Tested> {
        let compared: Vec<_> =
            pairs.map(|(index, other)| (index, other, self.against(index, other))).collect();
        let p_values: Vec<f64> =
            compared.iter().map(|(_, _, it)| it.as_ref().map_or(1.0, |it| it.paired.p)).collect();
        let comparisons = compared.len();
        let corrected = compared.into_iter().zip(holm(&p_values));
        let tested = |((index, other, against), p_corrected): ((u32, u32, Option<Against>), f64)| {
            let more_than_noise = p_corrected < SIGNIFICANCE;
            Some(((index, other), Tested { against: against?, p_corrected, comparisons, more_than_noise }))
        };
        corrected.filter_map(tested).collect()
    }

    fn best(&self) -> Option<Best> {
        let index = self.summary.best_iteration_index?;
        let score = &self.summary.iterations.iter().find(|it| it.index == index)?.score;
        let against_baseline = self.against_baseline().get(&index).copied();
        let runner_up = first_best(self.summary, |it| it != index);
        let indexes: BTreeSet<u32> = self.summary.iterations.iter().map(|it| it.index).collect();
        // The later against the earlier, but for the best one: that is what changed against each of them.
        let pairs = indexes.iter().flat_map(|&left| {
            indexes
                .range(..left)
                .map(move |&right| if right == index { (right, left) } else { (left, right) })
        });
        let against_runner_up = runner_up.and_then(|other| self.tested(pairs).get(&(index, other)).copied());
        Some(Best { index, value: score.named(self.objective), against_baseline, against_runner_up })
    }
}

/// The first of the best iterations among those that are asked for.
fn first_best(summary: &Summary, asked: impl Fn(u32) -> bool) -> Option<u32> {
    let objective = Objective::of(&summary.config);
    let mut scored: Vec<(u32, f64)> =
        summary.iterations.iter().map(|it| (it.index, objective.value(&it.score))).collect();
    scored.retain(|(index, _)| asked(*index));
    scored.sort_by_key(|(index, _)| *index);
    objective.best(scored).map(|(index, _)| index)
}

/// The best of the baselines on validation. None where none has a score.
pub fn best_baseline(summary: &Summary) -> Option<u32> {
    first_best(summary, |index| summary.config.is_baseline(index))
}

/// The held-out harnesses against the baseline, or the best one of several: of the best one alone, or of all that are no baseline.
fn held_out(
    reader: &RunReader,
    summary: &Summary,
    damaged: &mut Vec<String>,
) -> (Option<Against>, Vec<HeldOutTested>) {
    let config = &summary.config;
    let Some(baseline) = best_baseline(summary) else { return (None, Vec::new()) };
    let is_alone = config.protocol.held_out == HeldOut::Best;
    let meant: Vec<u32> = match is_alone {
        true => summary.best_iteration_index.into_iter().filter(|best| !config.is_baseline(*best)).collect(),
        false => {
            let tested = summary.test.iter().map(|test| test.index);
            tested.filter(|index| !config.is_baseline(*index)).collect()
        }
    };
    if meant.is_empty() {
        return (None, Vec::new());
    }
    let mut numbers = Numbers::default();
    let mut grades = |index| {
        let test = summary.test.iter().find(|test| test.index == index)?;
        checked(reader, &layout::file(&layout::held_out(index), TRACES), &mut numbers, &test.score, damaged)
    };
    let mut known: BTreeMap<u32, Grades> = BTreeMap::new();
    for index in [baseline].into_iter().chain(meant.iter().copied()) {
        known.extend(grades(index).map(|found| (index, found)));
    }
    let field = Field { summary, objective: Objective::of(config), grades: known };
    if is_alone {
        return (meant.first().and_then(|best| field.against(*best, baseline)), Vec::new());
    }
    let tested = field.tested(meant.into_iter().map(|index| (index, baseline)));
    let all = tested.into_iter().map(|((iteration, _), tested)| HeldOutTested { iteration, tested });
    (None, all.collect())
}

/// What a trace says, where it is what the score was made of. Otherwise, what is wrong is added to `damaged`.
pub fn checked(
    reader: &RunReader,
    file: &str,
    numbers: &mut Numbers,
    score: &Score,
    damaged: &mut Vec<String>,
) -> Option<Grades> {
    let found = grades(reader, file, numbers).and_then(|found| {
        let (correct, graded) = (found.n_correct(), found.n_graded());
        if (graded, correct) == (score.n_answers(), score.n_correct) {
            return Ok(found);
        }
        let problem = format!(
            "it has {correct} right of {graded}, the score says {} of {}",
            score.n_correct,
            score.n_answers()
        );
        Err(RecordError::Damaged { file: file.to_owned(), problem })
    });
    found.map_err(|error| damaged.push(error.to_string())).ok()
}

fn grades(reader: &RunReader, file: &str, numbers: &mut Numbers) -> Result<Grades, RecordError> {
    let mut found = Grades::default();
    for row in reader.rows::<GradeRow>(file)? {
        let (id, grade) = row?.into_parts();
        let number = numbers.of(&id);
        if !found.enter(number, &grade) {
            let problem = format!("the example {id:?} stands in it twice");
            return Err(RecordError::Damaged { file: file.to_owned(), problem });
        }
    }
    Ok(found)
}

/// What goes on, or went on when the run was killed: candidates of one generation, or held-out evaluations. A run that has
/// ended has a manifest.
fn under_way(reader: &RunReader, summary: &Summary) -> Vec<UnderWay> {
    if reader.has(manifest::NAME) {
        return Vec::new();
    }
    let known: BTreeSet<u32> = (summary.iterations.iter().map(|it| it.index))
        .chain(summary.unscored.iter().map(|it| it.index))
        .collect();
    let Config { protocol, eval_split_size, task, .. } = &summary.config;
    let mut missing = (0..summary.config.all_candidates()).filter(|index| !known.contains(index)).peekable();
    let answers = |examples: usize| examples.saturating_mul(protocol.trials as usize);
    match missing.peek().map(|index| protocol.candidate(*index).generation) {
        Some(generation) => missing
            .take_while(|index| protocol.candidate(*index).generation == generation)
            .filter_map(|index| {
                let folder = layout::iteration(index);
                standing(reader, &folder, index, Split::Val, answers(*eval_split_size))
            })
            .collect(),
        None => frontier::finalists(summary)
            .into_iter()
            .filter(|index| !summary.test.iter().any(|test| test.index == *index))
            .filter_map(|index| {
                let folder = layout::held_out(index);
                standing(reader, &folder, index, Split::Test, answers(task.test_size))
            })
            .collect(),
    }
}

fn standing(reader: &RunReader, folder: &str, index: u32, split: Split, total: usize) -> Option<UnderWay> {
    reader.folder(folder)?;
    let (mut done, mut correct) = (0, Some(0));
    // Whole lines count, whatever stands in them.
    for row in reader.rows::<GradeRow>(&format!("{folder}/{TRACES}")).into_iter().flatten() {
        done += 1;
        correct = correct.zip(row.ok()).map(|(sum, row)| sum + usize::from(row.into_parts().1.correct));
    }
    let turns = reader.rows::<TurnRow>(&layout::file(folder, layout::TRANSCRIPT)).into_iter().flatten();
    let turns = turns
        .filter(|row| row.as_ref().is_ok_and(|row| ["reply", "tool_call"].contains(&row.r#type.as_str())))
        .count();
    Some(UnderWay { index, split: split.name(), done, total, correct, turns })
}
