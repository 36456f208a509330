//! The world `harness` of `mmh:harness@1`: its bindings, generated from `wit/`, and the way to and from its types.

use wasmtime::{Result, Store};

use self::mmh::harness::types as wit;
use super::super::{self as sandbox, LabelledExample, State};

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "harness",
    imports: { default: async },
    exports: { default: async },
});

/// Calls `predict`. The inner error is the harness's own words.
pub async fn predict(
    harness: &Harness,
    store: &mut Store<State>,
    task: &sandbox::Task,
    state: &[u8],
    input: &str,
) -> Result<Result<String, String>> {
    let answer = harness.call_predict(store, &to_guest(task), state, input).await?;
    Ok(answer.map(|prediction| prediction.label))
}

/// Calls `learn`. The inner error is the harness's own words.
pub async fn learn(
    harness: &Harness,
    store: &mut Store<State>,
    task: &sandbox::Task,
    state: &[u8],
    batch: &[LabelledExample],
) -> Result<Result<Vec<u8>, String>> {
    let example = |it: &LabelledExample| wit::Feedback {
        input: it.input.clone(),
        gold: it.gold.clone(),
        attempt: None,
    };
    let feedback: Vec<wit::Feedback> = batch.iter().map(example).collect();
    harness.call_learn(store, &to_guest(task), state, &feedback).await
}

fn to_guest(task: &sandbox::Task) -> wit::Task {
    let sandbox::Task { name, instructions, labels } = task.clone();
    wit::Task { name, instructions, labels }
}
