//! Kept replies of the target: those of another model at the same address are not taken for its own, what is no
//! answer is not kept, and everybody is told how many are kept ones.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use mmh_search::dataset::task::BASELINE;
use mmh_tests::{
    cache_dir, environment,
    server::{Reply, Request, Server},
};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Examples that are evaluated.
const EXAMPLES: usize = 6;

/// What a server says of itself, in its list of models and in its replies.
#[derive(Clone, Default)]
struct Says {
    models: Option<Value>,
    model: Option<&'static str>,
    fingerprint: Option<&'static str>,
    /// It is ill: no answer.
    ill: bool,
}

/// A server that says this, and then, when it is told to, that.
async fn server(first: Says, then: Says) -> (Server, Arc<AtomicUsize>) {
    let state = Arc::new(AtomicUsize::new(0));
    let now = state.clone();
    let server = Server::start(move |request: &Request| {
        let says = if now.load(Ordering::Relaxed) == 0 { &first } else { &then };
        if request.path.ends_with("/models") {
            return match &says.models {
                Some(models) => Reply::new(200, models.to_string()),
                None => Reply::new(404, "{}"),
            };
        }
        if says.ill {
            return Reply::new(200, r#"{"choices":[{"message":{"content":"a"},"finish_reason":"error"}]}"#);
        }
        Reply::new(200, json!({ "model": says.model, "system_fingerprint": says.fingerprint, "choices": [{ "message": { "content": "migraine" }, "finish_reason": "stop" }] }).to_string())
    })
    .await;
    (server, state)
}

/// `mmh eval` with a cache of replies of its own, as text or as JSON.
async fn eval(folder: &Path, url: &str, more: &'static [&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    let size = EXAMPLES.to_string();
    command
        .args(["eval", "harness.rs", "--target-model", "m", "--target-price", "1,1", "--attempts", "1"])
        .args(["--eval-size", &size, "--target-base-url", &format!("{url}/v1")])
        .args(more)
        .current_dir(folder)
        .env_clear()
        .envs(environment())
        .env("MMH_CACHE_DIR", folder.join("cache"));
    let output =
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

/// A folder with a harness, and with compiled things that other tests have made already.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("harness.rs"), BASELINE).expect("a file");
    fs::create_dir(folder.path().join("cache")).expect("a folder");
    for kind in ["sdk", "components", "native"] {
        fs::create_dir_all(cache_dir().join(kind)).expect("a folder");
        let link = folder.path().join("cache").join(kind);
        std::os::unix::fs::symlink(cache_dir().join(kind), link).expect("a link");
    }
    folder
}

fn posts(server: &Server) -> usize {
    server.journal().iter().filter(|request| !request.path.ends_with("/models")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_are_those_of_the_server_that_answers() {
    let list = |params: u64, at: u64| {
        Some(json!({ "data": [{ "id": "m", "created": at, "meta": { "n_params": params } }] }))
    };
    let lists = |params, at| Says { models: list(params, at), ..Says::default() };
    let replies = |model, fingerprint| Says { model, fingerprint, ..Says::default() };
    let ill = Says { ill: true, ..Says::default() };
    // name, what the server says first and then, requests of the second evaluation, of these kept ones
    let table: Vec<(&str, Says, Says, usize, usize)> = vec![
        ("the same, by its list", lists(7, 1), lists(7, 2), 0, EXAMPLES),
        ("another one, by its list", lists(7, 1), lists(8, 1), EXAMPLES, 0),
        // Only an answer tells: one is asked for.
        (
            "the same, by its replies",
            replies(Some("a"), Some("1")),
            replies(Some("a"), Some("1")),
            1,
            EXAMPLES - 1,
        ),
        ("another model, by its replies", replies(Some("a"), None), replies(Some("b"), None), EXAMPLES, 0),
        ("another fingerprint", replies(Some("a"), Some("1")), replies(Some("a"), Some("2")), EXAMPLES, 0),
        ("says nothing of itself", Says::default(), Says::default(), 1, EXAMPLES - 1),
        ("what was no answer is not kept", ill, Says::default(), EXAMPLES, 0),
    ];
    for (name, first, then, requests, kept) in table {
        let (folder, is_ill) = (folder(), first.ill);
        let (server, state) = server(first, then).await;
        let (code, said) = eval(folder.path(), &server.url, &[]).await;
        assert_eq!(code, Some(if is_ill { 3 } else { 0 }), "{name}: {said}");
        assert!(!said.contains("kept ones"), "{name}: {said}");
        state.store(1, Ordering::Relaxed);
        let before = posts(&server);
        let (code, said) = eval(folder.path(), &server.url, &[]).await;
        assert_eq!((code, posts(&server) - before), (Some(0), requests), "{name}: {said}");
        let tells = format!(
            "{kept} of {EXAMPLES} replies are kept ones of earlier runs; --no-cache asks the model again"
        );
        assert_eq!(said.contains(&tells), kept > 0, "{name}: {said}");
        let (_, json) = eval(folder.path(), &server.url, &["--json"]).await;
        assert!(
            json.contains("\"kept\": ") && json.contains(&format!("\"total\": {EXAMPLES}")),
            "{name}: {json}"
        );
        let before = posts(&server);
        let (_, said) = eval(folder.path(), &server.url, &["--no-cache"]).await;
        assert!(posts(&server) - before == EXAMPLES && !said.contains("kept ones"), "{name}: {said}");
    }
}
