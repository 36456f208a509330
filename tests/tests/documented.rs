//! The documentation says what the program does: commands run, options, limits and outcomes are those of the
//! program, links lead somewhere. Every page of the project is read, not only the README.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Output},
};

use mmh_record::{
    layout::{KINDS, Proof},
    outcome::OutcomeKind,
    text,
};
use mmh_tests::{
    cache_dir,
    help::{Shown, commands, help, options_reference, shown},
    pages::{Page, options, pages},
    root,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// This file, by which generated parts are made again.
const TEST: &str = "documented";

/// Options of other programs that pages name.
const FOREIGN: [&str; 35] = [
    "--coordinator-us",
    "--model-call-us",
    "--server-us",
    "--host",
    "--backend-store-uri",
    "--bundle",
    "--external",
    "--outfile",
    "--log-dir",
    "--insecure-ignore-tlog",
    "--signature",
    "--type",
    "--world",
    "--jinja",
    "--chat-template",
    "--mmh",
    "--slots",
    "--threads",
    "--bench",
    "--release",
    "--timings",
    "--workspace",
    "--path",
    "--test",
    "--locked",
    "--sanitizer",
    "--target-dir",
    "--ignored",
    "--nocapture",
    "--package",
    "--output-format",
    "--dangerously-skip-permissions",
    "--skip-git-repo-check",
    "--sandbox",
    "--yolo",
];

/// Where the project's own files are. A code span that begins like this is a path.
const FOLDERS: [&str; 9] =
    ["baseline-harness/", "docs/", "examples/", "fuzz/", "guest-sdk/", "host/", "tests/", "wit/", "xtask/"];

/// Made by `fuzz/prepare.sh` and by fuzzing, and kept out of the repository.
const MADE_BY_FUZZING: [&str; 3] = ["fuzz/seeds", "fuzz/corpus", "fuzz/artifacts/"];

/// History names what is there no more.
const HISTORY: &str = "CHANGELOG.md";

fn mmh(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env("MMH_CACHE_DIR", cache_dir());
    for name in ["MMH_RUSTC", "MMH_LOG", "MOONSHOT_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"] {
        command.env_remove(name);
    }
    command.output().expect("the program starts")
}

/// Runs a line of a page, and fails with what it printed.
fn succeeds(page: &Page, folder: &Path, args: &[&str]) {
    let output = mmh(folder, args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: mmh {}: {out}{err}", page.path, args.join(" "));
}

/// The README is a first look, and has one command to run the project and one to test it.
#[test]
fn the_readme_is_short() {
    let readme = Page::named("README.md");
    assert!(readme.text.lines().count() <= 200, "{} lines", readme.text.lines().count());
    let blocks = readme.blocks();
    let shell: Vec<&str> =
        blocks.iter().filter(|it| it.language == "sh").map(|it| it.text.as_str()).collect();
    assert_eq!(shell, ["cargo run --release -- run --mock --iterations 3\n", "cargo xtask test\n"]);
    let ci = fs::read_to_string(root().join(".ci/run")).expect("the CI script");
    assert!(ci.contains("cargo xtask test"));
    // A reader finds every guide from there.
    let links = readme.links();
    for page in pages().iter().filter(|it| it.path.starts_with("docs/")) {
        assert!(links.contains(&page.path), "the README has no link to {}", page.path);
    }
}

/// Every `mmh` line of every page's shell blocks runs, page by page, in order, in a folder that holds only the files
/// that the page shows.
#[test]
fn commands_work() {
    let mut ran = 0;
    for page in pages() {
        let folder = tempfile::tempdir().expect("a folder");
        let blocks = page.blocks();
        for (file, block) in blocks.iter().filter_map(|it| Some((it.file.as_ref()?, it))) {
            fs::write(folder.path().join(file), &block.text).expect("the page's file");
        }
        for line in blocks.iter().filter(|it| it.language == "sh").flat_map(|it| it.text.lines()) {
            let args = line.strip_prefix("mmh ").or_else(|| line.strip_prefix("cargo run --release -- "));
            let Some(args) = args else { continue };
            succeeds(&page, folder.path(), &args.split_whitespace().collect::<Vec<_>>());
            ran += 1;
        }
    }
    assert!(ran >= 30, "{ran} commands ran");
}

/// What a page shows, but cannot run without a key, an earlier run or a person, are arguments that are understood.
#[test]
fn other_commands_are_understood() {
    let known: BTreeSet<String> = commands(PROGRAM).into_iter().collect();
    for page in pages() {
        let blocks = page.blocks();
        for line in blocks.iter().filter(|it| it.language != "sh").flat_map(|it| it.text.lines()) {
            let Some(line) = line.strip_prefix("$ mmh ") else { continue };
            let args: Vec<&str> = line.split_whitespace().chain(["--help"]).collect();
            succeeds(&page, &root(), &args);
        }
        for span in page.spans() {
            let Some(args) = span.strip_prefix("mmh ") else { continue };
            let name = args.split_whitespace().next().unwrap_or_default();
            let is_command = known.contains(name) || name == "COMMAND";
            assert!(is_command, "{}: `{span}`: there is no such command", page.path);
        }
        let words: Vec<&str> = page.text.split([' ', '\n', '`']).collect();
        for pair in words.windows(2).filter(|pair| pair[0] == "--test") {
            let place = root().join("tests/tests").join(pair[1]);
            assert!(
                place.is_dir() || place.with_extension("rs").is_file(),
                "{}: --test {}",
                page.path,
                pair[1]
            );
        }
    }
}

/// The README shows the published run, the page about searching what its command prints, and the page about money what an
/// estimate is.
#[test]
fn shown_results_are_those_of_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let printed = |args: &[&str]| {
        let output = mmh(folder.path(), args);
        assert!(
            output.status.success(),
            "mmh {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        format!("```text\n{}\n```\n", String::from_utf8(output.stdout).expect("text").trim_end())
    };
    // What the proposer reads has latencies, so its tokens are always the same only if the clock stands still.
    let clock = ["--fixed-clock", "2026-01-01T00:00:00Z"];
    let board = printed(&[&["run", "--mock", "--iterations", "3", "--run-id", "first"], &clock[..]].concat());
    Page::named("docs/searching.md").check_generated("scoreboard", TEST, &board);
    let run = mmh_tests::runs::published().display().to_string();
    Page::named("README.md").check_generated("published", TEST, &printed(&["summary", &run]));
    printed(&["plot", &run, "-o", "accuracy.svg"]);
    let [drawn, shown] = [folder.path().join("accuracy.svg"), root().join("docs/accuracy.svg")]
        .map(|path| fs::read_to_string(path).expect("a picture"));
    if drawn != shown && std::env::var_os("MMH_BLESS").is_some() {
        fs::write(root().join("docs/accuracy.svg"), &drawn).expect("written");
        return;
    }
    assert!(drawn == shown, "docs/accuracy.svg is stale; make it again with MMH_BLESS=1");
    let estimate = printed(&["run", "--dry-run"]);
    Page::named("docs/models-and-money.md").check_generated("estimate", TEST, &estimate);
}

/// Every option that a page names exists, and every option has its place in a page.
#[test]
fn options_are_those_of_the_program() {
    let known: BTreeSet<String> =
        commands(PROGRAM).iter().flat_map(|name| options(&help(PROGRAM, name))).collect();
    let mut named = BTreeSet::new();
    for page in pages().iter().filter(|page| page.path != HISTORY) {
        for option in options(&page.text).into_iter().filter(|it| !FOREIGN.contains(&it.as_str())) {
            assert!(known.contains(&option), "{}: {option} is not in the help: {known:?}", page.path);
            named.insert(option);
        }
    }
    let missing: Vec<&String> = known.difference(&named).collect();
    assert!(missing.is_empty(), "options that no page names: {missing:?}");
}

/// The page of commands has every command and every option, as the help has them.
#[test]
fn the_page_of_commands_is_complete() {
    let page = Page::named("docs/commands.md");
    let rows = page.table("| command | what it does |");
    for name in commands(PROGRAM) {
        let is_of =
            |cell: &str| cell.trim_start_matches("`mmh ").split([' ', '`']).next() == Some(name.as_str());
        assert!(rows.iter().any(|row| is_of(&row[0])), "mmh {name} has no row");
    }
    page.check_generated("options", TEST, &options_reference(PROGRAM));
}

/// A default as a reader sees it, such as `10 billion` or `2 GiB`, in what the option counts.
fn counted(default: &str, option: &str) -> u64 {
    let (number, unit) = default.split_once(' ').unwrap_or((default, ""));
    let number: u64 = number.replace(',', "").parse().unwrap_or_else(|_| panic!("{option}: {default}"));
    let bytes = |number: u64| match option.rsplit_once('-').map(|(_, unit)| unit) {
        Some("kib") => number >> 10,
        Some("mib") => number >> 20,
        _ => panic!("{option} does not count bytes: {default}"),
    };
    match unit {
        "" | "tokens" => number,
        "s" if option.ends_with("-s") => number,
        "billion" => number * 1_000_000_000,
        "KiB" => bytes(number << 10),
        "MiB" => bytes(number << 20),
        "GiB" => bytes(number << 30),
        _ => panic!("{option}: {default}"),
    }
}

/// The table of limits has every limit once, with its default.
#[test]
fn limits_are_those_of_the_program() {
    let limits = shown(&help(PROGRAM, "run")).remove("Limits").expect("limits");
    let expected: BTreeMap<String, u64> = limits
        .iter()
        .map(|Shown { option, what }| {
            let name = option.split(' ').next().unwrap_or_default();
            let default = what.rsplit_once("[default: ").map(|(_, rest)| rest.trim_end_matches(']'));
            (
                name.to_owned(),
                default.and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("{name}: {what}")),
            )
        })
        .collect();
    let rows = Page::named("docs/commands.md").table("| what | default | option |");
    let found: BTreeMap<String, u64> = rows
        .iter()
        .map(|row| (row[2].trim_matches('`').to_owned(), counted(&row[1], row[2].trim_matches('`'))))
        .collect();
    assert_eq!(rows.len(), found.len(), "an option stands there twice");
    assert_eq!(found, expected);
}

/// The table of outcomes has every outcome once.
#[test]
fn outcomes_are_those_of_the_program() {
    // The complaint about a name that is none lists those that are.
    let complaint = serde_json::from_str::<OutcomeKind>("\"none\"").expect_err("no outcome").to_string();
    let known: Vec<&str> = complaint.split('`').skip(3).step_by(2).collect();
    let rows = Page::named("docs/writing-a-harness.md").table("| outcome | what happened | limit |");
    let found: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(found, known);
}

/// Every kind of file has its line in the table of what is proved, and no other has one.
#[test]
fn what_is_proved_of_each_file() {
    let rows = KINDS.iter().map(|kind| {
        let proved = match kind.proof {
            Proof::Derived => "derived again and compared",
            Proof::Input => "an input; compared with other files where they say the same",
        };
        let claimed = if kind.claimed.is_empty() { "nothing" } else { kind.claimed };
        format!("| `{}` | {proved} | {claimed} | {} |\n", kind.name, text::bytes(kind.max_bytes))
    });
    let head = "| file | how it is proved | what is only claimed | at most |\n|---|---|---|---|\n";
    let table = head.to_owned() + &rows.collect::<String>();
    Page::named("docs/verifying.md").check_generated("files", TEST, &table);
    let run_folder = Page::named("docs/run-folder.md").text;
    for kind in &KINDS {
        assert!(run_folder.contains(kind.name), "{} is not in the layout of the run folder", kind.name);
    }
}

/// Links between pages, to headings and to files lead somewhere, and so do paths of the project's files.
#[test]
fn links_and_paths_resolve() {
    let pages = pages();
    let all: BTreeMap<&str, Vec<String>> = pages.iter().map(|it| (it.path.as_str(), it.anchors())).collect();
    let mut broken = Vec::new();
    for page in &pages {
        let folder = Path::new(&page.path).parent().expect("a folder");
        for link in page.links().iter().filter(|it| !it.contains("://")) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match target {
                "" => page.path.clone(),
                _ => plain(&folder.join(target)),
            };
            let is_there = root().join(&target).exists();
            let has_anchor = anchor.is_empty()
                || all.get(target.as_str()).is_some_and(|it| it.contains(&anchor.to_owned()));
            if !is_there || !has_anchor {
                broken.push(format!("{}: {link}", page.path));
            }
        }
        let is_path = |span: &&String| {
            let is_made = MADE_BY_FUZZING.iter().any(|folder| span.starts_with(folder));
            FOLDERS.iter().any(|folder| span.starts_with(folder)) && !is_made && page.path != HISTORY
        };
        let spans = page.spans();
        let missing = spans.iter().filter(is_path).filter(|span| !root().join(span).exists());
        broken.extend(missing.map(|span| format!("{}: `{span}`", page.path)));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// A path without `..`.
fn plain(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part.as_os_str().to_string_lossy().into_owned() {
            part if part == ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
