//! The files of a project as a run records them: names and digests, and the language that most of them are in.

use std::{collections::BTreeMap, path::Path};

use super::stamps;
use crate::files;
use mmh_record::{digest::Digest, format::MAX_GIVEN_FILES};

/// Larger files are counted, and not read.
const MOST_BYTES: u64 = 16 << 20;

/// The languages that projects are known to be in, by the ends of their files' names.
const LANGUAGES: [(&str, &[&str]); 6] = [
    ("rust", &["rs"]),
    ("python", &["py"]),
    ("typescript", &["ts"]),
    ("javascript", &["js", "mjs"]),
    ("go", &["go"]),
    ("c", &["c", "h"]),
];

/// The files of a project, but for what only tools write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Files {
    /// The first of them, by their paths from the project's folder.
    pub listed: BTreeMap<String, Digest>,
    /// How many are not listed.
    pub more: u64,
}

impl Files {
    /// The files that lie in a project's folder now.
    pub fn of(folder: &Path) -> Self {
        let mut found = Self::default();
        for (path, ..) in stamps(folder) {
            let name = path.strip_prefix(folder).ok().and_then(Path::to_str).map(str::to_owned);
            let is_full = found.listed.len() >= MAX_GIVEN_FILES;
            let digest = || Some(Digest::of(files::bytes_if_there(&path, MOST_BYTES).ok()??));
            match name.filter(|_| !is_full).and_then(|name| Some((name, digest()?))) {
                Some((name, digest)) => drop(found.listed.insert(name, digest)),
                None => found.more += 1,
            }
        }
        found
    }

    /// The language that most of the listed files are in; of equals, the first. Empty where none is known.
    pub fn language(&self) -> &'static str {
        let endings = |name: &String| name.rsplit_once('.').map(|(_, ending)| ending.to_owned());
        let is_own = |name: &&String| {
            // Declarations, tests and build scripts are there in any language.
            let file = name.rsplit('/').next().unwrap_or(name);
            !file.ends_with(".d.ts") && !file.starts_with("build.") && !file.contains("test")
        };
        let found: Vec<String> = self.listed.keys().filter(is_own).filter_map(endings).collect();
        let count = |of: &[&str]| found.iter().filter(|ending| of.contains(&ending.as_str())).count();
        let counted = LANGUAGES.iter().map(|(name, of)| (*name, count(of))).filter(|(_, count)| *count > 0);
        let most = counted.fold(("", 0), |most, it| if it.1 > most.1 { it } else { most });
        most.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_files_and_a_language() {
        // the project's files, those that are listed, its language
        let table: [(&[&str], usize, &str); 6] = [
            (&["Cargo.toml", "src/lib.rs", "src/more.rs", "target/a.rs", ".mmh/b.rs"], 3, "rust"),
            (
                &["harness.js", "guard.js", "mmh.d.ts", "build.mjs", "steady.c", "wit/harness.wit"],
                6,
                "javascript",
            ),
            (&["harness.ts", "mmh.d.ts", "build.mjs", "test.mjs", "node_modules/x.js"], 4, "typescript"),
            (&["harness.py", "build.sh", "test_harness.py", "made.wasm"], 3, "python"),
            (&["harness.c", "harness.h"], 2, "c"),
            (&["notes.txt"], 1, ""),
        ];
        for (names, count, language) in table {
            let folder = tempfile::tempdir().expect("a folder");
            for name in names {
                let path = folder.path().join(name);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                std::fs::write(path, *name).expect("written");
            }
            let files = Files::of(folder.path());
            assert_eq!((files.listed.len(), files.more, files.language()), (count, 0, language), "{names:?}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        for at in 0..MAX_GIVEN_FILES + 2 {
            std::fs::write(folder.path().join(format!("{at:03}.py")), "").expect("written");
        }
        let files = Files::of(folder.path());
        assert_eq!((files.listed.len(), files.more), (MAX_GIVEN_FILES, 2));
    }
}
