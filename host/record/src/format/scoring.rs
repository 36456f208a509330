//! What a task's own scorer took, apart from what the harness took whose answers it graded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LogRow;
use crate::outcome::OutcomeKind;

/// `scorer` in a line of `eval_trace.jsonl`: how the scorer graded the answer. The grade itself is the row's own. The
/// scorer's model calls are in `scorer_calls.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScorerTrace {
    /// How the call into the scorer ended. With everything but `ok` there is no grade, and the answer is worth 0.
    pub error_kind: OutcomeKind,
    /// Why there is no grade, in words. Absent where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Wasmtime fuel that the scorer took.
    pub fuel: u64,
    /// The most memory that the scorer had at once.
    pub peak_memory_bytes: u64,
    /// The scorer's calls to the target model. Absent where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub model_calls: u64,
    /// How many of these calls the reply cache answered.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached_calls: u64,
    /// Input tokens of these calls, cached or not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// Output tokens of these calls.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// What the scorer logged, in its order. Absent where that is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogRow>,
    /// What the scorer wrote to standard output. Absent if it wrote nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// What the scorer wrote to standard error, such as a panic's message. Absent if it wrote nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
}

impl ScorerTrace {
    /// Why there is no grade, with the kind of ending: `trap: unreachable`. None where there is one.
    pub fn failure(&self) -> Option<String> {
        let words = self.error.as_deref().unwrap_or_default();
        (self.error_kind != OutcomeKind::Ok).then(|| format!("{}: {words}", self.error_kind.name()))
    }

    /// The log, a line for each note.
    pub fn log_lines(&self) -> Vec<String> {
        self.logs.iter().map(|log| format!("{}: {}", log.level, log.message)).collect()
    }
}

/// `scorer` in `score.json`: what grading took in one evaluation. A harness's own figures do not have it, but its cost has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScorerTotals {
    /// Answers that were given to the scorer. Examples without an answer were not.
    pub n_answers: u64,
    /// Answers for which the scorer gave no grade. They are worth 0.
    pub n_errors: u64,
    /// Answers by how the call into the scorer ended, see [`OutcomeKind::name`]. Kinds without an answer are absent.
    pub outcomes: BTreeMap<String, u64>,
    /// Wasmtime fuel of the scorer for all answers.
    pub total_fuel: u64,
    /// The most fuel that it took for one answer.
    pub max_fuel: u64,
    /// The scorer's calls to the target model.
    pub model_calls: u64,
    /// Input tokens of these calls, cached or not.
    pub total_input_tokens: u64,
    /// Output tokens of these calls.
    pub total_output_tokens: u64,
}

impl ScorerTotals {
    /// Counts one more answer. The numbers may be a stranger's, so sums stop at the largest number.
    pub fn add(&mut self, trace: &ScorerTrace) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        self.n_answers += 1;
        self.n_errors += u64::from(trace.error_kind != OutcomeKind::Ok);
        *self.outcomes.entry(trace.error_kind.name().to_owned()).or_insert(0) += 1;
        self.max_fuel = self.max_fuel.max(trace.fuel);
        add(&mut self.total_fuel, trace.fuel);
        add(&mut self.model_calls, trace.model_calls);
        add(&mut self.total_input_tokens, trace.input_tokens);
        add(&mut self.total_output_tokens, trace.output_tokens);
    }

    /// What a reader of a score has to know where the scorer gave no grade: `the scorer failed on 3 of 12 answers, which
    /// are worth 0: 2 out-of-fuel, 1 trap`.
    pub fn warning(&self) -> Option<String> {
        let kinds = self.outcomes.iter().filter(|(kind, _)| *kind != OutcomeKind::Ok.name());
        let kinds: Vec<String> = kinds.map(|(kind, count)| format!("{count} {kind}")).collect();
        let (errors, answers) = (self.n_errors, self.n_answers);
        let worth = if errors == 1 { "which is worth 0" } else { "which are worth 0" };
        (errors > 0).then(|| {
            format!("the scorer failed on {errors} of {answers} answers, {worth}: {}", kinds.join(", "))
        })
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn trace(kind: &str, fuel: u64) -> ScorerTrace {
        let row = json!({ "error_kind": kind, "error": "words", "fuel": fuel, "peak_memory_bytes": 1 });
        serde_json::from_value(row).expect("a trace")
    }

    #[test]
    fn failures_of_a_scorer_are_counted_and_told() {
        // name, how calls ended, the warning
        let table: [(&str, &[&str], Option<&str>); 4] = [
            ("nothing", &[], None),
            ("all went well", &["ok", "ok"], None),
            ("one", &["ok", "trap"], Some("the scorer failed on 1 of 2 answers, which is worth 0: 1 trap")),
            (
                "several kinds",
                &["trap", "out-of-fuel", "trap"],
                Some("the scorer failed on 3 of 3 answers, which are worth 0: 1 out-of-fuel, 2 trap"),
            ),
        ];
        for (name, kinds, expected) in table {
            let mut totals = ScorerTotals::default();
            kinds.iter().for_each(|kind| totals.add(&trace(kind, u64::MAX)));
            assert_eq!(totals.warning().as_deref(), expected, "{name}");
            assert_eq!(totals.n_answers, kinds.len() as u64, "{name}");
        }
        assert_eq!(trace("trap", 0).failure().as_deref(), Some("trap: words"));
    }
}
