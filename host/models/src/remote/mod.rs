//! A model at a provider, over HTTP: sends a request, reads the answer, and says what a failure means.

mod kind;
mod message;
mod offer;
pub mod probe;
mod refused;
mod server;
mod setup;
mod stale;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use reqwest::{Client, Response, Url, header::LOCATION};
use secrecy::SecretString;
use tokio::sync::OnceCell;
use tracing::{Instrument, Span, field::Empty, info_span};

use super::{
    Api, ChatError, ChatModel, ChatReply, ChatRequest, Fault, ModelError, ServerIdentity,
    api_error::ApiError,
    catalog::Resolved,
    read::{self, Cap, Scrubber},
    refusal::Hints,
    wire::{Dialect, NoAnswer, WireFormat, with_estimates},
};
pub use kind::Kind;
use message::Refused;
use mmh_record::{
    digest::{Digest, KeyBuilder},
    format::TargetFacts,
};
pub use offer::Offer;
use setup::below;
pub use setup::{RemoteError, is_loopback};

/// The version of the Anthropic format that is sent.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Most bytes of a reply: a fixed number, and some for each token that was asked for, besides what it may repeat of the
/// request. A token is rarely longer than 16 bytes, and JSON may write each byte with up to six.
const REPLY_BYTES: usize = 4 << 20;
const REPLY_BYTES_PER_TOKEN: usize = 96;

/// Most bytes of any reply, whatever was asked for.
const MAX_REPLY_BYTES: usize = 32 << 20;

/// How many bytes of an error's body are read. It may repeat the request.
const ERROR_BYTES: usize = 1 << 20;

/// Most tokens that a provider adds to a request: frames of messages, and its own words about tools.
const MAX_ADDED_TOKENS: u64 = 256;
const MAX_ADDED_FOR_TOOLS: u64 = 2_048;

/// Which of a run's two models it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Writes harnesses.
    Proposer,
    /// Is asked by harnesses.
    Target,
}

impl Role {
    /// Its name in files and in options, such as `--proposer-model`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proposer => "proposer",
            Self::Target => "target",
        }
    }
}

/// A model at a provider.
pub struct Remote {
    model: Resolved,
    role: Role,
    dialect: Dialect,
    /// The same with the other name of the field that limits a reply.
    other_dialect: Dialect,
    /// Whether the server takes the other name only.
    other_field: AtomicBool,
    scrubber: Scrubber,
    endpoint: Url,
    http: Client,
    /// The server's list of models, once it was asked for it; and what identifies the server.
    list: OnceCell<String>,
    server: OnceCell<ServerIdentity>,
    tell: Tell,
}

/// Receives notices for the user that are no errors.
pub type Tell = Arc<dyn Fn(String) + Send + Sync>;

impl Remote {
    /// A model at its provider. With `thinks` it is asked to think, if it can be asked. Fails if the key cannot be sent,
    /// or if HTTPS cannot be set up. Nothing is sent yet.
    pub fn new(
        model: Resolved,
        role: Role,
        key: Option<SecretString>,
        thinks: bool,
    ) -> Result<Self, RemoteError> {
        let http = setup::client(&model, key.as_ref())?;
        let endpoint = below(&model.base_url, model.api.path());
        let dialect = Dialect { model: model.wire_model.clone(), profile: model.profile.clone(), thinks };
        let mut other_dialect = dialect.clone();
        other_dialect.profile.max_tokens_field = other_field(&dialect).to_owned();
        let scrubber = Scrubber::new(key.as_ref());
        let (list, server) = (OnceCell::new(), OnceCell::new());
        let (tell, other_field) = (Arc::new(|_: String| {}) as Tell, AtomicBool::new(false));
        Ok(Self {
            model,
            role,
            dialect,
            other_dialect,
            other_field,
            scrubber,
            endpoint,
            http,
            list,
            server,
            tell,
        })
    }

    /// Sends notices for the user to `tell`; without it they are dropped.
    pub fn telling(mut self, tell: Tell) -> Self {
        self.tell = tell;
        self
    }

    /// Whether the model runs on this machine.
    pub fn is_local(&self) -> bool {
        is_loopback(&self.endpoint)
    }

    fn body(&self, request: &ChatRequest, dialect: &Dialect) -> Result<String, ChatError> {
        let body = self.model.api.body(request, dialect);
        body.map_err(|error| ModelError::Invalid(format!("it cannot be written as JSON: {error}")).into())
    }

    /// Makes one attempt. If the server wants the other name of the field that limits a reply, it sends that at once.
    async fn attempt(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        let other = self.other_field.load(Ordering::Relaxed);
        let dialect = if other { &self.other_dialect } else { &self.dialect };
        let refused = match self.send(request, dialect).await? {
            Ok(reply) => return Ok(reply),
            Err(refused) => refused,
        };
        if other || !self.wants_other_field(&refused.complaint) {
            return Err(self.refused(&refused));
        }
        let again = self.send(request, &self.other_dialect).await?;
        // The words may repeat the request. Only an answer shows that the field was the reason.
        if again.is_ok() && !self.other_field.swap(true, Ordering::Relaxed) {
            let (field, other) = (limit_field(&self.dialect), limit_field(&self.other_dialect));
            (self.tell)(format!(
                "{} does not take {field}: {other} is sent from now on (max_tokens_field = \"{other}\" in mmh.toml sends it at once)",
                self.name()
            ));
        }
        again.map_err(|refused| self.refused(&refused))
    }

    /// Whether a refusal names the field that was sent, and says that it is not supported or names the other one.
    fn wants_other_field(&self, complaint: &ApiError) -> bool {
        let names = |field: &str| {
            let words = complaint.message.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
            complaint.param.as_deref() == Some(field) || words.into_iter().any(|word| word == field)
        };
        let (sent, other) = (limit_field(&self.dialect), limit_field(&self.other_dialect));
        let is_unsupported = complaint.codes.iter().any(|code| code == "unsupported_parameter");
        self.model.api == Api::Openai && names(sent) && (names(other) || is_unsupported)
    }

    /// Sends a request, and reads the answer. The inner error is the provider's refusal.
    async fn send(
        &self,
        request: &ChatRequest,
        dialect: &Dialect,
    ) -> Result<Result<ChatReply, Refused>, ChatError> {
        let body = self.body(request, dialect)?;
        let request_bytes = body.len();
        let body = bytes::Bytes::from(body);
        let post = || self.http.post(self.endpoint.clone()).body(body.clone());
        let is_local = self.is_local();
        let sent = refused::send(is_local, || stale::send(&post, is_local)).await;
        let response = sent.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        Span::current().record("http.response.status_code", status.as_u16());
        if !status.is_success() {
            return Ok(Err(self.complaint(response).await));
        }
        let cap = Cap::All(reply_cap(request_bytes, dialect.max_tokens(request)));
        let body = read::body(response, cap, &self.scrubber).await;
        let body = body.map_err(|problem| self.unusable_body(&problem))?;
        match self.model.api.reply(&body, &request.stop) {
            Ok(reply) => Ok(Ok(with_estimates(reply, request_bytes))),
            // Some gateways report errors with status 200.
            Err(NoAnswer::Failed { complaint, begun }) => Ok(Err(Refused::in_success(complaint, begun))),
            Err(NoAnswer::Malformed(problem)) => Err(self.unusable_body(&problem)),
        }
    }

    /// Reads an answer that is no success.
    async fn complaint(&self, response: Response) -> Refused {
        let (status, hints) = (response.status(), Hints::of(response.headers()));
        let location = response.headers().get(LOCATION);
        let aim = location.map(|aim| String::from_utf8_lossy(aim.as_bytes()).into_owned());
        let body = read::body(response, Cap::Start(ERROR_BYTES), &self.scrubber).await.unwrap_or_default();
        Refused { status, hints, complaint: ApiError::of(&body), aim, in_success: false, begun: false }
    }

    fn span(&self, request: &ChatRequest) -> Span {
        info_span!(
            "chat",
            "gen_ai.operation.name" = "chat",
            "gen_ai.provider.name" = %self.model.provider,
            "gen_ai.request.model" = %self.model.wire_model,
            "gen_ai.request.max_tokens" = self.dialect.max_tokens(request),
            "server.address" = %self.endpoint.host_str().unwrap_or_default(),
            "mmh.role" = self.role.name(),
            "http.response.status_code" = Empty,
            "gen_ai.response.finish_reasons" = Empty,
            "gen_ai.usage.input_tokens" = Empty,
            "gen_ai.usage.output_tokens" = Empty,
            "gen_ai.usage.cache_read.input_tokens" = Empty,
            "gen_ai.usage.cache_creation.input_tokens" = Empty,
            "error.type" = Empty,
        )
    }
}

#[async_trait]
impl ChatModel for Remote {
    fn id(&self) -> &str {
        &self.model.id
    }

    fn name(&self) -> String {
        format!("{} at {}", self.model.wire_model, self.model.provider)
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        let span = self.span(request);
        let result = self.attempt(request).instrument(span.clone()).await;
        match &result {
            Ok(reply) => {
                let usage = reply.usage;
                span.record("gen_ai.response.finish_reasons", tracing::field::debug(&reply.stop_reason));
                span.record("gen_ai.usage.input_tokens", usage.total_input_tokens());
                span.record("gen_ai.usage.output_tokens", usage.output_tokens);
                span.record("gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens);
                span.record("gen_ai.usage.cache_creation.input_tokens", usage.total_cache_write_tokens());
                span.in_scope(|| tracing::info!("replied"));
            }
            Err(error) => {
                span.record("error.type", kind(error.fault));
                span.in_scope(|| tracing::warn!("{error}"));
            }
        }
        result
    }

    fn max_input_tokens(&self, request: &ChatRequest) -> u64 {
        let bytes = self.body(request, &self.dialect).map_or(0, |body| body.len() as u64);
        let added = if request.tools.is_empty() { MAX_ADDED_TOKENS } else { MAX_ADDED_FOR_TOOLS };
        // A request beyond the context window is refused and not billed.
        (bytes + added).min(self.model.profile.context_tokens)
    }

    fn context_tokens(&self) -> u64 {
        self.model.profile.context_tokens
    }

    async fn window_tokens(&self) -> u64 {
        let given = if self.is_local() { self.given_window().await } else { None };
        given.map_or(self.context_tokens(), |given| given.min(self.context_tokens()))
    }

    fn wire_digest(&self, request: &ChatRequest) -> Option<Digest> {
        // The first dialect always: the name of the field that limits a reply makes no difference.
        let body = self.body(request, &self.dialect).ok()?;
        let key = KeyBuilder::new("reply").part("endpoint", self.endpoint.as_str()).part("body", body);
        Some(key.part("version", ANTHROPIC_VERSION).finish())
    }

    async fn offer(&self) -> Option<Offer> {
        self.ask_offer().await
    }

    async fn facts(&self) -> TargetFacts {
        if self.is_local() { self.stated_facts().await } else { TargetFacts::default() }
    }

    async fn server(&self) -> ServerIdentity {
        *self.server.get_or_init(|| self.ask_server()).await
    }
}

fn kind(fault: Fault) -> &'static str {
    match fault {
        Fault::Passing(_) => "passing",
        Fault::Overload(_) => "overload",
        Fault::Content => "content",
        Fault::Account => "account",
        Fault::Unclear => "unclear",
    }
}

/// The size in bytes of the largest reply that has the tokens that were asked for and repeats the request.
fn reply_cap(request_bytes: usize, max_tokens: u32) -> usize {
    let of_tokens = (max_tokens as usize).saturating_mul(REPLY_BYTES_PER_TOKEN);
    REPLY_BYTES.saturating_add(of_tokens).saturating_add(2 * request_bytes).min(MAX_REPLY_BYTES)
}

fn limit_field(dialect: &Dialect) -> &str {
    &dialect.profile.max_tokens_field
}

/// The other of the two names that servers know.
fn other_field(dialect: &Dialect) -> &'static str {
    if limit_field(dialect) == "max_tokens" { "max_completion_tokens" } else { "max_tokens" }
}
