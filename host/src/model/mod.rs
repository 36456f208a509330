//! Language models: one trait, plain data, one file per provider.
//!
//! The proposer and the target model are both [`ChatModel`]s. Not in here: budgets, caching and limits,
//! which hold for every model alike and stand in front of it (see `evaluate` and `propose`).

pub mod simulated;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A model that answers conversations. Cheap to share; calls may run at once.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// The model's id as the run records it, such as `kimi-k2.6` or `simulated-target`.
    fn id(&self) -> &str;

    /// Whether this is a simulation. Everything printed and written about it says so.
    fn is_simulated(&self) -> bool {
        false
    }

    /// Answers one request.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ModelError>;
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
}

impl ChatMessage {
    /// A message of one text.
    pub fn text(role: ChatRole, text: impl Into<String>) -> Self {
        Self { role, content: vec![Block::Text { text: text.into() }] }
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatReply {
    pub content: Vec<Block>,
    pub stop_reason: StopReason,
    pub usage: Usage,
}

impl ChatReply {
    /// All text blocks, joined.
    pub fn text(&self) -> String {
        joined_text(&self.content)
    }
}

fn joined_text(blocks: &[Block]) -> String {
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    EndTurn,
    MaxTokens,
    StopSequence,
    ToolUse,
    Refusal,
    Other,
}

/// Tokens of one or more calls. `input` is what was neither read from nor written to a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub input_tokens: u64,
    pub output_tokens: u64,
    #[serde(default)]
    pub cache_read_tokens: u64,
    #[serde(default)]
    pub cache_write_tokens: u64,
}

impl Usage {
    /// Everything that went in, cached or not.
    pub fn total_input_tokens(&self) -> u64 {
        self.input_tokens + self.cache_read_tokens + self.cache_write_tokens
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cache_read_tokens += other.cache_read_tokens;
        self.cache_write_tokens += other.cache_write_tokens;
    }
}

/// Why a call gave no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error("the model refused: {0}")]
    Refused(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("the request is invalid: {0}")]
    Invalid(String),
}
