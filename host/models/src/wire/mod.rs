//! The wire formats `anthropic` and `openai`, and what they have in common.

mod anthropic;
mod openai;

use crate::{
    Api, ChatReply, ChatRequest, StopReason, Usage,
    api_error::{ApiError, web_page},
    catalog::Profile,
    read::unframed,
};

/// What a wire format has to know about the model.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// The model's name at its provider.
    pub model: String,
    /// What the model can do.
    pub profile: Profile,
    /// Whether the model is asked to think, if that can be chosen.
    pub thinks: bool,
}

impl Dialect {
    /// The limit of the reply's tokens: what was asked for, within what the model can do.
    pub fn max_tokens(&self, request: &ChatRequest) -> u32 {
        request.max_tokens.min(self.profile.max_output_tokens)
    }

    /// Whether the model is made to call a tool. One that thinks cannot be.
    pub fn forces_tool(&self, request: &ChatRequest) -> bool {
        request.must_call_tool
            && !self.thinks
            && self.profile.tool_choice.iter().any(|choice| choice == "any")
    }
}

/// Why the body of a success holds no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// It cannot be read. The text says what is wrong with it.
    Malformed(String),
    /// It holds an error.
    Failed {
        /// The provider's words.
        complaint: ApiError,
        /// Whether the model had begun to answer, which may be billed.
        begun: bool,
    },
}

/// What differs between wire formats: where requests go, and how requests and replies are written.
pub trait WireFormat {
    /// The path of requests below the base URL.
    fn path(self) -> &'static str;

    /// The path of the list of models below the base URL.
    fn models_path(self) -> &'static str;

    /// The body of a request, as JSON.
    fn body(self, request: &ChatRequest, dialect: &Dialect) -> Result<String, serde_json::Error>;

    /// Reads the body of a success. `stops` are the stop sequences of the request.
    fn reply(self, body: &str, stops: &[String]) -> Result<ChatReply, NoAnswer>;
}

impl WireFormat for Api {
    fn path(self) -> &'static str {
        match self {
            Self::Anthropic => "/v1/messages",
            Self::Openai => "/chat/completions",
        }
    }

    fn models_path(self) -> &'static str {
        match self {
            Self::Anthropic => "/v1/models",
            Self::Openai => "/models",
        }
    }

    fn body(self, request: &ChatRequest, dialect: &Dialect) -> Result<String, serde_json::Error> {
        match self {
            Self::Anthropic => anthropic::body(request, dialect),
            Self::Openai => openai::body(request, dialect),
        }
    }

    fn reply(self, body: &str, stops: &[String]) -> Result<ChatReply, NoAnswer> {
        let body = body.trim();
        let is_framed = body.starts_with("data:") || body.starts_with("event:");
        let body = match is_framed.then(|| unframed(body)) {
            None => body,
            Some(Some(event)) => event,
            Some(None) => {
                return Err(NoAnswer::Malformed("it is a stream of events, which was not asked for".into()));
            }
        };
        if let Some(complaint) = ApiError::in_success(body) {
            return Err(NoAnswer::Failed { complaint, begun: false });
        }
        let reply = match self {
            Self::Anthropic => anthropic::reply(body),
            Self::Openai => openai::reply(body, stops),
        };
        reply.map_err(|no_answer| match (no_answer, web_page(body)) {
            (NoAnswer::Malformed(_), Some(page)) => NoAnswer::Malformed(format!("it is {page}")),
            (no_answer, _) => no_answer,
        })
    }
}

/// The error of a body that has no field `wanted`, or is no JSON.
pub fn malformed(body: &str, wanted: &str) -> NoAnswer {
    let why = match serde_json::from_str::<serde::de::IgnoredAny>(body) {
        _ if body.is_empty() => "it is empty".to_owned(),
        Err(error) => error.to_string(),
        Ok(_) => format!("it has no {wanted}"),
    };
    NoAnswer::Malformed(why)
}

/// The error of a reply that broke off, if the reason of its end says so. The words are those of Zhipu, DeepSeek, vLLM
/// and routers.
pub fn broke_off(reason: Option<&str>) -> Option<NoAnswer> {
    let reason = reason?;
    let failed =
        ["error", "failed", "abort", "aborted", "cancelled", "network_error", "insufficient_system_resource"];
    failed.contains(&reason.to_lowercase().as_str()).then(|| {
        let message = format!("the reply broke off: it ended with {reason:?}");
        NoAnswer::Failed { complaint: ApiError { message, ..ApiError::default() }, begun: true }
    })
}

/// Why a reply ended. The words of both formats are known in both, because gateways mix them up.
pub fn stop_reason(reason: Option<&str>) -> StopReason {
    match reason.unwrap_or("none") {
        "end_turn" | "stop" => StopReason::EndTurn,
        "max_tokens" | "length" => StopReason::MaxTokens,
        "stop_sequence" => StopReason::StopSequence,
        "tool_use" | "tool_calls" | "function_call" => StopReason::ToolUse,
        "pause_turn" => StopReason::PauseTurn,
        // The last one is Zhipu's.
        "refusal" | "content_filter" | "sensitive" => StopReason::Refusal,
        "model_context_window_exceeded" => StopReason::ModelContextWindowExceeded,
        unknown => StopReason::Other(unknown.to_owned()),
    }
}

/// The reply with estimates for tokens that the server did not report, from the sizes of request and reply in bytes. A
/// count of 0 for a text counts as not reported.
pub fn with_estimates(mut reply: ChatReply, request_bytes: usize) -> ChatReply {
    let said = reply.content.iter().map(crate::Block::size).sum();
    if reply.usage.total_input_tokens() == 0 {
        reply.usage = Usage { input_tokens: tokens_in(request_bytes), ..reply.usage };
        reply.usage_estimated = true;
    }
    if reply.usage.output_tokens == 0 && said > 0 {
        reply.usage.output_tokens = tokens_in(said);
        reply.usage_estimated = true;
    }
    reply
}

/// An estimate of the tokens of a text: a token has about four bytes of English or of code.
pub fn tokens_in(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use mmh_record::chat::Block;

    #[test]
    fn what_is_not_reported_is_estimated() {
        let said = |text: &str| vec![Block::Text { text: text.into() }];
        let usage = |input_tokens, output_tokens| Usage { input_tokens, output_tokens, ..Usage::default() };
        // name, content, reported, with 400 bytes sent, estimated
        let table = [
            ("reported", said("abcd"), usage(7, 3), usage(7, 3), false),
            ("nothing", said("abcdefgh"), usage(0, 0), usage(100, 2), true),
            ("input only", said("abcdefgh"), usage(7, 0), usage(7, 2), true),
            ("output only", said("abcd"), usage(0, 3), usage(100, 3), true),
            ("nothing said", vec![], usage(7, 0), usage(7, 0), false),
            (
                "a tool call is something",
                vec![Block::ToolUse { id: String::new(), name: "read".into(), input: json!({}) }],
                usage(7, 0),
                usage(7, 2),
                true,
            ),
        ];
        for (name, content, usage, expected, estimated) in table {
            let reply = with_estimates(ChatReply { content, usage, ..ChatReply::default() }, 400);
            assert_eq!((reply.usage, reply.usage_estimated), (expected, estimated), "{name}");
        }
        let cached = Usage { cache_read_tokens: 9, output_tokens: 1, ..Usage::default() };
        let reply = with_estimates(ChatReply { usage: cached, ..ChatReply::default() }, 400);
        assert_eq!(reply.usage, cached, "a prompt that was read from a cache was counted");
    }
}
