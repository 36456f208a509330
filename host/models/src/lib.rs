//! Language models: one trait, plain data, one file per provider.
//!
//! The proposer and the target model are both [`ChatModel`]s, asked once at a time. Not in here: retries,
//! budget and concurrency, which hold for every model alike and stand in front of it (see `call`).

pub mod anthropic;
#[doc(hidden)]
pub mod api_error;
pub mod cancel;
pub mod catalog;
mod error;
pub mod metering;
pub mod openai;
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
pub use wellformed::wellformed;
pub use wire::tokens_in;

use mmh_record::digest::Digest;

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

    /// Asks once. Dropping the future gives up waiting; the provider may bill the call all the same.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ChatError>;

    /// A bound on what the provider may count as input: no tokenizer makes more tokens than bytes.
    fn max_input_tokens(&self, request: &ChatRequest) -> u64 {
        request.prompt_text().len() as u64
    }

    /// Tokens that the model takes, prompt and reply together.
    fn context_tokens(&self) -> u64 {
        u64::MAX
    }

    /// A digest of everything that would go over the wire, under which a reply can be kept. None where
    /// there is nothing to save.
    fn wire_digest(&self, _: &ChatRequest) -> Option<Digest> {
        None
    }

    /// What is known of the server that answers, so that replies of another model at the same address are
    /// told apart. May ask the server, once, for nothing that is paid.
    async fn server(&self) -> ServerIdentity {
        ServerIdentity::Named
    }
}

/// What tells the server of a model apart from another one at the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerIdentity {
    /// Its address does: a provider's own server.
    Named,
    /// What it says of its models, as a digest.
    Stated(Digest),
    /// It does not say; its replies may (see [`ChatReply::served_by`]).
    Unsaid,
}

/// Longest name of whoever has answered.
const MAX_SERVED_BY: usize = 200;

/// A model's name and the fingerprint of its server, as far as a reply has them.
fn served_by(parts: [Option<String>; 2]) -> Option<String> {
    let said: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!said.is_empty()).then(|| mmh_record::text::ellipsis(&said.join(" "), MAX_SERVED_BY))
}
