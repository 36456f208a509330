//! What kind of task a data set poses: what a harness is given, what its answer is worth, and what a proposer is told.
//!
//! Everything that differs between kinds of tasks is in here; evaluation, search and verification know none of them.

use std::{fmt::Debug, sync::Arc};

use mmh_engine::{
    build::BuiltScorer,
    sandbox::{LabelledExample, Task, World},
};
use mmh_record::{
    RecordError,
    format::{Config, TaskInfo},
    grade::Grade,
    input::Input,
    language::HarnessLanguage,
    layout,
    objective::Objective,
};

use super::{Dataset, Example};
use crate::{baselines, metric::Metric};

/// The source of the harness that a search of a [`LabelledTask`] starts from, unless another one is named.
pub const BASELINE: &str = baselines::ZERO_SHOT.source;

/// A kind of task.
pub trait TaskKind: Debug + Send + Sync {
    /// The WIT world that a harness for such a task is built against.
    fn world(&self) -> World;

    /// What a harness is asked in an example.
    fn input(&self, example: &Example) -> Input;

    /// What a harness may learn from an example of the train split.
    fn lesson(&self, example: &Example) -> LabelledExample;

    /// What an answer is worth by [`Self::metric`]. There is no grade for an example without an answer: it is worth nothing.
    /// Where the metric is a scorer, nothing is worth anything by it: see [`Self::scorer`].
    fn grade(&self, example: &Example, answer: &str) -> Grade;

    /// How answers are compared with right ones.
    fn metric(&self) -> &Metric;

    /// The task's own metric, once it is built. None where it has none, or where it is not built.
    fn scorer(&self) -> Option<&BuiltScorer>;

    /// The same kind of task, whose metric is this scorer.
    fn graded_by(&self, scorer: BuiltScorer) -> Arc<dyn TaskKind>;

    /// The names of the fields that an example has besides its text.
    fn fields(&self) -> &[String];

    /// What candidates are compared by.
    fn objective(&self) -> Objective {
        Objective::of_metric(Some(self.metric().spec()))
    }

    /// What a proposer is told about the task.
    fn describe(&self, dataset: &Dataset) -> String;

    /// The source of the harness that a search in this language starts from, unless another one is named.
    fn baseline(&self, language: HarnessLanguage) -> &'static str;
}

/// The kind of a recorded run's task. A stranger's run may record a metric that cannot be used.
pub fn kind_of_run(config: &Config) -> Result<Arc<dyn TaskKind>, RecordError> {
    let metric = config.task.metric.as_ref().map_or_else(|| Ok(Metric::default()), Metric::new);
    let metric = metric
        .map_err(|error| RecordError::Damaged { file: layout::CONFIG.into(), problem: error.to_string() })?;
    Ok(Arc::new(LabelledTask::new(metric, config.task.fields.clone())))
}

/// The task of a recorded run, as its harnesses were told it.
pub fn of_run(config: &Config) -> Task {
    let TaskInfo { instructions, labels, .. } = &config.task;
    Task { name: config.dataset.clone(), instructions: instructions.clone(), labels: labels.clone() }
}

/// Each example has a right answer, with which a metric compares. A task may have a list of labels, which every harness is
/// given; an open one has none.
#[derive(Clone, Debug, Default)]
pub struct LabelledTask {
    metric: Metric,
    scorer: Option<BuiltScorer>,
    fields: Vec<String>,
}

impl LabelledTask {
    /// A task with this metric, whose examples have these fields besides their text.
    pub fn new(metric: Metric, fields: Vec<String>) -> Self {
        Self { metric, scorer: None, fields }
    }
}

impl TaskKind for LabelledTask {
    fn world(&self) -> World {
        World::V2
    }

    fn input(&self, example: &Example) -> Input {
        example.input.clone()
    }

    fn lesson(&self, example: &Example) -> LabelledExample {
        LabelledExample { input: example.input.clone(), gold: example.gold.clone(), attempt: None }
    }

    /// Anything more lenient than the metric is the harness's decision.
    fn grade(&self, example: &Example, answer: &str) -> Grade {
        self.metric.grade(&example.gold, answer)
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn scorer(&self) -> Option<&BuiltScorer> {
        self.scorer.as_ref()
    }

    fn graded_by(&self, scorer: BuiltScorer) -> Arc<dyn TaskKind> {
        Arc::new(Self { scorer: Some(scorer), ..self.clone() })
    }

    fn fields(&self) -> &[String] {
        &self.fields
    }

    fn describe(&self, dataset: &Dataset) -> String {
        let task = &dataset.task;
        let mut out = format!("Task: {}\nInstructions: {}\n\n", task.name, task.instructions);
        if !self.fields.is_empty() {
            out += &format!("Besides its text, an input has these fields: {}.\n\n", self.fields.join(", "));
        }
        if dataset.is_open() || *self.metric.spec() != Default::default() {
            out += &format!("Metric: {}", self.metric.describe());
            if self.objective() == Objective::Score {
                out += " Harnesses are compared by their mean score.";
            }
            out += "\n\n";
        }
        if dataset.is_open() {
            out += "Answers are open: there is no list of labels, and an answer is any text.";
            return out;
        }
        let labels: Vec<String> = task.labels.iter().map(|label| format!("- {label}")).collect();
        format!("{out}Labels:\n{}", labels.join("\n"))
    }

    fn baseline(&self, language: HarnessLanguage) -> &'static str {
        baselines::ZERO_SHOT.source_in(language).unwrap_or(BASELINE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_right_letter_by_letter() {
        let table = [
            ("flu", "flu", true),
            (" flu\n", "flu", true),
            ("Flu", "flu", false),
            ("flu.", "flu", false),
            ("A", "A+", false),
            ("1.0", "1", false),
            ("cafe\u{301}", "caf\u{e9}", false),
            ("", "flu", false),
        ];
        for (answer, label, expected) in table {
            let example = Example::new("val-0000", "text", label);
            let grade = LabelledTask::default().grade(&example, answer);
            assert_eq!(grade, Grade::right_or_wrong(expected), "{answer:?} for {label:?}");
        }
    }
}
