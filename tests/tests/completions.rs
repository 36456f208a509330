//! What TAB gives in real shells: bash, zsh and fish. The shells are driven without a terminal: bash by its completion function, fish
//! by `complete -C`, zsh in a pseudo-terminal of its own (`zsh/zpty`).

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use mmh_tests::{cache_dir, runs};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mmh-under-test");

/// A folder with runs, a folder that is no run, and `mmh` on the path.
fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    runs::copy(runs::honest(PROGRAM), &at("runs/first"));
    runs::copy(runs::honest(PROGRAM), &at("runs/second"));
    runs::copy(runs::honest(PROGRAM), &at("far/fi rst"));
    fs::create_dir_all(at("runs/other")).expect("a folder");
    fs::create_dir(at("bin")).expect("a folder");
    fs::write(at("harness.rs"), "").expect("a file");
    std::os::unix::fs::symlink(PROGRAM, at("bin/mmh")).expect("a link");
    let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap_or_default());
    (folder, path)
}

/// What a program prints.
fn printed(program: &str, folder: &Path, path: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).env("PATH", path).env("MMH_CACHE_DIR", cache_dir());
    command.env("HOME", folder).env("TERM", "dumb").stdin(Stdio::null());
    let output = command.output().expect("it starts: `cargo xtask setup` brings bash, zsh and fish");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Lines, sorted, without what is said about each.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> =
        text.lines().map(|line| line.split('\t').next().unwrap_or_default().trim().to_owned()).collect();
    words.retain(|word| !word.is_empty());
    words.sort();
    words.dedup();
    words
}

/// What bash offers for a line: its words are split as bash splits them, at `=` too.
fn bash(folder: &Path, path: &str, line: &str) -> Vec<String> {
    let split = line.replace('=', " = ");
    let mut parts: Vec<String> = split.split_whitespace().map(|it| format!("'{it}'")).collect();
    if line.ends_with(' ') {
        parts.push("''".into());
    }
    let script = format!(
        "source <(mmh completions bash); compopt() {{ local IFS=' '; echo \":$*\"; }}; COMP_WORDS=({}); COMP_CWORD={}; _mmh; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        parts.join(" "),
        parts.len() - 1
    );
    words(&printed("bash", folder, path, &["--norc", "-c", &script]))
}

fn fish(folder: &Path, path: &str, line: &str) -> Vec<String> {
    let script = format!("mmh completions fish | source; complete -C '{line}'");
    words(&printed("fish", folder, path, &["--no-config", "-c", &script]))
}

/// What zsh makes of a line when TAB is pressed, where only one thing can stand there. zsh leaves a completion alone when the next key
/// comes before it is done, so that key comes after so many seconds.
fn zsh(folder: &Path, path: &str, line: &str, seconds: u64) -> String {
    let script = format!(
        r#"zmodload zsh/zpty; zpty z zsh -f -i
        zpty -w z 'PS1=; autoload -Uz compinit; compinit -u -D; source <(mmh completions zsh)'
        zpty -w z 'show() {{ print -r "<${{a}}<$BUFFER>${{a}}>"; BUFFER=; zle accept-line }}; zle -N show; bindkey "^Y" show'
        zpty -w -n z '{line}'$'\t'; sleep {seconds}; zpty -w -n z $'\C-y'
        zpty -r z line '*<<*>>*'; print -r -- $line; zpty -d z"#
    );
    let said = printed("timeout", folder, path, &["60", "zsh", "-f", "-c", &script]);
    let shown = said.rsplit_once("<<").and_then(|(_, rest)| rest.split_once(">>"));
    shown.map_or_else(|| format!("nothing was shown: {said}"), |(line, _)| line.to_owned())
}

#[test]
fn tab_gives_runs_and_iterations() {
    let (folder, path) = folder();
    let folder = folder.path();
    // the line, what is offered; `:` begins what the shell completes itself
    let table: [(&str, &[&str]); 15] = [
        ("mmh summ", &["summary"]),
        ("mmh summary ", &["runs/first", "runs/second"]),
        ("mmh summary runs/f", &["runs/first"]),
        ("mmh compare runs/first runs/s", &["runs/second"]),
        ("mmh rm --finished runs/s", &["runs/second"]),
        ("mmh run --resume runs/f", &["runs/first"]),
        ("mmh diff runs/first ", &["0", "1", "2", "3"]),
        ("mmh diff runs/first 0 ", &["0", "1", "2", "3"]),
        ("mmh export runs/first --iteration ", &["0", "1", "2", "3"]),
        ("mmh inspect runs/first --iteration 2", &["2"]),
        ("mmh export --iteration ", &[]),
        ("mmh runs --sort s", &["score", "started"]),
        ("mmh runs --so", &["--sort"]),
        ("mmh completions ", &["bash", "elvish", "fish", "powershell", "zsh"]),
        ("mmh nonsense ", &[]),
    ];
    for (line, expected) in table {
        assert_eq!(bash(folder, &path, line), expected, "bash: {line}");
        assert_eq!(fish(folder, &path, line), expected, "fish: {line}");
    }
    // Bash takes the value behind `=` alone, fish the whole word.
    assert_eq!(bash(folder, &path, "mmh runs --sort=sc"), ["score"]);
    assert_eq!(fish(folder, &path, "mmh runs --sort=sc"), ["--sort=score"]);
    // A folder of runs can stand where a run can: bash has what begins like a run, fish both.
    assert_eq!(bash(folder, &path, "mmh view ru"), ["runs/first", "runs/second"]);
    assert_eq!(fish(folder, &path, "mmh view ru"), ["runs/", "runs/first", "runs/second"]);
    // Names with spaces are quoted.
    assert_eq!(bash(folder, &path, "mmh summary far/f"), ["far/fi\\ rst"]);
    assert_eq!(fish(folder, &path, "mmh summary far/f"), ["far/fi rst"]);
    // Where no run is, the shell completes folders, and files where files can stand.
    assert_eq!(bash(folder, &path, "mmh summary fa"), [":-o dirnames -o filenames"]);
    assert_eq!(fish(folder, &path, "mmh summary fa"), ["far/"]);
    assert_eq!(bash(folder, &path, "mmh check harn"), [":-o default -o filenames"]);
    assert_eq!(fish(folder, &path, "mmh check harn"), ["harness.rs"]);
    let about = printed(
        "fish",
        folder,
        &path,
        &["--no-config", "-c", "mmh completions fish | source; complete -C 'mmh diff runs/first 1'"],
    );
    assert!(about.contains('%'), "an iteration has its score: {about}");
}

#[test]
fn zsh_completes_too() {
    let (folder, path) = folder();
    // the line, what it becomes
    let table = [
        ("mmh summ", "mmh summary "),
        ("mmh summary runs/f", "mmh summary runs/first "),
        ("mmh summary far/f", "mmh summary far/fi\\ rst "),
        ("mmh runs --sort=sc", "mmh runs --sort=score "),
        ("mmh check harn", "mmh check harness.rs "),
        ("mmh inspect runs/first --iter", "mmh inspect runs/first --iteration "),
    ];
    for (line, expected) in table {
        let found = [1, 4, 16].into_iter().find_map(|seconds| {
            let found = zsh(folder.path(), &path, line, seconds);
            (found == expected || seconds == 16).then_some(found)
        });
        assert_eq!(found.as_deref(), Some(expected), "{line}");
    }
    // As a file of $fpath.
    let functions: PathBuf = folder.path().join("functions");
    fs::create_dir(&functions).expect("a folder");
    let script = printed(PROGRAM, folder.path(), &path, &["completions", "zsh"]);
    assert!(script.starts_with("#compdef mmh\n"), "{script}");
}
