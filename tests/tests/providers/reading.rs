//! How answers are read: whatever stands beside them.

use mmh_models::ChatModel;
use mmh_record::chat::{Block, ChatMessage, ChatRequest, StopReason, Usage};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::{GOOD, KEY, answer, asking, remote};

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
        assert_eq!((&reply.content, reply.stop_reason), (&content, stop), "{name}");
        // What is not reported is not free.
        match used == zero {
            true => assert!(reply.usage_estimated && reply.usage.input_tokens > 10, "{name}"),
            false => assert!(reply.usage == used && !reply.usage_estimated, "{name}: {:?}", reply.usage),
        }
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

/// An odd side field never discards an answer that was paid for.
#[tokio::test]
async fn odd_side_fields_do_no_harm() {
    let openai = |message: &str, finish: &str, usage: &str| {
        format!(r#"{{"choices":[{{"message":{message},"finish_reason":{finish}}}],"usage":{usage}}}"#)
    };
    let (a, stop, usage) =
        (r#"{"role":"assistant","content":"a"}"#, "\"stop\"", r#"{"prompt_tokens":9,"completion_tokens":3}"#);
    // name, body, text, tokens in and out; none where they are estimated
    type Row<'a> = (&'a str, Vec<u8>, &'a str, Option<(u64, u64)>);
    let table: Vec<Row> = vec![
        (
            "a cost that is an object",
            openai(a, stop, r#"{"prompt_tokens":9,"completion_tokens":3,"cost":{"x":1}}"#).into(),
            "a",
            Some((9, 3)),
        ),
        (
            "counts as text",
            openai(a, stop, r#"{"prompt_tokens":"9","completion_tokens":" 3 "}"#).into(),
            "a",
            Some((9, 3)),
        ),
        (
            "fractions",
            openai(a, stop, r#"{"prompt_tokens":8.5,"completion_tokens":3.0}"#).into(),
            "a",
            Some((9, 3)),
        ),
        (
            "less than nothing",
            openai(a, stop, r#"{"prompt_tokens":-9,"completion_tokens":-3}"#).into(),
            "a",
            None,
        ),
        ("nothing", openai(a, stop, r#"{"prompt_tokens":0,"completion_tokens":0}"#).into(), "a", None),
        ("a usage that is a list", openai(a, stop, "[1]").into(), "a", None),
        ("a usage that is null", openai(a, stop, "null").into(), "a", None),
        (
            "details that are text",
            openai(a, stop, r#"{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":"none"}"#)
                .into(),
            "a",
            Some((9, 3)),
        ),
        ("a reason that is a number", openai(a, "7", usage).into(), "a", Some((9, 3))),
        ("content that is a number", openai(r#"{"content":7}"#, stop, usage).into(), "7", Some((9, 3))),
        (
            "parts of all kinds",
            openai(r#"{"content":[0,"a",{"type":"text","text":"b"},{"type":"image"},null]}"#, stop, usage)
                .into(),
            "ab",
            Some((9, 3)),
        ),
        (
            "half a character",
            openai(r#"{"content":"a\ud83d"}"#, stop, usage).into(),
            "a\u{fffd}",
            Some((9, 3)),
        ),
        ("a field twice", openai(r#"{"content":"x","content":"a"}"#, stop, usage).into(), "a", Some((9, 3))),
        (
            "no number",
            openai(r#"{"content":"a","logprobs":[NaN,-Infinity]}"#, stop, usage).into(),
            "a",
            Some((9, 3)),
        ),
        ("a bare line end", openai("{\"content\":\"a\nb\"}", stop, usage).into(), "a\nb", Some((9, 3))),
        ("a byte order mark", format!("\u{feff}{}", openai(a, stop, usage)).into(), "a", Some((9, 3))),
        (
            "the end of a stream",
            format!("{}\n\ndata: [DONE]\n\n", openai(a, stop, usage)).into(),
            "a",
            Some((9, 3)),
        ),
        (
            "a stream of one event",
            format!("data: {}\n\ndata: [DONE]\n\n", openai(a, stop, usage)).into(),
            "a",
            Some((9, 3)),
        ),
        (
            "bytes that are no text",
            [openai(a, stop, usage).replace("\"a\"", "\"a~\"").replace('~', "\u{7f}").into_bytes()]
                .concat()
                .iter()
                .map(|byte| if *byte == 0x7f { 0xff } else { *byte })
                .collect(),
            "a\u{fffd}",
            Some((9, 3)),
        ),
        (
            "deep nesting beside it",
            openai(&format!(r#"{{"content":"a","x":{}1{}}}"#, "[".repeat(400), "]".repeat(400)), stop, usage)
                .into(),
            "a",
            Some((9, 3)),
        ),
    ];
    for (name, body, text, tokens) in table {
        let response = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        let reply = answer("gpt-6", response).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(reply.text(), text, "{name}");
        match tokens {
            Some((input, output)) => {
                assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (input, output), "{name}");
                assert!(!reply.usage_estimated, "{name}");
            }
            None => assert!(reply.usage_estimated && reply.usage.output_tokens > 0, "{name}"),
        }
        // What was read can be sent back.
        let model = remote("http://127.0.0.1:9", "gpt-6", false);
        let again = ChatRequest { messages: vec![ChatMessage::assistant(&reply)], ..asking("") };
        assert!(model.wire_digest(&again).is_some(), "{name}");
    }
}

/// Packed though nobody asked for it.
#[tokio::test]
async fn a_packed_reply_is_unpacked() {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(GOOD.as_bytes()).expect("in memory");
    let packed = packed.finish().expect("in memory");
    for header in [Some("gzip"), None] {
        let mut response = ResponseTemplate::new(200).set_body_raw(packed.clone(), "application/json");
        if let Some(encoding) = header {
            response = response.insert_header("content-encoding", encoding);
        }
        let reply = answer("claude-haiku-4-5", response).await.expect("a reply");
        assert_eq!((reply.text(), reply.usage.input_tokens), ("a".into(), 1000), "{header:?}");
    }
}

/// A server that repeats the key: it is gone from the text, the thoughts, the arguments and the raw view.
#[tokio::test]
async fn a_key_that_is_repeated_is_scrubbed() {
    let escaped: String = KEY.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let message = json!({
        "role": "assistant",
        "content": format!("you sent Bearer {KEY}"),
        "reasoning_content": format!("the key is {KEY}"),
        "tool_calls": [{ "id": KEY, "function": { "name": KEY, "arguments": json!({ "code": format!("// {KEY}") }).to_string() } }],
        KEY: KEY,
    });
    let body =
        json!({ "choices": [{ "message": message, "finish_reason": KEY }], "model": KEY, "usage": {} })
            .to_string();
    for body in [body.clone(), body.replace(KEY, &escaped)] {
        let response = ResponseTemplate::new(200).set_body_raw(body, "application/json");
        let reply = answer("gpt-6", response).await.expect("a reply");
        let kept = serde_json::to_string(&reply).expect("JSON");
        assert!(!kept.contains(KEY) && !kept.contains("\\u0073\\u006b"), "{kept}");
        assert_eq!(reply.text(), "you sent Bearer [key]");
    }
}

/// Large bodies are refused by their size, before they are read, and errors are read up to a size.
#[tokio::test]
async fn large_bodies_are_cut_or_refused() {
    let zeros = "0,".repeat(15 << 20);
    let reply = format!(r#"{{"choices":[{{"message":{{"content":[{zeros}0]}}}}]}}"#);
    let error =
        answer("gpt-6", ResponseTemplate::new(200).set_body_string(reply)).await.expect_err("too large");
    assert!(error.to_string().contains("it has more than 4.0 MiB"), "{error}");
    let error =
        answer("gpt-6", ResponseTemplate::new(400).set_body_string(format!("{{\"error\":[{zeros}0]}}")));
    let error = error.await.expect_err("refused");
    assert!(error.to_string().contains("400 Bad Request") && error.to_string().len() < 1500, "{error}");
    // Within what can be asked for, an odd body is read without a tree of it.
    let zeros = "0,".repeat(1 << 20);
    let reply = format!(r#"{{"choices":[{{"message":{{"content":[{zeros}0]}}}}]}}"#);
    let reply = answer("gpt-6", ResponseTemplate::new(200).set_body_string(reply)).await.expect("a reply");
    assert_eq!(reply.text(), "");
}
