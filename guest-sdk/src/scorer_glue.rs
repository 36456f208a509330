//! Between the generated bindings and the types that a scorer sees. WebAssembly only.

use crate::{Grade, Scorer, bindings::mmh::harness::types as host_types, scorer_bindings::Guest};

/// Stands for a scorer in the exported functions.
pub trait ExportedScorer {
    /// The scorer.
    type Scorer: Scorer;
}

impl<E: ExportedScorer> Guest for E {
    fn score(
        task: host_types::Task,
        input: host_types::Input,
        gold: String,
        answer: host_types::Answer,
    ) -> Result<host_types::Grade, String> {
        let (input, answer) = (input.into(), answer.into());
        E::Scorer::score(&task.into(), &input, &gold, &answer, &crate::Model::host())
            .map(Into::into)
            .map_err(|error| error.to_string())
    }
}

impl From<Grade> for host_types::Grade {
    fn from(grade: Grade) -> Self {
        let parts = grade.parts.into_iter();
        let parts = parts.map(|part| host_types::Part { name: part.name, value: part.value });
        Self { score: grade.score, correct: grade.correct, parts: parts.collect() }
    }
}
