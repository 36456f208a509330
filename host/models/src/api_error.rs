//! Reads the body of a failure, in which a provider says why it did not answer.

use super::read::json::{each, field, fields, first, loose_text, text};
use mmh_record::text::ellipsis;

/// Most characters of a body that are quoted if it has no message.
const MAX_QUOTED: usize = 2_000;

/// The body of a failure, in the provider's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status that the body names, if it names one.
    pub status: Option<u16>,
    /// Its kind of error, such as `not_found_error`.
    pub kind: Option<String>,
    /// Everything else that names the error: `code`, `status`, `reason`, and codes further in.
    pub codes: Vec<String>,
    /// The parameter that it is about.
    pub param: Option<String>,
    /// The provider's message; without one, the start of the body. May be empty.
    pub message: String,
}

impl ApiError {
    /// Reads the body of a failure. Most formats have an object under `error`; others a text, a list, or a message at
    /// the top. A body of another form is quoted.
    pub fn of(body: &str) -> Self {
        let body = body.trim();
        // Google's OpenAI route answers with a list of one.
        let body = if body.starts_with('[') { first(body).unwrap_or(body) } else { body };
        let found = fields(body, ["error", "errors", "detail"]).unwrap_or_default();
        let mut complaint = Self::default();
        if let Some(error) = found.into_iter().flatten().next() {
            complaint.read(error, 0);
        }
        complaint.read(body, 0);
        if complaint.message.is_empty() {
            complaint.message = web_page(body).unwrap_or_else(|| ellipsis(body, MAX_QUOTED));
        }
        complaint
    }

    /// The error in the body of a success, if it has a field `error` that is not empty.
    pub fn in_success(body: &str) -> Option<Self> {
        let error = field(body, "error")?;
        let is_empty = matches!(error, "{}" | "[]" | "\"\"" | "false" | "0");
        (!is_empty).then(|| Self::of(body))
    }

    /// Adds what an error says. Fields that are known already stay.
    fn read(&mut self, error: &str, depth: usize) {
        if depth > 3 {
            return;
        }
        if error.starts_with('[') {
            return self.read_list(error, depth);
        }
        if let Some(words) = text(error) {
            // Some servers put JSON into the text.
            match words.trim_start().starts_with('{') {
                true => self.read(&words, depth + 1),
                false => self.say(words),
            }
            return;
        }
        let names =
            ["message", "msg", "error_description", "detail", "type", "code", "status", "reason", "param"];
        let Some([message, msg, description, detail, kind, code, status, reason, param]) =
            fields(error, names)
        else {
            return;
        };
        // A validator's message may be nested.
        for words in [message, msg, description, detail].into_iter().flatten() {
            self.read(words, depth + 1);
        }
        if self.kind.is_none() {
            self.kind = kind.and_then(text).filter(|kind| kind != "error");
        }
        self.param = self.param.take().or_else(|| param.and_then(text));
        for code in [code, status, reason].into_iter().flatten().filter_map(loose_text) {
            let status = code.parse().ok().filter(|status| (300..600).contains(status));
            self.status = self.status.or(status);
            self.codes.push(code);
        }
        self.further(error, depth);
    }

    /// Adds nested errors: Anthropic's details, Azure's inner error, and that of the server behind OpenRouter.
    fn further(&mut self, error: &str, depth: usize) {
        let found = fields(error, ["details", "innererror", "metadata"]).unwrap_or_default();
        let [details, inner, metadata] = found;
        if let Some(code) = details.and_then(|it| field(it, "error_code")).and_then(text) {
            self.codes.push(code);
        }
        for inner in [details, inner].into_iter().flatten() {
            let mut said = Self::default();
            said.read(inner, depth + 1);
            self.codes.extend(said.codes);
        }
        let raw = metadata.and_then(|it| field(it, "raw"));
        if let Some(raw) = raw.map(|raw| text(raw).unwrap_or_else(|| raw.to_owned())) {
            let upstream = Self::of(&raw);
            self.codes.extend(upstream.kind.into_iter().chain(upstream.codes));
            if !upstream.message.is_empty() {
                self.message = format!("{}: {}", self.message, upstream.message);
            }
        }
    }

    /// Adds the first three errors of a list.
    fn read_list(&mut self, errors: &str, depth: usize) {
        let mut left = 3;
        each(errors, |error| {
            if left > 0 {
                left -= 1;
                self.read(error, depth + 1);
            }
        });
    }

    fn say(&mut self, words: String) {
        if self.message.is_empty() {
            self.message = words;
        }
    }
}

/// Names a web page by its title, if the body is one. Some servers send one instead of an answer.
pub fn web_page(body: &str) -> Option<String> {
    let start: String = body.chars().take(16).collect::<String>().to_ascii_lowercase();
    if !start.starts_with("<!doctype") && !start.starts_with("<html") && !start.starts_with("<head") {
        return None;
    }
    let title = body.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    let title = title.map(|(title, _)| format!(" ({:?})", ellipsis(title.trim(), 100)));
    Some(format!("a web page{}", title.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_all_their_forms() {
        // name, body, message, kind, codes, parameter, status
        type Row<'a> =
            (&'a str, &'a str, &'a str, Option<&'a str>, &'a [&'a str], Option<&'a str>, Option<u16>);
        let table: [Row; 14] = [
            (
                "Anthropic",
                r#"{"type":"error","error":{"type":"not_found_error","message":"model: x","details":{"error_code":"d"}},"request_id":"r"}"#,
                "model: x",
                Some("not_found_error"),
                &["d"],
                None,
                None,
            ),
            (
                "OpenAI",
                r#"{"error":{"message":"m","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#,
                "m",
                Some("invalid_request_error"),
                &["unsupported_parameter"],
                Some("max_tokens"),
                None,
            ),
            (
                "Google: a list",
                r#"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
                "API key not valid.",
                None,
                &["400", "INVALID_ARGUMENT", "API_KEY_INVALID"],
                None,
                Some(400),
            ),
            ("a text", r#"{"error":"Unexpected endpoint"}"#, "Unexpected endpoint", None, &[], None, None),
            (
                "at the top",
                r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
                "m",
                Some("BadRequestError"),
                &["400"],
                None,
                Some(400),
            ),
            (
                "beside a text",
                r#"{"code":"no","error":"Content violates"}"#,
                "Content violates",
                None,
                &["no"],
                None,
                None,
            ),
            ("a detail", r#"{"detail":"Not Found"}"#, "Not Found", None, &[], None, None),
            (
                "a validator",
                r#"{"detail":[{"type":"missing","loc":["body"],"msg":"Field required"}]}"#,
                "Field required",
                Some("missing"),
                &[],
                None,
                None,
            ),
            (
                "OpenRouter: the upstream's words",
                r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"too long\",\"code\":\"context_length_exceeded\"}}","provider_name":"x"}}}"#,
                "Provider returned error: too long",
                None,
                &["400", "context_length_exceeded"],
                None,
                Some(400),
            ),
            (
                "Azure",
                r#"{"error":{"message":"filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
                "filtered",
                None,
                &["content_filter", "400", "ResponsibleAIPolicyViolation"],
                Some("prompt"),
                Some(400),
            ),
            (
                "JSON in a text",
                r#"{"error":"{\"message\":\"inner\",\"code\":\"c\"}"}"#,
                "inner",
                None,
                &["c"],
                None,
                None,
            ),
            (
                "a web page",
                "<!DOCTYPE html><html><title> Bad\n Gateway </title>",
                "a web page (\"Bad\\n Gateway\")",
                None,
                &[],
                None,
                None,
            ),
            ("words", " no such thing ", "no such thing", None, &[], None, None),
            ("nothing", "", "", None, &[], None, None),
        ];
        for (name, body, message, kind, codes, param, status) in table {
            let found = ApiError::of(body);
            assert_eq!((found.message.as_str(), found.kind.as_deref()), (message, kind), "{name}");
            assert_eq!(
                (found.codes, found.param.as_deref(), found.status),
                (codes.iter().map(|it| (*it).to_owned()).collect(), param, status),
                "{name}"
            );
        }
        let zeros = format!("{{\"error\":[{}0]}}", "0,".repeat(1 << 16));
        assert!(ApiError::of(&zeros).message.len() <= 2 * MAX_QUOTED, "quoted, and cut");
    }

    #[test]
    fn a_success_may_say_that_it_is_none() {
        // body, whether it is an error
        let table = [
            (r#"{"choices":[],"error":{"message":"m"}}"#, true),
            (r#"{"error":"m"}"#, true),
            (r#"{"error":null,"choices":[]}"#, false),
            (r#"{"error":{},"choices":[]}"#, false),
            (r#"{"error":"","choices":[]}"#, false),
            (r#"{"choices":[]}"#, false),
            ("<html>", false),
        ];
        for (body, is_error) in table {
            assert_eq!(ApiError::in_success(body).is_some(), is_error, "{body}");
        }
    }
}
