//! Rules of the structure that no lint checks: which crate may need which, no cycle between the modules of a
//! crate, environment and clock in one place each, file names of a run folder in one list, files that a
//! person can hold in the head.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each crate of the host, and what it may need of the others.
const ARROWS: [(&str, &[&str]); 10] = [
    ("record", &[]),
    ("engine", &["record"]),
    ("models", &["record"]),
    ("report", &["record"]),
    ("exports", &["record"]),
    ("simulated", &["record", "models"]),
    ("search", &["record", "engine", "models", "report"]),
    ("agent", &["record", "engine", "search"]),
    ("fleet", &["record", "engine"]),
    ("cli", &["record", "engine", "models", "report", "simulated", "search", "agent", "exports", "fleet"]),
];

/// What only one crate, or one file, does: the words that give it away, and where they may stand.
const ALONE: [(&str, &[&str], &[&str]); 2] = [
    ("reads the environment", &["env::var", "env::args", "env::current_dir", "env::home_dir"], &["cli/"]),
    ("reads the system's clock", &["Timestamp::now(", "SystemTime::now("], &["cli/", "record/src/clock.rs"]),
];

/// The list of file names of a run folder.
const LAYOUT: &str = "record/src/layout.rs";

/// How the names of a run's folders begin.
const FOLDERS: [&str; 2] = ["\"iterations/", "\"test/"];

/// What has files of such names that are no run's: the guest SDK.
const OTHER_FILES: &str = "engine/src/toolchain/sdk.rs";

/// Most lines of a file, for nine files of ten.
const MAX_LINES: usize = 300;

/// Everything that breaks a rule.
pub fn broken(root: &Path) -> Vec<String> {
    let host = root.join("host");
    let mut broken = Vec::new();
    let mut sizes = Vec::new();
    let names = file_names(&read(&host.join(LAYOUT)));
    for (name, allowed) in ARROWS {
        let folder = host.join(name);
        broken.extend(arrows(name, &read(&folder.join("Cargo.toml")), allowed));
        let mut modules: Modules = BTreeMap::new();
        for path in sources(&folder.join("src")) {
            let text = read(&path);
            let place = path.strip_prefix(&host).unwrap_or(&path).display().to_string();
            sizes.push(text.lines().count());
            if is_test(&place) {
                continue;
            }
            let code = without_tests(&text);
            broken.extend(alone(&place, code));
            broken.extend(named_files(&place, code, &names));
            broken.extend(named_folders(&place, code));
            let module = module(&place, name);
            modules
                .entry(module.clone())
                .or_default()
                .extend(needed(code).into_iter().filter(|it| *it != module));
        }
        broken.extend(cycles(name, &modules));
    }
    sizes.sort_unstable();
    let ninth = sizes.get(sizes.len() * 9 / 10).copied().unwrap_or_default();
    if ninth > MAX_LINES {
        broken
            .push(format!("one file of ten in host/ has more than {ninth} lines, the limit is {MAX_LINES}"));
    }
    broken
}

/// The modules of a crate, and which of the others each needs.
type Modules = BTreeMap<String, BTreeSet<String>>;

/// What a manifest needs and may not.
fn arrows(name: &str, manifest: &str, allowed: &[&str]) -> Vec<String> {
    let needed =
        manifest.lines().filter_map(|line| line.trim().strip_prefix("mmh-")?.split(['.', ' ']).next());
    let forbidden = needed.filter(|it| !allowed.contains(it));
    forbidden
        .map(|it| format!("host/{name} needs mmh-{it}, which is against the map in ARCHITECTURE.md"))
        .collect()
}

fn alone(place: &str, code: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for (what, words, homes) in ALONE {
        if homes.iter().any(|home| place.starts_with(home)) {
            continue;
        }
        for (at, line) in code_lines(code) {
            if words.iter().any(|word| line.contains(word)) {
                broken.push(format!("host/{place}:{at} {what}: {}", line.trim()));
            }
        }
    }
    broken
}

/// String literals that are names of files of a run.
fn named_files(place: &str, code: &str, names: &[String]) -> Vec<String> {
    if [LAYOUT, OTHER_FILES].contains(&place) {
        return Vec::new();
    }
    let lines = code_lines(code).filter(|(_, line)| !line.contains("include_str!"));
    let found = lines.filter(|(_, line)| {
        names.iter().any(|name| line.contains(&format!("\"{name}\"")) || line.contains(&format!("/{name}\"")))
    });
    found.map(|(at, line)| format!("host/{place}:{at} names a file of a run: {}", line.trim())).collect()
}

/// String literals that are folders of a run, or make the name of one.
fn named_folders(place: &str, code: &str) -> Vec<String> {
    if place == LAYOUT {
        return Vec::new();
    }
    let found = code_lines(code).filter(|(_, line)| FOLDERS.iter().any(|folder| line.contains(folder)));
    found.map(|(at, line)| format!("host/{place}:{at} names a folder of a run: {}", line.trim())).collect()
}

/// The names that the layout lists.
fn file_names(layout: &str) -> Vec<String> {
    let constants =
        layout.lines().filter(|line| line.starts_with("pub const ") && line.contains(": &str = \""));
    constants.filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect()
}

/// Modules that need each other, by the shortest way round.
fn cycles(name: &str, modules: &Modules) -> Vec<String> {
    let mut told = BTreeSet::new();
    for start in modules.keys() {
        let mut ways = vec![vec![start.clone()]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            let last = way.last().unwrap_or(start);
            for next in modules.get(last).into_iter().flatten() {
                if next == start {
                    let mut round = way.clone();
                    round.sort_unstable();
                    told.insert(round.join(", "));
                } else if modules.contains_key(next) && seen.insert(next.clone()) {
                    ways.insert(0, [way.clone(), vec![next.clone()]].concat());
                }
            }
        }
    }
    told.into_iter().map(|round| format!("host/{name}: modules that need each other: {round}")).collect()
}

/// The top-level modules that a file names as `crate::module`, in lists of imports as well.
fn needed(code: &str) -> BTreeSet<String> {
    // What comments link to, nobody needs.
    let code = code_lines(code).map(|(_, line)| line).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(['$', '_']) || code[..at].ends_with(|it: char| it.is_alphanumeric()) {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(first_names(list)),
            None => found.extend(word(rest)),
        }
    }
    found
}

/// The first word of each item of a list in braces.
fn first_names(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut at_start) = (Vec::new(), 0, true);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            _ if at_start && !character.is_whitespace() => {
                names.extend(word(&list[at..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

/// A module's name at the beginning of a text. Types begin with a capital.
fn word(text: &str) -> Option<String> {
    let word: String =
        text.chars().take_while(|it| it.is_ascii_lowercase() || *it == '_' || it.is_ascii_digit()).collect();
    let goes_on = text[word.len()..].starts_with(|it: char| it.is_alphanumeric());
    (!word.is_empty() && !goes_on).then_some(word)
}

/// The top-level module of a file.
fn module(place: &str, name: &str) -> String {
    let inside = place.strip_prefix(&format!("{name}/src/")).unwrap_or(place);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs").to_owned()
}

/// Lines of code with their numbers, without those that are comments.
fn code_lines(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// A file without its tests.
pub fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

fn is_test(place: &str) -> bool {
    place.ends_with("/tests.rs") || place.contains("/tests/")
}

/// All Rust files of a folder and its folders, sorted.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false if path.extension().is_some_and(|it| it == "rs") => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

/// The text of a file; nothing, if it cannot be read.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_find_what_breaks_them() {
        let names = ["summary.json".to_owned()];
        // name, what a rule says, how many times it is broken
        let table = [
            ("an allowed arrow", arrows("engine", "mmh-record.workspace = true", &["record"]).len(), 0),
            ("a forbidden arrow", arrows("report", "mmh-search.workspace = true", &["record"]).len(), 1),
            ("a variable", alone("engine/src/a.rs", "fn a() { env::var(\"X\"); }").len(), 1),
            ("a variable in the program", alone("cli/src/a.rs", "fn a() { env::var(\"X\"); }").len(), 0),
            ("a variable in a comment", alone("engine/src/a.rs", "// env::var").len(), 0),
            ("a file's name", named_files("search/src/a.rs", "read(\"summary.json\")", &names).len(), 1),
            ("a file's path", named_files("search/src/a.rs", "read(\"x/summary.json\")", &names).len(), 1),
            (
                "a folder's name",
                named_folders("search/src/a.rs", "format!(\"iterations/{index:03}\")").len(),
                1,
            ),
            ("words about a folder", named_folders("search/src/a.rs", "\"the folder test/003\"").len(), 0),
            (
                "words about a file",
                named_files("search/src/a.rs", "\"see summary.json for more\"", &names).len(),
                0,
            ),
        ];
        for (name, found, expected) in table {
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn cycles_are_found() {
        let modules = |list: &[(&str, &[&str])]| -> Modules {
            list.iter()
                .map(|(from, to)| ((*from).to_owned(), to.iter().map(|it| (*it).to_owned()).collect()))
                .collect()
        };
        let table = [
            ("a line", modules(&[("a", &["b"]), ("b", &["c"]), ("c", &[])]), 0),
            ("two", modules(&[("a", &["b"]), ("b", &["a"])]), 1),
            ("three", modules(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"])]), 1),
        ];
        for (name, modules, expected) in table {
            assert_eq!(cycles("x", &modules).len(), expected, "{name}");
        }
    }

    #[test]
    fn needed_modules_are_read_from_imports() {
        let table: [(&str, &[&str]); 5] = [
            ("use crate::cache::Cache;", &["cache"]),
            ("use crate::{cache::{self, Cache}, jail, Thing};", &["cache", "jail"]),
            ("crate::text::plain(x)", &["text"]),
            ("$crate::text", &[]),
            ("mmh_crate::text", &[]),
        ];
        for (code, expected) in table {
            let found: Vec<String> = needed(code).into_iter().collect();
            assert_eq!(found, expected, "{code}");
        }
    }
}
