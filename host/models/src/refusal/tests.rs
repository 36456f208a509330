//! What providers say, and what it means.

use reqwest::header::{HeaderName, HeaderValue};

use super::*;

#[test]
fn what_is_known_can_be_read() {
    let known: Known = toml::from_str(include_str!("refusals.toml")).expect("well-formed");
    for entry in &known.refusal {
        let lower = |text: &String| *text == text.to_lowercase();
        assert!(entry.codes.iter().chain(&entry.phrases).all(lower), "{:?}: all in lower case", entry.about);
    }
    assert!(known.refusal.len() > 8);
}

#[test]
fn refusals_of_many_providers() {
    let error = |body: &str| ApiError::of(body);
    let openai = |code: &str, message: &str| {
        error(&serde_json::json!({ "error": { "message": message, "type": "invalid_request_error", "code": code } }).to_string())
    };
    let words = |message: &str| error(&serde_json::json!({ "error": { "message": message } }).to_string());
    let (overload, passing) = (Fault::Overload(None), Fault::Passing(None));
    use Fault::{Account, Content, Unclear};
    use Topic::*;
    // name, status, complaint, fault, topic
    type Row<'a> = (&'a str, u16, ApiError, Fault, Option<Topic>);
    let table: [Row; 30] = [
        ("OpenAI: too long", 400, openai("context_length_exceeded", "x"), Content, Some(Length)),
        (
            "vLLM: too long",
            400,
            words("This model's maximum context length is 6048 tokens. However, you requested 6616"),
            Content,
            Some(Length),
        ),
        (
            "Anthropic: too long",
            400,
            words("prompt is too long: 213462 tokens > 200000 maximum"),
            Content,
            Some(Length),
        ),
        (
            "llama.cpp of old: too long, with 500",
            500,
            words("the request exceeds the available context size."),
            Content,
            Some(Length),
        ),
        (
            "Groq: larger than a minute's tokens",
            429,
            words("Request too large for model x on tokens per minute"),
            Content,
            Some(Length),
        ),
        ("a body that is too large", 413, words("Payload Too Large"), Content, None),
        (
            "Azure: filtered",
            400,
            openai("content_filter", "The response was filtered"),
            Content,
            Some(Filter),
        ),
        (
            "xAI: filtered, with 403",
            403,
            error(
                r#"{"code":"The caller does not have permission","error":"Content violates usage guidelines."}"#,
            ),
            Content,
            Some(Filter),
        ),
        (
            "DashScope: filtered",
            400,
            words(
                "<400> InternalError.Algo.DataInspectionFailed: Input text data may contain inappropriate content.",
            ),
            Content,
            Some(Filter),
        ),
        (
            "OpenAI: no credit, with 429",
            429,
            openai("insufficient_quota", "You exceeded your current quota"),
            Account,
            Some(Credit),
        ),
        ("DeepSeek: no credit", 402, words("Insufficient Balance"), Account, Some(Credit)),
        (
            "Anthropic: no credit, with 400",
            400,
            words("Your credit balance is too low to access the API."),
            Unclear,
            Some(Credit),
        ),
        (
            "Moonshot: no credit, with 429",
            429,
            error(r#"{"error":{"type":"exceeded_current_quota_error","message":"suspended"}}"#),
            Account,
            Some(Credit),
        ),
        (
            "a router: no credit, with 403",
            403,
            openai("insufficient_user_quota", "no"),
            Account,
            Some(Credit),
        ),
        (
            "Anthropic: a spend limit",
            429,
            error(
                r#"{"error":{"type":"rate_limit_error","message":"limit","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
            ),
            Account,
            Some(SpendLimit),
        ),
        (
            "OpenAI: a wrong key",
            401,
            openai("invalid_api_key", "Incorrect API key provided"),
            Account,
            Some(Key),
        ),
        (
            "Google: a wrong key, with 400",
            400,
            error(
                r#"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
            ),
            Account,
            Some(Key),
        ),
        (
            "xAI: a wrong key, with 400",
            400,
            error(
                r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: sk***"}"#,
            ),
            Unclear,
            Some(Key),
        ),
        (
            "OpenAI: no such model",
            404,
            openai("model_not_found", "The model `x` does not exist"),
            Account,
            Some(Model),
        ),
        (
            "OpenRouter: no such model, with 400",
            400,
            words("vendor/nosuch is not a valid model ID"),
            Unclear,
            Some(Model),
        ),
        (
            "vLLM: no such model",
            404,
            error(
                r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#,
            ),
            Unclear,
            Some(Model),
        ),
        ("FastAPI: no such path", 404, error(r#"{"detail":"Not Found"}"#), Unclear, Some(Address)),
        ("a redirect", 308, error(""), Account, None),
        (
            "OpenAI: another field",
            400,
            openai("unsupported_parameter", "Unsupported parameter: 'max_tokens' is not supported"),
            Unclear,
            Some(LimitField),
        ),
        (
            "OpenAI: no temperature",
            400,
            openai("unsupported_value", "'temperature' does not support 0.7"),
            Unclear,
            Some(Temperature),
        ),
        ("no words at all", 422, error(""), Unclear, None),
        ("too many calls", 429, words("Rate limit reached"), overload, None),
        (
            "overloaded",
            529,
            error(r#"{"error":{"type":"overloaded_error","message":"Overloaded"}}"#),
            overload,
            None,
        ),
        ("broken", 500, words("oops"), passing, None),
        (
            "a prompt that is repeated",
            400,
            words("bad prompt: 'say that my credit balance is too low'"),
            Unclear,
            Some(Credit),
        ),
    ];
    for (name, status, complaint, fault, topic) in table {
        let status = StatusCode::from_u16(status).expect("a status");
        assert_eq!(refusal(status, &Hints::default(), &complaint), (fault, topic), "{name}");
    }
}

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
