//! `mmh models --probe` against servers that answer as llama.cpp's server, Ollama, vLLM and LM Studio do, and against what is no
//! such server; and what an address on this machine means for a run.

use std::{
    net::TcpListener,
    process::{Command, Output},
};

use mmh_models::{
    ChatModel,
    catalog::{Catalog, Overrides},
    remote::{Remote, Role},
};
use mmh_tests::{
    cache_dir,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// What a fake server is made of: answers by path, and how its model talks.
#[derive(Clone, Copy)]
struct Fake {
    /// Paths without their queries, and the bodies of their answers. Any other path is not found.
    pages: &'static [(&'static str, &'static str)],
    talks: Talks,
}

#[derive(Clone, Copy, PartialEq)]
enum Talks {
    /// Takes stop sequences, and reports usage.
    Well,
    /// Goes on after a stop sequence, and reports no usage.
    OnAndOn,
    /// Refuses requests with stop sequences, and thinks first.
    WithoutStops,
    /// Has no chat template.
    NoTemplate,
}

const LLAMA_LIST: &str = r#"{"models":[{"name":"gemma","model":"gemma","type":"model","details":{"format":"gguf"}}],"object":"list","data":[{"id":"gemma","aliases":["gemma"],"object":"model","created":1795792151,"owned_by":"llamacpp","meta":{"vocab_type":1,"n_vocab":262144,"n_ctx":8192,"n_ctx_train":32768,"n_params":268098176,"ftype":"Q4_K - Medium"}}]}"#;
const LLAMA_PROPS: &str = r#"{"default_generation_settings":{"params":{"temperature":0.8},"n_ctx":8192},"total_slots":2,"model_alias":"gemma","chat_template":"{% for message in messages %}{{ message.content }}{% endfor %}"}"#;
const OLD_LLAMA_LIST: &str =
    r#"{"object":"list","data":[{"id":"/m/qwen.gguf","owned_by":"llamacpp","meta":{"n_ctx_train":32768}}]}"#;
const OLD_LLAMA_PROPS: &str = r#"{"default_generation_settings":{"n_ctx":4096},"total_slots":1,"chat_template":"{{ '<|im_start|>' + message['role'] }}"}"#;
const VLLM_LIST: &str = r#"{"object":"list","data":[{"id":"org/model","object":"model","created":1,"owned_by":"vllm","root":"org/model","parent":null,"max_model_len":16384,"permission":[]}]}"#;
const OLLAMA_LIST: &str =
    r#"{"object":"list","data":[{"id":"llama3.2:1b","object":"model","created":1,"owned_by":"library"}]}"#;
const OLLAMA_SHOW: &str = r#"{"template":"{{ range .Messages }}<|start|>{{ .Role }}{{ end }}","capabilities":["completion"],"model_info":{"general.architecture":"llama","llama.context_length":131072}}"#;
const OLLAMA_PS: &str = r#"{"models":[{"name":"llama3.2:1b","model":"llama3.2:1b","context_length":4096}]}"#;
const STUDIO_LIST: &str = r#"{"data":[{"id":"qwen3-8b","object":"model","owned_by":"organization_owner"},{"id":"text-embedding-nomic","object":"model","owned_by":"organization_owner"}],"object":"list"}"#;
const STUDIO_V0: &str = r#"{"object":"list","data":[{"id":"qwen3-8b","object":"model","type":"llm","state":"loaded","max_context_length":131072,"loaded_context_length":8192}]}"#;

impl Fake {
    async fn start(self) -> Server {
        Server::start(move |request: &Request| {
            let path = request.path.split('?').next().unwrap_or_default();
            if path == "/v1/chat/completions" {
                return self.talks.chat(&request.body);
            }
            let page = self.pages.iter().find(|(at, _)| *at == path);
            page.map_or(Reply::new(404, r#"{"error":{"message":"not found","code":404}}"#), |(_, body)| {
                Reply::new(200, *body)
            })
        })
        .await
    }
}

impl Talks {
    fn chat(self, body: &str) -> Reply {
        let body: Value = serde_json::from_str(body).expect("JSON");
        let stops = body["stop"].is_array();
        let (text, ended) =
            if stops && self == Self::Well { (" ", "stop") } else { (" 10 11 12 13", "length") };
        let mut reply = json!({
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": ended }],
            "usage": { "prompt_tokens": 18, "completion_tokens": 12, "total_tokens": 30 },
        });
        match self {
            Self::Well => {}
            Self::OnAndOn => reply["usage"] = Value::Null,
            Self::WithoutStops if stops => {
                return Reply::new(400, r#"{"error":{"message":"stop is not supported","code":400}}"#);
            }
            Self::WithoutStops => reply["choices"][0]["message"]["reasoning_content"] = "Numbers.".into(),
            Self::NoTemplate => {
                let words = "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template";
                return Reply::new(400, json!({ "error": { "message": words, "code": 400 } }).to_string());
            }
        }
        Reply::new(200, reply.to_string())
    }
}

fn mmh(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(PROGRAM);
    command.args(args).arg("--cache-dir").arg(cache_dir()).env_clear().envs(mmh_tests::environment());
    command.current_dir(folder.path()).output().expect("it starts")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// Each server tells what it is in its own way, and what it shows is found.
#[tokio::test(flavor = "multi_thread")]
async fn servers_of_all_kinds() {
    let llama: &[_] = &[("/v1/models", LLAMA_LIST), ("/props", LLAMA_PROPS)];
    let old_llama: &[_] = &[("/v1/models", OLD_LLAMA_LIST), ("/props", OLD_LLAMA_PROPS)];
    let ollama: &[_] = &[("/v1/models", OLLAMA_LIST), ("/api/show", OLLAMA_SHOW), ("/api/ps", OLLAMA_PS)];
    let unnamed: &[_] = &[
        ("/v1/models", r#"{"data":[{"id":"me/own","owned_by":"me"}]}"#),
        ("/api/version", r#"{"version":"0.40.12"}"#),
        ("/api/show", r#"{"template":"{{ .Prompt }}"}"#),
    ];
    let studio: &[_] = &[("/v1/models", STUDIO_LIST), ("/api/v0/models", STUDIO_V0)];
    let vllm: &[_] = &[("/v1/models", VLLM_LIST)];
    let other: &[_] = &[("/v1/models", r#"{"data":[{"id":"m"}]}"#)];
    // name, pages, how it talks, further options, and what is found: server, model, window, window in training, template,
    // usage, stop sequences, thoughts
    type Found = (
        Option<&'static str>,
        &'static str,
        Option<u64>,
        Option<u64>,
        Option<&'static str>,
        Option<bool>,
        Option<&'static str>,
        Option<bool>,
    );
    type Pages = &'static [(&'static str, &'static str)];
    type Row<'a> = (&'static str, Pages, Talks, &'a [&'a str], Found);
    #[rustfmt::skip]
    let table: [Row; 8] = [
        ("llama.cpp", llama, Talks::Well, &[],
            (Some("llamacpp"), "gemma", Some(8192), Some(32768), Some("plain"), Some(true), Some("taken"), Some(false))),
        ("llama.cpp of 2024", old_llama, Talks::Well, &[],
            (Some("llamacpp"), "/m/qwen.gguf", Some(4096), Some(32768), Some("roles"), Some(true), Some("taken"), Some(false))),
        ("Ollama", ollama, Talks::Well, &[],
            (Some("ollama"), "llama3.2:1b", Some(4096), Some(131_072), Some("roles"), Some(true), Some("taken"), Some(false))),
        ("Ollama, with a model of one's own", unnamed, Talks::OnAndOn, &[],
            (Some("ollama"), "me/own", None, None, Some("plain"), Some(false), Some("ignored"), Some(false))),
        ("LM Studio", studio, Talks::WithoutStops, &["--model", "qwen3-8b"],
            (Some("lmstudio"), "qwen3-8b", Some(8192), Some(131_072), None, Some(true), Some("refused"), Some(true))),
        ("vLLM", vllm, Talks::Well, &[],
            (Some("vllm"), "org/model", Some(16384), None, None, Some(true), Some("taken"), Some(false))),
        ("vLLM, with a base model", vllm, Talks::NoTemplate, &[],
            (Some("vllm"), "org/model", Some(16384), None, Some("missing"), None, None, None)),
        ("a server of another kind", other, Talks::Well, &[],
            (None, "m", None, None, None, Some(true), Some("taken"), Some(false))),
    ];
    for (name, pages, talks, options, expected) in table {
        let server = Fake { pages, talks }.start().await;
        // Without /v1: that is found.
        let output = mmh(&[&["models", "--probe", &server.url, "--json"], options].concat());
        let said = told(&output);
        assert_eq!(output.status.code(), Some(i32::from(talks == Talks::NoTemplate)), "{name}: {said}");
        let found: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{name}: {said}"));
        let asked = &found["asked"];
        assert_eq!(found["base_url"], format!("{}/v1", server.url), "{name}");
        let found = (
            found["server"].as_str(),
            asked["model"].as_str().unwrap_or_default(),
            asked["context_tokens"].as_u64(),
            asked["trained_tokens"].as_u64(),
            asked["chat_template"].as_str(),
            asked["reports_usage"].as_bool(),
            asked["stop_sequences"].as_str(),
            asked["thinks"].as_bool(),
        );
        assert_eq!(found, expected, "{name}: {said}");
    }
}

/// What a person sees, with the options to use the server by.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_reads_well() {
    let pages = &[("/v1/models", LLAMA_LIST), ("/props", LLAMA_PROPS)];
    let server = Fake { pages, talks: Talks::Well }.start().await;
    let said = told(&mmh(&["models", "--probe", &format!("{}/v1", server.url)]));
    for line in [
        &format!("llama.cpp's server at {}/v1", server.url),
        "calls at once   2: llama.cpp's server at",
        "context         8,192 tokens for prompt and reply of a call; trained for 32,768",
        "chat template   hands the texts on as they stand, as for a base model",
        "s, 18 tokens in, 12 tokens out",
        "token usage     reported",
        "stop sequences  taken",
        &format!("--target-model llamacpp/gemma --target-base-url {}/v1", server.url),
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    // Some servers load every model that is asked.
    let pages = &[("/v1/models", STUDIO_LIST)];
    let server = Fake { pages, talks: Talks::Well }.start().await;
    let said = told(&mmh(&["models", "--probe", &server.url]));
    assert!(
        said.contains("qwen3-8b, text-embedding-nomic") && said.contains("--model ID asks one"),
        "{said}"
    );
    assert!(server.journal().iter().all(|it| it.path != "/v1/chat/completions"), "{said}");
}

/// What is no server of models is named, with the next step.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_server_is_said() {
    // name, status and body of each answer, options, what is said
    let table: [(&str, u16, &str, &[&str], &str); 8] = [
        ("a web page", 200, "<html><title>Hi</title>", &[], "gives no list of models (it says <html>"),
        ("another path", 404, "{}", &[], "often with /v1 at its end"),
        ("an empty answer", 200, "", &[], "(an empty answer)"),
        ("a key is wanted", 401, r#"{"error":{"message":"Invalid API Key"}}"#, &[], "with --key-env"),
        (
            "a model that is being loaded",
            503,
            r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
            &[],
            "Loading model): try again when it has loaded its model",
        ),
        ("no model", 200, r#"{"object":"list","data":[]}"#, &[], "has no model: load one"),
        ("no data", 200, r#"{"object":"list","data":null}"#, &[], "gives no list of models"),
        ("another model", 200, LLAMA_LIST, &["--model", "gemini"], r#"has no model "gemini"; it has gemma"#),
    ];
    for (name, status, body, options, says) in table {
        let server = Server::start(move |_: &Request| Reply::new(status, body)).await;
        let output = mmh(&[&["models", "--probe", &server.url], options].concat());
        let said = told(&output);
        assert!(output.status.code() == Some(3) && said.contains(says), "{name}: {said}");
    }
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port").port();
    // arguments, exit code, what is said
    let nobody = format!("http://127.0.0.1:{port}");
    let table: [(&[&str], i32, &str); 4] = [
        (&["--probe", &nobody], 3, "nothing listens at 127.0.0.1"),
        (&["--probe", "wizard"], 2, "\"wizard\" is no base URL"),
        (&["--probe", &nobody, "--key-env", "NO_SUCH_KEY"], 2, "NO_SUCH_KEY is not set"),
        (&["--model", "m"], 2, "--probe"),
    ];
    for (options, code, says) in table {
        let output = mmh(&[&["models"], options].concat());
        let said = told(&output);
        assert!(output.status.code() == Some(code) && said.contains(says), "{options:?}: {said}");
    }
}

/// A model on this machine needs no price. A server that gets a key may pass it on to one that bills.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_on_this_machine_costs_nothing() {
    let pages = &[("/v1/models", LLAMA_LIST), ("/props", LLAMA_PROPS)];
    let server = Fake { pages, talks: Talks::Well }.start().await;
    let (url, key) = (format!("{}/v1", server.url), ["--target-key-env", "HOME"]);
    // The server's replies name no label, so that no example has an answer: code 1.
    // name, further options, exit code, what is said
    let table: [(&str, &[&str], i32, &str); 3] = [
        ("no price", &[], 1, "gemma costs nothing, since 127.0.0.1"),
        ("a key", &key, 2, "the model gemma has no price"),
        ("a price", &["--target-price", "1,2"], 1, "cost: 0.0001 USD"),
    ];
    for (name, options, code, says) in table {
        let target = ["--target-model", "gemma", "--target-base-url", &url, "--eval-size", "2", "--no-cache"];
        let output = mmh(&[&["eval", "zero-shot"], &target[..], options].concat());
        let said = told(&output);
        assert!(output.status.code() == Some(code) && said.contains(says), "{name}: {said}");
    }
}

/// A conversation on this machine fits into the window that the server gives, and into the one that the catalog has.
#[tokio::test]
async fn a_window_is_no_larger_than_the_server_gives() {
    // name, list of models, window
    let table = [
        ("llama.cpp", LLAMA_LIST, 8192),
        ("vLLM, with another model", VLLM_LIST, 200_000),
        ("more than the catalog has", r#"{"data":[{"id":"gemma","max_model_len":1000000}]}"#, 200_000),
        ("no window", OLLAMA_LIST, 200_000),
        ("a web page", "<html>", 200_000),
    ];
    for (name, list, expected) in table {
        let server = Server::start(move |_: &Request| Reply::new(200, list)).await;
        let over = Overrides { base_url: Some(format!("{}/v1", server.url)), ..Overrides::default() };
        let model = Catalog::builtin().expect("well-formed").resolve("gemma", &over, "").expect("any model");
        let remote = Remote::new(model, Role::Proposer, None, false).expect("a client");
        assert_eq!(remote.window_tokens().await, expected, "{name}");
    }
}
