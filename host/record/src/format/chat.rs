//! How conversations stand in the files of a run, field by field.
//!
//! [`chat`] has the types that programs work with. Each type here mirrors one of them: its names of fields
//! and variants are the recorded ones, and the type that it mirrors is written and read through it. So a field of
//! [`chat`] can be renamed without changing a file of a run or the key of a recorded reply.
//!
//! Mirrors borrow what they write, so that writing a long conversation copies none of it.

mod reply;

use std::borrow::Cow;

pub use reply::{CallError, ModelError, Reply, StopReason, Usage};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::chat;

/// Writes and reads types of `chat` through their mirrors.
macro_rules! mirrors {
    ($($runtime:ident: $mirror:ident),* $(,)?) => {$(
        impl Serialize for chat::$runtime {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $mirror::from(self).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for chat::$runtime {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $mirror::deserialize(deserializer).map(Self::from)
            }
        }
    )*};
}

mirrors! {
    Api: WireFormat,
    ChatRequest: Request,
    ChatMessage: Message,
    ChatRole: Role,
    Block: Block,
    ToolSpec: Tool,
    ChatReply: Reply,
    StopReason: StopReason,
    Usage: Usage,
    ModelError: ModelError,
    CallError: CallError,
}

/// Pairs two enums without fields, variant by variant, in both directions.
macro_rules! same_variants {
    ($mirror:ident, $runtime:ident: $($variant:ident),*) => {
        impl From<&chat::$runtime> for $mirror {
            fn from(runtime: &chat::$runtime) -> Self {
                match runtime { $(chat::$runtime::$variant => Self::$variant),* }
            }
        }

        impl From<$mirror> for chat::$runtime {
            fn from(mirror: $mirror) -> Self {
                match mirror { $($mirror::$variant => Self::$variant),* }
            }
        }
    };
}

/// `api` of a provider in `config.json`: [`chat::Api`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WireFormat {
    /// `anthropic`: the Messages API.
    Anthropic,
    /// `openai`: the Chat Completions API.
    Openai,
}

same_variants!(WireFormat, Api: Anthropic, Openai);

/// `request` of a call: [`chat::ChatRequest`]. The digest of its JSON without white space is the key of the reply.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request<'a> {
    /// Instructions that stand before the conversation. Absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<Cow<'a, str>>,
    /// The conversation so far, its first message first.
    pub messages: Cow<'a, [chat::ChatMessage]>,
    /// Tools that the model may call. Absent where there are none.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub tools: Cow<'a, [chat::ToolSpec]>,
    /// The most tokens that the reply may have.
    pub max_tokens: u32,
    /// From 0 to 2. Absent where the provider's default holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Texts at which the reply ends. Absent where there are none.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub stop: Cow<'a, [String]>,
    /// Whether the conversation will go on. Absent where it will not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// Whether the model has to call a tool. Absent where it need not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_call_tool: bool,
    /// Which of several independent replies to an equal request this one asks for. Absent where it is the first, 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sample: u32,
}

impl<'a> From<&'a chat::ChatRequest> for Request<'a> {
    fn from(runtime: &'a chat::ChatRequest) -> Self {
        let chat::ChatRequest {
            system,
            messages,
            tools,
            max_tokens,
            temperature,
            stop,
            continues,
            must_call_tool,
            sample,
        } = runtime;
        Self {
            system: system.as_deref().map(Cow::Borrowed),
            messages: messages.into(),
            tools: tools.into(),
            max_tokens: *max_tokens,
            temperature: *temperature,
            stop: stop.into(),
            continues: *continues,
            must_call_tool: *must_call_tool,
            sample: *sample,
        }
    }
}

impl From<Request<'_>> for chat::ChatRequest {
    fn from(mirror: Request<'_>) -> Self {
        Self {
            system: mirror.system.map(Cow::into_owned),
            messages: mirror.messages.into_owned(),
            tools: mirror.tools.into_owned(),
            max_tokens: mirror.max_tokens,
            temperature: mirror.temperature,
            stop: mirror.stop.into_owned(),
            continues: mirror.continues,
            must_call_tool: mirror.must_call_tool,
            sample: mirror.sample,
        }
    }
}

/// A message of a request: [`chat::ChatMessage`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Message<'a> {
    /// Who says it.
    pub role: chat::ChatRole,
    /// What is said, in its order.
    pub content: Cow<'a, [chat::Block]>,
    /// What a model said, as JSON text and exactly as it came. Absent in messages of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Cow<'a, str>>,
}

impl<'a> From<&'a chat::ChatMessage> for Message<'a> {
    fn from(runtime: &'a chat::ChatMessage) -> Self {
        let chat::ChatMessage { role, content, raw } = runtime;
        Self { role: *role, content: content.into(), raw: raw.as_deref().map(Cow::Borrowed) }
    }
}

impl From<Message<'_>> for chat::ChatMessage {
    fn from(mirror: Message<'_>) -> Self {
        let Message { role, content, raw } = mirror;
        Self { role, content: content.into_owned(), raw: raw.map(Cow::into_owned) }
    }
}

/// `role` of a message: [`chat::ChatRole`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// `user`: the harness, or the host with results of tools.
    User,
    /// `assistant`: the model.
    Assistant,
}

same_variants!(Role, ChatRole: User, Assistant);

/// An entry of `content`: [`chat::Block`]. The field `type` says which one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block<'a> {
    /// `text`: words.
    Text {
        /// The words, which may hold any characters.
        text: Cow<'a, str>,
    },
    /// `tool_use`: the model calls a tool.
    ToolUse {
        /// The call's id, by the provider.
        id: Cow<'a, str>,
        /// The tool's name.
        name: Cow<'a, str>,
        /// The arguments as the model wrote them.
        input: Cow<'a, Value>,
    },
    /// `tool_result`: what the tool gave, or why it could not.
    ToolResult {
        /// The `id` of the call.
        tool_use_id: Cow<'a, str>,
        /// The result, or the reason, as the model reads it.
        content: Cow<'a, str>,
        /// Whether the tool could not do what it was asked for.
        is_error: bool,
    },
    /// `thinking`: what the model thought before it answered.
    Thinking {
        /// The thoughts, or the provider's summary of them.
        text: Cow<'a, str>,
    },
    /// `other`: a kind of block that this program has no use for.
    Other {
        /// The block's type in the provider's word.
        kind: Cow<'a, str>,
    },
}

impl<'a> From<&'a chat::Block> for Block<'a> {
    fn from(runtime: &'a chat::Block) -> Self {
        match runtime {
            chat::Block::Text { text } => Self::Text { text: text.into() },
            chat::Block::ToolUse { id, name, input } => {
                Self::ToolUse { id: id.into(), name: name.into(), input: Cow::Borrowed(input) }
            }
            chat::Block::ToolResult { tool_use_id, content, is_error } => Self::ToolResult {
                tool_use_id: tool_use_id.into(),
                content: content.into(),
                is_error: *is_error,
            },
            chat::Block::Thinking { text } => Self::Thinking { text: text.into() },
            chat::Block::Other { kind } => Self::Other { kind: kind.into() },
        }
    }
}

impl From<Block<'_>> for chat::Block {
    fn from(mirror: Block<'_>) -> Self {
        match mirror {
            Block::Text { text } => Self::Text { text: text.into_owned() },
            Block::ToolUse { id, name, input } => {
                Self::ToolUse { id: id.into_owned(), name: name.into_owned(), input: input.into_owned() }
            }
            Block::ToolResult { tool_use_id, content, is_error } => Self::ToolResult {
                tool_use_id: tool_use_id.into_owned(),
                content: content.into_owned(),
                is_error,
            },
            Block::Thinking { text } => Self::Thinking { text: text.into_owned() },
            Block::Other { kind } => Self::Other { kind: kind.into_owned() },
        }
    }
}

/// A tool of a request: [`chat::ToolSpec`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Tool<'a> {
    /// The name by which the model calls it.
    pub name: Cow<'a, str>,
    /// What it does, for the model.
    pub description: Cow<'a, str>,
    /// JSON Schema of the arguments.
    pub input_schema: Cow<'a, Value>,
}

impl<'a> From<&'a chat::ToolSpec> for Tool<'a> {
    fn from(runtime: &'a chat::ToolSpec) -> Self {
        let chat::ToolSpec { name, description, input_schema } = runtime;
        Self { name: name.into(), description: description.into(), input_schema: Cow::Borrowed(input_schema) }
    }
}

impl From<Tool<'_>> for chat::ToolSpec {
    fn from(mirror: Tool<'_>) -> Self {
        let Tool { name, description, input_schema } = mirror;
        Self {
            name: name.into_owned(),
            description: description.into_owned(),
            input_schema: input_schema.into_owned(),
        }
    }
}

fn is_empty<T>(list: &[T]) -> bool {
    list.is_empty()
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
