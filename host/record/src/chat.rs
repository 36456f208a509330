//! Plain types of conversations with language models: what is asked, what is said, what a call came to. They
//! are free of any provider's wire format.
//!
//! A run has them as [`format::chat`](crate::format::chat) says: their names here can change, the recorded ones cannot.

use serde_json::Value;

use crate::pricing::{Price, Usd};
pub use crate::usage::Usage;

/// The wire format that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Anthropic's Messages API.
    Anthropic,
    /// OpenAI's Chat Completions API, which most other servers speak too.
    Openai,
}

/// One request, free of any provider's wire format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// Instructions that stand before the conversation. Absent where there are none.
    pub system: Option<String>,
    /// The conversation so far, its first message first.
    pub messages: Vec<ChatMessage>,
    /// Tools that the model may call. Empty for the target model.
    pub tools: Vec<ToolSpec>,
    /// The most tokens that the reply may have.
    pub max_tokens: u32,
    /// How much chance the model is asked for, from 0 to 2. Absent where the provider's default holds.
    pub temperature: Option<f32>,
    /// Texts at which the reply ends. They are no part of it.
    pub stop: Vec<String>,
    /// The conversation will go on: where the provider caches prompts on request, this one is worth it.
    pub continues: bool,
    /// A tool has to be called in this turn, where the model can be told so.
    pub must_call_tool: bool,
    /// Which of several independent replies to an equal request this one asks for, from 0. It is not sent: a provider that is
    /// asked again gives another reply.
    pub sample: u32,
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
#[derive(Clone, Debug, PartialEq)]
pub struct ChatMessage {
    /// Who says it.
    pub role: ChatRole,
    /// What is said, in its order.
    pub content: Vec<Block>,
    /// What a model said, as JSON text and exactly as it came. It is replayed instead of `content`, so that
    /// blocks, fields and signatures that this program does not know survive.
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

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatRole {
    /// Whoever asks: the harness, or the host with results of tools.
    User,
    /// The model.
    Assistant,
}

/// A piece of a message's content.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Words.
    Text {
        /// The words, which may hold any characters.
        text: String,
    },
    /// The model wants a tool to be called.
    ToolUse {
        /// The call's id, by the provider. Its result names it.
        id: String,
        /// The tool's name.
        name: String,
        /// The arguments as the model wrote them. They may break the tool's schema.
        input: Value,
    },
    /// What the tool gave, or why it could not.
    ToolResult {
        /// The `id` of the call.
        tool_use_id: String,
        /// The result, or the reason, as the model reads it.
        content: String,
        /// Whether the tool could not do what it was asked for.
        is_error: bool,
    },
    /// What the model thought before it answered, as far as the provider shows it.
    Thinking {
        /// The thoughts, or the provider's summary of them.
        text: String,
    },
    /// A kind of block that this program has no use for. Its content is in the raw view.
    Other {
        /// The block's type in the provider's word.
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
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// The name by which the model calls it.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of the arguments.
    pub input_schema: Value,
}

/// What a model said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatReply {
    /// What the model said, in its order.
    pub content: Vec<Block>,
    /// Why the reply ended.
    pub stop_reason: StopReason,
    /// The tokens of the call.
    pub usage: Usage,
    /// The provider gave no usage, or not all of it; that was estimated from the text.
    pub usage_estimated: bool,
    /// What the provider says that the call cost, in US dollars, where it does.
    pub reported_cost_usd: Option<f64>,
    /// Which model has answered, by the reply's own words: its name there, and its server's fingerprint.
    pub served_by: Option<String>,
    /// The content exactly as it came: JSON text.
    pub raw: Option<String>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StopReason {
    /// The model had nothing more to say.
    #[default]
    EndTurn,
    /// The reply reached `max_tokens`.
    MaxTokens,
    /// The model said one of the texts of `stop`.
    StopSequence,
    /// The model waits for results of tools.
    ToolUse,
    /// The provider interrupted a long turn. Sending the conversation back lets the model go on.
    PauseTurn,
    /// The model, or its provider, does not want to answer.
    Refusal,
    /// The prompt and the reply together have filled the model's window.
    ModelContextWindowExceeded,
    /// A reason that this program does not know, in the provider's word.
    Other(String),
}

/// Why a call gave no reply, as a harness, a trace and a person read it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// This request was refused for what stands in it.
    #[error("the model refused: {0}")]
    Refused(String),
    /// This request got no usable reply, though others do.
    #[error("{0}")]
    Unavailable(String),
    /// The request breaks a rule of the API or a limit of the host. It was not sent.
    #[error("the request is invalid: {0}")]
    Invalid(String),
    /// No call will succeed before somebody changes something: a wrong key, no credit, no such model, no
    /// server. It says nothing about whoever has asked.
    #[error("{0}")]
    Unusable(String),
}

/// Why a call of a run gave no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The call could have cost more than the budget has left. It was not sent.
    #[error("the run's budget is spent")]
    BudgetSpent,
    /// The model, its server or the host's checks gave no reply.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A call that has ended.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CallOutcome {
    /// The reply, or why there is none.
    pub result: Result<ChatReply, CallError>,
    /// What the call cost now.
    pub cost: Usd,
    /// The size above which the request's rate begins, see `pricing`.
    pub price_tier: u64,
    /// How often the provider was asked.
    pub attempts: u32,
    /// Wall clock in milliseconds, all attempts included.
    pub latency_ms: f64,
    /// The reply was there already: nobody was asked, and it cost nothing.
    pub cached: bool,
    /// The control request that this call has brought about, if it did. It cost besides.
    pub control: Option<Control>,
}

impl CallOutcome {
    /// Whether it got no reply because no call of the run does any more.
    pub fn was_cut_off(&self) -> bool {
        matches!(&self.result, Err(CallError::BudgetSpent | CallError::Model(ModelError::Unusable(_))))
    }

    /// A call that nobody was asked for.
    pub fn unasked(result: Result<ChatReply, CallError>) -> Self {
        let (cost, price_tier, attempts, latency_ms) = (Usd::ZERO, 0, 0, 0.0);
        Self { result, cost, price_tier, attempts, latency_ms, cached: false, control: None }
    }
}

/// A control request that has ended: see [`ControlRow`](crate::format::ControlRow).
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Control {
    /// Whether the model has answered it.
    pub answered: bool,
    /// The tokens of the control request.
    pub usage: Usage,
    /// What it cost.
    pub cost: Usd,
    /// As in [`CallOutcome`].
    pub price_tier: u64,
    /// How often it was sent.
    pub attempts: u32,
}

impl Control {
    /// A recorded one: it cost what is recorded, and no less than its tokens do by one of the prices that the
    /// run has had.
    pub fn at_least(self, prices: &[Price]) -> Self {
        let least = prices.iter().min_by_key(|price| price.of(self.usage));
        let least = least.map_or((Usd::ZERO, 0), |price| (price.of(self.usage), price.tier(self.usage)));
        Self { cost: self.cost.max(least.0), price_tier: least.1, ..self }
    }
}
