//! What a harness or a scorer can call on the host: the model and the log. Calls are checked, counted and passed on.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};

use super::{
    State,
    deadline::{CallTime, pause},
    recorded::Room,
    worlds::v2::harness::mmh::harness::{log, model as wit, types},
};
use mmh_record::{
    chat::{
        Block, CallError, CallOutcome, ChatMessage, ChatRequest, ChatRole, ModelError, StopReason, Usage,
    },
    limits::Limits,
};

/// A harness that hands over more bytes than this pauses first.
const LARGE_BYTES: usize = 16 << 10;

/// Most stop texts of one request.
const MAX_STOPS: usize = 4;

/// Answers the model calls of one harness call. The budget, the reply cache and the provider are behind it.
#[async_trait]
pub trait ModelPort: Send + Sync {
    /// Answers one request. The caller stops waiting after `time_left`.
    async fn complete(
        &self,
        request: &Arc<ChatRequest>,
        place: CallIndex,
        time_left: Duration,
    ) -> CallOutcome;

    /// How many bytes the harness call may take in the record of an evaluation: model calls and output together.
    fn record_bytes(&self) -> u64 {
        u64::MAX
    }
}

/// The position of a model call among those of one harness call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallIndex {
    /// Its number, from 0.
    pub index: u32,
    /// How many equal requests were made before it.
    pub draw: u32,
}

/// One model call as it happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// What the harness asked, within the limits.
    #[serde(with = "crate::shared")]
    pub request: Arc<ChatRequest>,
    /// The reply or the error, with its cost.
    pub answer: CallOutcome,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For the harness's author.
    Debug,
    /// What happened.
    Info,
    /// What may be wrong.
    Warn,
    /// What is wrong.
    Error,
}

impl LogLevel {
    const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// A line of the harness's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The harness's text, as it came.
    pub message: String,
}

/// The model, as one harness call sees it.
pub struct ModelSession {
    port: Arc<dyn ModelPort>,
    limits: Limits,
    time: CallTime,
    /// Calls that went out, in the order of the requests; each with its answer from the moment it is there.
    pub calls: Vec<Call>,
    pub asked: u32,
    /// The size of the last prompt that was too large.
    pub refused_bytes: u64,
    /// Different requests, each with how often it was made, by a number made of their texts.
    made: HashMap<u64, Vec<(Arc<ChatRequest>, u32)>>,
    /// The last error that the harness was given.
    pub last_error: Option<wit::Error>,
    /// What the calls take in the record.
    pub room: Room,
}

impl ModelSession {
    pub fn new(port: Arc<dyn ModelPort>, limits: Limits, time: CallTime) -> Self {
        let room = Room::new(port.record_bytes());
        let (calls, made) = (Vec::new(), HashMap::new());
        Self { port, limits, time, calls, asked: 0, refused_bytes: 0, made, last_error: None, room }
    }

    /// How many calls may still be made.
    fn calls_left(&self) -> u32 {
        self.limits.model_calls.saturating_sub(self.asked)
    }

    /// How long a model may take. The harness keeps a twentieth of its time to handle a reply that does not come.
    fn time_left(&self) -> Duration {
        let wall = Duration::from_millis(self.limits.example_wall_ms);
        self.time.left().saturating_sub(wall / 20)
    }

    /// Counts a call and turns it into a request, or says why it cannot be one.
    fn admit(&mut self, request: wit::Request) -> Result<ChatRequest, wit::Error> {
        if self.calls_left() == 0 {
            return Err(wit::Error::CallLimit(self.limits.model_calls));
        }
        self.asked += 1;
        let system = request.system.as_deref().unwrap_or_default().len();
        let messages: usize = request.messages.iter().map(|message| message.content.len()).sum();
        let stops: usize = request.stop.iter().map(String::len).sum();
        let bytes = (system + messages + stops) as u64;
        if bytes > self.limits.prompt_bytes {
            self.refused_bytes = bytes;
            return Err(wit::Error::TooLarge(self.limits.prompt_bytes));
        }
        if let Some(problem) = problem(&request) {
            return Err(wit::Error::Invalid(problem.into()));
        }
        let request = ChatRequest {
            system: request.system,
            messages: request.messages.into_iter().map(message).collect(),
            tools: Vec::new(),
            max_tokens: request.max_tokens.min(self.limits.reply_tokens),
            temperature: request.temperature,
            stop: request.stop,
            ..ChatRequest::default()
        };
        self.room.take_request(&request).map_err(wit::Error::TooLarge)?;
        Ok(request)
    }

    /// Asks all admitted requests at once and notes what came of each.
    async fn ask(&mut self, requests: Vec<wit::Request>) -> Vec<Result<wit::Reply, wit::Error>> {
        pause().await;
        let mut pending = FuturesUnordered::new();
        let mut slots = Vec::with_capacity(requests.len());
        for request in requests {
            let slot = self.admit(request).map(|request| self.send_later(request));
            slots.push(match slot {
                Ok((at, answer)) => {
                    pending.push(answer);
                    Ok(at)
                }
                Err(error) => Err(error),
            });
        }
        // Each answer is noted when it comes. If the harness's time ends before the last one, the others are kept.
        while let Some((at, answer)) = pending.next().await {
            self.calls[at].answer = answer;
        }
        let mut replies = Vec::with_capacity(slots.len());
        for slot in slots {
            if let Ok(at) = &slot {
                self.room.take(&self.calls[*at].answer.result);
            }
            let reply = slot.and_then(|at| to_guest(&self.calls[at].answer));
            if let Err(error) = &reply {
                self.last_error = Some(error.clone());
            }
            replies.push(reply);
        }
        replies
    }

    /// Counts a request, and says how many equal ones were made before it. A batch may make thousands of requests.
    fn count(&mut self, request: ChatRequest) -> (Arc<ChatRequest>, u32) {
        let mut hasher = DefaultHasher::new();
        request.system.hash(&mut hasher);
        for block in request.messages.iter().flat_map(|message| &message.content) {
            if let Block::Text { text } = block {
                text.hash(&mut hasher);
            }
        }
        let alike = self.made.entry(hasher.finish()).or_default();
        if let Some((made, count)) = alike.iter_mut().find(|(made, _)| **made == request) {
            *count += 1;
            return (made.clone(), *count - 1);
        }
        let request = Arc::new(request);
        alike.push((request.clone(), 1));
        (request, 0)
    }

    /// A place among the calls, and the answer that will fill it.
    fn send_later(
        &mut self,
        request: ChatRequest,
    ) -> (usize, impl Future<Output = (usize, CallOutcome)> + use<>) {
        let (request, draw) = self.count(request);
        let (at, port, left) = (self.calls.len(), self.port.clone(), self.time_left());
        self.calls
            .push(Call { request: request.clone(), answer: CallOutcome::unasked(Err(not_waited_for())) });
        let place = CallIndex { index: at as u32, draw };
        (at, async move { (at, port.complete(&request, place, left).await) })
    }
}

fn not_waited_for() -> CallError {
    ModelError::Unavailable("the call ended before the reply came".into()).into()
}

/// Why a request is invalid, if it is.
fn problem(request: &wit::Request) -> Option<&'static str> {
    match request.messages.last() {
        None => Some("it has no messages"),
        Some(last) if last.role != wit::Role::User => Some("its last message is not the user's"),
        _ if request.max_tokens == 0 => Some("max-tokens is 0"),
        _ if request.stop.len() > MAX_STOPS => Some("it has more than 4 stop texts"),
        _ if request.stop.iter().any(String::is_empty) => Some("a stop text is empty"),
        _ if request.temperature.is_some_and(|it| !(0.0..=2.0).contains(&it)) => {
            Some("its temperature is not between 0 and 2")
        }
        _ => None,
    }
}

fn message(message: wit::Message) -> ChatMessage {
    let role = match message.role {
        wit::Role::User => ChatRole::User,
        wit::Role::Assistant => ChatRole::Assistant,
    };
    ChatMessage::text(role, message.content)
}

fn to_guest(answer: &CallOutcome) -> Result<wit::Reply, wit::Error> {
    let reply = answer.result.as_ref().map_err(error_to_guest)?;
    let stop_reason = match reply.stop_reason {
        StopReason::Refusal => return Err(wit::Error::Refused(reply.text())),
        StopReason::EndTurn => wit::StopReason::End,
        StopReason::MaxTokens => wit::StopReason::Length,
        StopReason::StopSequence => wit::StopReason::StopSequence,
        _ => wit::StopReason::Other,
    };
    let Usage { output_tokens, .. } = reply.usage;
    let usage = wit::Usage { input_tokens: reply.usage.total_input_tokens(), output_tokens };
    Ok(wit::Reply { text: reply.text(), stop_reason, usage })
}

fn error_to_guest(error: &CallError) -> wit::Error {
    match error {
        CallError::BudgetSpent => wit::Error::BudgetSpent,
        CallError::Model(ModelError::Refused(words)) => wit::Error::Refused(words.clone()),
        CallError::Model(ModelError::Unavailable(why) | ModelError::Unusable(why)) => {
            wit::Error::Unavailable(why.clone())
        }
        CallError::Model(ModelError::Invalid(why)) => wit::Error::Invalid(why.clone()),
    }
}

impl wit::Host for State {
    async fn complete(&mut self, request: wit::Request) -> Result<wit::Reply, wit::Error> {
        let mut replies = self.model.ask(vec![request]).await;
        replies.pop().unwrap_or_else(|| Err(wit::Error::Unavailable("there was no reply".into())))
    }

    async fn complete_all(&mut self, requests: Vec<wit::Request>) -> Vec<Result<wit::Reply, wit::Error>> {
        self.model.ask(requests).await
    }

    async fn calls_left(&mut self) -> u32 {
        self.model.calls_left()
    }

    async fn fuel_left(&mut self) -> u64 {
        self.fuel_left
    }
}

impl types::Host for State {}

/// Taking in many bytes costs time, but hardly any fuel, so the deadline is checked first.
async fn give_way(bytes: usize) {
    if bytes > LARGE_BYTES {
        pause().await;
    }
}

impl log::Host for State {
    async fn write(&mut self, level: log::Level, message: String) {
        give_way(message.len()).await;
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        self.log.push(level, message);
    }
}

/// A log that stops growing at its limit, and says so.
#[derive(Debug, Default)]
pub struct Log {
    pub lines: Vec<LogLine>,
    limit_bytes: u64,
    bytes: u64,
    full: bool,
}

/// What a line counts besides its text, in bytes, so that empty lines reach the limit too.
const LINE_BYTES: u64 = 16;

impl Log {
    pub fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, ..Self::default() }
    }

    fn push(&mut self, level: LogLevel, message: String) {
        if self.full {
            return;
        }
        self.bytes += message.len() as u64 + LINE_BYTES;
        self.full = self.bytes > self.limit_bytes;
        let message = match self.full {
            true => format!(
                "[the log is full: the limit is {} (--log-kib)]",
                mmh_record::text::bytes(self.limit_bytes)
            ),
            false => message,
        };
        self.lines.push(LogLine { level, message });
    }
}
