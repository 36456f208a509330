//! Components that a search starts from and that this program did not compile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{digest::Digest, text};

/// Most files of a project whose digests are recorded.
pub const MAX_FILES: usize = 100;

/// A baseline that is a component: the run has its bytes, and its source is not recorded. All but the digest is what was said
/// of it when the run began. No path of the machine is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenComponent {
    /// The baseline's iteration.
    pub index: u32,
    /// The digest of its `harness.wasm`, which is an input of the run.
    pub sha256: Digest,
    /// Where it came from.
    pub from: GivenFrom,
    /// The language of most files of its project, such as `rust` or `javascript`. Absent where that is unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// What built it: `cargo`, or the command of the project, in which paths are cut down to names. Absent for a bare component.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub built_by: String,
    /// What that program said of itself. Absent where that is unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The digests of the project's files right after it was built, by their paths from its folder. Absent for a bare component.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Digest>,
    /// Files of the project that are not listed, because there are more than 100. Absent where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_files: u64,
}

/// Where a component came from that this program did not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GivenFrom {
    /// A file: nothing is known of how it was made.
    Component,
    /// A project, which was built by its author's own tools, outside of the jail.
    Project,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl GivenFrom {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Project => "project",
        }
    }
}

impl GivenComponent {
    /// What is known of it, in a sentence without a stop.
    pub fn words(&self) -> String {
        if self.from == GivenFrom::Component {
            return "a component that was made elsewhere; its source is not recorded".to_owned();
        }
        let language =
            if self.language.is_empty() { String::new() } else { format!(" in {}", self.language) };
        let version = if self.version.is_empty() { String::new() } else { format!(" ({})", self.version) };
        let count = self.files.len() as u64 + self.more_files;
        let files = if count == 1 { "its file".to_owned() } else { format!("its {count} files") };
        text::one_line(&format!(
            "a component that {}{version} built of a project{language}, outside of the jail; of its source only the digests of \
             {files} are recorded",
            self.built_by
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_in_words_and_recorded_without_empty_fields() {
        let bare = GivenComponent {
            index: 0,
            sha256: Digest::of(""),
            from: GivenFrom::Component,
            language: String::new(),
            built_by: String::new(),
            version: String::new(),
            files: BTreeMap::new(),
            more_files: 0,
        };
        let files = BTreeMap::from([("src/lib.rs".to_owned(), Digest::of("a"))]);
        let project = GivenComponent {
            from: GivenFrom::Project,
            language: "rust".into(),
            built_by: "cargo".into(),
            version: "1.90.0".into(),
            files,
            more_files: 1,
            ..bare.clone()
        };
        let sha256 = Digest::of("");
        // the component, its words, its JSON
        let table = [
            (
                bare,
                "a component that was made elsewhere; its source is not recorded",
                format!(r#"{{"index":0,"sha256":"{sha256}","from":"component"}}"#),
            ),
            (
                project,
                "a component that cargo (1.90.0) built of a project in rust, outside of the jail; of its source only the digests of its 2 files are recorded",
                format!(
                    r#"{{"index":0,"sha256":"{sha256}","from":"project","language":"rust","built_by":"cargo","version":"1.90.0","files":{{"src/lib.rs":"{}"}},"more_files":1}}"#,
                    Digest::of("a")
                ),
            ),
        ];
        for (given, words, json) in table {
            assert_eq!(given.words(), words);
            assert_eq!(serde_json::to_string(&given).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<GivenComponent>(&json).expect("it is read back"), given);
        }
    }
}
