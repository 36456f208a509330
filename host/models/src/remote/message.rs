//! Messages about failed requests: the provider's own words, the status, the model, the address, and what to change.

use std::error::Error as _;

use reqwest::StatusCode;

use super::{Remote, Role, refused::is_refused};
use crate::{
    Billing, ChatError, ChatModel, Fault,
    api_error::ApiError,
    refusal::{Hints, Topic, refusal},
};
use mmh_record::text;

/// Most characters of a provider's own words in a message.
const MAX_WORDS: usize = 600;

/// An answer that refuses the request.
pub struct Refused {
    /// The status that the answer means. It came as a header, unless that was a success.
    pub status: StatusCode,
    pub hints: Hints,
    pub complaint: ApiError,
    /// Where a redirect leads to.
    pub aim: Option<String>,
    /// Whether it came with the status of a success.
    pub in_success: bool,
    /// Whether the model had begun to answer, which may be billed.
    pub begun: bool,
}

impl Refused {
    /// An error that came with the status of a success. The status it means is in its body; otherwise it counts as a
    /// failure of the gateway, 502.
    pub fn in_success(complaint: ApiError, begun: bool) -> Self {
        let status = complaint.status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.filter(|status| !status.is_success()).unwrap_or(StatusCode::BAD_GATEWAY);
        Self { status, hints: Hints::default(), complaint, aim: None, in_success: true, begun }
    }

    /// The status that came, and the error's kind.
    fn heading(&self) -> String {
        let status = match (self.in_success, self.complaint.status) {
            (false, _) => self.status.to_string(),
            (true, None) => "200 OK with an error".into(),
            (true, Some(status)) => format!("200 OK with the error {status}"),
        };
        self.complaint.kind.as_ref().map_or(status.clone(), |kind| format!("{status} {kind}"))
    }
}

impl Remote {
    /// The error that a refusal leads to.
    pub(super) fn refused(&self, refused: &Refused) -> ChatError {
        let Refused { status, hints, complaint, aim, begun, .. } = refused;
        let (fault, topic) = refusal(*status, hints, complaint);
        let mut said = format!("{}: {}", refused.heading(), complaint.message);
        if let Some(aim) = aim.as_ref().filter(|_| status.is_redirection()) {
            said = format!("{status} to {aim}");
        }
        if let Some(id) = &hints.request_id {
            said.push_str(&format!(" (request {id})"));
        }
        let advice = self.advice(*status, topic, fault);
        let words = format!("{} ({}): {}{advice}", self.name(), self.endpoint, self.words(&said));
        let billing = if *begun { Billing::Unknown } else { Billing::Free };
        ChatError { words, fault, billing }
    }

    /// The next step for the user, as the end of a message. May be empty.
    fn advice(&self, status: StatusCode, topic: Option<Topic>, fault: Fault) -> String {
        let (role, id) = (self.role.name(), &self.model.id);
        let key = self.model.key_env.as_deref();
        let elsewhere = || {
            format!(
                "--{role}-model names another model, --{role}-base-url another server; `mmh models` lists what is known"
            )
        };
        let advice = match (status.as_u16(), topic, key) {
            (300..=399, ..) => {
                format!("it redirects elsewhere; give the final address with --{role}-base-url")
            }
            (_, Some(Topic::SpendLimit), _) => {
                "raise the spend limit at the provider, or wait until it is reset".into()
            }
            (402, ..) | (_, Some(Topic::Credit), _) => "add credit at the provider".into(),
            (403, None | Some(Topic::Key | Topic::Model), Some(key)) => {
                format!("the key in {key} may not use this model; --{role}-model names another one")
            }
            (401, _, Some(key)) | (_, Some(Topic::Key), Some(key)) => format!("check the key in {key}"),
            (401, _, None) | (_, Some(Topic::Key), None) => {
                format!("this server wants a key: name the variable that holds it with --{role}-key-env")
            }
            (413, ..) | (_, Some(Topic::Length), _) => match self.role {
                Role::Target => {
                    "--prompt-kib lowers the size of prompts, --reply-tokens that of replies".into()
                }
                Role::Proposer => format!(
                    "--tool-result-kib and --proposer-reply-tokens make its conversation smaller, and so does context_tokens in [models.\"{id}\"] of mmh.toml"
                ),
            },
            (_, Some(Topic::LimitField), _) => {
                self.setting("max_tokens_field", "the field that limits a reply")
            }
            (_, Some(Topic::Temperature), _) => self.setting("sampling", "whether a temperature is sent"),
            (_, Some(Topic::Thinking), _) => {
                format!("--{role}-thinking, or thinking in [models.\"{id}\"] of mmh.toml, changes it")
            }
            (_, Some(Topic::Tools), _) => format!("--{role}-model names a model that calls tools"),
            (_, Some(Topic::Address), _) | (404 | 405, ..) => format!(
                "is the address right? --{role}-base-url names the server's API, often with /v1 at its end; --{role}-model names another model, and `mmh models` lists what is known"
            ),
            _ if matches!(fault, Fault::Account | Fault::Unclear) || topic == Some(Topic::Model) => {
                elsewhere()
            }
            _ => return String::new(),
        };
        format!("; {advice}")
    }

    fn setting(&self, field: &str, what: &str) -> String {
        format!("{field} in [models.\"{}\"] of mmh.toml chooses {what}", self.model.id)
    }

    /// The error of a request that could not be sent, or whose answer did not come. A server on this machine that refuses
    /// connections refuses those of every request.
    pub(super) fn unreachable(&self, error: &reqwest::Error) -> ChatError {
        // reqwest's own text has only the URL. The reason is in its sources.
        let mut why: Vec<String> = Vec::new();
        let mut source = error.source();
        while let Some(error) = source {
            why.push(error.to_string());
            source = error.source();
        }
        why.dedup();
        let why = if why.is_empty() { error.to_string() } else { why.join(": ") };
        let is_not_there = self.is_local() && is_refused(error);
        let option = format!("--{}-base-url", self.role.name());
        let advice = match is_not_there {
            true => format!(
                "nothing listens at {}: start the server, or name another one with {option}",
                self.address()
            ),
            false => format!("{option} names another server"),
        };
        let (name, why) = (self.name(), self.words(&why));
        let words = format!("{name} ({}) cannot be reached: {why}; {advice}", self.endpoint);
        // Without a connection nothing was sent.
        let billing = if error.is_connect() { Billing::Free } else { Billing::Unknown };
        let fault = if is_not_there { Fault::Account } else { Fault::Passing(None) };
        ChatError { words, fault, billing }
    }

    pub(super) fn unusable_body(&self, problem: &str) -> ChatError {
        let words = format!(
            "{} ({}) sent a reply that cannot be used: {}; --{}-base-url names the server's API, often with /v1 at its end",
            self.name(),
            self.endpoint,
            self.words(problem),
            self.role.name()
        );
        ChatError { words, fault: Fault::Passing(None), billing: Billing::Unknown }
    }

    /// Somebody else's words: short, plain, and without the key, which some servers repeat.
    pub(super) fn words(&self, words: &str) -> String {
        text::ellipsis(&text::plain(&text::one_line(&self.scrubber.text(words))), MAX_WORDS)
    }
}
