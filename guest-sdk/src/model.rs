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
///
/// ```
/// use mmh_sdk::prelude::*;
/// fn sky(model: &Model) -> Result<String> {
///     Ok(model.ask("Rain or snow?")?.to_lowercase())
/// }
/// // In a run the host passes the model. A test scripts one.
/// assert_eq!(sky(&Model::replies(["Rain"]))?, "rain");
/// # Ok::<(), Error>(())
/// ```
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
    ///
    /// ```
    /// use mmh_sdk::{Model, ModelError, Reply};
    /// let model = Model::scripted(|request| match request.messages[0].content.contains("cough") {
    ///     true => Ok(Reply::text("cold")),
    ///     false => Err(ModelError::Refused("no symptoms".into())),
    /// });
    /// assert_eq!(model.ask("I cough."), Ok("cold".to_owned()));
    /// assert_eq!(model.ask("Hello."), Err(ModelError::Refused("no symptoms".into())));
    /// ```
    pub fn scripted(answer: impl FnMut(&Request) -> Result<Reply, ModelError> + 'static) -> Self {
        let answers: Answers = Box::new(answer);
        let (answers, left) = (RefCell::new(answers), Cell::new(SCRIPTED_CALLS));
        Self { script: Some(Script { answers, limit: SCRIPTED_CALLS, left }) }
    }

    /// The same model, if it is scripted, which answers so many times at most. For tests.
    ///
    /// ```
    /// use mmh_sdk::{Model, ModelError};
    /// let model = Model::replies(["one", "two"]).with_calls(1);
    /// assert_eq!(model.ask("?"), Ok("one".to_owned()));
    /// assert_eq!(model.ask("?"), Err(ModelError::CallLimit(1)));
    /// ```
    pub fn with_calls(mut self, limit: u32) -> Self {
        if let Some(script) = &mut self.script {
            (script.limit, script.left) = (limit, Cell::new(limit));
        }
        self
    }

    /// A model that gives these replies in order, then is unavailable. For tests.
    ///
    /// ```
    /// use mmh_sdk::{Model, ModelError};
    /// let model = Model::replies(["rain", "snow"]);
    /// assert_eq!((model.ask("?")?, model.ask("?")?), ("rain".to_owned(), "snow".to_owned()));
    /// assert!(matches!(model.ask("?"), Err(ModelError::Unavailable(_))));
    /// # Ok::<(), mmh_sdk::Error>(())
    /// ```
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
    ///
    /// ```
    /// use mmh_sdk::{Model, Request, StopReason};
    /// let request = Request::new("Text: It is wet.\nLabel:").max_tokens(8).stop("\n");
    /// let reply = Model::replies([" rain"]).complete(&request)?;
    /// assert_eq!((reply.text.trim(), reply.stop_reason), ("rain", StopReason::End));
    /// # Ok::<(), mmh_sdk::Error>(())
    /// ```
    pub fn complete(&self, request: &Request) -> Result<Reply, ModelError> {
        match &self.script {
            Some(script) => script.complete(request),
            None => complete_by_host(request),
        }
    }

    /// Asks several questions at once; the replies come in the order of the requests.
    ///
    /// Each request counts as one call against the limit.
    ///
    /// ```
    /// use mmh_sdk::{Model, Request};
    /// let model = Model::replies(["flu", "cold", "flu"]);
    /// let replies = model.complete_all(&vec![Request::new("Flu or cold?").temperature(1.0); 3]);
    /// let votes = replies.iter().flatten().filter(|reply| reply.text == "flu").count();
    /// assert_eq!((votes, model.calls_left()), (2, 13));
    /// ```
    pub fn complete_all(&self, requests: &[Request]) -> Vec<Result<Reply, ModelError>> {
        match &self.script {
            Some(script) => requests.iter().map(|request| script.complete(request)).collect(),
            None => complete_all_by_host(requests),
        }
    }

    /// How many calls this call of `predict`, `learn` or `score` may still make. Each request counts, whatever came of
    /// it.
    ///
    /// ```
    /// use mmh_sdk::Model;
    /// let model = Model::replies(["flu"; 9]).with_calls(3);
    /// let mut votes = Vec::new();
    /// while model.calls_left() > 1 {
    ///     votes.push(model.ask("Flu or cold?")?);
    /// }
    /// assert_eq!((votes.len(), model.calls_left()), (2, 1));
    /// # Ok::<(), mmh_sdk::Error>(())
    /// ```
    pub fn calls_left(&self) -> u32 {
        match &self.script {
            Some(script) => script.left.get(),
            None => calls_left_by_host(),
        }
    }

    /// How many units of fuel this call of `predict`, `learn` or `score` has left. A scripted model and its test use none,
    /// so it says [`u64::MAX`].
    ///
    /// ```
    /// use mmh_sdk::Model;
    /// let (model, rows) = (Model::replies([""]), ["cough", "fever", "rash"]);
    /// let compared = rows.iter().take_while(|_| model.fuel_left() > 1_000_000).count();
    /// assert_eq!(compared, 3);
    /// ```
    pub fn fuel_left(&self) -> u64 {
        match &self.script {
            Some(_) => u64::MAX,
            None => fuel_left_by_host(),
        }
    }

    /// Asks one question without a system prompt and gives the reply's text.
    ///
    /// ```
    /// use mmh_sdk::Model;
    /// let reply = Model::replies(["Rain."]).ask(format!("Rain or snow? {}", "It is wet."))?;
    /// assert_eq!(reply, "Rain.");
    /// # Ok::<(), mmh_sdk::Error>(())
    /// ```
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
///
/// ```
/// use mmh_sdk::{Message, Request, Role};
/// let request = Request::new("Flu or cold?").system("Answer with one word.").max_tokens(8);
/// assert_eq!(request.system.as_deref(), Some("Answer with one word."));
/// assert_eq!(request.messages, [Message { role: Role::User, content: "Flu or cold?".into() }]);
/// assert_eq!((request.max_tokens, request.temperature, request.stop.len()), (8, None, 0));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The system prompt. None unless it was set.
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
    ///
    /// ```
    /// use mmh_sdk::Request;
    /// let request = Request::new("Flu or cold?");
    /// assert_eq!((request.messages.len(), request.max_tokens), (1, 512));
    /// ```
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
    ///
    /// ```
    /// use mmh_sdk::Request;
    /// let request = Request::new("I cough.").system("You name diseases.");
    /// assert_eq!(request.system.as_deref(), Some("You name diseases."));
    /// ```
    pub fn system(mut self, system: impl Into<String>) -> Self {
        self.system = Some(system.into());
        self
    }

    /// Appends a message of the user.
    ///
    /// ```
    /// use mmh_sdk::{Request, Role};
    /// let request = Request::new("Flu or cold?").assistant("Well, it depends.").user("One word, please.");
    /// assert_eq!(request.messages.last().map(|it| it.role), Some(Role::User));
    /// ```
    pub fn user(mut self, content: impl Into<String>) -> Self {
        self.messages.push(Message { role: Role::User, content: content.into() });
        self
    }

    /// Appends a message of the assistant, such as an earlier reply.
    ///
    /// ```
    /// use mmh_sdk::Request;
    /// // Examples as turns: the model sees how it is to answer.
    /// let shown = [("It is wet.", "rain"), ("It is white.", "snow")];
    /// let mut request = Request::new(shown[0].0).assistant(shown[0].1);
    /// request = request.user(shown[1].0).assistant(shown[1].1).user("Drops fall.");
    /// assert_eq!(request.messages.len(), 5);
    /// ```
    pub fn assistant(mut self, content: impl Into<String>) -> Self {
        self.messages.push(Message { role: Role::Assistant, content: content.into() });
        self
    }

    /// Sets the most tokens that the reply may have.
    ///
    /// ```
    /// use mmh_sdk::Request;
    /// assert_eq!(Request::new("Reply with one label.").max_tokens(16).max_tokens, 16);
    /// ```
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// Sets the sampling temperature.
    ///
    /// ```
    /// use mmh_sdk::Request;
    /// assert_eq!(Request::new("Flu or cold?").temperature(0.7).temperature, Some(0.7));
    /// ```
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Adds a text at which the reply stops.
    ///
    /// ```
    /// use mmh_sdk::Request;
    /// let request = Request::new("Text: It is wet.\nLabel:").stop("\n").stop("Text:");
    /// assert_eq!(request.stop, ["\n", "Text:"]);
    /// ```
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.stop.push(text.into());
        self
    }
}

/// One message of a conversation.
///
/// ```
/// use mmh_sdk::{Message, Request, Role};
/// let mut request = Request::new("And now?");
/// request.messages.insert(0, Message { role: Role::User, content: "It was wet.".into() });
/// assert_eq!(request.messages[1].content, "And now?");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who speaks.
///
/// ```
/// use mmh_sdk::{Request, Role};
/// let request = Request::new("Flu or cold?").assistant("Flu.").user("Are you sure?");
/// let roles: Vec<Role> = request.messages.iter().map(|it| it.role).collect();
/// assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Who asks: the harness.
    User,
    /// Who answers: the model.
    Assistant,
}

/// What the model said.
///
/// ```
/// use mmh_sdk::{Reply, StopReason, Usage};
/// let usage = Usage { input_tokens: 90, output_tokens: 8 };
/// let reply = Reply { text: "Answer: fl".into(), stop_reason: StopReason::Length, usage };
/// let is_cut_off = reply.stop_reason == StopReason::Length;
/// assert!(is_cut_off && reply.usage.output_tokens == 8);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The text, as the model wrote it.
    pub text: String,
    /// Why it ended.
    pub stop_reason: StopReason,
    /// What the call used.
    pub usage: Usage,
}

impl Reply {
    /// A finished reply of this text. For tests.
    ///
    /// ```
    /// use mmh_sdk::{Model, Reply};
    /// let model = Model::scripted(|request| Ok(Reply::text(request.messages[0].content.to_uppercase())));
    /// assert_eq!(model.ask("rain"), Ok("RAIN".to_owned()));
    /// ```
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), stop_reason: StopReason::End, usage: Usage::default() }
    }
}

/// Why a reply ended.
///
/// ```
/// use mmh_sdk::{Model, Reply, Request, StopReason};
/// let model = Model::scripted(|request| {
///     let stop_reason = if request.max_tokens < 100 { StopReason::Length } else { StopReason::End };
///     Ok(Reply { stop_reason, ..Reply::text("Because it is wet.") })
/// });
/// let mut request = Request::new("Why?").max_tokens(50);
/// while model.complete(&request)?.stop_reason == StopReason::Length {
///     request.max_tokens *= 2;
/// }
/// assert_eq!(request.max_tokens, 100);
/// # Ok::<(), mmh_sdk::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It is complete. Many servers say the same of a reply that reached a stop text.
    End,
    /// It reached the request's `max_tokens`.
    Length,
    /// It reached one of the request's stop texts.
    StopSequence,
    /// Anything else that a provider may say.
    Other,
}

/// Tokens of one call, as the provider counts them.
///
/// ```
/// use mmh_sdk::{Model, Reply, Request, Usage};
/// let usage = Usage { input_tokens: 90, output_tokens: 8 };
/// let model = Model::scripted(move |_| Ok(Reply { usage, ..Reply::text("rain") }));
/// let usage = model.complete(&Request::new("Rain or snow?"))?.usage;
/// assert_eq!(usage.input_tokens + usage.output_tokens, 98);
/// # Ok::<(), mmh_sdk::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the reply.
    pub output_tokens: u64,
}

/// Why a call gave no reply. A harness may handle any of these and go on.
///
/// ```
/// use mmh_sdk::prelude::*;
/// let (model, mut votes) = (Model::replies(["flu"; 9]).with_calls(2), Vec::new());
/// loop {
///     match model.ask("Flu or cold?") {
///         Ok(vote) => votes.push(vote),
///         // No call is left, so count the votes that are there.
///         Err(ModelError::CallLimit(_)) => break,
///         Err(error) => bail!("no vote: {error}"),
///     }
/// }
/// assert_eq!(votes, ["flu", "flu"]);
/// # Ok::<(), Error>(())
/// ```
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
