//! The provider client against a real HTTP server: what goes over the wire, and what every status and
//! every oddity of an answer means.

use std::{sync::Arc, time::Duration};

use mmh::{
    call::{Called, Caller, Patience, budget::Budget, throttle::Throttle},
    cancel::{Cancel, Stop},
    clock::Clock,
    model::{
        Billing, Block, CallError, ChatError, ChatMessage, ChatModel, ChatReply, ChatRequest, ChatRole,
        ModelError, Retry, StopReason, ToolSpec, Usage,
        catalog::{Catalog, Overrides},
        remote::{Remote, Role},
    },
    pricing::Usd,
};
use mmh_tests::server::{Ending, Reply, Server};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

const KEY: &str = "sk-test-5f2c91";

/// A model of the catalog, at this server.
fn remote(url: &str, id: &str, thinks: bool) -> Remote {
    let catalog = Catalog::builtin().expect("the catalog is well-formed");
    let over = Overrides {
        base_url: Some(url.to_owned()),
        key_env: Some("MOONSHOT_API_KEY".into()),
        ..Overrides::default()
    };
    let model = catalog.resolve(id, &over, "--target-base-url").expect("it is known");
    Remote::new(model, Role::Target, Some(KEY.into()), thinks).expect("a client")
}

fn asking(text: &str) -> ChatRequest {
    let messages = vec![ChatMessage::text(ChatRole::User, text)];
    ChatRequest { messages, max_tokens: 100, ..ChatRequest::default() }
}

/// What a server makes of a request, with this answer.
async fn sent(id: &str, thinks: bool, request: &ChatRequest) -> (String, Value) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).mount(&server).await;
    let _ = remote(&server.uri(), id, thinks).chat(request).await;
    let received = server.received_requests().await.expect("requests are kept").remove(0);
    (received.url.path().to_owned(), received.body_json().expect("a JSON body"))
}

fn a_tool() -> ToolSpec {
    ToolSpec {
        name: "scoreboard".into(),
        description: "Scores.".into(),
        input_schema: json!({ "type": "object" }),
    }
}

#[tokio::test]
async fn what_goes_over_the_wire() {
    let system = ChatRequest { system: Some("Be brief.".into()), temperature: Some(0.5), ..asking("Hi") };
    let stops = ChatRequest { stop: vec!["END".into()], ..asking("Hi") };
    let must = ChatRequest { tools: vec![a_tool()], must_call_tool: true, ..asking("Hi") };
    let large = ChatRequest { max_tokens: 1_000_000, ..asking("Hi") };
    // name, model, thinks, request, where to look, what stands there
    let table: [(&str, &str, bool, &ChatRequest, &str, Value); 19] = [
        (
            "a text",
            "kimi-k2.6",
            false,
            &system,
            "/messages/0",
            json!({ "role": "user", "content": [{ "type": "text", "text": "Hi" }] }),
        ),
        ("a system prompt", "kimi-k2.6", false, &system, "/system", json!("Be brief.")),
        ("no sampling for a model that takes none", "kimi-k2.6", false, &system, "/temperature", Value::Null),
        ("sampling for one that does", "claude-haiku-4-5", false, &system, "/temperature", json!(0.5)),
        ("thinking turned off", "kimi-k2.6", false, &system, "/thinking/type", json!("disabled")),
        ("thinking by default", "kimi-k2.6", true, &system, "/thinking", Value::Null),
        ("thinking by budget", "claude-haiku-4-5", true, &large, "/thinking/budget_tokens", json!(32_000)),
        ("no budget in a small reply", "claude-haiku-4-5", true, &system, "/thinking", Value::Null),
        ("adaptive thinking", "claude-opus-5-5", true, &system, "/thinking/type", json!("adaptive")),
        ("stop texts", "kimi-k2.6", false, &stops, "/stop_sequences", json!(["END"])),
        ("a tool must be called", "claude-haiku-4-5", false, &must, "/tool_choice/type", json!("any")),
        ("but not while it thinks", "claude-haiku-4-5", true, &must, "/tool_choice", Value::Null),
        ("nor where the model cannot be told", "kimi-k2.6", false, &must, "/tool_choice", Value::Null),
        ("the reply's limit is the model's", "claude-haiku-4-5", false, &large, "/max_tokens", json!(64_000)),
        (
            "OpenAI: a system prompt",
            "ollama/llama",
            false,
            &system,
            "/messages/0",
            json!({ "role": "system", "content": "Be brief." }),
        ),
        ("OpenAI: a text", "ollama/llama", false, &system, "/messages/1/content", json!("Hi")),
        ("OpenAI: its own name for the limit", "gpt-6", false, &system, "/max_completion_tokens", json!(100)),
        ("OpenAI: the others' name", "ollama/llama", false, &system, "/max_tokens", json!(100)),
        ("OpenAI: a tool must be called", "gpt-6", false, &must, "/tool_choice", json!("required")),
    ];
    for (name, id, thinks, request, pointer, expected) in table {
        let (path, body) = sent(id, thinks, request).await;
        let openai = name.starts_with("OpenAI");
        assert_eq!(path, if openai { "/chat/completions" } else { "/v1/messages" }, "{name}");
        assert_eq!(body.pointer(pointer).cloned().unwrap_or_default(), expected, "{name}: {body}");
    }
}

#[tokio::test]
async fn keys_go_into_the_header_that_the_provider_reads() {
    for (id, header, value) in [
        ("kimi-k2.6", "authorization", format!("Bearer {KEY}")),
        ("claude-haiku-4-5", "x-api-key", KEY.to_owned()),
        ("gpt-6", "authorization", format!("Bearer {KEY}")),
    ] {
        let server = Server::start(|_| Reply::new(500, "{}")).await;
        let _ = remote(&server.url, id, false).chat(&asking("Hi")).await;
        let request = server.journal().remove(0);
        assert_eq!(request.headers.get(header), Some(&value), "{id}");
        assert!(!request.body.contains(KEY), "{id}");
    }
}

/// What a model said comes back byte for byte: unknown blocks, odd numbers, escapes, fields and all.
#[tokio::test]
async fn what_the_model_said_is_replayed_unchanged() {
    let content = r#"[{"type":"thinking","thinking":"h\u00e4","signature":"c2ln+/==","x":1.50e3},{"type":"crystal_ball","data":{"b":1,"a":[12345678901234567890]}},{"type":"tool_use","id":"t1","name":"scoreboard","input":{},"caller":{"type":"direct"}}]"#;
    let message = r#"{"role":"assistant","content":null,"reasoning_content":"h\u00e4","x":1.50e3,"tool_calls":[{"id":"t1","type":"function","function":{"name":"scoreboard","arguments":"{ }"},"index":0}]}"#;
    let cases = [
        (
            "claude-opus-5-5",
            format!(r#"{{"content":{content},"stop_reason":"tool_use","usage":{{}}}}"#),
            content,
        ),
        (
            "gpt-6",
            format!(r#"{{"choices":[{{"message":{message},"finish_reason":"tool_calls"}}],"usage":{{}}}}"#),
            message,
        ),
    ];
    for (id, body, raw) in cases {
        let server = Server::start(move |_| Reply::new(200, body.clone())).await;
        let model = remote(&server.url, id, true);
        let mut request = ChatRequest { tools: vec![a_tool()], ..asking("Hi") };
        let reply = model.chat(&request).await.expect("a reply");
        assert!(
            reply.content.iter().any(|block| matches!(block, Block::Thinking { text } if text == "hä")),
            "{id}"
        );
        // Through a transcript and back, as a resumed run would.
        let kept: ChatReply =
            serde_json::from_str(&serde_json::to_string(&reply).expect("JSON")).expect("it is read");
        let result = Block::ToolResult { tool_use_id: "t1".into(), content: "{}".into(), is_error: true };
        request.messages.extend([ChatMessage::assistant(&kept), ChatMessage::user(vec![result])]);
        model.chat(&request).await.expect("a reply");
        let replayed = &server.journal()[1].body;
        assert!(replayed.contains(raw), "{id}: {replayed}");
        let body: Value = serde_json::from_str(replayed).expect("JSON");
        let answer = &body["messages"][2];
        match id {
            "gpt-6" => {
                assert_eq!(answer, &json!({ "role": "tool", "tool_call_id": "t1", "content": "error: {}" }))
            }
            _ => assert_eq!(
                answer["content"][0],
                json!({ "type": "tool_result", "tool_use_id": "t1", "content": "{}", "is_error": true })
            ),
        }
    }
}

/// A conversation that goes on is marked where the provider wants marks, on the system prompt and the last
/// two turns of the user, and only if it is large enough to be kept.
#[tokio::test]
async fn prompts_are_cached_where_it_pays() {
    let long = |system: usize, continues| {
        let turn = |text: &str| {
            [ChatMessage::text(ChatRole::Assistant, "so"), ChatMessage::text(ChatRole::User, text)]
        };
        let mut request = ChatRequest { system: Some("s".repeat(system)), continues, ..asking("first") };
        request.messages.extend(turn("second").into_iter().chain(turn("third")));
        request
    };
    let table = [
        ("large and going on", "claude-haiku-4-5", long(40_000, true), 3),
        ("too small", "claude-haiku-4-5", long(4_000, true), 0),
        ("large enough for this model", "claude-sonnet-4-6", long(9_000, true), 3),
        ("a single question", "claude-haiku-4-5", long(40_000, false), 0),
        ("cached without being asked", "kimi-k2.6", long(40_000, true), 0),
    ];
    for (name, id, request, marks) in table {
        let (_, body) = sent(id, false, &request).await;
        assert_eq!(body.to_string().matches("cache_control").count(), marks, "{name}");
        if marks > 0 {
            assert!(
                body["messages"][0].to_string().contains("first")
                    && !body["messages"][0].to_string().contains("cache"),
                "{name}"
            );
            assert!(body["messages"][4].to_string().contains("cache_control"), "{name}");
        }
    }
}

/// One answer of a server, and what a caller makes of it.
async fn answer(id: &str, response: ResponseTemplate) -> Result<ChatReply, ChatError> {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    remote(&server.uri(), id, false).chat(&asking("Hi")).await
}

#[tokio::test]
async fn replies_are_understood() {
    let anthropic = |content: Value, stop: Value, usage: Value| json!({ "content": content, "stop_reason": stop, "usage": usage, "new_field": 1 });
    let openai = |message: Value, finish: Value, usage: Value| json!({ "choices": [{ "message": message, "finish_reason": finish }], "usage": usage });
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    let usage =
        |input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens| Usage {
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens,
            cache_write_1h_tokens,
        };
    let said = |text: &str| vec![Block::Text { text: text.into() }];
    let call = |input: Value| vec![Block::ToolUse { id: "c".into(), name: "f".into(), input }];
    let wire_call = |arguments: Value| json!({ "role": "assistant", "tool_calls": [{ "id": "c", "function": { "name": "f", "arguments": arguments } }] });
    let zero = Usage::default();
    type Row<'a> = (&'a str, &'a str, Value, Vec<Block>, StopReason, Usage);
    let table: Vec<Row> = vec![
        (
            "text",
            "kimi-k2.6",
            anthropic(text("a"), json!("end_turn"), json!({ "input_tokens": 3, "output_tokens": 1 })),
            said("a"),
            StopReason::EndTurn,
            usage(3, 1, 0, 0, 0),
        ),
        (
            "cached tokens stand apart",
            "claude-haiku-4-5",
            anthropic(
                text("a"),
                json!("end_turn"),
                json!({ "input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 30, "cache_creation": { "ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10 } }),
            ),
            said("a"),
            StopReason::EndTurn,
            usage(3, 1, 50, 20, 10),
        ),
        (
            "numbers that are null",
            "kimi-k2.6",
            anthropic(
                text("a"),
                json!("end_turn"),
                json!({ "input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": null, "cache_creation": null }),
            ),
            said("a"),
            StopReason::EndTurn,
            usage(3, 1, 0, 0, 0),
        ),
        (
            "an unknown block",
            "kimi-k2.6",
            anthropic(
                json!([{ "type": "hologram" }, { "type": "text", "text": "a" }]),
                json!("end_turn"),
                json!({}),
            ),
            vec![Block::Other { kind: "hologram".into() }, Block::Text { text: "a".into() }],
            StopReason::EndTurn,
            zero,
        ),
        (
            "an unknown stop reason",
            "kimi-k2.6",
            anthropic(text("a"), json!("bored"), json!({})),
            said("a"),
            StopReason::Other("bored".into()),
            zero,
        ),
        (
            "no stop reason",
            "kimi-k2.6",
            anthropic(text("a"), Value::Null, json!({})),
            said("a"),
            StopReason::Other("none".into()),
            zero,
        ),
        (
            "max_tokens",
            "kimi-k2.6",
            anthropic(text("a"), json!("max_tokens"), json!({})),
            said("a"),
            StopReason::MaxTokens,
            zero,
        ),
        (
            "pause_turn",
            "kimi-k2.6",
            anthropic(text("a"), json!("pause_turn"), json!({})),
            said("a"),
            StopReason::PauseTurn,
            zero,
        ),
        (
            "refusal",
            "kimi-k2.6",
            anthropic(json!([]), json!("refusal"), json!({})),
            vec![],
            StopReason::Refusal,
            zero,
        ),
        (
            "a full window",
            "kimi-k2.6",
            anthropic(text("a"), json!("model_context_window_exceeded"), json!({})),
            said("a"),
            StopReason::ModelContextWindowExceeded,
            zero,
        ),
        (
            "content that is a string",
            "kimi-k2.6",
            anthropic(json!("a"), json!("end_turn"), json!({})),
            said("a"),
            StopReason::EndTurn,
            zero,
        ),
        (
            "OpenAI: text, cached tokens are part of the prompt's",
            "gpt-6",
            openai(
                json!({ "role": "assistant", "content": "a" }),
                json!("stop"),
                json!({ "prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": { "cached_tokens": 4 } }),
            ),
            said("a"),
            StopReason::EndTurn,
            usage(6, 2, 4, 0, 0),
        ),
        (
            "OpenAI: length",
            "gpt-6",
            openai(json!({ "content": "a" }), json!("length"), json!({})),
            said("a"),
            StopReason::MaxTokens,
            zero,
        ),
        (
            "OpenAI: content_filter",
            "gpt-6",
            openai(json!({ "content": "" }), json!("content_filter"), json!({})),
            vec![],
            StopReason::Refusal,
            zero,
        ),
        (
            "OpenAI: a refusal in words",
            "gpt-6",
            openai(json!({ "content": null, "refusal": "no" }), json!("stop"), json!({})),
            said("no"),
            StopReason::Refusal,
            zero,
        ),
        (
            "OpenAI: an unknown finish reason",
            "gpt-6",
            openai(json!({ "content": "a" }), json!("bored"), json!({})),
            said("a"),
            StopReason::Other("bored".into()),
            zero,
        ),
        (
            "OpenAI: a tool call",
            "gpt-6",
            openai(wire_call(json!("{\"a\":1}")), json!("tool_calls"), json!({})),
            call(json!({ "a": 1 })),
            StopReason::ToolUse,
            zero,
        ),
        (
            "OpenAI: a call without arguments",
            "gpt-6",
            openai(wire_call(json!("")), json!("tool_calls"), json!({})),
            call(json!({})),
            StopReason::ToolUse,
            zero,
        ),
        (
            "OpenAI: arguments that are no JSON",
            "gpt-6",
            openai(wire_call(json!("{\"a\":")), json!("length"), json!({})),
            call(json!("{\"a\":")),
            StopReason::MaxTokens,
            zero,
        ),
        (
            "OpenAI: parts instead of a text",
            "gpt-6",
            openai(json!({ "content": [{ "type": "text", "text": "a" }] }), json!("stop"), json!({})),
            said("a"),
            StopReason::EndTurn,
            zero,
        ),
    ];
    for (name, id, body, content, stop, used) in table {
        let reply = answer(id, ResponseTemplate::new(200).set_body_json(body)).await.expect(name);
        assert_eq!((reply.content, reply.stop_reason, reply.usage), (content, stop, used), "{name}");
        assert!(!reply.usage_estimated, "{name}");
    }
}

#[tokio::test]
async fn a_usage_that_is_missing_is_estimated_and_a_reported_cost_is_kept() {
    let body = json!({ "choices": [{ "message": { "content": "a" }, "finish_reason": "stop" }] });
    let reply =
        answer("ollama/llama", ResponseTemplate::new(200).set_body_json(body)).await.expect("a reply");
    assert!(
        reply.usage_estimated && reply.usage.input_tokens > 10 && reply.usage.output_tokens > 0,
        "{reply:?}"
    );
    let body = json!({ "choices": [{ "message": { "content": "a" } }], "usage": { "prompt_tokens": 1, "completion_tokens": 1, "cost": 0.25 } });
    let reply =
        answer("openrouter/x/y", ResponseTemplate::new(200).set_body_json(body)).await.expect("a reply");
    assert_eq!(reply.reported_cost_usd, Some(0.25));
}

/// Short for what a table expects.
fn outcome(error: &ChatError) -> &'static str {
    match (&error.error, error.retry, error.billing) {
        (ModelError::Unavailable(_), Retry::Later(_), Billing::Free) => "later",
        (ModelError::Unavailable(_), Retry::Overloaded(_), Billing::Free) => "overloaded",
        (ModelError::Unavailable(_), Retry::Later(_), Billing::Unknown) => "later, maybe billed",
        (ModelError::Invalid(_), Retry::Never, Billing::Free) => "invalid",
        (ModelError::Unusable(_), Retry::Never, Billing::Free) => "unusable",
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
            "invalid",
            &[
                "the request is invalid: kimi-k2.6 at 127.0.0.1",
                "400 Bad Request invalid_request_error: messages: too short",
            ],
        ),
        (401, None, echo, "unusable", &["401", "no such key [key]", "check the key in MOONSHOT_API_KEY"]),
        (
            402,
            None,
            error("billing_error", "no credit"),
            "unusable",
            &["402", "no credit", "add credit at the provider"],
        ),
        (400, None, error("billing_error", "no credit"), "unusable", &["no credit"]),
        (403, None, error("permission_error", "not yours"), "unusable", &["403", "may not use this model"]),
        (
            404,
            None,
            error("not_found_error", "model: kimi-k2.6"),
            "unusable",
            &[
                "kimi-k2.6 at 127.0.0.1",
                "404 Not Found not_found_error: model: kimi-k2.6",
                "--target-model names another model",
            ],
        ),
        (408, None, error("timeout", "slow"), "later", &["408"]),
        (409, None, error("conflict", "busy"), "later", &["409"]),
        (
            413,
            None,
            error("request_too_large", "large"),
            "invalid",
            &["413", "--prompt-kib lowers the size of prompts"],
        ),
        (422, None, "not JSON at all".into(), "invalid", &["422 Unprocessable Entity: not JSON at all"]),
        (
            429,
            None,
            error("rate_limit_error", "slow down"),
            "overloaded",
            &["429 Too Many Requests rate_limit_error: slow down"],
        ),
        (429, None, spend, "unusable", &["429", "raise the spend limit"]),
        (500, None, error("api_error", "oops"), "later", &["500"]),
        (503, None, String::new(), "overloaded", &["503 Service Unavailable"]),
        (504, None, error("timeout_error", "slow"), "later", &["504"]),
        (529, None, error("overloaded_error", "full"), "overloaded", &["529", "overloaded_error: full"]),
        (500, header("x-should-retry", "false"), error("api_error", "oops"), "invalid", &["500"]),
        (400, header("x-should-retry", "true"), error("api_error", "oops"), "later", &["400"]),
        (400, header("request-id", "req_7"), error("api_error", "oops"), "invalid", &["(request req_7)"]),
        (
            302,
            header("location", "https://elsewhere.example"),
            String::new(),
            "unusable",
            &["302 Found", "--target-base-url"],
        ),
        (
            200,
            None,
            "{\"content\":".into(),
            "later, maybe billed",
            &["sent a reply that cannot be used: EOF while parsing"],
        ),
        (200, None, "<html>".into(), "later, maybe billed", &["expected value at line 1"]),
        (200, None, "{}".into(), "later, maybe billed", &["missing field `content`"]),
        (
            200,
            None,
            "{\"content\":[{\"type\":\"tool_use\"}]}".into(),
            "later, maybe billed",
            &["a tool_use block has no id"],
        ),
        (200, None, "{\"content\":7}".into(), "later, maybe billed", &["neither text nor a list of blocks"]),
        (
            200,
            None,
            json!({ "error": { "code": 429, "message": "slow down" } }).to_string(),
            "overloaded",
            &["429 Too Many Requests: slow down"],
        ),
        (
            200,
            None,
            json!({ "error": { "message": "upstream" } }).to_string(),
            "later",
            &["502 Bad Gateway: upstream"],
        ),
        (400, None, error("x", "\u{1b}[31mred\u{202e}\nline"), "invalid", &["x: red line"]),
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
    assert!(long.expect_err("refused").to_string().len() < 1000);
}

#[tokio::test]
async fn connections_break_in_many_ways() {
    let reply = r#"{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{}}"#;
    let table = [
        ("a reset", Reply::new(200, reply).ending(Ending::Reset), "later, maybe billed", "cannot be reached"),
        (
            "a truncated body",
            Reply::new(200, reply).ending(Ending::Truncated),
            "later, maybe billed",
            "it was cut off",
        ),
        ("no UTF-8 is no panic", Reply::new(200, "\u{fffd}"), "later, maybe billed", "expected value"),
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
    assert_eq!(outcome(&error), "later", "{error:?}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

/// A caller with short waiting times.
fn caller(url: &str, budget: f64, cancel: &Cancel) -> Caller {
    let model = Arc::new(remote(url, "claude-haiku-4-5", false));
    let catalog = Catalog::builtin().expect("well-formed");
    let price =
        catalog.resolve("claude-haiku-4-5", &Overrides::default(), "").expect("known").price.expect("priced");
    let budget = Arc::new(Budget::new(Usd::from_f64(budget)));
    let patience = Patience { attempts: 4, attempt: Duration::from_secs(1), total: Duration::from_secs(6) };
    Caller::new(model, price, budget, Throttle::new(16), patience, Clock::System, cancel.clone())
}

const GOOD: &str = r#"{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":1000,"output_tokens":100}}"#;

/// A server that gives these replies, and the last one for ever.
async fn scripted(replies: Vec<fn() -> Reply>) -> Server {
    let at = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |_| {
        let at = at.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        replies[at.min(replies.len() - 1)]()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_repeated_where_that_helps() {
    // name, replies, attempts, least milliseconds of waiting, what the result says, what may be owed
    type Row = (&'static str, Vec<fn() -> Reply>, u32, u64, &'static str, bool);
    let table: Vec<Row> = vec![
        ("at once", vec![|| Reply::new(200, GOOD)], 1, 0, "ok", false),
        ("after a 500", vec![|| Reply::new(500, "{}"), || Reply::new(200, GOOD)], 2, 250, "ok", false),
        (
            "when it is told to",
            vec![|| Reply::new(429, "{}").header("retry-after-ms", "700"), || Reply::new(200, GOOD)],
            2,
            700,
            "ok",
            false,
        ),
        (
            "in seconds",
            vec![|| Reply::new(529, "{}").header("retry-after", "1"), || Reply::new(200, GOOD)],
            2,
            1000,
            "ok",
            false,
        ),
        (
            "not when that is too late",
            vec![|| Reply::new(429, "{}").header("retry-after", "3600")],
            1,
            0,
            "given up after 1 attempts: the next one would be in",
            false,
        ),
        (
            "not for ever",
            vec![|| Reply::new(500, "{}").header("retry-after-ms", "1")],
            4,
            0,
            "given up after 4 attempts",
            false,
        ),
        (
            "a stall, then an answer",
            vec![|| Reply::new(200, GOOD).after(Duration::from_secs(30)), || Reply::new(200, GOOD)],
            2,
            1000,
            "ok",
            true,
        ),
        (
            "a reset, then an answer",
            vec![|| Reply::new(200, GOOD).ending(Ending::Reset), || Reply::new(200, GOOD)],
            2,
            250,
            "ok",
            true,
        ),
        ("never after a 400", vec![|| Reply::new(400, "{}")], 1, 0, "the request is invalid", false),
    ];
    for (name, replies, attempts, least_ms, says, owed) in table {
        let server = scripted(replies).await;
        let caller = caller(&server.url, 1.0, &Cancel::default());
        let Called { result, cost, attempts: made, latency_ms, .. } = caller.call(&asking("Hi"), None).await;
        let said = result.map_or_else(|error| error.to_string(), |_| "ok".into());
        assert!(said.contains(says), "{name}: {said}");
        assert_eq!((made, server.journal().len() as u32), (attempts, attempts), "{name}: {said}");
        assert!(latency_ms >= least_ms as f64, "{name}: {latency_ms} ms");
        // 1,000 tokens at 1 dollar and 100 at 5, once.
        let expected = if says == "ok" { Usd::from_f64(0.0015) } else { Usd::ZERO };
        assert_eq!((cost, caller.budget.standing().spent), (expected, expected), "{name}");
        assert_eq!(caller.budget.standing().unknown > Usd::ZERO, owed, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_is_waited_for() {
    let server = scripted(vec![
        || {
            let at = std::time::SystemTime::now() + Duration::from_secs(2);
            Reply::new(429, "{}").header("retry-after", httpdate::fmt_http_date(at))
        },
        || Reply::new(200, GOOD),
    ])
    .await;
    let called = caller(&server.url, 1.0, &Cancel::default()).call(&asking("Hi"), None).await;
    assert!(called.result.is_ok() && called.latency_ms >= 900.0, "{called:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_call_has_a_deadline() {
    let server = scripted(vec![|| Reply::new(200, GOOD).after(Duration::from_secs(30))]).await;
    let mut caller = caller(&server.url, 1.0, &Cancel::default());
    caller.patience.total = Duration::from_millis(2_500);
    let called = caller.call(&asking("Hi"), Some(Duration::from_secs(60))).await;
    assert!((2..=3).contains(&called.attempts) && called.latency_ms < 3_500.0, "{called:?}");
    let error = called.result.expect_err("a stall").to_string();
    assert!(error.contains("claude-haiku-4-5 did not answer within 1.0 s"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_helped_stops_the_run() {
    let server = scripted(vec![|| Reply::new(401, r#"{"error":{"message":"bad key"}}"#)]).await;
    let cancel = Cancel::default();
    let called = caller(&server.url, 1.0, &cancel).call(&asking("Hi"), None).await;
    assert!(matches!(called.result, Err(CallError::Model(ModelError::Unusable(_)))));
    assert!(matches!(cancel.why(), Some(Stop::ModelUnusable(why)) if why.contains("check the key")));

    // A server that is down for good: the tenth call in a row says so.
    let cancel = Cancel::default();
    let mut down = caller("http://127.0.0.1:9", 1.0, &cancel);
    down.patience.attempts = 1;
    for call in 1..=10 {
        assert!(cancel.why().is_none(), "call {call}");
        let called = down.call(&asking("Hi"), None).await;
        assert!(matches!(called.result, Err(CallError::Model(ModelError::Unavailable(_)))));
    }
    assert!(
        matches!(cancel.why(), Some(Stop::ModelUnusable(why)) if why.starts_with("10 calls in a row got no reply"))
    );

    let server = scripted(vec![|| Reply::new(200, GOOD)]).await;
    let cancel = Cancel::default();
    let called = caller(&server.url, 0.0001, &cancel).call(&asking("Hi"), None).await;
    assert_eq!(called.result, Err(CallError::BudgetSpent));
    assert!(server.journal().is_empty(), "nothing was sent");
    assert!(
        matches!(cancel.why(), Some(Stop::BudgetSpent(why)) if why.contains("--budget-usd raises the budget"))
    );
}
