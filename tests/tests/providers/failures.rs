//! What answers mean that are none.

use mmh_models::{Billing, ChatError, ChatModel, Fault};
use mmh_tests::server::{Ending, Reply, Server};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::{KEY, answer, asking, remote};

/// Short for what a table expects.
fn outcome(error: &ChatError) -> &'static str {
    match (error.fault, error.billing) {
        (Fault::Passing(_), Billing::Free) => "passing",
        (Fault::Passing(_), Billing::Unknown) => "passing, maybe billed",
        (Fault::Overload(_), Billing::Free) => "overload",
        (Fault::Content, Billing::Free) => "content",
        (Fault::Account, Billing::Free) => "account",
        (Fault::Unclear, Billing::Free) => "unclear",
        _ => "something else",
    }
}

#[tokio::test]
async fn every_status_has_its_meaning_and_its_message() {
    let error = |kind: &str, message: &str| {
        json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": "r" })
            .to_string()
    };
    let spend = json!({ "error": { "type": "rate_limit_error", "message": "limit", "details": { "error_code": "enforced_spend_limit_reached" } } }).to_string();
    let echo = error("authentication_error", &format!("no such key {KEY}"));
    let header = |name: &'static str, value: &'static str| Some((name, value));
    type Row<'a> = (u16, Option<(&'static str, &'static str)>, String, &'a str, &'a [&'a str]);
    let table: Vec<Row> = vec![
        (
            400,
            None,
            error("invalid_request_error", "messages: too short"),
            "unclear",
            &[
                "kimi-k2.6 at 127.0.0.1",
                "/v1/messages): 400 Bad Request invalid_request_error: messages: too short",
            ],
        ),
        (
            400,
            None,
            error("invalid_request_error", "prompt is too long: 9 > 8"),
            "content",
            &["--prompt-kib lowers"],
        ),
        (401, None, echo, "account", &["401", "no such key [key]", "check the key in MOONSHOT_API_KEY"]),
        (
            402,
            None,
            error("billing_error", "no credit"),
            "account",
            &["402", "no credit", "add credit at the provider"],
        ),
        (
            400,
            None,
            error("billing_error", "no credit"),
            "account",
            &["no credit", "add credit at the provider"],
        ),
        (
            400,
            None,
            error("invalid_request_error", "Your credit balance is too low"),
            "unclear",
            &["add credit at the provider"],
        ),
        (403, None, error("permission_error", "not yours"), "account", &["403", "may not use this model"]),
        (403, None, error("x", "no"), "unclear", &["403", "may not use this model"]),
        (
            404,
            None,
            error("not_found_error", "model: kimi-k2.6"),
            "account",
            &[
                "kimi-k2.6 at 127.0.0.1",
                "404 Not Found not_found_error: model: kimi-k2.6",
                "--target-model names another model",
            ],
        ),
        (
            404,
            None,
            json!({ "detail": "Not Found" }).to_string(),
            "unclear",
            &["404", "is the address right?"],
        ),
        (408, None, error("timeout", "slow"), "passing", &["408"]),
        (409, None, error("conflict", "busy"), "passing", &["409"]),
        (
            413,
            None,
            error("request_too_large", "large"),
            "content",
            &["413", "--prompt-kib lowers the size of prompts"],
        ),
        (422, None, "not JSON at all".into(), "unclear", &["422 Unprocessable Entity: not JSON at all"]),
        (
            429,
            None,
            error("rate_limit_error", "slow down"),
            "overload",
            &["429 Too Many Requests rate_limit_error: slow down"],
        ),
        (429, None, spend, "account", &["429", "raise the spend limit"]),
        (429, header("x-should-retry", "false"), error("rate_limit_error", "no"), "account", &["429"]),
        (500, None, error("api_error", "oops"), "passing", &["500"]),
        (503, None, String::new(), "overload", &["503 Service Unavailable"]),
        (504, None, error("timeout_error", "slow"), "passing", &["504"]),
        (529, None, error("overloaded_error", "full"), "overload", &["529", "overloaded_error: full"]),
        (500, header("x-should-retry", "false"), error("api_error", "oops"), "unclear", &["500"]),
        (400, header("x-should-retry", "true"), error("api_error", "oops"), "passing", &["400"]),
        (400, header("request-id", "req_7"), error("api_error", "oops"), "unclear", &["(request req_7)"]),
        (
            302,
            header("location", "https://elsewhere.example/v1?key=sk-test-5f2c91"),
            String::new(),
            "account",
            &["302 Found to https://elsewhere.example/v1?key=[key]", "--target-base-url"],
        ),
        (
            200,
            None,
            "{\"content\":".into(),
            "passing, maybe billed",
            &["sent a reply that cannot be used: EOF while parsing"],
        ),
        (200, None, String::new(), "passing, maybe billed", &["it is empty"]),
        (
            200,
            None,
            "<!doctype html><title>Sign in</title>".into(),
            "passing, maybe billed",
            &["it is a web page (\"Sign in\")", "--target-base-url"],
        ),
        (200, None, "{}".into(), "passing, maybe billed", &["it has no content"]),
        (
            200,
            None,
            "{\"content\":7}".into(),
            "passing, maybe billed",
            &["neither text nor a list of blocks"],
        ),
        (
            200,
            None,
            "event: message_start\ndata: {}\n\nevent: ping\ndata: {}\n\n".into(),
            "passing, maybe billed",
            &["a stream of events, which was not asked for"],
        ),
        (
            200,
            None,
            json!({ "error": { "code": 429, "message": "slow down" } }).to_string(),
            "overload",
            &["200 OK with the error 429: slow down"],
        ),
        (
            200,
            None,
            json!({ "error": { "message": "upstream" } }).to_string(),
            "passing",
            &["200 OK with an error: upstream"],
        ),
        (
            200,
            None,
            json!({ "error": "Unexpected endpoint or method." }).to_string(),
            "passing",
            &["200 OK with an error: Unexpected endpoint or method.", "is the address right?"],
        ),
        (
            200,
            None,
            json!({ "error": { "message": "no" }, "content": [{ "type": "text", "text": "half a" }] })
                .to_string(),
            "passing",
            &["200 OK with an error: no"],
        ),
        (
            200,
            None,
            json!({ "content": [{ "type": "text", "text": "half a" }], "stop_reason": "error" }).to_string(),
            "passing, maybe billed",
            &["the reply broke off: it ended with \"error\""],
        ),
        (400, None, error("x", "\u{1b}[31mred\u{202e}\nline"), "unclear", &["x: red line"]),
    ];
    for (status, header, body, expected, says) in table {
        let mut response = ResponseTemplate::new(status).set_body_string(&body);
        if let Some((name, value)) = header {
            response = response.insert_header(name, value);
        }
        let error = answer("kimi-k2.6", response).await.expect_err(&body);
        assert_eq!(outcome(&error), expected, "{status} {body}: {error:?}");
        for words in says {
            assert!(error.to_string().contains(words), "{status} {body}: {words:?} is not in {error}");
        }
        assert!(!error.to_string().contains(KEY), "{error}");
    }
    let long = answer("kimi-k2.6", ResponseTemplate::new(400).set_body_string("x".repeat(1 << 20))).await;
    assert!(long.expect_err("refused").to_string().len() < 1500);
}

/// Errors inside of a choice, which come with 200.
#[tokio::test]
async fn an_error_inside_a_choice_is_no_answer() {
    let choice = |choice: Value| json!({ "choices": [choice], "usage": { "prompt_tokens": 9, "completion_tokens": 3 } });
    let half = || json!({ "role": "assistant", "content": "It is not migr" });
    // name, body, fault, what is said
    let table = [
        (
            "an object",
            choice(
                json!({ "message": half(), "finish_reason": "error", "error": { "code": 502, "message": "gone" } }),
            ),
            "passing, maybe billed",
            "with the error 502: gone",
        ),
        (
            "a text",
            choice(json!({ "message": half(), "error": "gone" })),
            "passing, maybe billed",
            "with an error: gone",
        ),
        (
            "only the reason",
            choice(json!({ "message": half(), "finish_reason": "error" })),
            "passing, maybe billed",
            "broke off",
        ),
        (
            "DeepSeek's reason",
            choice(json!({ "message": half(), "finish_reason": "insufficient_system_resource" })),
            "passing, maybe billed",
            "broke off",
        ),
        (
            "load",
            choice(
                json!({ "message": half(), "finish_reason": "error", "error": { "code": 429, "message": "slow" } }),
            ),
            "something else",
            "429: slow",
        ),
        (
            "no message",
            choice(json!({ "finish_reason": "stop" })),
            "passing, maybe billed",
            "it has no message",
        ),
        (
            "a part of a stream",
            choice(json!({ "delta": { "content": "a" } })),
            "passing, maybe billed",
            "it has no message",
        ),
        ("no choice", json!({ "choices": [] }), "passing, maybe billed", "it has no choices"),
        ("no choices", json!({ "id": "x" }), "passing, maybe billed", "it has no choices"),
    ];
    for (name, body, expected, says) in table {
        let error = answer("gpt-6", ResponseTemplate::new(200).set_body_json(body)).await.expect_err(name);
        assert_eq!(outcome(&error), expected, "{name}: {error:?}");
        assert!(error.to_string().contains(says), "{name}: {error}");
    }
    let no_error = choice(json!({ "message": { "content": "a" }, "finish_reason": "stop", "error": null }));
    assert!(answer("gpt-6", ResponseTemplate::new(200).set_body_json(no_error)).await.is_ok());
}

#[tokio::test]
async fn connections_break_in_many_ways() {
    let reply = r#"{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{}}"#;
    let table = [
        (
            "a reset",
            Reply::new(200, reply).ending(Ending::Reset),
            "passing, maybe billed",
            "cannot be reached",
        ),
        (
            "a truncated body",
            Reply::new(200, reply).ending(Ending::Truncated),
            "passing, maybe billed",
            "it was cut off",
        ),
        ("no JSON is no panic", Reply::new(200, "\u{fffd}"), "passing, maybe billed", "expected value"),
    ];
    for (name, reply, expected, says) in table {
        let reply = std::sync::Mutex::new(Some(reply));
        let server =
            Server::start(move |_| reply.lock().expect("no panic").take().expect("asked once")).await;
        let error = remote(&server.url, "kimi-k2.6", false).chat(&asking("Hi")).await.expect_err(name);
        assert_eq!(outcome(&error), expected, "{name}: {error:?}");
        assert!(error.to_string().contains(says), "{name}: {error}");
    }
    let error =
        remote("http://127.0.0.1:9", "kimi-k2.6", false).chat(&asking("Hi")).await.expect_err("refused");
    assert_eq!(outcome(&error), "account", "nothing listens on this machine, for no request: {error:?}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
}
