//! The outcomes of two iterations, example by example.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize, de::IgnoredAny};

use mmh_record::{
    format::{Interval, TraceRow},
    grade::Grade,
    objective::{NamedFigure, Objective},
    outcome::OutcomeKind,
    trial::TrialId,
};
use mmh_report::{
    compare::{Grades, Numbers, Paired},
    statistics::{Tally, paired_test},
};

/// The figures of one iteration on the split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SideScore {
    /// The figure that the run's objective compares, by the objective's name.
    #[serde(flatten)]
    pub value: NamedFigure,
    /// The 95 % interval of the figure.
    pub interval: Interval,
    /// Evaluated examples.
    pub n_examples: u64,
    /// Trials of all examples. Absent where each had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_answers: Option<u64>,
    /// Correct predictions.
    pub n_correct: u64,
    /// Calls that ended without a prediction.
    pub n_errors: u64,
    /// Mean size of all prompts of an example.
    pub prompt_bytes: f64,
    /// Mean number of model calls of an example.
    pub model_calls: f64,
    /// Mean fuel of an example.
    pub fuel: f64,
    /// Input tokens of all examples.
    pub input_tokens: u64,
    /// Output tokens of all examples.
    pub output_tokens: u64,
}

/// The examples that both were run on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Examples {
    /// Their number.
    pub shared: usize,
    /// Number of examples that only one of them was run on.
    pub unshared: usize,
    /// Wrong before, correct after.
    pub fixed: Vec<Changed>,
    /// Correct before, wrong after.
    pub broken: Vec<Changed>,
    /// Number of examples that are wrong before and after, with different predictions.
    pub otherwise_wrong: usize,
    /// The name of the test that gives the p-value, for people.
    pub test: &'static str,
    /// The two-sided p-value of this test, over the examples that both were run on.
    pub p_value: f64,
}

/// An example whose correctness changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The example's id.
    pub id: String,
    /// The correct label.
    pub gold: String,
    /// The first iteration's prediction, or the kind of error in brackets.
    pub before: String,
    /// The second iteration's.
    pub after: String,
}

/// A line of a trace without its texts, of which all examples fit into memory.
#[derive(Deserialize)]
pub struct Outcome {
    example_id: String,
    gold_label: String,
    predicted_label: Option<String>,
    correct: bool,
    #[serde(default)]
    score: Option<f64>,
    error: Option<IgnoredAny>,
    error_kind: OutcomeKind,
    prompt_bytes: u64,
    model_calls: u32,
    fuel: u64,
    input_tokens: u64,
    output_tokens: u64,
}

mmh_record::recorded!(Outcome);

impl Outcome {
    /// Without its parts, which are not compared.
    fn grade(&self) -> Grade {
        Grade::recorded(self.correct, self.score, BTreeMap::new())
    }

    /// The example that it is a trial of.
    fn example(&self) -> &str {
        TrialId::of(&self.example_id).example
    }

    fn answer(&self) -> String {
        shown_answer(self.predicted_label.as_deref(), self.error_kind)
    }
}

/// The figures of these outcomes.
pub fn side_score(objective: Objective, rows: &[Outcome]) -> SideScore {
    let n = rows.len() as u64;
    let mut tally = Tally::default();
    for trials in rows.chunk_by(|one, next| one.example() == next.example()) {
        tally.add_example(trials.iter().map(Outcome::grade));
    }
    let figure = tally.figure(objective);
    let total = |field: fn(&Outcome) -> u64| rows.iter().map(field).fold(0, u64::saturating_add);
    let mean = |field: fn(&Outcome) -> u64| total(field) as f64 / n.max(1) as f64;
    SideScore {
        value: NamedFigure { objective, value: figure.value },
        interval: figure.interval,
        n_examples: tally.n,
        n_answers: (n > tally.n).then_some(n),
        n_correct: tally.correct,
        n_errors: rows.iter().filter(|row| row.error.is_some()).count() as u64,
        prompt_bytes: mean(|row| row.prompt_bytes),
        model_calls: mean(|row| row.model_calls.into()),
        fuel: mean(|row| row.fuel),
        input_tokens: total(|row| row.input_tokens),
        output_tokens: total(|row| row.output_tokens),
    }
}

/// What two iterations made of the same examples.
pub fn examples(objective: Objective, before: &[Outcome], after: &[Outcome]) -> Examples {
    let later: HashMap<&str, &Outcome> = after.iter().map(|row| (row.example_id.as_str(), row)).collect();
    let pairs: Vec<(&Outcome, &Outcome)> =
        before.iter().filter_map(|row| Some((row, *later.get(row.example_id.as_str())?))).collect();
    let changed = |was: bool, is: bool| -> Vec<Changed> {
        let wanted = pairs.iter().filter(|(before, after)| before.correct == was && after.correct == is);
        wanted
            .map(|(before, after)| Changed {
                id: before.example_id.clone(),
                gold: before.gold_label.clone(),
                before: before.answer(),
                after: after.answer(),
            })
            .collect()
    };
    let (fixed, broken) = (changed(false, true), changed(true, false));
    let is_otherwise_wrong = |(before, after): &&(&Outcome, &Outcome)| {
        !before.correct && !after.correct && before.answer() != after.answer()
    };
    let trials = before.iter().chain(after).map(|row| TrialId::of(&row.example_id).number).max().unwrap_or(0);
    let otherwise_wrong = pairs.iter().filter(is_otherwise_wrong).count();
    Examples {
        shared: pairs.len(),
        unshared: before.len() + after.len() - 2 * pairs.len(),
        otherwise_wrong,
        test: paired_test(objective, trials),
        p_value: paired(objective, before, after).p,
        fixed,
        broken,
    }
}

fn paired(objective: Objective, before: &[Outcome], after: &[Outcome]) -> Paired {
    let mut numbers = Numbers::default();
    let [before, after] = [before, after].map(|rows| {
        let mut grades = Grades::default();
        for row in rows {
            grades.enter(numbers.of(&row.example_id), &row.grade());
        }
        grades
    });
    Paired::of(objective, &before, &after)
}

/// The prediction for an example, or the kind of its error in brackets.
pub fn answer(row: &TraceRow) -> String {
    shown_answer(row.predicted_label.as_deref(), row.error_kind)
}

fn shown_answer(predicted: Option<&str>, kind: OutcomeKind) -> String {
    predicted.map_or_else(|| format!("[{}]", kind.name()), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, predicted: Option<&str>) -> Outcome {
        Outcome {
            example_id: id.into(),
            gold_label: "a".into(),
            predicted_label: predicted.map(str::to_owned),
            correct: predicted == Some("a"),
            score: None,
            error: None,
            error_kind: if predicted.is_some() { OutcomeKind::Ok } else { OutcomeKind::Panic },
            prompt_bytes: 1,
            model_calls: 1,
            fuel: 1,
            input_tokens: 1,
            output_tokens: 1,
        }
    }

    #[test]
    fn examples_are_paired_by_name() {
        let before = [row("1", Some("b")), row("2", Some("a")), row("3", None), row("4", Some("a"))];
        let after = [row("5", Some("a")), row("3", Some("c")), row("2", None), row("1", Some("a"))];
        let found = examples(Objective::Accuracy, &before, &after);
        let changed = |id: &str, before: &str, after: &str| Changed {
            id: id.into(),
            gold: "a".into(),
            before: before.into(),
            after: after.into(),
        };
        assert_eq!(
            found,
            Examples {
                shared: 3,
                unshared: 2,
                fixed: vec![changed("1", "b", "a")],
                broken: vec![changed("2", "a", "[panic]")],
                otherwise_wrong: 1,
                test: paired_test(Objective::Accuracy, 1),
                p_value: 1.0,
            }
        );
    }
}
