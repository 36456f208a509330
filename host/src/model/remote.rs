//! One attempt at a provider over HTTP: send, read, and say what an answer that is none means.

use std::{error::Error as _, time::Duration};

use async_trait::async_trait;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};
use tracing::{Instrument, Span, field::Empty, info_span};

use super::{
    Billing, ChatError, ChatModel, ChatReply, ChatRequest, ModelError, Retry,
    catalog::{Auth, Resolved},
    verdict::{Hints, Verdict, gateway_error, is_spend_limit, verdict},
    wire::{Complaint, Dialect, complaint, estimated_usage},
};
use crate::{
    digest::{Digest, KeyBuilder},
    text,
};

/// The version of the Anthropic format that takes what is sent here.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// Largest body that is read.
const MAX_BODY_BYTES: usize = 32 << 20;

/// Most of a provider's own words that a message repeats.
const MAX_WORDS: usize = 600;

/// What a provider adds to a request before it counts it: frames of messages, and its own words about tools.
const MAX_ADDED_TOKENS: u64 = 256;
const MAX_ADDED_FOR_TOOLS: u64 = 2_048;

/// Waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Which of a run's two models this is, for messages that say what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Proposer,
    Target,
}

impl Role {
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
    key: Option<SecretString>,
    endpoint: Url,
    http: Client,
}

/// No HTTP client could be made.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error("cannot set up HTTPS: {0}")]
    Client(#[from] reqwest::Error),
    #[error("the key in {0} has characters that no key has: is there a line break in it?")]
    Key(String),
}

impl Remote {
    /// `thinks` asks for thinking where the model can be asked.
    pub fn new(
        model: Resolved,
        role: Role,
        key: Option<SecretString>,
        thinks: bool,
    ) -> Result<Self, RemoteError> {
        // Whoever has chosen a provider of cryptography before has chosen it for the whole program.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let headers = headers(&model, key.as_ref())?;
        let mut client = Client::builder()
            .user_agent(concat!("mmh/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(Duration::from_secs(30));
        if is_loopback(&model.base_url) {
            client = client.no_proxy();
        }
        let mut endpoint = model.base_url.clone();
        endpoint.set_path(&format!("{}{}", endpoint.path().trim_end_matches('/'), model.api.path()));
        let dialect = Dialect { model: model.wire_model.clone(), profile: model.profile.clone(), thinks };
        Ok(Self { model, role, dialect, key, endpoint, http: client.build()? })
    }

    fn body(&self, request: &ChatRequest) -> Result<String, ChatError> {
        let body = self.model.api.body(request, &self.dialect);
        body.map_err(|error| ModelError::Invalid(format!("it cannot be written as JSON: {error}")).into())
    }

    async fn attempt(&self, request: &ChatRequest) -> Result<ChatReply, ChatError> {
        let body = self.body(request)?;
        let request_bytes = body.len();
        let sent = self.http.post(self.endpoint.clone()).body(body).send().await;
        let response = sent.map_err(|error| self.unreachable(&error))?;
        let (status, hints) = (response.status(), Hints::of(response.headers()));
        Span::current().record("http.response.status_code", status.as_u16());
        if !status.is_success() {
            let body = read(response).await.unwrap_or_default();
            return Err(self.refused(status, &hints, &complaint(&body)));
        }
        let body = read(response).await.map_err(|problem| self.unusable_body(&problem))?;
        self.understand(&body, request_bytes)
    }

    fn understand(&self, body: &str, request_bytes: usize) -> Result<ChatReply, ChatError> {
        match self.model.api.reply(body) {
            Ok(mut reply) => {
                if reply.usage_estimated {
                    let said = reply.raw.as_ref().map_or(0, String::len);
                    reply.usage = estimated_usage(request_bytes, said);
                }
                Ok(reply)
            }
            Err(malformed) => match gateway_error(body) {
                // Some gateways say 200 and mean something else.
                Some(status) => Err(self.refused(status, &Hints::default(), &complaint(body))),
                None => Err(self.unusable_body(&malformed.0)),
            },
        }
    }

    /// What an answer other than success means.
    fn refused(&self, status: StatusCode, hints: &Hints, complaint: &Complaint) -> ChatError {
        let verdict = verdict(status, hints, complaint);
        let advice = self.advice(status, complaint, verdict);
        let mut said = match &complaint.kind {
            Some(kind) => format!("{status} {kind}: {}", complaint.message),
            None => format!("{status}: {}", complaint.message),
        };
        if let Some(id) = &hints.request_id {
            said.push_str(&format!(" (request {id})"));
        }
        let message = format!("{}: {}{advice}", self.name(), self.words(&said));
        let error = match verdict {
            Verdict::Unusable => ModelError::Unusable(message),
            Verdict::Invalid => ModelError::Invalid(message),
            Verdict::Retry(_) => ModelError::Unavailable(message),
        };
        let retry = if let Verdict::Retry(retry) = verdict { retry } else { Retry::Never };
        ChatError { error, retry, billing: Billing::Free }
    }

    /// The next step, for whoever started the run.
    fn advice(&self, status: StatusCode, complaint: &Complaint, verdict: Verdict) -> String {
        let role = self.role.name();
        let key = self.model.key_env.as_deref();
        let advice = match (status.as_u16(), key) {
            _ if is_spend_limit(complaint) => {
                "raise the spend limit at the provider, or wait until it is reset".into()
            }
            (401, Some(key)) => format!("check the key in {key}"),
            (401, None) => {
                format!("this server wants a key: name the variable that holds it with --{role}-key-env")
            }
            (402, _) => "add credit at the provider".into(),
            (403, Some(key)) => {
                format!("the key in {key} may not use this model; --{role}-model names another one")
            }
            (403 | 404, _) => format!(
                "--{role}-model names another model, --{role}-base-url another server; `mmh models` lists what is known"
            ),
            (413, _) => "--prompt-kib lowers the size of prompts".into(),
            (300..=399, _) => {
                format!("it redirects elsewhere; give the final address with --{role}-base-url")
            }
            _ if verdict == Verdict::Unusable => format!("--{role}-model names another model"),
            _ => return String::new(),
        };
        format!("; {advice}")
    }

    fn unreachable(&self, error: &reqwest::Error) -> ChatError {
        // reqwest's own text has only the URL; why stands in its sources.
        let mut why: Vec<String> = Vec::new();
        let mut source = error.source();
        while let Some(error) = source {
            why.push(error.to_string());
            source = error.source();
        }
        why.dedup();
        let why = if why.is_empty() { error.to_string() } else { why.join(": ") };
        let message = format!("{} cannot be reached: {}", self.name(), self.words(&why));
        // Without a connection nothing was sent.
        let billing = if error.is_connect() { Billing::Free } else { Billing::Unknown };
        ChatError { error: ModelError::Unavailable(message), retry: Retry::Later(None), billing }
    }

    fn unusable_body(&self, problem: &str) -> ChatError {
        let message = format!("{} sent a reply that cannot be used: {}", self.name(), self.words(problem));
        ChatError {
            error: ModelError::Unavailable(message),
            retry: Retry::Later(None),
            billing: Billing::Unknown,
        }
    }

    fn name(&self) -> String {
        format!("{} at {}", self.model.wire_model, self.model.provider)
    }

    /// Somebody else's words: short, plain, and without the key, which some servers repeat.
    fn words(&self, words: &str) -> String {
        let words = match &self.key {
            Some(key) => words.replace(key.expose_secret(), "[key]"),
            None => words.to_owned(),
        };
        text::ellipsis(&text::plain(&text::one_line(&words)), MAX_WORDS)
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
                span.record("error.type", kind(&error.error));
                span.in_scope(|| tracing::warn!(retry = ?error.retry, "{error}"));
            }
        }
        result
    }

    fn max_input_tokens(&self, request: &ChatRequest) -> u64 {
        let bytes = self.body(request).map_or(0, |body| body.len() as u64);
        let added = if request.tools.is_empty() { MAX_ADDED_TOKENS } else { MAX_ADDED_FOR_TOOLS };
        // What is larger than the window is refused and not billed.
        (bytes + added).min(self.model.profile.context_tokens)
    }

    fn context_tokens(&self) -> u64 {
        self.model.profile.context_tokens
    }

    fn wire_digest(&self, request: &ChatRequest) -> Option<Digest> {
        let body = self.body(request).ok()?;
        let key = KeyBuilder::new("reply").part("endpoint", self.endpoint.as_str()).part("body", body);
        Some(key.part("version", ANTHROPIC_VERSION).finish())
    }
}

fn kind(error: &ModelError) -> &'static str {
    match error {
        ModelError::Refused(_) => "refused",
        ModelError::Unavailable(_) => "unavailable",
        ModelError::Invalid(_) => "invalid",
        ModelError::Unusable(_) => "unusable",
    }
}

fn headers(model: &Resolved, key: Option<&SecretString>) -> Result<HeaderMap, RemoteError> {
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    if model.api == super::catalog::Api::Anthropic {
        let version = HeaderValue::from_static(ANTHROPIC_VERSION);
        headers.insert(HeaderName::from_static("anthropic-version"), version);
    }
    if let Some(key) = key {
        let (name, value) = match model.auth {
            Auth::Bearer => ("authorization", format!("Bearer {}", key.expose_secret())),
            Auth::XApiKey => ("x-api-key", key.expose_secret().to_owned()),
        };
        let named = || model.key_env.clone().unwrap_or_default();
        let mut value = HeaderValue::from_str(&value).map_err(|_| RemoteError::Key(named()))?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// Whether a server runs on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A whole body as text.
async fn read(mut response: Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| format!("it was cut off ({error})"))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_BODY_BYTES {
            return Err(format!("it has more than {}", text::bytes(MAX_BODY_BYTES as u64)));
        }
    }
    String::from_utf8(body).map_err(|_| "it is no UTF-8 text".to_owned())
}
