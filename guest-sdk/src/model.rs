//! The handle through which a harness asks the target model.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

/// Reply tokens asked for when a request does not say.
const DEFAULT_MAX_TOKENS: u32 = 512;

/// Calls that a scripted model answers, unless a test sets another limit: as many as a run allows by default.
const SCRIPTED_CALLS: u32 = 16;

/// The target model of this run, or a scripted one in a native test.
pub struct Model {
    #[cfg_attr(target_arch = "wasm32", allow(dead_code))]
    script: Option<Script>,
}

type Answers = Box<dyn FnMut(&Request) -> Result<Reply, ModelError>>;

struct Script {
    answers: RefCell<Answers>,
    limit: u32,
    left: Cell<u32>,
}

impl Script {
    fn complete(&self, request: &Request) -> Result<Reply, ModelError> {
        let left = self.left.get().checked_sub(1).ok_or(ModelError::CallLimit(self.limit))?;
        self.left.set(left);
        (self.answers.borrow_mut())(request)
    }
}

impl Model {
    /// A model that answers from a function, 16 times at most. For tests.
    pub fn scripted(answer: impl FnMut(&Request) -> Result<Reply, ModelError> + 'static) -> Self {
        let answers: Answers = Box::new(answer);
        let (answers, left) = (RefCell::new(answers), Cell::new(SCRIPTED_CALLS));
        Self { script: Some(Script { answers, limit: SCRIPTED_CALLS, left }) }
    }

    /// The same model, if it is scripted, which answers so many times at most. For tests.
    pub fn with_calls(mut self, limit: u32) -> Self {
        if let Some(script) = &mut self.script {
            (script.limit, script.left) = (limit, Cell::new(limit));
        }
        self
    }

    /// A model that gives these replies in order, then is unavailable. For tests.
    pub fn replies<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
        let mut texts = texts.into_iter();
        Self::scripted(move |_| {
            let text = texts.next();
            text.map(Reply::text)
                .ok_or_else(|| ModelError::Unavailable("no reply is left in the script".into()))
        })
    }

    #[cfg(target_arch = "wasm32")]
    pub(crate) fn host() -> Self {
        Self { script: None }
    }

    /// Asks once.
    pub fn complete(&self, request: &Request) -> Result<Reply, ModelError> {
        match &self.script {
            Some(script) => script.complete(request),
            None => complete_by_host(request),
        }
    }

    /// Asks several questions at once; the replies come in the order of the requests.
    ///
    /// Each request counts as one call against the limit.
    pub fn complete_all(&self, requests: &[Request]) -> Vec<Result<Reply, ModelError>> {
        match &self.script {
            Some(script) => requests.iter().map(|request| script.complete(request)).collect(),
            None => complete_all_by_host(requests),
        }
    }

    /// How many calls this call of `predict`, `learn` or `score` may still make. Each request counts, whatever came of
    /// it.
    pub fn calls_left(&self) -> u32 {
        match &self.script {
            Some(script) => script.left.get(),
            None => calls_left_by_host(),
        }
    }

    /// How many units of fuel this call of `predict`, `learn` or `score` has left. A scripted model and its test use none,
    /// so it says [`u64::MAX`].
    pub fn fuel_left(&self) -> u64 {
        match &self.script {
            Some(_) => u64::MAX,
            None => fuel_left_by_host(),
        }
    }

    /// Asks one question without a system prompt and gives the reply's text.
    pub fn ask(&self, prompt: impl Into<String>) -> Result<String, ModelError> {
        Ok(self.complete(&Request::new(prompt))?.text)
    }
}

#[cfg(target_arch = "wasm32")]
use crate::glue::{calls_left_by_host, complete_all_by_host, complete_by_host, fuel_left_by_host};

#[cfg(not(target_arch = "wasm32"))]
fn complete_by_host(_: &Request) -> Result<Reply, ModelError> {
    Err(ModelError::Unavailable("there is no host outside the sandbox".into()))
}

#[cfg(not(target_arch = "wasm32"))]
fn complete_all_by_host(requests: &[Request]) -> Vec<Result<Reply, ModelError>> {
    requests.iter().map(complete_by_host).collect()
}

#[cfg(not(target_arch = "wasm32"))]
fn calls_left_by_host() -> u32 {
    0
}

#[cfg(not(target_arch = "wasm32"))]
fn fuel_left_by_host() -> u64 {
    u64::MAX
}

/// One question to the model. Starts with [`Request::new`] and is refined by chaining.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub system: Option<String>,
    /// The conversation; the last message is the user's.
    pub messages: Vec<Message>,
    /// The most tokens that the reply may have (default 512). The host caps it at its own limit.
    pub max_tokens: u32,
    /// Ignored where the model does not take one.
    pub temperature: Option<f32>,
    /// Texts at which the reply stops. At most 4.
    pub stop: Vec<String>,
}

impl Request {
    /// A conversation that starts with this message of the user.
    pub fn new(prompt: impl Into<String>) -> Self {
        Self {
            system: None,
            messages: vec![Message { role: Role::User, content: prompt.into() }],
            max_tokens: DEFAULT_MAX_TOKENS,
            temperature: None,
            stop: Vec::new(),
        }
    }

    /// Sets the system prompt.
    pub fn system(mut self, system: impl Into<String>) -> Self {
        self.system = Some(system.into());
        self
    }

    /// Appends a message of the user.
    pub fn user(mut self, content: impl Into<String>) -> Self {
        self.messages.push(Message { role: Role::User, content: content.into() });
        self
    }

    /// Appends a message of the assistant, such as an earlier reply.
    pub fn assistant(mut self, content: impl Into<String>) -> Self {
        self.messages.push(Message { role: Role::Assistant, content: content.into() });
        self
    }

    /// Sets the most tokens that the reply may have.
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// Sets the sampling temperature.
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Adds a text at which the reply stops.
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.stop.push(text.into());
        self
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
}

/// What the model said.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub text: String,
    pub stop_reason: StopReason,
    pub usage: Usage,
}

impl Reply {
    /// A finished reply of this text. For tests.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), stop_reason: StopReason::End, usage: Usage::default() }
    }
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    End,
    /// It reached the request's `max_tokens`.
    Length,
    StopSequence,
    Other,
}

/// Tokens of one call, as the provider counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
}

/// Why a call gave no reply. A harness may handle any of these and go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// The run's money is spent.
    BudgetSpent,
    /// This call of `predict`, `learn` or `score` has used all of its model calls; the limit.
    CallLimit(u32),
    /// The prompt is larger than the host allows; the limit in bytes.
    TooLarge(u64),
    /// The request makes no sense.
    Invalid(String),
    /// The model refused to answer.
    Refused(String),
    /// The model could not be reached or gave nothing usable.
    Unavailable(String),
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BudgetSpent => f.write_str("the run's budget is spent"),
            Self::CallLimit(limit) => write!(f, "the limit of {limit} model calls per example is reached"),
            Self::TooLarge(limit) => write!(f, "the prompt is larger than the limit of {limit} bytes"),
            Self::Invalid(why) => write!(f, "the request is invalid: {why}"),
            Self::Refused(words) => write!(f, "the model refused: {words}"),
            Self::Unavailable(why) => write!(f, "the model is unavailable: {why}"),
        }
    }
}

impl std::error::Error for ModelError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripted_model_counts_its_calls_down() {
        let model = Model::replies(["one", "two", "three", "four"]).with_calls(3);
        assert_eq!((model.calls_left(), model.ask("a").ok().as_deref()), (3, Some("one")));
        let replies = model.complete_all(&["b", "c", "d"].map(Request::new));
        let texts: Vec<_> = replies.into_iter().map(|reply| reply.map(|reply| reply.text)).collect();
        assert_eq!(texts, [Ok("two".to_owned()), Ok("three".to_owned()), Err(ModelError::CallLimit(3))]);
        assert_eq!((model.calls_left(), model.ask("e")), (0, Err(ModelError::CallLimit(3))));
        assert_eq!(Model::replies(["one"]).calls_left(), 16);
        assert_eq!(Model::replies(["one"]).fuel_left(), u64::MAX);
    }
}
