//! What the two wire formats have in common.

use super::{
    Api, ChatReply, ChatRequest, StopReason, Usage,
    api_error::{ApiError, web_page},
    catalog::Profile,
    read::{json, tidy, unframed},
};

/// Values in the arguments of a tool call that are read. More are kept as the text that came: as a tree they
/// would take many times its size.
const MAX_ARGUMENT_VALUES: usize = 10_000;

/// What a wire format needs to know besides the request.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// The model's name at its provider.
    pub model: String,
    pub profile: Profile,
    /// Whether the model shall think before it answers, where that can be chosen.
    pub thinks: bool,
}

impl Dialect {
    /// Reply tokens that may be asked for.
    pub fn max_tokens(&self, request: &ChatRequest) -> u32 {
        request.max_tokens.min(self.profile.max_output_tokens)
    }

    /// A model that thinks cannot be told to call a tool.
    pub fn forces_tool(&self, request: &ChatRequest) -> bool {
        request.must_call_tool
            && !self.thinks
            && self.profile.tool_choice.iter().any(|choice| choice == "any")
    }
}

/// A body that claims success and holds no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// It cannot be understood; how it is wrong.
    Malformed(String),
    /// It holds an error. With `begun`, the model had begun to answer, which may be billed.
    Failed { complaint: ApiError, begun: bool },
}

/// What tells one wire format from another: where a request goes, and how request and reply are written.
pub trait WireFormat {
    /// Where requests go, below the base URL.
    fn path(self) -> &'static str;

    /// Where a server says which models it has, below the base URL.
    fn models_path(self) -> &'static str;

    /// The request's body.
    fn body(self, request: &ChatRequest, dialect: &Dialect) -> Result<String, serde_json::Error>;

    /// Reads the body of a success, which is not always one.
    fn reply(self, body: &str) -> Result<ChatReply, NoAnswer>;
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
            Self::Anthropic => super::anthropic::body(request, dialect),
            Self::Openai => super::openai::body(request, dialect),
        }
    }

    fn reply(self, body: &str) -> Result<ChatReply, NoAnswer> {
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
            Self::Anthropic => super::anthropic::reply(body),
            Self::Openai => super::openai::reply(body),
        };
        reply.map_err(|no_answer| match (no_answer, web_page(body)) {
            (NoAnswer::Malformed(_), Some(page)) => NoAnswer::Malformed(format!("it is {page}")),
            (no_answer, _) => no_answer,
        })
    }
}

/// Why a body is no object with these fields.
pub fn malformed(body: &str, wanted: &str) -> NoAnswer {
    let why = match serde_json::from_str::<serde::de::IgnoredAny>(body) {
        _ if body.is_empty() => "it is empty".to_owned(),
        Err(error) => error.to_string(),
        Ok(_) => format!("it has no {wanted}"),
    };
    NoAnswer::Malformed(why)
}

/// Why a reply ended that did not end well, where the words say so. Of Zhipu, DeepSeek, vLLM, and routers.
pub fn broke_off(reason: Option<&str>) -> Option<NoAnswer> {
    let reason = reason?;
    let failed =
        ["error", "failed", "abort", "aborted", "cancelled", "network_error", "insufficient_system_resource"];
    failed.contains(&reason.to_lowercase().as_str()).then(|| {
        let message = format!("the reply broke off: it ended with {reason:?}");
        NoAnswer::Failed { complaint: ApiError { message, ..ApiError::default() }, begun: true }
    })
}

/// Why a reply ended, in the words of either format: gateways between them mix them up.
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

/// The arguments of a tool call: an object, or JSON text of one, at whatever depth. What is neither stays
/// the text that came, which no tool takes.
pub fn arguments(given: Option<&str>) -> serde_json::Value {
    let Some(given) = given else { return serde_json::json!({}) };
    let mut text = given.to_owned();
    // Some models wrap JSON into JSON into JSON.
    for _ in 0..3 {
        match json::text(&text) {
            Some(inner) => text = tidy(&inner).into_owned(),
            None => break,
        }
    }
    if text.trim().is_empty() {
        return serde_json::json!({});
    }
    let read = (json::values_in(&text) <= MAX_ARGUMENT_VALUES).then(|| serde_json::from_str(&text).ok());
    read.flatten().unwrap_or(serde_json::Value::String(text))
}

/// Tokens of a reply as far as a server counts them; the rest is estimated from the sizes of what went over
/// the wire. A count of none where there is text is no count: what is not reported is not free.
pub fn with_estimates(mut reply: ChatReply, request_bytes: usize) -> ChatReply {
    let said = reply.content.iter().map(super::Block::size).sum();
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

/// A token has about four bytes of English or of code.
pub fn tokens_in(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use mmh_record::chat::Block;

    #[test]
    fn arguments_in_all_their_forms() {
        // name, what the model wrote, what a tool gets
        let table: [(&str, Option<&str>, Value); 12] = [
            ("an object", Some(r#"{"iteration":0}"#), json!({ "iteration": 0 })),
            ("JSON text", Some(r#""{\"iteration\":0}""#), json!({ "iteration": 0 })),
            ("JSON text of JSON text", Some(r#""\"{\\\"iteration\\\":0}\"""#), json!({ "iteration": 0 })),
            ("none", None, json!({})),
            ("an empty text", Some("\"\""), json!({})),
            ("cut off", Some(r#""{\"code\":\"fn ma""#), json!("{\"code\":\"fn ma")),
            ("a list", Some("[1]"), json!([1])),
            ("words", Some("\"no idea\""), json!("no idea")),
            ("half a character within", Some(r#""{\"a\":\"\\ud83d\"}""#), json!({ "a": "\u{fffd}" })),
            ("a bare line end within", Some(r#""{\"a\":\"x\ny\"}""#), json!({ "a": "x\ny" })),
            ("a number", Some("7"), json!(7)),
            ("NaN", Some(r#""{\"a\":NaN}""#), json!({ "a": null })),
        ];
        for (name, given, expected) in table {
            assert_eq!(arguments(given), expected, "{name}");
        }
        let many = format!("{{\"a\":[{}0]}}", "0,".repeat(MAX_ARGUMENT_VALUES));
        assert!(arguments(Some(&many)).is_string(), "too many values for a tree");
    }

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
