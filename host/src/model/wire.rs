//! What the two wire formats have in common.

use serde::Deserialize;
use serde_json::Value;

use super::{
    ChatReply, ChatRequest, Usage,
    catalog::{Api, Profile},
};

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

/// A body that claims success and cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// What a provider says about a request that it did not answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// Its kind of error, such as `not_found_error`.
    pub kind: Option<String>,
    pub code: Option<String>,
    pub message: String,
}

impl Api {
    /// Where requests go, below the base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::Anthropic => "/v1/messages",
            Self::Openai => "/chat/completions",
        }
    }

    /// The request's body.
    pub fn body(self, request: &ChatRequest, dialect: &Dialect) -> Result<String, serde_json::Error> {
        match self {
            Self::Anthropic => super::anthropic::body(request, dialect),
            Self::Openai => super::openai::body(request, dialect),
        }
    }

    /// Reads the body of a success.
    pub fn reply(self, body: &str) -> Result<ChatReply, Malformed> {
        match self {
            Self::Anthropic => super::anthropic::reply(body),
            Self::Openai => super::openai::reply(body),
        }
    }
}

/// Reads the body of a failure. Both formats, and most gateways, put an object under `error`; what is none
/// is quoted as it stands.
pub fn complaint(body: &str) -> Complaint {
    let parsed: Value = serde_json::from_str(body).unwrap_or_default();
    let error = if parsed["error"].is_object() { &parsed["error"] } else { &parsed };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let message = text(&error["message"]).or_else(|| text(&parsed["error"]));
    Complaint {
        kind: text(&error["type"]),
        code: text(&error["details"]["error_code"]).or_else(|| text(&error["code"])),
        message: message.unwrap_or_else(|| body.trim().to_owned()),
    }
}

/// A usage that the provider did not give, from the sizes of what went over the wire.
pub fn estimated_usage(request_bytes: usize, reply_bytes: usize) -> Usage {
    Usage {
        input_tokens: tokens_in(request_bytes),
        output_tokens: tokens_in(reply_bytes),
        ..Usage::default()
    }
}

/// A token has about four bytes of English or of code.
pub fn tokens_in(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

/// A number that some servers leave out and others send as null.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Count(Option<u64>);

impl Count {
    pub fn get(self) -> u64 {
        self.0.unwrap_or(0)
    }
}
