//! The languages that a run's harnesses may be written in.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::layout;

/// The language of a run's harnesses, which is the same for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HarnessLanguage {
    /// Rust, with the guest SDK.
    #[default]
    Rust,
    /// Python, as the interpreter that is built into the component has it.
    Python,
}

impl HarnessLanguage {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Rust, Self::Python];

    /// Whether it is Rust, which a run's configuration does not say.
    pub fn is_rust(&self) -> bool {
        *self == Self::Rust
    }

    /// The name in options and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
        }
    }

    /// The name in sentences.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
        }
    }

    /// The name of a harness's only source file.
    pub fn source(self) -> &'static str {
        match self {
            Self::Rust => layout::SOURCE,
            Self::Python => layout::PYTHON_SOURCE,
        }
    }

    /// How the names of its source files end, without the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Rust => "rs",
            Self::Python => "py",
        }
    }

    /// The language of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }

    /// The language of a source file, by the end of its name.
    pub fn of_file(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        Self::ALL.into_iter().find(|language| language.ending() == ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_tell_their_language() {
        // path, language
        let table = [
            ("a/harness.rs", Some(HarnessLanguage::Rust)),
            ("mine.py", Some(HarnessLanguage::Python)),
            ("harness.wasm", None),
            ("harness", None),
            (".py", None),
        ];
        for (path, expected) in table {
            assert_eq!(HarnessLanguage::of_file(Path::new(path)), expected, "{path}");
        }
        for language in HarnessLanguage::ALL {
            assert_eq!(HarnessLanguage::named(language.name()), Some(language));
            assert_eq!(HarnessLanguage::of_file(Path::new(language.source())), Some(language));
            let json = serde_json::to_string(&language).expect("JSON");
            assert_eq!(json, format!("\"{}\"", language.name()));
        }
    }
}
