//! A rule of the SDK: the docs of each public item have an example that runs and asserts something.
//!
//! It reads lines, as rustfmt leaves them. Fields and variants need docs, which the compiler demands, and no example.
//! Not in here: whether the examples hold. `cargo test` runs them.

use std::path::Path;

use crate::structure::{read, sources, without_tests};

/// Where the items are that authors see.
const FOLDER: &str = "guest-sdk/src";

/// Files of that folder that only the export macros use.
const OTHER_FILES: [&str; 4] = ["bindings.rs", "glue.rs", "scorer_bindings.rs", "scorer_glue.rs"];

/// What an item begins with, behind `pub`.
const KINDS: [&str; 11] = [
    "async fn ",
    "const ",
    "enum ",
    "fn ",
    "macro_rules! ",
    "static ",
    "struct ",
    "trait ",
    "type ",
    "union ",
    "unsafe ",
];

/// Every public item of the SDK without an example.
pub fn missing(root: &Path) -> Vec<String> {
    let folder = root.join(FOLDER);
    let mut modules = vec!["lib".to_owned()];
    let mut told = Vec::new();
    modules.extend(public_modules(&read(&folder.join("lib.rs"))));
    for path in sources(&folder) {
        let place = path.strip_prefix(&folder).unwrap_or(&path).display().to_string();
        if OTHER_FILES.contains(&place.as_str()) {
            continue;
        }
        let is_public = modules.iter().any(|module| place == format!("{module}.rs"));
        told.extend(without_example(&read(&path), is_public).into_iter().map(|(line, item)| {
            format!(
                "{FOLDER}/{place}:{line} `{item}` has no example: add a block ``` to its docs that runs and has a line \
                 `assert...`"
            )
        }));
    }
    told
}

/// The modules that a file declares and that are files of their own.
fn public_modules(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

/// Line and name of each public item of a file that has no example; of the file itself, if it is a public module.
fn without_example(text: &str, is_public: bool) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let of_file: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
    if is_public && !has_example(&of_file) {
        found.push((1, "//!".to_owned()));
    }
    let (mut docs, mut attributes) = (Vec::new(), Vec::new());
    // How the last line of a block begins that holds nothing for authors, and that of a public trait.
    let (mut hidden, mut of_trait): (Option<String>, Option<String>) = (None, None);
    for (at, line) in without_tests(text).lines().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        if let Some(end) = hidden.take() {
            hidden = (!line.starts_with(&end)).then_some(end);
            continue;
        }
        if let Some(text) = code.strip_prefix("///") {
            docs.push(text);
            continue;
        }
        if code.starts_with("#[") {
            attributes.push(code);
            continue;
        }
        let is_in_trait = of_trait.as_ref().is_some_and(|end| format!("{indent}}}") == format!("    {end}"));
        let is_hidden = attributes.contains(&"#[doc(hidden)]");
        let is_public = is_in_trait || code.starts_with("pub ") || attributes.contains(&"#[macro_export]");
        let item = code.strip_prefix("pub ").unwrap_or(code);
        if is_public && !is_hidden && is_item(item) && !has_example(&docs) {
            found.push((at + 1, name(item)));
        }
        let end = code.ends_with('{').then(|| format!("{indent}}}"));
        if is_hidden || ["mod ", "macro_rules! "].iter().any(|kind| code.starts_with(kind)) {
            hidden = end;
        } else if code.starts_with("pub trait ") {
            of_trait = end;
        } else if of_trait.as_ref().is_some_and(|end| line.starts_with(end.as_str())) {
            of_trait = None;
        }
        (docs, attributes) = (Vec::new(), Vec::new());
    }
    found
}

/// Whether a public line declares something that needs an example, and not a field. What is re-exported has its docs where
/// it is; a crate's are elsewhere.
fn is_item(item: &str) -> bool {
    let is_crate = item.starts_with("use ") && !item.contains([':', '{']);
    let is_module = item.starts_with("mod ") && item.ends_with('{');
    is_crate || is_module || KINDS.iter().any(|kind| item.starts_with(kind))
}

/// An item without what follows its name.
fn name(item: &str) -> String {
    let end = item.find(['(', '<', '{', ':', '=', ';']).unwrap_or(item.len());
    item[..end].trim_end().to_owned()
}

/// Whether docs have a block that is compiled, run, and asserts something where a reader sees it.
fn has_example(docs: &[&str]) -> bool {
    let mut runs = None;
    for line in docs.iter().map(|line| line.trim_start()) {
        match (line.strip_prefix("```"), runs) {
            (Some(language), None) => runs = Some(["", "rust"].contains(&language.trim())),
            (Some(_), Some(_)) => runs = None,
            (None, Some(true)) if line.starts_with("assert") => return true,
            (None, _) => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "/// Does it.\n///\n/// ```\n/// assert!(true);\n/// ```\n";

    /// A name, what is read, and the lines and items that are told.
    type Row<'a, T> = (&'a str, T, &'a [(usize, &'a str)]);

    fn check(name: &str, source: &str, is_public: bool, expected: &[(usize, &str)]) {
        let found = without_example(source, is_public);
        let found: Vec<(usize, &str)> = found.iter().map(|(line, item)| (*line, item.as_str())).collect();
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn items_without_an_example_are_found() {
        let shown = |item: &str| format!("{EXAMPLE}{item}");
        let table: [Row<String>; 23] = [
            ("a function with an example", shown("pub fn a() {}"), &[]),
            ("no docs", "pub fn a() {}".into(), &[(1, "fn a")]),
            ("docs alone", "/// Does it.\npub struct A<T>(T);".into(), &[(2, "struct A")]),
            ("an example that does not run", shown("pub enum A {}").replace("```\n/// a", "```no_run\n/// a"), &[
                (6, "enum A"),
            ]),
            ("one that is ignored", shown("pub enum A {}").replace("```\n/// a", "```ignore\n/// a"), &[(6, "enum A")]),
            ("a text", shown("pub enum A {}").replace("```\n/// a", "```text\n/// a"), &[(6, "enum A")]),
            ("a language", shown("pub enum A {}").replace("```\n/// a", "```rust\n/// a"), &[]),
            ("nothing asserted", shown("pub fn a() {}").replace("assert!(true)", "a()"), &[(6, "fn a")]),
            ("asserted out of sight", shown("pub fn a() {}").replace("assert", "# assert"), &[(6, "fn a")]),
            ("asserted outside of a block", "/// assert!(true);\npub fn a() {}".into(), &[(2, "fn a")]),
            ("an example of the item before", shown("struct A;\npub struct B;"), &[(7, "struct B")]),
            ("attributes between", shown("#[derive(Clone)]\n#[must_use]\npub struct A;"), &[]),
            ("a method", "impl A {\n    /// Does it.\n    pub fn a(&self) {}\n}".into(), &[(3, "fn a")]),
            ("what is not public", "fn a() {}\npub(crate) fn b() {}\nimpl A for B {\n    fn c() {}\n}".into(), &[]),
            ("fields and variants", shown("pub struct A {\n    pub text: String,\n    pub r#type: u8,\n}"), &[]),
            (
                "what a trait has",
                shown("pub trait A {\n    type B: C;\n    fn d() {\n        fn e() {}\n    }\n}\nfn f() {}"),
                &[(7, "type B"), (8, "fn d")],
            ),
            ("a private trait", "trait A {\n    fn b();\n}".into(), &[]),
            ("an exported macro", "#[macro_export]\nmacro_rules! a {\n    () => {};\n}".into(), &[(2, "macro_rules! a")]),
            ("another macro", "macro_rules! a {\n    () => {\n        pub fn b() {}\n    };\n}".into(), &[]),
            (
                "hidden",
                "#[doc(hidden)]\npub mod a {\n    pub fn b() {}\n}\n#[doc(hidden)]\npub fn c() {}\npub fn d() {}".into(),
                &[(7, "fn d")],
            ),
            ("a crate", "pub use a;\npub use b::B;\npub use crate::{C, D};".into(), &[(1, "use a")]),
            ("modules", "pub mod a;\npub mod b {\n    pub type C = u8;\n}".into(), &[(2, "mod b"), (3, "type C")]),
            ("tests", "#[cfg(test)]\nmod tests {\n    pub fn a() {}\n}".into(), &[]),
        ];
        for (name, source, expected) in table {
            check(name, &source, false, expected);
        }
    }

    #[test]
    fn public_modules_need_an_example_of_their_own() {
        let shown = EXAMPLE.replace("///", "//!");
        let table: [Row<(&str, bool)>; 3] = [
            ("with an example", (&shown, true), &[]),
            ("without", ("//! About it.", true), &[(1, "//!")]),
            ("private", ("//! About it.", false), &[]),
        ];
        for (name, (source, is_public), expected) in table {
            check(name, source, is_public, expected);
        }
        assert_eq!(public_modules("mod a;\npub mod b;\npub mod c {\n}\n"), ["b"]);
    }

    /// An SDK that lies elsewhere would have no items, and nothing to tell.
    #[test]
    fn the_sdk_is_where_the_rule_looks() {
        let root = crate::root();
        for name in OTHER_FILES {
            assert!(root.join(FOLDER).join(name).is_file(), "{name}");
        }
        assert_eq!(public_modules(&read(&root.join(FOLDER).join("lib.rs"))), ["json", "labels", "log"]);
    }
}
