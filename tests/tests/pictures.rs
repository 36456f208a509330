//! The pictures of the documentation: terminals and the page, made by the program itself.
//!
//! `MMH_BLESS=1 cargo test --workspace --test pictures` makes those of `docs/pictures` again. Without it a terminal must show
//! the same text but for times, and a page must still be drawn.

use std::{
    fs,
    io::Write,
    num::NonZeroU16,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use mmh_tests::{cache_dir, node::node, root, runs};
use regex::Regex;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// Columns of a terminal, and the most rows that one command may fill.
const COLUMNS: NonZeroU16 = NonZeroU16::new(110).expect("more than none");
const ROWS: NonZeroU16 = NonZeroU16::new(60).expect("more than none");

/// A terminal: its picture's name, and what is typed, line by line.
const TERMINALS: [(&str, &[&str]); 2] = [
    ("new", &["mmh new mine", "mmh check mine", "mmh eval mine --mock --eval-size 20"]),
    (
        "run",
        &["mmh run --mock --iterations 4 --eval-size 40 --no-test --run-id first", "mmh verify runs/first"],
    ),
];

fn bless() -> bool {
    std::env::var_os("MMH_BLESS").is_some()
}

fn picture(name: &str) -> PathBuf {
    root().join("docs/pictures").join(name)
}

/// A folder whose `bin/mmh` is the program.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("bin")).expect("a folder");
        fs::create_dir_all(folder.path().join("work")).expect("a folder");
        std::os::unix::fs::symlink(PROGRAM, folder.path().join("bin/mmh")).expect("a link");
        Self { folder }
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Starts a line in a shell in a terminal of its own. What the terminal is sent goes into the file.
    fn start(&self, line: &str, log: &Path) -> Child {
        let line = format!("stty cols {COLUMNS} rows {ROWS}; {line}");
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", self.folder.path().join("bin").display());
        let mut command = Command::new("timeout");
        command.args(["--foreground", "300", "script", "--quiet", "--flush", "--return", "--command", &line]);
        command.arg(log).current_dir(self.work()).env("PATH", path).env("MMH_CACHE_DIR", cache_dir());
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("MMH_LOG");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("script starts: `cargo xtask setup` installs it")
    }

    /// What a terminal shows after these lines, each after a prompt.
    fn shown(&self, lines: &[&str]) -> String {
        let mut shown = String::new();
        for line in lines {
            let log = self.folder.path().join("log");
            let status = self.start(line, &log).wait().expect("it ends");
            let screen = screen(&log);
            assert!(status.success(), "{line}: {screen}");
            shown += &format!("\u{1b}[1m$ {line}\u{1b}[0m\n{screen}");
        }
        shown
    }
}

/// What is on the screen of a terminal at the end of a log, with its colours.
fn screen(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    // `script` writes a line of its own at the start and at the end.
    let text = text.split_once('\n').map_or("", |(_, rest)| rest);
    let text = text.rsplit_once("\nScript done on ").map_or(text, |(before, _)| before);
    let mut terminal = vt100::Parser::new(ROWS, COLUMNS, 0);
    terminal.process(text.as_bytes());
    let plain: Vec<String> = terminal.screen().rows(0, COLUMNS.get()).collect();
    let last = plain.iter().rposition(|row| !row.trim().is_empty()).map_or(0, |at| at + 1);
    let rows = terminal.screen().rows_formatted(0, COLUMNS.get());
    rows.take(last).map(|row| format!("{row}\u{1b}[0m\n")).collect()
}

/// The same without what differs from machine to machine and from run to run: times, what is aligned by them, and digests of
/// records, which hold times. The tokens of the simulated proposer count as well, since it reads times.
fn lasting(text: &str) -> String {
    let times = Regex::new(
        r"(?s)\ncost: .*?\nrun folder|\b[0-9a-f]{64}\b|\d+(\.\d+)? ?(ms|s|min)\b|\(\d+(\.\d+)? %\)| +",
    )
    .expect("an expression");
    times.replace_all(text, " ").trim().to_owned()
}

/// The lasting text of a picture of a terminal.
fn text(svg: &str) -> String {
    let document = roxmltree::Document::parse(svg).expect("SVG");
    let lines = document.descendants().filter(|node| node.has_tag_name("text") || node.has_tag_name("tspan"));
    let words = lines.filter_map(|node| node.text());
    lasting(&words.collect::<Vec<_>>().join("\n"))
}

/// Compares a terminal with its picture, or makes that.
fn compare(name: &str, shown: &str) {
    let drawn = anstyle_svg::Term::new().render_svg(shown);
    let file = picture(&format!("{name}.svg"));
    if bless() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, drawn).expect("written");
        return;
    }
    let stored = fs::read_to_string(&file).expect("a picture");
    let again = "MMH_BLESS=1 cargo test --workspace --test pictures";
    assert_eq!(text(&drawn), text(&stored), "docs/pictures/{name}.svg shows something else: {again}");
}

#[test]
fn terminals_show_what_their_pictures_show() {
    for (name, lines) in TERMINALS {
        let desk = Desk::new();
        compare(name, &desk.shown(lines));
    }
}

/// Waits until a log has a text so often.
fn wait_for(log: &Path, text: &str, times: usize) {
    let given_up = Instant::now() + Duration::from_secs(120);
    loop {
        let found = fs::read(log).unwrap_or_default();
        let found = String::from_utf8_lossy(&found).into_owned();
        if found.matches(text).count() >= times {
            return;
        }
        assert!(Instant::now() < given_up, "no {times} times {text:?}: {found}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_author_sees_what_a_save_changes() {
    let desk = Desk::new();
    let _ = desk.shown(&["mmh new mine"]);
    let source = desk.work().join("mine/src/lib.rs");
    let log = desk.folder.path().join("dev");
    const MARK: &str = "waiting for the next save";
    let line = "mmh dev mine --mock --failures 0";
    let mut child = desk.start(line, &log);
    wait_for(&log, MARK, 1);
    let text = fs::read_to_string(&source).expect("a source");
    // A slip first, then the change that was meant.
    let from = "Reply with one label and nothing else.\", task.";
    let changes = [
        ("Reply with one label.\", tasks."),
        ("Think first. The last line is one label and nothing else.\", "),
    ];
    for (save, to) in changes.into_iter().enumerate() {
        assert!(text.contains(from), "the template has changed: {text}");
        fs::write(&source, text.replace(from, to)).expect("written");
        wait_for(&log, MARK, 2 + save);
    }
    child.stdin.take().expect("a terminal").write_all(b"\x03").expect("written");
    child.wait().expect("it ends");
    compare("dev", &format!("\u{1b}[1m$ {line}\u{1b}[0m\n{}", screen(&log)));
}

/// The published run's page.
#[test]
fn the_page_of_the_published_run_is_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = runs::published();
    let report = folder.path().join("report.html");
    let said = Command::new(PROGRAM).arg("report").arg(run).arg("-o").arg(&report).output();
    assert!(said.expect("it starts").status.success());
    let drawn = folder.path().join("page.png");
    let drawn = if bless() { picture("page.png") } else { drawn };
    node("picture.mjs", &[&report.to_string_lossy(), &drawn.to_string_lossy()]);
    let bytes = fs::read(drawn).expect("a picture");
    assert!(bytes.len() > 30_000, "{} bytes are an empty page", bytes.len());
    assert!(picture("page.png").is_file());
}
