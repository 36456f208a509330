//! What came of a call: the reply with its tokens, or why there is none.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::chat;

/// `reply` of a call: [`chat::ChatReply`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply<'a> {
    /// What the model said, in its order.
    pub content: Cow<'a, [chat::Block]>,
    /// Why the reply ended.
    pub stop_reason: Cow<'a, chat::StopReason>,
    /// The tokens of the call.
    pub usage: chat::Usage,
    /// Whether tokens were estimated from the text. Absent where the provider counted all of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub usage_estimated: bool,
    /// What the provider says that the call cost, in US dollars. Absent where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_cost_usd: Option<f64>,
    /// Which model has answered, by the reply's own words. Absent where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_by: Option<Cow<'a, str>>,
    /// The content exactly as it came: JSON text. Absent for simulated models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Cow<'a, str>>,
}

impl<'a> From<&'a chat::ChatReply> for Reply<'a> {
    fn from(runtime: &'a chat::ChatReply) -> Self {
        let chat::ChatReply {
            content,
            stop_reason,
            usage,
            usage_estimated,
            reported_cost_usd,
            served_by,
            raw,
        } = runtime;
        Self {
            content: content.into(),
            stop_reason: Cow::Borrowed(stop_reason),
            usage: *usage,
            usage_estimated: *usage_estimated,
            reported_cost_usd: *reported_cost_usd,
            served_by: served_by.as_deref().map(Cow::Borrowed),
            raw: raw.as_deref().map(Cow::Borrowed),
        }
    }
}

impl From<Reply<'_>> for chat::ChatReply {
    fn from(mirror: Reply<'_>) -> Self {
        Self {
            content: mirror.content.into_owned(),
            stop_reason: mirror.stop_reason.into_owned(),
            usage: mirror.usage,
            usage_estimated: mirror.usage_estimated,
            reported_cost_usd: mirror.reported_cost_usd,
            served_by: mirror.served_by.map(Cow::into_owned),
            raw: mirror.raw.map(Cow::into_owned),
        }
    }
}

/// `stop_reason` of a reply: [`chat::StopReason`]. One of these words, or the provider's own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason<'a> {
    /// `end_turn`: the model had nothing more to say.
    EndTurn,
    /// `max_tokens`: the reply reached the request's `max_tokens`.
    MaxTokens,
    /// `stop_sequence`: the model said one of the texts of `stop`.
    StopSequence,
    /// `tool_use`: the model waits for results of tools.
    ToolUse,
    /// `pause_turn`: the provider interrupted a long turn.
    PauseTurn,
    /// `refusal`: the model, or its provider, does not want to answer.
    Refusal,
    /// `model_context_window_exceeded`: prompt and reply together have filled the model's window.
    ModelContextWindowExceeded,
    /// A reason that this program does not know, in the provider's word.
    #[serde(untagged)]
    Other(Cow<'a, str>),
}

impl<'a> From<&'a chat::StopReason> for StopReason<'a> {
    fn from(runtime: &'a chat::StopReason) -> Self {
        match runtime {
            chat::StopReason::EndTurn => Self::EndTurn,
            chat::StopReason::MaxTokens => Self::MaxTokens,
            chat::StopReason::StopSequence => Self::StopSequence,
            chat::StopReason::ToolUse => Self::ToolUse,
            chat::StopReason::PauseTurn => Self::PauseTurn,
            chat::StopReason::Refusal => Self::Refusal,
            chat::StopReason::ModelContextWindowExceeded => Self::ModelContextWindowExceeded,
            chat::StopReason::Other(reason) => Self::Other(reason.into()),
        }
    }
}

impl From<StopReason<'_>> for chat::StopReason {
    fn from(mirror: StopReason<'_>) -> Self {
        match mirror {
            StopReason::EndTurn => Self::EndTurn,
            StopReason::MaxTokens => Self::MaxTokens,
            StopReason::StopSequence => Self::StopSequence,
            StopReason::ToolUse => Self::ToolUse,
            StopReason::PauseTurn => Self::PauseTurn,
            StopReason::Refusal => Self::Refusal,
            StopReason::ModelContextWindowExceeded => Self::ModelContextWindowExceeded,
            StopReason::Other(reason) => Self::Other(reason.into_owned()),
        }
    }
}

/// `usage` of a call: [`chat::Usage`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Usage {
    /// Sent, and neither read from nor written to a cache.
    pub input_tokens: u64,
    /// Written by the model, its thinking included.
    pub output_tokens: u64,
    /// Sent, and found in the provider's cache.
    #[serde(default)]
    pub cache_read_tokens: u64,
    /// Sent, and put into the provider's cache for five minutes.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// Sent, and put into the provider's cache for an hour. Absent where it is 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_1h_tokens: u64,
}

impl From<&chat::Usage> for Usage {
    fn from(runtime: &chat::Usage) -> Self {
        let chat::Usage {
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens,
            cache_write_1h_tokens,
        } = *runtime;
        Self { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens }
    }
}

impl From<Usage> for chat::Usage {
    fn from(mirror: Usage) -> Self {
        Self {
            input_tokens: mirror.input_tokens,
            output_tokens: mirror.output_tokens,
            cache_read_tokens: mirror.cache_read_tokens,
            cache_write_tokens: mirror.cache_write_tokens,
            cache_write_1h_tokens: mirror.cache_write_1h_tokens,
        }
    }
}

/// Why a call gave no reply: [`chat::ModelError`]. An object with one field, whose name is the kind and whose value says
/// why.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelError<'a> {
    /// `refused`: this request was refused for what stands in it.
    Refused(Cow<'a, str>),
    /// `unavailable`: this request got no usable reply, though others do.
    Unavailable(Cow<'a, str>),
    /// `invalid`: the request breaks a rule of the API or a limit of the host.
    Invalid(Cow<'a, str>),
    /// `unusable`: no call will succeed before somebody changes something.
    Unusable(Cow<'a, str>),
}

impl<'a> From<&'a chat::ModelError> for ModelError<'a> {
    fn from(runtime: &'a chat::ModelError) -> Self {
        match runtime {
            chat::ModelError::Refused(why) => Self::Refused(why.into()),
            chat::ModelError::Unavailable(why) => Self::Unavailable(why.into()),
            chat::ModelError::Invalid(why) => Self::Invalid(why.into()),
            chat::ModelError::Unusable(why) => Self::Unusable(why.into()),
        }
    }
}

impl From<ModelError<'_>> for chat::ModelError {
    fn from(mirror: ModelError<'_>) -> Self {
        match mirror {
            ModelError::Refused(why) => Self::Refused(why.into_owned()),
            ModelError::Unavailable(why) => Self::Unavailable(why.into_owned()),
            ModelError::Invalid(why) => Self::Invalid(why.into_owned()),
            ModelError::Unusable(why) => Self::Unusable(why.into_owned()),
        }
    }
}

/// `failure` of a call: [`chat::CallError`]. The text `budget-spent`, or a [`ModelError`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallError<'a> {
    /// `budget-spent`: the call could have cost more than the budget has left.
    BudgetSpent,
    /// The model, its server or the host's checks gave no reply.
    #[serde(untagged)]
    Model(Cow<'a, chat::ModelError>),
}

impl<'a> From<&'a chat::CallError> for CallError<'a> {
    fn from(runtime: &'a chat::CallError) -> Self {
        match runtime {
            chat::CallError::BudgetSpent => Self::BudgetSpent,
            chat::CallError::Model(error) => Self::Model(Cow::Borrowed(error)),
        }
    }
}

impl From<CallError<'_>> for chat::CallError {
    fn from(mirror: CallError<'_>) -> Self {
        match mirror {
            CallError::BudgetSpent => Self::BudgetSpent,
            CallError::Model(error) => Self::Model(error.into_owned()),
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
