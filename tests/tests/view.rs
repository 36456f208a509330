//! The server of `mmh view`: who may ask, how many at once, and what the list says of folders that are damaged,
//! odd or hostile. How its pages look is in `browser`.

use std::{
    fs,
    io::Read,
    net::TcpStream,
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use mmh_tests::{runs, view::View};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A folder of runs with one run, `a`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    runs::copy(runs::honest(PROGRAM), &folder.path().join("runs/a"));
    folder
}

/// What a connection says next, up to so many bytes.
fn hear(stream: &mut TcpStream) -> String {
    let mut said = [0; 4096];
    let length = stream.read(&mut said).expect("an answer");
    String::from_utf8_lossy(&said[..length]).into_owned()
}

/// Asks until there is a place: the server notices a moment later that a connection was closed.
fn served(view: &View, request: &str) -> String {
    let begun = Instant::now();
    loop {
        let (head, _) = view.ask(request);
        if !head.starts_with("http/1.1 503") || begun.elapsed() > Duration::from_secs(10) {
            return head;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Streams of events have places of their own, and those for which there is none are told so.
#[test]
fn streams_of_events_leave_room_for_pages() {
    let folder = folder();
    let view = View::start(PROGRAM, folder.path(), "runs");
    let mut streams: Vec<TcpStream> = (0..64)
        .map(|_| {
            let mut stream = view.connect();
            view.send(&mut stream, "GET /events/a HTTP/1.1|host: HOST");
            stream
        })
        .collect();
    let heads: Vec<String> = streams.iter_mut().map(hear).collect();
    let served = heads.iter().filter(|head| head.starts_with("HTTP/1.1 200")).count();
    assert_eq!(served, 32, "{heads:?}");
    let refused: Vec<&String> = heads.iter().filter(|head| head.starts_with("HTTP/1.1 503")).collect();
    assert_eq!(refused.len(), 32);
    for request in ["GET /run/a HTTP/1.1|host: HOST", "GET /data/a/run HTTP/1.1|host: HOST"] {
        let asked = Instant::now();
        let (head, _) = view.ask(request);
        assert!(head.starts_with("http/1.1 200") && asked.elapsed() < Duration::from_secs(5), "{head}");
    }
    let (_, body) = view.ask("GET /events HTTP/1.1|host: HOST");
    assert!(body.contains("too many pages of this server are open: close some"), "{body}");
    // Whoever closes a page gives its place back.
    drop(streams);
    let begun = Instant::now();
    loop {
        let mut stream = view.connect();
        view.send(&mut stream, "GET /events/a HTTP/1.1|host: HOST");
        if hear(&mut stream).starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "a place becomes free");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// All who follow a run are told of each change, and not of what has not changed.
#[test]
fn a_change_is_told_to_all() {
    let folder = folder();
    let view = View::start(PROGRAM, folder.path(), "runs");
    let mut streams: Vec<TcpStream> = ["/events/a", "/events/a", "/events"]
        .into_iter()
        .map(|path| {
            let mut stream = view.connect();
            view.send(&mut stream, &format!("GET {path} HTTP/1.1|host: HOST"));
            stream
        })
        .collect();
    let until_changed = |stream: &mut TcpStream| {
        let mut said = String::new();
        while !said.contains("event: changed") {
            said += &hear(stream);
        }
        assert_eq!(said.matches("event: changed").count(), 1, "{said}");
    };
    streams.iter_mut().for_each(until_changed);
    std::thread::sleep(Duration::from_millis(1500));
    for stream in &mut streams {
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("set");
        assert!(stream.read(&mut [0; 64]).is_err(), "nothing has changed");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    }
    let file = folder.path().join("runs/a/cost.json");
    fs::write(&file, fs::read_to_string(&file).expect("read") + " ").expect("written");
    streams.iter_mut().for_each(until_changed);
}

/// Connections that say nothing, or do not take what they asked for, hold their places for a moment only:
/// whoever comes meanwhile waits, and beyond a number it is said that there is no place.
#[test]
fn idle_connections_are_given_up() {
    let folder = folder();
    let summary = folder.path().join("runs/a/summary.json");
    let mut large: Value = serde_json::from_slice(&fs::read(&summary).expect("read")).expect("JSON");
    large["iterations"][1]["reasoning"] = "x".repeat(20 << 20).into();
    fs::write(&summary, large.to_string()).expect("written");
    let view = View::start(PROGRAM, folder.path(), "runs");
    let crowd: Vec<TcpStream> = (0..128).map(|_| view.connect()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let told = hear(&mut view.connect());
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("too many connections are open"), "{told}");
    // Whoever has asked already is told as well, and the connection ends without a reset.
    for _ in 0..100 {
        let (head, body) = view.ask("GET /run/a HTTP/1.1|host: HOST");
        assert!(head.starts_with("http/1.1 503") && body.contains("too many connections are open"), "{head}");
    }
    drop(crowd);
    let head = served(&view, "GET /run/a HTTP/1.1|host: HOST");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    // name, what each of 64 clients says before it does nothing more
    for (name, says) in [("silent", ""), ("without reading", "GET /data/a/run HTTP/1.1|host: HOST")] {
        let idle: Vec<TcpStream> = (0..64)
            .map(|_| {
                let mut stream = view.connect();
                if !says.is_empty() {
                    view.send(&mut stream, says);
                }
                stream
            })
            .collect();
        std::thread::sleep(Duration::from_millis(500));
        let asked = Instant::now();
        let head = served(&view, "GET /run/a HTTP/1.1|host: HOST");
        assert!(head.starts_with("http/1.1 200"), "{name}: {head}");
        assert!(asked.elapsed() < Duration::from_secs(10), "{name}: {:?}", asked.elapsed());
        drop(idle);
    }
}

/// Every folder that holds a run is listed, whatever is wrong with it, and nothing of it is shown raw.
#[test]
fn the_list_says_what_is_wrong() {
    let folder = folder();
    let runs = folder.path().join("runs");
    type Damage = fn(&Path);
    // folder, what is done to it, what is said of it; None is not listed
    let table: [(&str, Damage, Option<&str>); 12] = [
        (
            "cut",
            |run| fs::write(run.join("summary.json"), "{").expect("written"),
            Some("summary.json is damaged"),
        ),
        (
            "empty",
            |run| fs::write(run.join("summary.json"), "").expect("written"),
            Some("summary.json is damaged"),
        ),
        (
            "gone",
            |run| fs::remove_file(run.join("summary.json")).expect("removed"),
            Some("cannot read summary.json"),
        ),
        (
            "config",
            |run| fs::write(run.join("config.json"), "[]").expect("written"),
            Some("config.json is damaged"),
        ),
        (
            "both",
            |run| {
                fs::write(run.join("config.json"), "x").expect("written");
                fs::write(run.join("summary.json"), "y").expect("written");
            },
            Some("config.json is damaged"),
        ),
        (
            "sparse",
            |run| {
                let file = fs::File::options().write(true).open(run.join("summary.json")).expect("opened");
                file.set_len(1 << 40).expect("made long");
            },
            Some("summary.json has 1024 GiB, and the list reads 64 MiB at most"),
        ),
        (
            "pipe",
            |run| {
                fs::remove_file(run.join("summary.json")).expect("removed");
                let made =
                    Command::new("mkfifo").arg(run.join("summary.json")).status().expect("mkfifo starts");
                assert!(made.success());
            },
            Some("cannot read summary.json"),
        ),
        ("a (copy)", |_| {}, Some("left out: its name is no run id")),
        ("b\u{1b}[2J\nsaid", |_| {}, Some("left out: its name is no run id")),
        ("\u{202e}gpj", |_| {}, Some("left out")),
        (".hidden", |_| {}, None),
        ("sound", |_| {}, Some("finished")),
    ];
    for (name, damage, _) in &table {
        let run = runs.join(name);
        runs::copy(&runs.join("a"), &run);
        damage(&run);
    }
    fs::create_dir(runs.join("no run")).expect("created");
    symlink("/etc", runs.join("elsewhere")).expect("linked");
    let view = View::start(PROGRAM, folder.path(), "runs");
    let (head, body) = view.ask("GET /data HTTP/1.1|host: HOST");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let list: Vec<Value> = serde_json::from_str(&body).expect("JSON");
    assert_eq!(list.len(), 1 + table.iter().filter(|row| row.2.is_some()).count(), "{body}");
    for (name, _, says) in table {
        let shown = mmh_record::text::name(name);
        let Some(run) = list.iter().find(|run| run["id"] == shown.as_str()) else {
            assert!(says.is_none(), "{name:?} is not listed: {body}");
            continue;
        };
        let said = run["problem"].as_str().unwrap_or(run["state"].as_str().unwrap_or_default());
        assert!(says.is_some_and(|says| said.contains(says)), "{name:?}: {said}");
        let opens =
            view.ask(&format!("GET /run/{} HTTP/1.1|host: HOST", name.replace(['\n', ' ', '\u{1b}'], ""))).0;
        assert_eq!(run["opens"] == true, opens.starts_with("http/1.1 200"), "{name:?}");
    }
    assert!(!body.contains(['\u{1b}', '\u{202e}']), "{body:?}");
}

#[test]
fn the_server_answers_its_own_pages_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("runs/inside");
    runs::copy(runs::honest(PROGRAM), &run);
    fs::write(folder.path().join("secret.json"), "secret").expect("a file");
    fs::create_dir(folder.path().join("other")).expect("a folder");
    fs::write(folder.path().join("other/config.json"), fs::read(run.join("config.json")).expect("a file"))
        .expect("a file");
    std::os::unix::fs::symlink("../other", folder.path().join("runs/link")).expect("a link");
    let view = View::start(PROGRAM, folder.path(), "runs");
    // name, request, status, what is in the answer
    let table = [
        ("the list", "GET /data HTTP/1.1|host: HOST", "200", "\"inside\""),
        ("the page", "GET /run/inside HTTP/1.1|host: HOST", "200", "<!doctype html>"),
        ("a run", "GET /data/inside/run HTTP/1.1|host: HOST", "200", "\"iterations\""),
        ("an evaluation", "GET /data/inside/val-001 HTTP/1.1|host: HOST", "200", "\"pieces\""),
        ("another name for this machine", "GET /data HTTP/1.1|host: evil.example", "421", "127.0.0.1"),
        ("a forwarded port", "GET /data HTTP/1.1|host: localhost:9000", "200", "\"inside\""),
        (
            "a forwarded port's own page",
            "GET /data HTTP/1.1|host: localhost:9000|origin: http://localhost:9000",
            "200",
            "\"inside\"",
        ),
        (
            "another server of this machine",
            "GET /data HTTP/1.1|host: HOST|origin: http://localhost:3000",
            "403",
            "own pages",
        ),
        ("another page", "GET /data HTTP/1.1|host: HOST|origin: http://evil.example", "403", "own pages"),
        (
            "a script elsewhere",
            "GET /data HTTP/1.1|host: HOST|sec-fetch-site: cross-site",
            "403",
            "own pages",
        ),
        ("writing", "POST /data HTTP/1.1|host: HOST", "405", "GET only"),
        ("the folder above", "GET /data/../run HTTP/1.1|host: HOST", "404", "nothing"),
        ("the folder above, hidden", "GET /data/%2e%2e/run HTTP/1.1|host: HOST", "404", "nothing"),
        ("a link out of the folder", "GET /data/link/run HTTP/1.1|host: HOST", "404", "nothing"),
        ("a file", "GET /data/inside/config.json HTTP/1.1|host: HOST", "404", "nothing"),
        ("an odd number", "GET /data/inside/val-1 HTTP/1.1|host: HOST", "404", "nothing"),
    ];
    for (name, request, status, part) in table {
        let (head, body) = view.ask(request);
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{name}: {head}");
        assert!(body.contains(part), "{name}: {part:?} is not in {}", &body[..body.len().min(400)]);
        for header in [
            "content-security-policy: default-src 'none'; script-src 'sha256-",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(head.contains(header), "{name}: {header:?} is not in {head}");
        }
        assert!(!head.contains("access-control-"), "{name}: nobody else may read it: {head}");
    }
    let (_, list) = view.ask("GET /data HTTP/1.1|host: HOST");
    assert!(!list.contains("link"), "a link out of the folder is no run: {list}");

    // One run is shown as well as a folder of them.
    let one = View::start(PROGRAM, folder.path(), "runs/inside");
    let (head, _) = one.ask("GET / HTTP/1.1|host: HOST");
    assert!(head.contains("location: /run/inside"), "{head}");
    let mut nothing = Command::new(PROGRAM);
    let nothing = nothing.current_dir(folder.path()).args(["view", "nowhere"]).output().expect("it starts");
    assert_eq!(nothing.status.code(), Some(2));
}
