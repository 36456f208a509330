//! What goes over the wire, in both formats.

use std::sync::{Arc, Mutex};

use mmh_models::ChatModel;
use mmh_record::chat::{Block, ChatMessage, ChatReply, ChatRequest, ChatRole, ToolSpec};
use mmh_tests::server::{Reply, Server};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{KEY, asking, remote};

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

/// A server that wants the other name for the limit of tokens gets it, and everybody is told once.
#[tokio::test]
async fn the_field_that_limits_a_reply_is_found_out() {
    let refusal = |sent: &str, other: &str| {
        json!({ "error": { "message": format!("Unsupported parameter: '{sent}' is not supported with this model. Use '{other}' instead."), "type": "invalid_request_error", "param": sent, "code": "unsupported_parameter" } }).to_string()
    };
    // the model, the field that it sends, the field that the server wants
    for (id, sends, wants) in [
        ("ollama/x", "max_tokens", "max_completion_tokens"),
        ("gpt-6", "max_completion_tokens", "max_tokens"),
    ] {
        let refusal = refusal(sends, wants);
        let server = Server::start(move |request| {
            let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
            match body[wants].is_u64() {
                true => Reply::new(200, r#"{"choices":[{"message":{"content":"a"}}]}"#),
                false => Reply::new(400, refusal.clone()),
            }
        })
        .await;
        let notes: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = notes.clone();
        let tell = Arc::new(move |note| kept.lock().expect("no panic").push(note));
        let model = remote(&server.url, id, false).telling(tell);
        for _ in 0..3 {
            assert!(model.chat(&asking("Hi")).await.is_ok(), "{id}");
        }
        assert_eq!(server.journal().len(), 4, "{id}: refused once");
        let notes = notes.lock().expect("no panic").clone();
        assert!(
            matches!(notes.as_slice(), [note] if note.contains(wants) && note.contains("mmh.toml")),
            "{notes:?}"
        );
    }
}
