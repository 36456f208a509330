//! What a provider's refusal means: whose fault it is, and whether another attempt can help.
//!
//! A request can be refused for its content, which a harness has chosen. All requests of an account or a configuration
//! can be refused, which says nothing about a harness. If an answer does not say which of the two it is, it is unclear,
//! and evidence decides (see `metering::evidence`). Known codes and words of providers are in `refusals.toml`.

#[cfg(test)]
mod tests;

use std::{sync::LazyLock, time::Duration};

use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;

use super::{api_error::ApiError, error::Fault};

/// Longer than any call waits. A longer waiting time of a server is cut to it, so that arithmetic cannot overflow.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What the headers of a response say about another attempt.
#[derive(Debug, Default)]
pub struct Hints {
    should_retry: Option<bool>,
    after: Option<Duration>,
    /// The provider's name for the request, which its support asks for.
    pub request_id: Option<String>,
}

impl Hints {
    /// Reads the headers. Those that are missing or malformed say nothing.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let after_ms = text("retry-after-ms").and_then(|it| it.parse::<f64>().ok()).map(|it| it / 1000.0);
        let after = after_ms.or_else(|| text("retry-after").and_then(seconds));
        Self {
            should_retry: text("x-should-retry").and_then(|it| it.parse().ok()),
            after: after.and_then(waiting_time),
            request_id: text("request-id").or_else(|| text("x-request-id")).map(str::to_owned),
        }
    }
}

/// Seconds as a waiting time; nothing if they are negative or no number.
fn waiting_time(seconds: f64) -> Option<Duration> {
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST))
}

/// Seconds, or the seconds until a date.
fn seconds(retry_after: &str) -> Option<f64> {
    let number = retry_after.parse::<f64>().ok();
    number.or_else(|| {
        let date = httpdate::parse_http_date(retry_after).ok()?;
        let left = date.duration_since(std::time::SystemTime::now());
        Some(left.map_or(0.0, |left| left.as_secs_f64()))
    })
}

/// What a refusal is about, by its codes and words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The request is too long.
    Length,
    /// A filter has refused it.
    Filter,
    /// The account has no credit.
    Credit,
    /// The account has reached a limit of spending, which waiting for seconds does not lift.
    SpendLimit,
    /// The key is missing, wrong, or not allowed to do this.
    Key,
    /// The model does not exist, or the account may not use it.
    Model,
    /// Another kind of server answers at this address.
    Address,
    /// The field that limits a reply's tokens.
    LimitField,
    /// The temperature.
    Temperature,
    /// How thinking is asked for.
    Thinking,
    /// Tools or the choice of a tool.
    Tools,
}

impl Topic {
    fn is_content(self) -> bool {
        matches!(self, Self::Length | Self::Filter)
    }

    fn is_account(self) -> bool {
        matches!(self, Self::Credit | Self::SpendLimit | Self::Key | Self::Model)
    }
}

/// The known refusals of providers.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    refusal: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    about: Topic,
    /// In lower case, as the phrases are.
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default)]
    phrases: Vec<String>,
}

// A test reads the file, so it is well-formed.
static KNOWN: LazyLock<Known> =
    LazyLock::new(|| toml::from_str(include_str!("refusals.toml")).unwrap_or_default());

/// What a refusal is about by its codes, and by its words.
fn topics(complaint: &ApiError) -> (Option<Topic>, Option<Topic>) {
    let names = complaint.kind.iter().chain(&complaint.codes);
    let names: Vec<String> = names.map(|name| name.to_lowercase()).collect();
    let words = complaint.message.to_lowercase();
    let by_code = |entry: &&Entry| entry.codes.iter().any(|code| names.contains(code));
    let by_words = |entry: &&Entry| entry.phrases.iter().any(|phrase| has(&words, phrase));
    let find = |fits: &dyn Fn(&&Entry) -> bool| KNOWN.refusal.iter().find(fits).map(|entry| entry.about);
    (find(&by_code), find(&by_words))
}

/// Whether a text has a phrase. A `*` in the phrase stands for any words.
fn has(words: &str, phrase: &str) -> bool {
    let mut rest = Some(words);
    for part in phrase.split('*') {
        rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, rest)| rest);
    }
    rest.is_some()
}

/// What an answer other than success means, and what it is about, if that is known.
pub fn refusal(status: StatusCode, hints: &Hints, complaint: &ApiError) -> (Fault, Option<Topic>) {
    let (by_code, by_words) = topics(complaint);
    let topic = by_code.or(by_words);
    (fault(status.as_u16(), hints, by_code, by_words), topic)
}

/// Decides whose fault a refusal is. Words alone never blame the account, except for status 429: they may repeat the
/// request, and a harness could end the run with them.
fn fault(status: u16, hints: &Hints, by_code: Option<Topic>, by_words: Option<Topic>) -> Fault {
    let is_load = matches!(status, 429 | 503 | 529);
    if by_code.is_some_and(Topic::is_account) || matches!(status, 300..=399 | 401 | 402) {
        return Fault::Account;
    }
    if by_code.or(by_words).is_some_and(Topic::is_content) || status == 413 {
        return Fault::Content;
    }
    if status == 429 && by_words.is_some_and(Topic::is_account) {
        return Fault::Account;
    }
    let retries = hints.should_retry.unwrap_or(is_load || matches!(status, 408 | 409 | 500..));
    match (retries, is_load) {
        (true, true) => Fault::Overload(hints.after),
        (true, false) => Fault::Passing(hints.after),
        // It says that waiting does not help.
        (false, true) => Fault::Account,
        (false, false) => Fault::Unclear,
    }
}
