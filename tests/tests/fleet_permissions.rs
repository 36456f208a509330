//! A worker with the permissions that `docs/many-machines.md` gives it: it works, and whatever else it tries, the server
//! denies. The configuration is the page's own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_nats::{Client, ConnectOptions, Event};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::StreamExt;
use mmh_record::limits::Limits;
use mmh_tests::{
    builder,
    fleet::{Nats, command},
    nats::Running,
    pages::Page,
};
use nkeys::KeyPair;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A harness with a large state and large prompts.
const LARGE: &str = r#"use mmh_sdk::prelude::*;

struct Large;

impl Harness for Large {
    type State = String;

    fn predict(_: &Task, state: &String, input: &Input, model: &Model) -> Result<Answer> {
        Ok(Answer::new(model.complete(&Request::new(format!("{state} {input}")).max_tokens(64))?.text))
    }

    fn learn(_: &Task, _: String, _: &[Feedback], _: &Model) -> Result<String> {
        Ok("x".repeat(1_500_000))
    }
}

mmh_sdk::export!(Large);
"#;

/// The page's file, and its two users.
fn users() -> String {
    let page = Page::named("docs/many-machines.md");
    let block = page.blocks().into_iter().find(|it| it.file.as_deref() == Some("users.conf"));
    block.expect("users.conf").text
}

/// The credentials of a server, as a test uses them.
struct Place {
    nats: Nats,
    folder: tempfile::TempDir,
    /// What `--nats-creds` and the URL say, for the worker and for the coordinator.
    worker: Vec<String>,
    coordinator: Vec<String>,
}

impl Place {
    /// A server with this configuration. Users are named by what stands in front of the host, or by files.
    fn start(config: &str, users: [(&str, Option<String>); 2]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("nats.conf");
        fs::write(&file, config).expect("written");
        let nats = Nats::start(&["-c", &file.to_string_lossy()]);
        let [worker, coordinator] = users.map(|(user, key)| {
            let host = nats.url().replace("nats://", "");
            let Some(key) = key else { return vec![format!("nats://{user}@{host}")] };
            let path = folder.path().join(user);
            fs::write(&path, key).expect("written");
            vec![nats.url(), "--nats-creds".into(), path.to_string_lossy().into_owned()]
        });
        Self { nats, folder, worker, coordinator }
    }

    fn mmh(&self, args: &[&str], access: &[String]) -> Output {
        let access: Vec<&str> = access.iter().map(String::as_str).collect();
        command(PROGRAM, self.folder.path(), &[args, &access].concat()).output().expect("the program starts")
    }

    fn worker(&self, name: &str) -> Running {
        let log = fs::File::create(self.folder.path().join("worker.log")).expect("a file");
        let args = ["worker", "--name", name, "--processors", "1", "--nats"].map(str::to_owned);
        let args = [&args[..], &self.worker].concat();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut worker = command(PROGRAM, self.folder.path(), &args);
        Running::of(worker.stdout(Stdio::null()).stderr(log).spawn().expect("the program starts"))
    }

    /// Waits until a worker is there.
    fn wait(&self) {
        for _ in 0..100 {
            let found = self.mmh(&["workers", "--json", "--nats"], &self.coordinator);
            let found: Value = serde_json::from_slice(&found.stdout).unwrap_or_default();
            if found["workers"].as_array().is_some_and(|all| !all.is_empty()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no worker comes: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("worker.log")).unwrap_or_default()
    }

    /// Makes what only a coordinator may make, starts a worker, and has calls made by it.
    fn works(&self, name: &str) -> Running {
        let first = self.mmh(&["workers", "--nats"], &self.coordinator);
        assert!(first.status.success(), "{name}: {}", said(&first));
        let worker = self.worker("one");
        self.wait();
        // States and prompts that are too large for a message go through the store.
        fs::write(self.folder.path().join("large.rs"), LARGE).expect("written");
        let eval =
            ["eval", "large.rs", "--mock", "--prompt-kib", "4096", "--eval-size", "6", "--json", "--workers"];
        let output = self.mmh(&eval, &self.coordinator);
        let said = said(&output);
        assert!(output.status.success() && !said.contains("made here") && !said.contains("denies"), "{said}");
        let known = self.mmh(&["workers", "--json", "--nats"], &self.coordinator);
        let known: Value = serde_json::from_slice(&known.stdout).expect("JSON");
        assert!(known["workers"][0]["done"].as_u64().is_some_and(|done| done > 6), "{name}: {known}");
        assert!(!self.log().contains("denies"), "{name}: {}", self.log());
        worker
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it).into_owned()).concat()
}

fn of_the_page() -> Place {
    Place::start(&users(), [("worker:a%20long%20one", None), ("coordinator:another%20long%20one", None)])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_permissions_of_the_page_are_enough() {
    builder(PROGRAM, Limits::default()).await;
    let page = of_the_page();
    let _worker = page.works("passwords");

    let keys = [(); 2].map(|()| KeyPair::new_user());
    let mut config = users();
    for (user, key) in
        ["user: worker, password: \"a long one\"", "user: coordinator, password: \"another long one\""]
            .iter()
            .zip(&keys)
    {
        assert!(config.contains(user), "{config}");
        config = config.replace(user, &format!("nkey: {}", key.public_key()));
    }
    let [worker, coordinator] = keys.map(|key| Some(key.seed().expect("a seed")));
    let place = Place::start(&config, [("worker.nk", worker), ("coordinator.nk", coordinator)]);
    let _worker = place.works("keys");

    let (config, [worker, coordinator]) = with_tokens();
    let place =
        Place::start(&config, [("worker.creds", Some(worker)), ("coordinator.creds", Some(coordinator))]);
    let _worker = place.works("tokens");
}

/// Permissions of the page: what stands between brackets behind these words, from this name on.
fn allowed(name: &str, what: &str) -> Vec<String> {
    let text = users();
    let (_, rest) = text.split_once(&format!("{name}: {{\n")).expect("a role");
    let (_, rest) = rest.split_once(&format!("{what}: {{ allow: [")).expect("a list");
    let (list, _) = rest.split_once(']').expect("an end");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A server's configuration with an operator, and the files of credentials of two users, as `nsc` makes them.
fn with_tokens() -> (String, [String; 2]) {
    let (operator, account, system) =
        (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let limits = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
        "conn": -1, "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1 });
    let of_account = json!({ "type": "account", "version": 2, "limits": limits });
    let of_system = json!({ "type": "account", "version": 2, "limits": { "subs": -1, "data": -1, "payload": -1,
        "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1 } });
    let token = |issuer: &KeyPair, subject: &KeyPair, nats: Value| {
        let claims = json!({ "jti": subject.public_key(), "iat": 1_700_000_000, "iss": issuer.public_key(),
            "sub": subject.public_key(), "name": "test", "nats": nats });
        let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
        let body = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = issuer.sign(body.as_bytes()).expect("signed");
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let own = json!({ "type": "operator", "version": 2, "system_account": system.public_key() });
    let config = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}: {}\n{}: {}\n}}\n",
        token(&operator, &operator, own),
        system.public_key(),
        account.public_key(),
        token(&operator, &account, of_account),
        system.public_key(),
        token(&operator, &system, of_system),
    );
    let credentials = ["WORKER", "COORDINATOR"].map(|role| {
        let user = KeyPair::new_user();
        let mut nats = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1,
            "pub": { "allow": allowed(role, "publish") }, "sub": { "allow": allowed(role, "subscribe") } });
        if role == "WORKER" {
            nats["resp"] = json!({ "max": 1, "ttl": 0 });
        }
        format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{}\n\
             ------END USER NKEY SEED------\n",
            token(&account, &user, nats),
            user.seed().expect("a seed")
        )
    });
    (config, credentials)
}

/// A client with the worker's own credentials, and what the server denies to it.
async fn bad_worker(place: &Place) -> (Client, Arc<Mutex<String>>) {
    let heard = Arc::new(Mutex::new(String::new()));
    let hear = heard.clone();
    let options =
        ConnectOptions::new().custom_inbox_prefix("_INBOX.mmh-worker.bad").event_callback(move |event| {
            if let Event::ServerError(error) = event {
                *hear.lock().expect("no panic") += &format!("{error}\n");
            }
            std::future::ready(())
        });
    let options = options.user_and_password("worker".into(), "a long one".into());
    (options.connect(place.nats.url()).await.expect("connected"), heard)
}

/// What is tried, by a subject that the server then denies.
enum Try {
    Publish,
    Listen,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_can_do_nothing_else() {
    builder(PROGRAM, Limits::default()).await;
    let place = of_the_page();
    let _worker = place.works("a worker that works");
    let (client, heard) = bad_worker(&place).await;
    // name, what is tried, with which subject
    let table = [
        ("to hear model calls", Try::Listen, "mmh.model.>"),
        ("to hear whether a coordinator is asked for", Try::Listen, "mmh.alive.*"),
        ("to hear results", Try::Listen, "mmh.result.>"),
        ("to hear calls", Try::Listen, "mmh.call.>"),
        ("to hear who is there", Try::Listen, "mmh.worker.hello"),
        ("to hear answers to coordinators", Try::Listen, "_INBOX.mmh-coordinator.>"),
        ("to hear all answers", Try::Listen, "_INBOX.>"),
        ("to hear everything", Try::Listen, ">"),
        ("to hear what is stored", Try::Listen, "$O.>"),
        ("to hear others ask the server", Try::Listen, "$JS.API.>"),
        ("to answer a worker for the coordinator", Try::Publish, "_INBOX.mmh-worker.one.x"),
        ("to answer a coordinator", Try::Publish, "_INBOX.mmh-coordinator.x"),
        ("to hand out a call", Try::Publish, "mmh.call.x.y.z"),
        ("to send a worker away", Try::Publish, "mmh.worker.leave.x"),
        ("to ask who is there", Try::Publish, "mmh.worker.who"),
        ("to make a stream", Try::Publish, "$JS.API.STREAM.CREATE.X"),
        ("to delete the calls", Try::Publish, "$JS.API.STREAM.DELETE.MMH_CALLS"),
        ("to delete the objects", Try::Publish, "$JS.API.STREAM.DELETE.OBJ_mmh-objects"),
        ("to change the calls", Try::Publish, "$JS.API.STREAM.UPDATE.MMH_CALLS"),
        ("to empty the calls", Try::Publish, "$JS.API.STREAM.PURGE.MMH_CALLS"),
        ("to take a call out", Try::Publish, "$JS.API.STREAM.MSG.DELETE.MMH_CALLS"),
        ("to read a call of any run", Try::Publish, "$JS.API.STREAM.MSG.GET.MMH_CALLS"),
        ("to read a result of any run", Try::Publish, "$JS.API.STREAM.MSG.GET.MMH_RESULTS"),
        ("to make a consumer of the calls", Try::Publish, "$JS.API.CONSUMER.CREATE.MMH_CALLS.x"),
        ("to make one in the old way", Try::Publish, "$JS.API.CONSUMER.DURABLE.CREATE.MMH_CALLS.x"),
        ("to make a consumer of the results", Try::Publish, "$JS.API.CONSUMER.CREATE.MMH_RESULTS"),
        ("to delete the workers' consumer", Try::Publish, "$JS.API.CONSUMER.DELETE.MMH_CALLS.x"),
        ("to list the streams", Try::Publish, "$JS.API.STREAM.NAMES"),
        ("to ask the server about itself", Try::Publish, "$SYS.REQ.SERVER.PING"),
    ];
    for (name, tried, subject) in table {
        heard.lock().expect("no panic").clear();
        match tried {
            Try::Publish => client.publish(subject, "{}".into()).await.expect("sent"),
            Try::Listen => drop(client.subscribe(subject).await.expect("sent")),
        }
        // The server answers in the order in which it is asked.
        let _ = client.request("$JS.API.STREAM.INFO.MMH_CALLS", "".into()).await.expect("this is allowed");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let heard = heard.lock().expect("no panic").clone();
        assert!(heard.contains(&format!("to \"{subject}\"")), "a worker may not be able {name}: {heard:?}");
    }
    replies_only_to_who_asked(&place, &client).await;
}

/// A worker may answer who asked it, once, and nobody else.
async fn replies_only_to_who_asked(place: &Place, client: &Client) {
    let options = ConnectOptions::new().user_and_password("coordinator".into(), "another long one".into());
    let options = options.custom_inbox_prefix("_INBOX.mmh-coordinator");
    let coordinator = options.connect(place.nats.url()).await.expect("connected");
    let mut asked = client.subscribe("mmh.worker.who").await.expect("subscribed");
    let inbox = coordinator.new_inbox();
    let mut answers = coordinator.subscribe(inbox.clone()).await.expect("subscribed");
    client.flush().await.expect("sent");
    tokio::time::sleep(Duration::from_millis(200)).await;
    coordinator.publish_with_reply("mmh.worker.who", inbox, "".into()).await.expect("sent");
    let reply = asked.next().await.expect("a question").reply.expect("a place for the answer");
    for text in ["first", "second"] {
        client.publish(reply.clone(), text.into()).await.expect("sent");
    }
    let mut found = Vec::new();
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_secs(2), answers.next()).await {
        found.push(String::from_utf8_lossy(&message.payload).into_owned());
    }
    let own = found.iter().filter(|it| ["first", "second"].contains(&it.as_str())).count();
    assert_eq!(own, 1, "{found:?}");
}

/// What is denied is said, with the next step.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_is_said() {
    let place = of_the_page();
    let nothing = place.folder.path().join("nothing");
    fs::write(&nothing, "no key").expect("written");
    let [short, gone] = ["SUABC", ""].map(|text| {
        let path = place.folder.path().join(format!("key{}", text.len()));
        if !text.is_empty() {
            fs::write(&path, text).expect("written");
        }
        path
    });
    let with = |user: &str| place.nats.url().replace("nats://", &format!("nats://{user}@"));
    let (worker, coordinator) = (with("worker:a%20long%20one"), with("coordinator:another%20long%20one"));
    let (wrong, plain) = (with("worker:another"), place.nats.url());
    let creds = |file: &Path| vec!["--nats-creds".to_owned(), file.to_string_lossy().into_owned()];
    let dir: PathBuf = place.folder.path().join("runs");
    fs::create_dir(&dir).expect("a folder");
    // name, command, more arguments, what is said, exit code
    type Row<'a> = (&'a str, &'a [&'a str], Vec<String>, &'a [&'a str], i32);
    let table: [Row<'_>; 8] = [
        (
            "a worker before any coordinator",
            &["worker", "--nats", &worker],
            vec![],
            &["denies this user to publish on $JS.API.STREAM.CREATE.MMH_CALLS", "`mmh workers`"],
            3,
        ),
        ("a wrong password", &["worker", "--nats", &wrong], vec![], &["authorization"], 3),
        ("no password", &["workers", "--nats", &plain], vec![], &["authorization"], 3),
        ("no key", &["workers", "--nats", &plain], creds(&nothing), &["nothing: neither credentials"], 2),
        ("half a key", &["workers", "--nats", &plain], creds(&short), &["no seed of a user"], 2),
        ("a key that is gone", &["workers", "--nats", &plain], creds(&gone), &["No such file"], 2),
        ("a coordinator", &["workers", "--nats", &coordinator], vec![], &["no worker"], 0),
        (
            "a worker that looks who is there",
            &["workers", "--nats", &worker],
            vec![],
            &[
                "denies this user to listen to _INBOX.mmh-coordinator.",
                "permissions of a worker and of a coordinator",
            ],
            3,
        ),
    ];
    for (name, args, more, parts, code) in table {
        let output = place.mmh(args, &more);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        for part in parts {
            assert!(said.contains(part), "{name}: {part:?} is not in {said}");
        }
        assert!(!said.contains("long"), "{name}: a password is shown: {said}");
    }
    for args in [&["eval", "zero-shot", "--mock", "--workers"][..], &["view", "runs", "--workers"]] {
        let output = place.mmh(args, std::slice::from_ref(&worker));
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", said(&output));
        assert!(
            said(&output).contains("the NATS server denies this user to "),
            "{args:?}: {}",
            said(&output)
        );
    }
}
