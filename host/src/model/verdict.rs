//! What a provider's answer means: whether asking again can help, and when.

use std::time::Duration;

use reqwest::{StatusCode, header::HeaderMap};

use super::{Retry, wire::Complaint};

/// Longer than any call waits. What a server asks for beyond it is cut, so that waiting times can be added
/// to and multiplied.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What response headers say about asking again.
#[derive(Debug, Default)]
pub struct Hints {
    should_retry: Option<bool>,
    after: Option<Duration>,
    pub request_id: Option<String>,
}

impl Hints {
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

/// Seconds as a time to wait; what is negative or no number is none.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Retry(Retry),
    /// This request will never do.
    Invalid,
    /// No request will.
    Unusable,
}

/// By status, and by what the provider says besides.
pub fn verdict(status: StatusCode, hints: &Hints, complaint: &Complaint) -> Verdict {
    let kind = complaint.kind.as_deref().unwrap_or_default();
    if is_spend_limit(complaint) || kind == "billing_error" {
        return Verdict::Unusable;
    }
    let status = status.as_u16();
    let retries = hints.should_retry.unwrap_or(matches!(status, 408 | 409 | 429 | 500..));
    match status {
        429 | 503 | 529 if retries => Verdict::Retry(Retry::Overloaded(hints.after)),
        _ if retries => Verdict::Retry(Retry::Later(hints.after)),
        401 | 402 | 403 | 404 | 300..=399 => Verdict::Unusable,
        _ => Verdict::Invalid,
    }
}

/// A limit that somebody has set, and that waiting for seconds does not lift.
pub fn is_spend_limit(complaint: &Complaint) -> bool {
    complaint.code.as_deref() == Some("enforced_spend_limit_reached")
}

/// The status that stands in the body of a success that is an error.
pub fn gateway_error(body: &str) -> Option<StatusCode> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let error = body.get("error").filter(|error| error.is_object())?;
    let status = error["code"].as_u64().and_then(|code| StatusCode::from_u16(code.try_into().ok()?).ok());
    Some(status.filter(|status| !status.is_success()).unwrap_or(StatusCode::BAD_GATEWAY))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn waiting_times_are_what_one_can_wait() {
        let s = |seconds: f64| Some(Duration::from_secs_f64(seconds));
        // name, header, value, waiting time
        let table: [(&str, &str, &str, Option<Duration>); 10] = [
            ("seconds", "retry-after", "2", s(2.0)),
            ("parts of a second", "retry-after", " 0.25 ", s(0.25)),
            ("milliseconds", "retry-after-ms", "1500", s(1.5)),
            ("a date long gone", "retry-after", "Sun, 06 Nov 1994 08:49:37 GMT", s(0.0)),
            ("a date far ahead", "retry-after", "Fri, 31 Dec 9999 23:59:59 GMT", Some(LONGEST)),
            ("the age of the universe, which once ended the host", "retry-after", "1.8e19", Some(LONGEST)),
            ("more than there is", "retry-after-ms", "1e308", Some(LONGEST)),
            ("less than nothing", "retry-after", "-1", None),
            ("no number", "retry-after", "NaN", None),
            ("words", "retry-after", "soon", None),
        ];
        for (name, header, value, expected) in table {
            let header = HeaderName::from_static(header);
            let headers = HeaderMap::from_iter([(header, HeaderValue::from_static(value))]);
            assert_eq!(Hints::of(&headers).after, expected, "{name}");
        }
    }
}
