//! What one iteration changed against another, and which labels were taken for which: both out of the traces.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    confusions::Confusions,
    history::{Answer, History, merge},
    pages::Page,
};
use crate::dataset::Dataset;
use mmh_record::{
    RecordError,
    grade::Grade,
    layout::{SCORE, TRACES},
    objective::Objective,
    outcome::OutcomeKind,
    reader::RunReader,
    text,
};
use mmh_report::compare::{Grades, Numbers, Paired};

/// Most bytes of an answer that is shown.
const MAX_ANSWER: usize = 200;

/// Most labels of a comparison.
const MAX_LABELS: usize = 40;

/// As much of a trace as a comparison needs.
#[derive(Deserialize)]
struct Sketch {
    example_id: String,
    gold_label: String,
    predicted_label: Option<String>,
    correct: bool,
    #[serde(default)]
    score: Option<f64>,
    error_kind: OutcomeKind,
}

mmh_record::recorded!(Sketch);

/// What one iteration changed against another.
pub struct Changes {
    /// The statistics over all examples.
    pub paired: Paired,
    /// The examples that were fixed and those that were broken, in their order.
    pub fixed: Vec<Changed>,
    /// Those that were right before.
    pub broken: Vec<Changed>,
}

/// An answer that was right in one of two iterations.
pub struct Changed {
    /// The example, or a trial of it.
    pub example_id: String,
    gold: String,
    before: Option<String>,
    after: Option<String>,
}

/// The answers of an iteration without those that are right.
#[derive(Default)]
pub struct Wrongs {
    /// By label.
    pub confusions: Confusions,
    /// Examples without an answer, by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// Ids of wrong ones, the first few.
    pub ids: Vec<String>,
}

fn short(label: Option<&str>) -> Option<String> {
    label.map(|label| text::middle_cut(label, MAX_ANSWER))
}

/// Gives each trace of an iteration. False where it has none.
fn each(reader: &RunReader, index: u32, mut row: impl FnMut(Sketch)) -> Result<bool, RecordError> {
    let path = RunReader::iteration_file(index, TRACES);
    if !reader.has(&path) {
        return Ok(false);
    }
    for found in reader.rows::<Sketch>(&path)? {
        row(found?);
    }
    Ok(true)
}

/// The wrong answers of an iteration, with at most so many ids.
pub fn wrongs(reader: &RunReader, index: u32, ids: usize) -> Result<Option<Wrongs>, RecordError> {
    let mut found = Wrongs::default();
    let there = each(reader, index, |row| {
        found.confusions.add(&row.gold_label, row.predicted_label.as_deref(), row.correct);
        if row.error_kind != OutcomeKind::Ok {
            *found.errors.entry(row.error_kind.name()).or_default() += 1;
        }
        if !row.correct && found.ids.len() < ids {
            found.ids.push(row.example_id);
        }
    })?;
    Ok(there.then_some(found))
}

/// What iteration `b` changed against iteration `a`. None where one of them was not evaluated.
pub fn between(
    reader: &RunReader,
    (a, b): (u32, u32),
    objective: Objective,
) -> Result<Option<Changes>, RecordError> {
    let (mut numbers, mut before, mut after) = (Numbers::default(), Grades::default(), Grades::default());
    let mut earlier: HashMap<String, (bool, Option<String>)> = HashMap::new();
    let grade = |row: &Sketch| Grade::recorded(row.correct, row.score, BTreeMap::new());
    let there = each(reader, a, |row| {
        before.enter(numbers.of(&row.example_id), &grade(&row));
        earlier.insert(row.example_id, (row.correct, short(row.predicted_label.as_deref())));
    })?;
    let (mut fixed, mut broken) = (Vec::new(), Vec::new());
    let there = there
        && each(reader, b, |row| {
            after.enter(numbers.of(&row.example_id), &grade(&row));
            let Some((was_right, said)) = earlier.remove(&row.example_id) else { return };
            if was_right == row.correct {
                return;
            }
            let changed = Changed {
                example_id: row.example_id,
                gold: text::middle_cut(&row.gold_label, MAX_ANSWER),
                before: said,
                after: short(row.predicted_label.as_deref()),
            };
            if row.correct { fixed.push(changed) } else { broken.push(changed) }
        })?;
    let paired = Paired::of(objective, &before, &after);
    Ok(there.then_some(Changes { paired, fixed, broken }))
}

impl Changed {
    fn json(&self, change: &str) -> Value {
        json!({
            "change": change,
            "example_id": self.example_id,
            "gold_label": self.gold,
            "before": self.before,
            "after": self.after,
        })
    }
}

impl Changes {
    /// How many answers were fixed and broken, label by label: those with most changes first.
    fn by_label(&self) -> Vec<Value> {
        let mut labels: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        self.fixed.iter().for_each(|it| labels.entry(&it.gold).or_default().0 += 1);
        self.broken.iter().for_each(|it| labels.entry(&it.gold).or_default().1 += 1);
        let mut labels: Vec<_> = labels.into_iter().collect();
        labels.sort_by_key(|(_, (fixed, broken))| std::cmp::Reverse(fixed + broken));
        let row = |(label, (fixed, broken))| json!({ "label": label, "fixed": fixed, "broken": broken });
        labels.into_iter().map(row).collect()
    }

    fn json(&self, (a, b): (u32, u32), has_labels: bool) -> Value {
        let mut found = json!({ "a": a, "b": b });
        merge(&mut found, json!(self.paired));
        if has_labels {
            let labels = self.by_label();
            if labels.len() > MAX_LABELS {
                let all = labels.len();
                found["by_label_cut"] = json!(format!("the first {MAX_LABELS} of {all} labels are shown"));
            }
            found["by_label"] = labels.into_iter().take(MAX_LABELS).collect();
        }
        found
    }
}

impl History {
    /// An iteration's score, and a page of its labels with the answers that were given.
    pub fn score(&mut self, iteration: u32, has_labels: bool, page: Page) -> Result<Answer, RecordError> {
        let whole = match self.whole_file(iteration, SCORE)? {
            Ok(whole) => whole,
            Err(problem) => return Ok(Err(problem)),
        };
        let wrongs = if has_labels { wrongs(&self.reader, iteration, 0)? } else { None };
        let (Some(wrongs), Ok(mut found)) = (wrongs, serde_json::from_str::<Value>(&whole)) else {
            return Ok(Ok(whole));
        };
        let labels = wrongs.confusions.by_label();
        let max_bytes = page.max_bytes.saturating_sub(whole.len());
        let page = Page { max_bytes, ..page };
        let rows = page.fill("labels", labels.len(), |at| Ok(labels.get(at).cloned().unwrap_or_default()))?;
        found["by_label"] = rows;
        let text = found.to_string();
        self.note(&RunReader::iteration_file(iteration, TRACES), text.len())?;
        Ok(Ok(text))
    }

    /// What iteration `b` changed against iteration `a`, with a page of the examples.
    pub fn compare(
        &mut self,
        (a, b): (u32, u32),
        dataset: &Dataset,
        page: Page,
    ) -> Result<Answer, RecordError> {
        let paths = [a, b].map(|index| RunReader::iteration_file(index, TRACES));
        for (index, path) in [a, b].iter().zip(&paths) {
            if !self.has(*index, path) {
                return Ok(Err(format!(
                    "iteration {index} was not evaluated; list_iterations shows what there is"
                )));
            }
        }
        let objective = self.index.board().objective();
        let Some(changes) = between(&self.reader, (a, b), objective)? else {
            return Ok(Err("one of the iterations was not evaluated".into()));
        };
        let mut found = changes.json((a, b), !dataset.is_open());
        let max_bytes = page.max_bytes.saturating_sub(found.to_string().len());
        let (broken, fixed) = (changes.broken.len(), changes.fixed.len());
        let page = Page { max_bytes, ..page };
        let rows = page.fill("examples", broken + fixed, |at| {
            let made = match at.checked_sub(broken) {
                None => changes.broken.get(at).map(|it| it.json("broken")),
                Some(at) => changes.fixed.get(at).map(|it| it.json("fixed")),
            };
            Ok(made.unwrap_or_default())
        })?;
        merge(&mut found, rows);
        let text = found.to_string();
        paths.iter().try_for_each(|path| self.note(path, text.len()))?;
        Ok(Ok(text))
    }
}
