//! Language models: one trait, plain data, one file per wire format.
//!
//! The proposer and the target model are both [`ChatModel`]s, which make one attempt at a time. Retries, budget and
//! concurrency are the same for all models: [`metering`] adds them.

#[doc(hidden)]
pub mod api_error;
pub mod cancel;
pub mod catalog;
mod error;
pub mod metering;
#[doc(hidden)]
pub mod read;
#[doc(hidden)]
pub mod refusal;
pub mod remote;
mod wellformed;
#[doc(hidden)]
pub mod wire;

use async_trait::async_trait;

pub use error::{Billing, ChatError, Fault};
pub use mmh_record::chat::{
    Api, Block, CallError, ChatMessage, ChatReply, ChatRequest, ChatRole, ModelError, StopReason, ToolSpec,
    Usage,
};
pub use remote::Offer;
pub use wellformed::wellformed;
pub use wire::tokens_in;

use mmh_record::{digest::Digest, format::TargetFacts};

/// A model that answers conversations. Cheap to share; calls may run at once.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// The model's id as the run records it, such as `kimi-k2.6` or `simulated-target`.
    fn id(&self) -> &str;

    /// The model and who serves it, for messages.
    fn name(&self) -> String {
        self.id().to_owned()
    }

    /// Whether this is a simulation. Everything printed and written about it says so.
    fn is_simulated(&self) -> bool {
        false
    }

    /// Makes one attempt. A caller that drops the future stops waiting, but the provider may still bill the call.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError>;

    /// The most input tokens that the provider may count. By default the prompt's bytes: no tokenizer makes more tokens.
    fn max_input_tokens(&self, request: &ChatRequest) -> u64 {
        request.prompt_text().len() as u64
    }

    /// The size of the model's context window, in tokens: prompt and reply together.
    fn context_tokens(&self) -> u64 {
        u64::MAX
    }

    /// The same, and no more than its server has given it, if the server is on this machine. It may ask the server, for something
    /// that costs nothing.
    async fn window_tokens(&self) -> u64 {
        self.context_tokens()
    }

    /// A digest of everything that would be sent: the key of a kept reply. `None` if replies are not worth keeping.
    fn wire_digest(&self, _: &ChatRequest) -> Option<Digest> {
        None
    }

    /// How many calls at once suit the server, if it is on this machine. It may ask the server, for something that costs nothing.
    async fn offer(&self) -> Option<Offer> {
        None
    }

    /// What the server says of the model, if it is on this machine. It may ask the server, for something that costs nothing.
    async fn facts(&self) -> TargetFacts {
        TargetFacts::default()
    }

    /// What identifies the server, so that replies of another model at the same address are told apart. It may ask
    /// the server once, for something that costs nothing.
    async fn server(&self) -> ServerIdentity {
        ServerIdentity::Named
    }
}

/// What identifies a model's server among those that may answer at the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerIdentity {
    /// Its address: it is a provider's own server.
    Named,
    /// A digest of its answer to the question which models it has.
    Stated(Digest),
    /// Nothing so far. Its replies may name it (see [`ChatReply::served_by`]).
    Unsaid,
}

/// Longest name of a model and its server, in characters.
const MAX_SERVED_BY: usize = 200;

/// The model's name and the server's fingerprint, if the reply has them.
fn served_by(parts: [Option<String>; 2]) -> Option<String> {
    let said: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!said.is_empty()).then(|| mmh_record::text::ellipsis(&said.join(" "), MAX_SERVED_BY))
}
