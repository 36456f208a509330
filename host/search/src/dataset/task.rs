//! What kind of task a data set poses: what a harness is given, what its answer is worth, and what a proposer is told.
//!
//! Everything that differs between kinds of tasks is in here; evaluation, search and verification know none of them.

use std::{fmt::Debug, sync::Arc};

use mmh_engine::sandbox::{LabelledExample, Task, World};
use mmh_record::{
    format::{Config, TaskInfo},
    grade::Grade,
    input::Input,
};

use super::{Dataset, Example};

/// The source of the harness that a search of [`Classification`] starts from, unless another one is named.
pub const BASELINE: &str = include_str!("../../../../baseline-harness/src/harness.rs");

/// A kind of task.
pub trait TaskKind: Debug + Send + Sync {
    /// The WIT world that a harness for such a task is built against.
    fn world(&self) -> World;

    /// What a harness is asked in an example.
    fn input(&self, example: &Example) -> Input;

    /// What a harness may learn from an example of the train split.
    fn lesson(&self, example: &Example) -> LabelledExample;

    /// What an answer is worth. There is no grade for an example without an answer: it is worth nothing.
    fn grade(&self, example: &Example, answer: &str) -> Grade;

    /// What a proposer is told about the task.
    fn describe(&self, dataset: &Dataset) -> String;

    /// The source of the harness that a search starts from, unless another one is named.
    fn baseline(&self) -> &'static str;
}

/// The kind of a recorded run's task.
pub fn kind_of_run(_: &Config) -> Arc<dyn TaskKind> {
    // There is one kind, so a run does not say which.
    Arc::new(Classification)
}

/// The task of a recorded run, as its harnesses were told it.
pub fn of_run(config: &Config) -> Task {
    let TaskInfo { instructions, labels, .. } = &config.task;
    Task { name: config.dataset.clone(), instructions: instructions.clone(), labels: labels.clone() }
}

/// Each example has one label, one of a list that every harness is given. An answer is right or wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Classification;

impl TaskKind for Classification {
    fn world(&self) -> World {
        World::V2
    }

    fn input(&self, example: &Example) -> Input {
        example.input.clone().into()
    }

    fn lesson(&self, example: &Example) -> LabelledExample {
        LabelledExample { input: example.input.clone().into(), gold: example.label.clone(), attempt: None }
    }

    /// Right if the answer equals the label, except for white space around it. Anything more lenient is the harness's
    /// decision.
    fn grade(&self, example: &Example, answer: &str) -> Grade {
        Grade::right_or_wrong(answer.trim() == example.label)
    }

    fn describe(&self, dataset: &Dataset) -> String {
        let task = &dataset.task;
        let labels: Vec<String> = task.labels.iter().map(|label| format!("- {label}")).collect();
        let labels = labels.join("\n");
        format!("Task: {}\nInstructions: {}\n\nLabels:\n{labels}", task.name, task.instructions)
    }

    fn baseline(&self) -> &'static str {
        BASELINE
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
            let example = Example { id: "val-0000".into(), input: "text".into(), label: label.into() };
            let grade = Classification.grade(&example, answer);
            assert_eq!(grade, Grade::right_or_wrong(expected), "{answer:?} for {label:?}");
        }
    }
}
