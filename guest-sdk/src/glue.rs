//! Between the generated bindings and the types that a harness sees. WebAssembly only.

use crate::bindings::{
    Guest,
    mmh::harness::{log as host_log, model as host_model, types as host_types},
};
use crate::{
    Answer, Attempt, Feedback, Field, Harness, Input, Message, ModelError, Reply, Request, Role, StopReason,
    Task, Usage, log::Level,
};

/// Most examples that `learn` of a harness gets at once. The host hands over batches of many such portions, and counts the
/// limits of a call by them.
const PORTION: usize = 20;

/// Stands for a harness in the exported functions.
pub trait Exported {
    /// The harness.
    type Harness: Harness;
}

impl<E: Exported> Guest for E {
    fn predict(
        task: host_types::Task,
        state: Vec<u8>,
        input: host_types::Input,
    ) -> Result<host_types::Answer, String> {
        predict::<E::Harness>(task, &state, input)
    }

    fn learn(
        task: host_types::Task,
        state: Vec<u8>,
        feedback: Vec<host_types::Feedback>,
    ) -> Result<Vec<u8>, String> {
        learn::<E::Harness>(&task.into(), state, feedback)
    }
}

fn predict<H: Harness>(
    task: host_types::Task,
    state: &[u8],
    input: host_types::Input,
) -> Result<host_types::Answer, String> {
    let state = decode::<H>(state)?;
    let Answer { text } = H::predict(&task.into(), &state, &input.into(), &crate::Model::host())
        .map_err(|error| error.to_string())?;
    Ok(host_types::Answer { text })
}

/// The state is decoded and encoded once, however many portions there are.
fn learn<H: Harness>(
    task: &Task,
    state: Vec<u8>,
    feedback: Vec<host_types::Feedback>,
) -> Result<Vec<u8>, String> {
    let feedback: Vec<Feedback> = feedback.into_iter().map(Into::into).collect();
    let mut learned = decode::<H>(&state)?;
    // Its room is needed for what follows.
    drop(state);
    for portion in feedback.chunks(PORTION) {
        learned =
            H::learn(task, learned, portion, &crate::Model::host()).map_err(|error| error.to_string())?;
    }
    encode(&learned)
}

/// No bytes are the default state.
fn decode<H: Harness>(state: &[u8]) -> Result<H::State, String> {
    if state.is_empty() {
        return Ok(H::State::default());
    }
    serde_json::from_slice(state).map_err(|error| format!("the state does not fit its type: {error}"))
}

/// `()` becomes no bytes, so that a harness without state returns its state unchanged.
fn encode<S: serde::Serialize>(state: &S) -> Result<Vec<u8>, String> {
    let bytes = serde_json::to_vec(state).map_err(|error| format!("the state has no JSON form: {error}"))?;
    Ok(if bytes == b"null" { Vec::new() } else { bytes })
}

pub(crate) fn log(level: Level, message: &str) {
    let level = match level {
        Level::Debug => host_log::Level::Debug,
        Level::Info => host_log::Level::Info,
        Level::Warn => host_log::Level::Warn,
        Level::Error => host_log::Level::Error,
    };
    host_log::write(level, message);
}

pub(crate) fn complete_by_host(request: &Request) -> Result<Reply, ModelError> {
    host_model::complete(&request.into()).map(Into::into).map_err(Into::into)
}

pub(crate) fn complete_all_by_host(requests: &[Request]) -> Vec<Result<Reply, ModelError>> {
    let requests: Vec<host_model::Request> = requests.iter().map(Into::into).collect();
    let replies = host_model::complete_all(&requests);
    replies.into_iter().map(|reply| reply.map(Into::into).map_err(Into::into)).collect()
}

pub(crate) fn calls_left_by_host() -> u32 {
    host_model::calls_left()
}

pub(crate) fn fuel_left_by_host() -> u64 {
    host_model::fuel_left()
}

impl From<host_types::Task> for Task {
    fn from(task: host_types::Task) -> Self {
        Self { name: task.name, instructions: task.instructions, labels: task.labels }
    }
}

impl From<host_types::Input> for Input {
    fn from(input: host_types::Input) -> Self {
        let fields = input.fields.into_iter().map(|it| Field { name: it.name, value: it.value });
        Self { text: input.text, fields: fields.collect() }
    }
}

impl From<host_types::Answer> for Answer {
    fn from(answer: host_types::Answer) -> Self {
        Self { text: answer.text }
    }
}

impl From<host_types::Feedback> for Feedback {
    fn from(feedback: host_types::Feedback) -> Self {
        let attempt = feedback.attempt.map(|it| Attempt {
            answer: it.answer.into(),
            score: it.score,
            correct: it.correct,
        });
        Self { input: feedback.input.into(), gold: feedback.gold, attempt }
    }
}

impl From<&Request> for host_model::Request {
    fn from(request: &Request) -> Self {
        Self {
            system: request.system.clone(),
            messages: request.messages.iter().map(Into::into).collect(),
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            stop: request.stop.clone(),
        }
    }
}

impl From<&Message> for host_model::Message {
    fn from(message: &Message) -> Self {
        let role = match message.role {
            Role::User => host_model::Role::User,
            Role::Assistant => host_model::Role::Assistant,
        };
        Self { role, content: message.content.clone() }
    }
}

impl From<host_model::Reply> for Reply {
    fn from(reply: host_model::Reply) -> Self {
        let stop_reason = match reply.stop_reason {
            host_model::StopReason::End => StopReason::End,
            host_model::StopReason::Length => StopReason::Length,
            host_model::StopReason::StopSequence => StopReason::StopSequence,
            host_model::StopReason::Other => StopReason::Other,
        };
        let usage =
            Usage { input_tokens: reply.usage.input_tokens, output_tokens: reply.usage.output_tokens };
        Self { text: reply.text, stop_reason, usage }
    }
}

impl From<host_model::Error> for ModelError {
    fn from(error: host_model::Error) -> Self {
        match error {
            host_model::Error::BudgetSpent => Self::BudgetSpent,
            host_model::Error::CallLimit(limit) => Self::CallLimit(limit),
            host_model::Error::TooLarge(limit) => Self::TooLarge(limit),
            host_model::Error::Invalid(why) => Self::Invalid(why),
            host_model::Error::Refused(words) => Self::Refused(words),
            host_model::Error::Unavailable(why) => Self::Unavailable(why),
        }
    }
}
