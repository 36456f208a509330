//! What holds for every input, whoever wrote it: the parsers of everything that comes from outside, tried
//! with made-up inputs for a moment each. `fuzz/` does the same for hours.
//!
//! A failure prints a seed; `.seed(0x...)` behind its `arbtest` repeats it.

use std::{collections::HashSet, fs, path::Path};

use arbitrary::{Arbitrary, Result, Unstructured};
use arbtest::arbtest;
use cap_std::{ambient_authority, fs::Dir};
use mmh_engine::compile::{Origin, RejectionKind, admit};
use mmh_models::{
    Fault,
    api_error::ApiError,
    catalog::{Catalog, Overrides},
    read::{Scrubber, readable},
    refusal::{Hints, refusal},
    wire::{Dialect, WireFormat},
};
use mmh_record::{
    RecordError,
    chat::{Api, Block, ChatMessage, ChatReply, ChatRequest, ChatRole, Usage},
    data::Split,
    digest::Digest,
    format::{ReadRow, TraceRow},
    limits::Limits,
    manifest::{self, Manifest},
    reader::RunReader,
    text,
};
use mmh_search::{
    dataset,
    propose::{
        arguments::{self, parse},
        specs,
    },
};
use mmh_tests::strict::{anthropic_problem, openai_problem};
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Map, Value, json};

/// Tries one property for so long.
const MOMENT_MS: u64 = 250;

/// Any JSON, nested up to a depth. Keys are of the kind that parsers look for.
fn any_json(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    const KEYS: [&str; 24] = [
        "content",
        "type",
        "text",
        "tool_use",
        "id",
        "name",
        "input",
        "usage",
        "input_tokens",
        "output_tokens",
        "stop_reason",
        "choices",
        "message",
        "tool_calls",
        "function",
        "arguments",
        "error",
        "code",
        "iteration",
        "offset",
        "limit",
        "label",
        "example_ids",
        "reasoning",
    ];
    let key = |u: &mut Unstructured<'_>| match u.ratio(1, 8)? {
        true => String::arbitrary(u),
        false => Ok((*u.choose(&KEYS)?).to_owned()),
    };
    Ok(match u.int_in_range(0..=if depth == 0 { 5 } else { 8 })? {
        0 => Value::Null,
        1 => json!(bool::arbitrary(u)?),
        2 => json!(u.choose(&[0, 1, -1, i64::MIN, i64::MAX])?),
        3 => json!(u.choose(&[u64::MAX, u64::MAX - 1, 1 << 53])?),
        4 => json!(f64::arbitrary(u)?),
        5 => json!(key(u)?),
        6 => {
            Value::Array((0..u.int_in_range(0..=4)?).map(|_| any_json(u, depth - 1)).collect::<Result<_>>()?)
        }
        _ => {
            let pairs = (0..u.int_in_range(0..=6)?).map(|_| Ok((key(u)?, any_json(u, depth - 1)?)));
            Value::Object(pairs.collect::<Result<Map<_, _>>>()?)
        }
    })
}

/// This value with parts of it, at any depth, put in the place of something else.
fn altered(u: &mut Unstructured<'_>, value: &Value) -> Result<Value> {
    if u.ratio(1, 12)? {
        return any_json(u, 2);
    }
    Ok(match value {
        Value::Array(items) => Value::Array(items.iter().map(|it| altered(u, it)).collect::<Result<_>>()?),
        Value::Object(map) => {
            let kept = map
                .iter()
                .map(|(key, value)| Ok((!u.ratio(1, 20)?).then_some((key.clone(), altered(u, value)?))));
            Value::Object(kept.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        }
        _ => value.clone(),
    })
}

/// Rows that a data set may have, as they are written.
fn rows(u: &mut Unstructured<'_>) -> Result<Vec<(String, String)>> {
    let word = |u: &mut Unstructured<'_>| -> Result<String> {
        let found: String = String::arbitrary(u)?.chars().filter(|it| !it.is_control()).take(40).collect();
        Ok(format!("x{}", found.trim()))
    };
    (0..u.int_in_range(10..=30)?)
        .map(|at| {
            Ok((
                format!("{at} {}\n\"{}\", end", word(u)?, word(u)?),
                u.choose(&["a", "b", "c,\"d"])?.to_string(),
            ))
        })
        .collect()
}

/// Whether these rows are the data set's, all of them once, whatever the split. Labels are those of `train`: a data set is
/// refused if there is one alone, so that all rows with other labels, if there are any, are held back.
fn holds(rows: &[(String, String)], path: &Path) {
    let written: HashSet<(&str, &str)> =
        rows.iter().map(|(text, label)| (text.as_str(), label.as_str())).collect();
    match dataset::load(&path.display().to_string(), 7) {
        Ok(found) => {
            let examples: Vec<_> = Split::ALL.into_iter().flat_map(|split| found.split(split)).collect();
            assert_eq!(examples.len(), rows.len());
            let read: HashSet<(&str, &str)> =
                examples.iter().map(|it| (it.input.text.as_str(), it.gold.as_str())).collect();
            assert_eq!(read, written);
        }
        Err(error) => {
            assert!(error.to_string().contains("at least two labels"), "{error}");
            let count = |wanted: &str| rows.iter().filter(|(_, label)| label == wanted).count();
            let most = rows.iter().map(|(_, label)| count(label)).max().unwrap_or_default();
            assert!(rows.len() - most <= rows.len() / 2, "{error}");
        }
    }
}

#[test]
fn a_data_set_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let (jsonl, csv) = (folder.path().join("a.jsonl"), folder.path().join("a.csv"));
    arbtest(|u| {
        let rows = rows(u)?;
        let lines = rows.iter().map(|(text, label)| json!({ "label": label, "text": text }).to_string());
        fs::write(&jsonl, lines.collect::<Vec<_>>().join("\n")).expect("written");
        holds(&rows, &jsonl);
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let lines = rows.iter().map(|(text, label)| format!("{},{}\n", quoted(text), quoted(label)));
        fs::write(&csv, format!("Input,LABEL\n{}", lines.collect::<String>())).expect("written");
        holds(&rows, &csv);
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

/// The first two bytes of a gzip file. Any file may begin with them.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// The whole header of a gzip file: what follows is unpacked.
const GZIP_DEFLATED: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

#[test]
fn any_bytes_are_a_data_set_or_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    arbtest(|u| {
        let name = *u.choose(&["a.jsonl", "a.csv"])?;
        let path = folder.path().join(name).display().to_string();
        let starts = [&b""[..], b"text,label\n", b"{\"text\":\"a\",\"label\":\"b\"}\n", GZIP, GZIP_DEFLATED];
        let start: &[u8] = u.choose(&starts)?;
        fs::write(&path, [start, u.bytes(u.len().min(400))?].concat()).expect("written");
        match dataset::load(&path, 0) {
            Ok(found) => assert!(found.task.labels.len() >= 2 && !found.train.is_empty()),
            Err(error) => {
                // A row names its file, what cannot be read or unpacked too; what is wrong with the whole names the data set.
                let error = error.to_string();
                let starts = [path.clone(), format!("cannot read the data set {path}: "), "a: ".to_owned()];
                assert!(starts.iter().any(|start| error.starts_with(start)), "{error}");
            }
        }
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

fn good_reply(api: Api) -> Value {
    match api {
        Api::Anthropic => json!({
            "content": [
                { "type": "thinking", "thinking": "so" },
                { "type": "text", "text": "flu" },
                { "type": "tool_use", "id": "t", "name": "read_score", "input": { "iteration": 0 } },
            ],
            "stop_reason": "tool_use",
            "usage": {
                "input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 6,
                "cache_creation": { "ephemeral_1h_input_tokens": 2 },
            },
        }),
        Api::Openai => json!({
            "choices": [{
                "message": {
                    "role": "assistant", "content": [{ "type": "text", "text": "flu" }], "reasoning": "so",
                    "tool_calls": [{ "id": "t", "function": { "name": "read_score", "arguments": "{\"iteration\":0}" } }],
                },
                "finish_reason": "tool_calls",
            }],
            "usage": {
                "prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": { "cached_tokens": 2 },
                "cost": 0.5,
            },
        }),
    }
}

/// A conversation in which the model said the same twice, and was answered.
fn conversation(reply: &ChatReply) -> Vec<ChatMessage> {
    let results = reply.content.iter().filter_map(|block| match block {
        Block::ToolUse { id, .. } => {
            Some(Block::ToolResult { tool_use_id: id.clone(), content: String::new(), is_error: false })
        }
        _ => None,
    });
    let mut answer: Vec<Block> = results.collect();
    if answer.is_empty() {
        answer.push(Block::Text { text: "go on".into() });
    }
    let turn = || [ChatMessage::assistant(reply), ChatMessage::user(answer.clone())];
    [ChatMessage::text(ChatRole::User, "a")].into_iter().chain(turn()).chain(turn()).collect()
}

/// What a model said goes back in a form that strict servers take, is the same after it was recorded, and can
/// be counted whatever numbers it claims.
#[test]
fn a_reply_is_refused_or_survives() {
    let model = Catalog::builtin().expect("well-formed");
    let over = Overrides { base_url: Some("http://localhost:1".into()), ..Overrides::default() };
    let model = model.resolve("claude-haiku-4-5", &over, "--model").expect("known");
    let dialect = Dialect { model: "m".into(), profile: model.profile.clone(), thinks: false };
    let price = model.price.clone().expect("priced");
    let mut understood = 0;
    arbtest(|u| {
        let api = *u.choose(&[Api::Anthropic, Api::Openai])?;
        let body = altered(u, &good_reply(api))?.to_string();
        let Ok(reply) = api.reply(&body, &[]) else { return Ok(()) };
        understood += 1;
        let request = ChatRequest { messages: conversation(&reply), ..ChatRequest::default() };
        let sent = api.body(&request, &dialect).expect("it was JSON");
        let sent: Value = serde_json::from_str(&sent).expect("it is JSON");
        let problem = match api {
            Api::Anthropic => anthropic_problem(&sent),
            Api::Openai => openai_problem(&sent),
        };
        assert_eq!(problem, None, "{body}");
        let kept = serde_json::to_string(&reply).expect("it can be written");
        assert_eq!(serde_json::from_str::<ChatReply>(&kept).expect("it can be read"), reply);
        let mut usage = Usage::default();
        (0..3).for_each(|_| usage += reply.usage);
        assert!(usage.total_input_tokens() >= reply.usage.total_input_tokens());
        assert!(price.of(usage) >= price.of(reply.usage) || price.tier(usage) != price.tier(reply.usage));
        Ok(())
    })
    .budget_ms(2 * MOMENT_MS)
    .run();
    assert!(understood > 0, "no reply was understood, so nothing was tried");
}

/// Any bytes become text that can be read, and what is JSON already stays as it is.
#[test]
fn any_bytes_are_readable() {
    let key = "sk-0123456789".into();
    let scrubber = Scrubber::new(Some(&key));
    arbtest(|u| {
        let bytes = <&[u8]>::arbitrary(u)?;
        let text = readable(bytes, &scrubber);
        for api in [Api::Anthropic, Api::Openai] {
            let _ = api.reply(&text, &[]);
        }
        ApiError::of(&text);
        let json = any_json(u, 3)?.to_string();
        assert_eq!(readable(json.as_bytes(), &scrubber), json);
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

#[test]
fn a_failure_has_a_meaning_and_an_end() {
    const NAMES: [&str; 5] =
        ["retry-after", "retry-after-ms", "x-should-retry", "request-id", "x-request-id"];
    const VALUES: [&str; 8] =
        ["1", "1.8e19", "-1", "inf", "true", "false", "Fri, 31 Dec 9999 23:59:59 GMT", "1e308"];
    arbtest(|u| {
        let mut headers = HeaderMap::new();
        for name in NAMES {
            let value = match u.ratio(1, 2)? {
                true => HeaderValue::from_static(u.choose(&VALUES)?),
                false => {
                    HeaderValue::from_bytes(<&[u8]>::arbitrary(u)?).unwrap_or(HeaderValue::from_static(""))
                }
            };
            headers.insert(HeaderName::from_static(name), value);
        }
        let status = StatusCode::from_u16(u.int_in_range(100..=999)?).expect("in range");
        let body = match u.ratio(1, 4)? {
            true => String::arbitrary(u)?,
            false => json!({ "error": any_json(u, 2)? }).to_string(),
        };
        let (fault, _) = refusal(status, &Hints::of(&headers), &ApiError::of(&body));
        if let Fault::Passing(Some(wait)) | Fault::Overload(Some(wait)) = fault {
            assert!(wait.as_secs() <= 7 * 24 * 3_600, "{wait:?}");
        }
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

#[test]
fn tool_arguments_are_what_the_tool_takes_or_a_hint() {
    arbtest(|u| {
        let given = any_json(u, 2)?;
        let specs = specs();
        let name = u.choose(&specs)?.name.as_str();
        let problem = match name {
            "read_eval_trace" => parse::<arguments::OfTrace>(name, given).err(),
            "read_train" => parse::<arguments::OfTrain>(name, given).err(),
            "diff_harness" => parse::<arguments::Pair>(name, given).err(),
            "try_harness" => parse::<arguments::Trial>(name, given).err(),
            "write_harness" => parse::<arguments::Submission>(name, given).err(),
            "check_harness" => parse::<arguments::Code>(name, given).err(),
            "read_harness" | "read_reasoning" => parse::<arguments::OfFile>(name, given).err(),
            "read_score" => parse::<arguments::OfScore>(name, given).err(),
            "compare_iterations" => parse::<arguments::OfChanges>(name, given).err(),
            "read_notes" => parse::<arguments::OfList>(name, given).err(),
            "add_note" => parse::<arguments::Note>(name, given).err(),
            "list_iterations" | "scoreboard" => parse::<arguments::OfBoard>(name, given).err(),
            _ => parse::<arguments::OfText>(name, given).err(),
        };
        if let Some(problem) = problem {
            assert!(problem.starts_with(&format!("bad arguments for {name}: ")), "{problem}");
            let hints = ["expected", "its arguments are", "it takes none"];
            assert!(hints.iter().any(|hint| problem.contains(hint)) && problem.len() < 600, "{problem}");
        }
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

/// Wherever a crash cuts a file, the whole lines before the cut are read.
#[test]
fn a_file_that_was_cut_off_has_its_whole_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("it opens");
    let reader = RunReader::new(dir.try_clone().expect("a handle"));
    arbtest(|u| {
        let row = |u: &mut Unstructured<'_>| -> Result<ReadRow> {
            Ok(ReadRow {
                path: String::arbitrary(u)?,
                bytes_read: u64::arbitrary(u)?,
                at: "2026-01-01T00:00:00Z".parse().expect("a time"),
                step: u32::arbitrary(u)?,
            })
        };
        let rows: Vec<ReadRow> = (0..u.int_in_range(1..=5)?).map(|_| row(u)).collect::<Result<_>>()?;
        let lines = rows.iter().map(|row| serde_json::to_string(row).expect("it can be written") + "\n");
        let mut bytes = lines.collect::<String>().into_bytes();
        bytes.truncate(u.int_in_range(0..=bytes.len())?);
        let whole = bytes.iter().filter(|&&byte| byte == b'\n').count();
        dir.write("reads.jsonl", &bytes).expect("written");
        match reader.lines::<ReadRow>("reads.jsonl") {
            Ok(found) => assert_eq!(found, rows[..whole]),
            // The cut went through a letter.
            Err(error) => assert!(std::str::from_utf8(&bytes).is_err(), "{error}"),
        }
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

#[test]
fn rows_of_a_stranger_are_understood_or_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("it opens");
    let reader = RunReader::new(dir.try_clone().expect("a handle"));
    let good = json!({
        "example_id": "val-0000", "model": "m", "input": "i", "gold_label": "a", "predicted_label": "b",
        "correct": false, "latency_ms": 0.5, "input_tokens": 1, "output_tokens": 2, "error": null,
        "error_kind": "ok", "fuel": 3, "peak_memory_bytes": 4, "model_calls": 5, "prompt_bytes": 6,
        "logs": [{ "level": "info", "message": "m" }],
    });
    arbtest(|u| {
        dir.write("rows.jsonl", format!("{}\n", altered(u, &good)?)).expect("written");
        match reader.lines::<TraceRow>("rows.jsonl") {
            Ok(rows) => {
                let text = serde_json::to_string(&rows).expect("it can be written");
                assert_eq!(serde_json::from_str::<Vec<TraceRow>>(&text).expect("it can be read"), rows);
            }
            Err(error) => assert!(matches!(error, RecordError::Damaged { .. }), "{error}"),
        }
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

/// A manifest says nothing of files outside its folder, whatever stands in it.
#[test]
fn manifests_stay_in_their_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("outside"), "a secret").expect("written");
    fs::create_dir(folder.path().join("run")).expect("a folder");
    let dir = Dir::open_ambient_dir(folder.path().join("run"), ambient_authority()).expect("it opens");
    dir.symlink("../outside", "link").expect("a link");
    arbtest(|u| {
        let name = match u.ratio(1, 2)? {
            true => (*u.choose(&["../outside", "link", "/etc/passwd", "", ".", "a/../../outside", "\0"])?)
                .to_owned(),
            false => String::arbitrary(u)?,
        };
        let entry = json!({ "sha256": Digest::of("a secret"), "bytes": 8 });
        let manifest: Manifest =
            serde_json::from_value(json!({ "files": { &name: entry } })).expect("a manifest");
        dir.write(manifest::NAME, manifest.bytes()).expect("written");
        let findings = manifest::check(&dir, "");
        assert!(findings.iter().any(|finding| finding.file == name), "{name:?} was found: {findings:?}");
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

#[test]
fn bytes_are_no_component_and_the_reason_can_be_shown() {
    arbtest(|u| {
        let start: &[u8] =
            u.choose(&[&b""[..], b"\0asm\x0d\0\x01\0", b"\0asm\x0d\0\x01\0\x0a", b"\0asm\x01\0\0\0"])?;
        let bytes = [start, u.bytes(u.len().min(200))?].concat();
        if let Err(rejection) = admit(bytes, Origin::Given, &Limits::default(), false) {
            assert!(matches!(rejection.kind, RejectionKind::BadComponent | RejectionKind::BadImport));
            assert!(!rejection.message.is_empty() && !rejection.message.chars().any(char::is_control));
        }
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

#[test]
fn shown_text_is_plain_and_short() {
    arbtest(|u| {
        let text: String = <Vec<(bool, char)>>::arbitrary(u)?
            .into_iter()
            .map(|(control, it)| {
                if control {
                    ['\u{1b}', '[', ']', '\u{7}', '\u{202e}', '\n', 'm'][it as usize % 7]
                } else {
                    it
                }
            })
            .collect();
        let plain = text::plain(&text);
        assert!(!plain.chars().any(|it| it.is_control() && it != '\n' && it != '\t'), "{plain:?}");
        assert_eq!(text::plain(&plain), plain, "once is enough");
        assert!(!text::one_line(&text).contains('\n'));
        let most = u.int_in_range(0..=text.len() + 2)?;
        assert!(text::capped(&text, most).len() <= most + 60);
        assert!(text::middle_cut(&text, most).len() <= most + 60);
        assert!(text::ellipsis(&text, most).chars().count() <= most.max(1));
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

#[test]
fn digests_are_read_as_they_are_written_and_nothing_else_is() {
    arbtest(|u| {
        let digest = Digest::of(<&[u8]>::arbitrary(u)?);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        let text = String::arbitrary(u)?;
        if let Ok(found) = text.parse::<Digest>() {
            assert_eq!(found.to_string(), text.to_ascii_lowercase());
        }
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}

/// So that the made-up conversations above are what they should be.
#[test]
fn the_good_replies_are_good() {
    for api in [Api::Anthropic, Api::Openai] {
        let reply = api.reply(&good_reply(api).to_string(), &[]).expect("it is good");
        assert_eq!(reply.text(), "flu");
        assert!(reply.content.iter().any(|block| matches!(block, Block::ToolUse { .. })));
    }
}
