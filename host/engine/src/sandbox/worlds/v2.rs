//! The worlds `harness` and `scorer` of `mmh:harness@2`: their bindings, generated from `wit/`, and the way to and from
//! their types.

use wasmtime::{Result, Store};

use self::harness::mmh::harness::types as wit;
use super::super::{self as sandbox, LabelledExample, State, grade::GivenGrade};
use mmh_record::input::Input;

pub mod harness {
    //! The world of harnesses, and the interfaces that both worlds have.

    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "harness",
        imports: { default: async },
        exports: { default: async },
    });
}

pub mod scorer {
    //! The world of scorers, with the interfaces of the other one.

    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "scorer",
        imports: { default: async },
        exports: { default: async },
        with: {
            "mmh:harness/types": super::harness::mmh::harness::types,
            "mmh:harness/model": super::harness::mmh::harness::model,
            "mmh:harness/log": super::harness::mmh::harness::log,
        },
    });
}

/// Calls `predict`. The inner error is the harness's own words.
pub async fn predict(
    harness: &harness::Harness,
    store: &mut Store<State>,
    task: &sandbox::Task,
    state: &[u8],
    input: &Input,
) -> Result<Result<String, String>> {
    let answer = harness.call_predict(store, &task.into(), state, &input.into()).await?;
    Ok(answer.map(|answer| answer.text))
}

/// Calls `learn`. The inner error is the harness's own words.
pub async fn learn(
    harness: &harness::Harness,
    store: &mut Store<State>,
    task: &sandbox::Task,
    state: &[u8],
    batch: &[LabelledExample],
) -> Result<Result<Vec<u8>, String>> {
    let feedback: Vec<wit::Feedback> = batch.iter().map(Into::into).collect();
    harness.call_learn(store, &task.into(), state, &feedback).await
}

/// Calls `score`. The inner error is the scorer's own words.
pub async fn score(
    scorer: &scorer::Scorer,
    store: &mut Store<State>,
    task: &sandbox::Task,
    answered: &sandbox::Answered,
) -> Result<Result<GivenGrade, String>> {
    let sandbox::Answered { input, gold, answer } = answered;
    let answer = wit::Answer { text: answer.clone() };
    let grade = scorer.call_score(store, &task.into(), &input.into(), gold, &answer).await?;
    Ok(grade.map(Into::into))
}

impl From<&sandbox::Task> for wit::Task {
    fn from(task: &sandbox::Task) -> Self {
        let sandbox::Task { name, instructions, labels } = task.clone();
        Self { name, instructions, labels }
    }
}

impl From<&Input> for wit::Input {
    fn from(input: &Input) -> Self {
        let fields = input.fields.iter();
        let fields = fields.map(|it| wit::Field { name: it.name.clone(), value: it.value.clone() });
        Self { text: input.text.clone(), fields: fields.collect() }
    }
}

impl From<&LabelledExample> for wit::Feedback {
    fn from(example: &LabelledExample) -> Self {
        let attempt = example.attempt.as_ref().map(|it| wit::Attempt {
            answer: wit::Answer { text: it.answer.clone() },
            score: it.score,
            correct: it.correct,
        });
        Self { input: (&example.input).into(), gold: example.gold.clone(), attempt }
    }
}

impl From<wit::Grade> for GivenGrade {
    fn from(grade: wit::Grade) -> Self {
        let parts = grade.parts.into_iter().map(|part| (part.name, part.value)).collect();
        Self { score: grade.score, correct: grade.correct, parts }
    }
}
