//! What an author is told: compilers know one file in a scratch folder, and the author knows a path that an editor jumps to.
//! Hints say what the sandbox has to do with it.

use std::path::Path;

use mmh_engine::compile::Rejection;
use mmh_record::{language::HarnessLanguage, text};

/// Who is told.
#[derive(Clone, Copy)]
pub struct Author<'a> {
    file: Option<&'a Path>,
}

/// Signs in what a compiler says, and what to do.
const HINTS: [(&[&str], &str); 9] = [
    (
        &["E0583", "file not found for module", "cannot declare a file module"],
        "the jail compiles one file: write `mod name { ... }` into it; or make it a project of several files (`mmh new`), \
         which your own cargo builds outside of the jail",
    ),
    (
        &["couldn't read `", "the source takes in another file"],
        "a harness is one file, and the jail has no other: write the data into the source as a constant, or take it from \
         train examples in `learn`",
    ),
    (
        &["not defined at compile time"],
        "the jail's compiler has no environment, so env! finds nothing: write the value into the source; option_env! is \
         always None",
    ),
    (
        &["requested on the command line with `-F unsafe-code`"],
        "a harness has no `unsafe`: the jail forbids it, so that a source can be trusted to stay in the sandbox",
    ),
    (
        &["may not be used on the stable release channel"],
        "harnesses use stable Rust only, so that each compiler makes the same of them",
    ),
    (
        &["you might be missing a crate named", "unlinked crate"],
        "the jail knows four crates: mmh_sdk, serde, serde_json and regex_lite; with others make it a project (`mmh new`) and \
         name them in its Cargo.toml, then your own cargo builds it outside of the jail",
    ),
    (
        &["imports wasi:filesystem"],
        "the source uses files (std::fs), of which a harness has none: write the data into the source as a constant, or take \
         it from train examples in `learn` and keep it in the state",
    ),
    (
        &["imports wasi:sockets", "imports wasi:http"],
        "the source uses the network, of which a harness has none: it asks the model through the SDK only",
    ),
    (
        &["no export `learn` found", "no export `predict` found"],
        "a harness in Rust ends with `mmh_sdk::export!(Type);`, which makes both exports; a scorer (`export_scorer!`) is not \
         evaluated by itself: `metric = { scorer = \"FILE\" }` in a task.toml uses it",
    ),
];

impl<'a> Author<'a> {
    /// The author of a harness in this file; of none where the harness has no file here.
    pub fn new(file: Option<&'a Path>) -> Self {
        Self { file }
    }

    /// The same words with the author's own path where the compiled file is meant: `harness.rs:3:5`.
    pub fn places(&self, said: &str) -> String {
        let Some(file) = self.file else { return said.to_owned() };
        let own = HarnessLanguage::of_file(file).unwrap_or_default().source();
        let (name, path) = (format!("{own}:"), format!("{}:", text::path(file)));
        // A traceback of Python names files in another form.
        let said =
            said.replace(&format!("File \"{own}\", line "), &format!("File \"{}\", line ", text::path(file)));
        let (mut out, mut left) = (String::with_capacity(said.len()), said.as_str());
        while let Some(at) = left.find(&name) {
            let (before, rest) = (&left[..at], &left[at + name.len()..]);
            let is_place = rest.starts_with(|next: char| next.is_ascii_digit())
                && before
                    .chars()
                    .next_back()
                    .is_none_or(|last| last.is_whitespace() || "(`\"".contains(last));
            out += before;
            out += if is_place { &path } else { &name };
            left = rest;
        }
        out + left
    }

    /// Why a harness was turned down: the compiler's words once, warnings only if they are wanted, and hints.
    pub fn rejection(&self, rejection: &Rejection, warnings: bool) -> String {
        let Rejection { kind, message, diagnostics } = rejection;
        let shown = if warnings { diagnostics.clone() } else { without_warnings(diagnostics) };
        let mut out = match shown.trim() {
            "" => format!("{}: {message}", kind.name()),
            shown if shown.starts_with(message.as_str()) => format!("{}: {shown}", kind.name()),
            shown => format!("{}: {message}\n\n{shown}", kind.name()),
        };
        for hint in hints(rejection) {
            out += &format!("\n\nhint: {hint}");
        }
        self.places(&out)
    }
}

/// What the sandbox has to do with a refusal.
pub fn hints(rejection: &Rejection) -> Vec<&'static str> {
    let said = |sign: &&str| rejection.diagnostics.contains(sign) || rejection.message.contains(sign);
    HINTS.iter().filter(|(signs, _)| signs.iter().any(said)).map(|(_, hint)| *hint).collect()
}

/// What a compiler says, without the paragraphs that are warnings.
pub fn without_warnings(said: &str) -> String {
    let is_warning = |part: &&str| part.trim_start().starts_with("warning");
    said.split("\n\n").filter(|part| !is_warning(part)).collect::<Vec<_>>().join("\n\n")
}

/// The paragraphs that are warnings, without the count of them.
pub fn only_warnings(said: &str) -> String {
    let parts = said.split("\n\n").map(str::trim);
    let warnings = parts.filter(|part| part.starts_with("warning") && part.contains("-->"));
    warnings.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmh_engine::compile::RejectionKind;

    #[test]
    fn places_are_the_authors() {
        let author = Author::new(Some(Path::new("my/src/lib.rs")));
        // what is said, and what is shown
        let table = [
            ("  --> harness.rs:3:5\n", "  --> my/src/lib.rs:3:5\n"),
            ("  ::: harness.rs:3:5", "  ::: my/src/lib.rs:3:5"),
            ("panicked at harness.rs:12:25: boom", "panicked at my/src/lib.rs:12:25: boom"),
            ("harness.rs:1:2", "my/src/lib.rs:1:2"),
            ("my-harness.rs:3:5 and /a/harness.rs:1", "my-harness.rs:3:5 and /a/harness.rs:1"),
            ("harness.rs: a file", "harness.rs: a file"),
            ("nothing", "nothing"),
        ];
        for (said, shown) in table {
            assert_eq!(author.places(said), shown);
            assert_eq!(Author::new(None).places(said), said);
        }
    }

    #[test]
    fn refusals_have_hints() {
        // the compiler's words, and a part of the hint
        let table = [
            (
                "error[E0432]: unresolved import `rand`; you might be missing a crate named `rand`",
                "four crates",
            ),
            ("error[E0433]: use of unresolved module or unlinked crate `rand`", "four crates"),
            ("the component imports wasi:filesystem/types@0.2.6, which", "uses files"),
            ("the component imports wasi:sockets/tcp@0.2.6, which", "uses the network"),
            ("not a harness: no export `learn` found", "mmh_sdk::export!(Type);"),
        ];
        for (message, part) in table {
            let found = hints(&Rejection {
                kind: RejectionKind::DidNotCompile,
                message: message.into(),
                diagnostics: String::new(),
            });
            assert!(found.len() == 1 && found[0].contains(part), "{message}: {found:?}");
        }
    }

    #[test]
    fn the_compiler_is_quoted_once_and_explained() {
        let author = Author::new(Some(Path::new("a.rs")));
        let warning = "warning: unused variable: `x`\n --> harness.rs:1:1\n  |\n1 | x\n";
        let error = "error[E0583]: file not found for module `more`\n --> harness.rs:2:1";
        let rejection = |message: &str, diagnostics: String| Rejection {
            kind: RejectionKind::DidNotCompile,
            message: message.into(),
            diagnostics,
        };
        let message = "error[E0583]: file not found for module `more`";
        let found = author.rejection(&rejection(message, format!("{warning}\n{error}")), false);
        assert!(
            found.starts_with(
                "did-not-compile: error[E0583]: file not found for module `more`\n --> a.rs:2:1\n"
            )
        );
        assert_eq!(found.matches(message).count(), 1, "{found}");
        assert!(found.contains("hint: the jail compiles one file") && !found.contains("unused"), "{found}");
        let found = author.rejection(&rejection(message, format!("{warning}\n{error}")), true);
        assert!(found.contains("unused variable") && found.contains("a.rs:1:1"), "{found}");
        let found = author.rejection(&rejection("the source takes in another file: x", String::new()), false);
        assert!(found.starts_with(
            "did-not-compile: the source takes in another file: x\n\nhint: a harness is one file"
        ));
        assert_eq!(
            only_warnings(&format!("{warning}\n{error}\n\nwarning: 1 warning emitted")),
            warning.trim()
        );
    }
}
