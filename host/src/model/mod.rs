//! Language models: one trait, plain data, one file per provider.
//!
//! The proposer and the target model are both [`ChatModel`]s, asked once at a time. Not in here: retries,
//! budget and concurrency, which hold for every model alike and stand in front of it (see `call`).

pub mod anthropic;
pub mod catalog;
#[doc(hidden)]
pub mod complaint;
mod error;
pub mod openai;
#[doc(hidden)]
pub mod read;
#[doc(hidden)]
pub mod refusal;
pub mod remote;
pub mod simulated;
mod wellformed;
#[doc(hidden)]
pub mod wire;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use error::{Billing, CallError, ChatError, Fault, ModelError};
pub use wellformed::wellformed;
pub use wire::tokens_in;

use crate::digest::Digest;

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

/// One request, free of any provider's wire format.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    pub messages: Vec<ChatMessage>,
    /// Tools that the model may call. Empty for the target model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    pub max_tokens: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// The conversation will go on: where the provider caches prompts on request, this one is worth it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// A tool has to be called in this turn, where the model can be told so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_call_tool: bool,
}

impl ChatRequest {
    /// All text of the request, for people and for traces: one message under another.
    pub fn prompt_text(&self) -> String {
        let system = self.system.iter().map(|system| format!("[system]\n{system}"));
        let messages = self.messages.iter().map(|message| match message.role {
            ChatRole::User => message.plain_text(),
            ChatRole::Assistant => format!("[assistant]\n{}", message.plain_text()),
        });
        system.chain(messages).collect::<Vec<_>>().join("\n\n")
    }
}

/// One message: a role and its content blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatMessage {
    pub role: ChatRole,
    pub content: Vec<Block>,
    /// What a model said, as JSON text and exactly as it came. It is replayed instead of `content`, so that
    /// blocks, fields and signatures that this program does not know survive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl ChatMessage {
    /// A message of one text.
    pub fn text(role: ChatRole, text: impl Into<String>) -> Self {
        Self { role, content: vec![Block::Text { text: text.into() }], raw: None }
    }

    /// The user's turn: tool results, or a text.
    pub fn user(content: Vec<Block>) -> Self {
        Self { role: ChatRole::User, content, raw: None }
    }

    /// A model's turn, to be replayed as it came.
    pub fn assistant(reply: &ChatReply) -> Self {
        Self { role: ChatRole::Assistant, content: reply.content.clone(), raw: reply.raw.clone() }
    }

    /// All text blocks, joined.
    pub fn plain_text(&self) -> String {
        joined_text(&self.content)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    User,
    Assistant,
}

/// A piece of a message's content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    Text {
        text: String,
    },
    /// The model wants a tool to be called.
    ToolUse {
        id: String,
        name: String,
        input: Value,
    },
    /// What the tool gave, or why it could not.
    ToolResult {
        tool_use_id: String,
        content: String,
        is_error: bool,
    },
    /// What the model thought before it answered, as far as the provider shows it.
    Thinking {
        text: String,
    },
    /// A kind of block that this program has no use for. Its content is in the raw view.
    Other {
        kind: String,
    },
}

impl Block {
    /// Bytes of what it says.
    pub fn size(&self) -> usize {
        match self {
            Self::Text { text } | Self::Thinking { text } => text.len(),
            Self::ToolUse { name, input, .. } => name.len() + input.to_string().len(),
            Self::ToolResult { content, .. } => content.len(),
            Self::Other { .. } => 0,
        }
    }
}

/// A tool as it is offered to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments.
    pub input_schema: Value,
}

/// What a model said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatReply {
    pub content: Vec<Block>,
    pub stop_reason: StopReason,
    pub usage: Usage,
    /// The provider gave no usage, or not all of it; that was estimated from the text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub usage_estimated: bool,
    /// What the provider says that the call cost, in US dollars, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_cost_usd: Option<f64>,
    /// Which model has answered, by the reply's own words: its name there, and its server's fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_by: Option<String>,
    /// The content exactly as it came: JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl ChatReply {
    /// All text blocks, joined.
    pub fn text(&self) -> String {
        joined_text(&self.content)
    }
}

/// Longest name of whoever has answered.
const MAX_SERVED_BY: usize = 200;

/// A model's name and the fingerprint of its server, as far as a reply has them.
fn served_by(parts: [Option<String>; 2]) -> Option<String> {
    let said: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!said.is_empty()).then(|| crate::text::ellipsis(&said.join(" "), MAX_SERVED_BY))
}

fn joined_text(blocks: &[Block]) -> String {
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// Why a reply ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    #[default]
    EndTurn,
    MaxTokens,
    StopSequence,
    ToolUse,
    PauseTurn,
    Refusal,
    /// The prompt and the reply together have filled the model's window.
    ModelContextWindowExceeded,
    /// A reason that this program does not know, in the provider's word.
    #[serde(untagged)]
    Other(String),
}

/// Tokens of one or more calls. `input` is what was neither read from nor written to a cache. They are what
/// somebody else says, so sums stop at the largest number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    #[serde(default)]
    pub cache_read_tokens: u64,
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// Written to be kept for an hour, which costs more. Never asked for by this program.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_1h_tokens: u64,
}

impl Usage {
    /// Everything that went in, cached or not.
    pub fn total_input_tokens(&self) -> u64 {
        self.input_tokens
            .saturating_add(self.cache_read_tokens)
            .saturating_add(self.total_cache_write_tokens())
    }

    pub fn total_cache_write_tokens(&self) -> u64 {
        self.cache_write_tokens.saturating_add(self.cache_write_1h_tokens)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        let pairs = [
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (&mut self.cache_read_tokens, other.cache_read_tokens),
            (&mut self.cache_write_tokens, other.cache_write_tokens),
            (&mut self.cache_write_1h_tokens, other.cache_write_1h_tokens),
        ];
        pairs.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_beyond_counting_stop_at_the_largest_number() {
        let most = u64::MAX;
        let said = Usage {
            input_tokens: most,
            output_tokens: most,
            cache_read_tokens: most,
            cache_write_tokens: most,
            cache_write_1h_tokens: most,
        };
        let mut total = said;
        total += said;
        assert_eq!((total, said.total_input_tokens(), said.total_cache_write_tokens()), (said, most, most));
    }
}
