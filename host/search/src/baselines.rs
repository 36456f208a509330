//! The harnesses that ship with this program, to start a search from.

use mmh_record::{digest::Digest, language::HarnessLanguage};

/// A harness that ships with this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Its name, such as `zero-shot`.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// Its source in Rust.
    pub source: &'static str,
    /// Its source in Python, where it has one.
    pub python: Option<&'static str>,
}

impl Baseline {
    /// Its source in a language, if it has one.
    pub fn source_in(&self, language: HarnessLanguage) -> Option<&'static str> {
        match language {
            HarnessLanguage::Rust => Some(self.source),
            HarnessLanguage::Python => self.python,
        }
    }
}

/// The one that a search starts from, unless others are named: it asks once, without an example.
pub const ZERO_SHOT: Baseline = Baseline {
    name: "zero-shot",
    about: "asks once, without an example",
    source: include_str!("../../../baseline-harness/src/zero_shot.rs"),
    python: Some(include_str!("../../../baseline-harness/python/zero_shot.py")),
};

/// All of them.
pub const SHIPPED: [Baseline; 4] = [
    ZERO_SHOT,
    Baseline {
        name: "few-shot-all",
        about: "shows the train examples, all that fit into 64 KiB",
        source: include_str!("../../../baseline-harness/src/few_shot_all.rs"),
        python: Some(include_str!("../../../baseline-harness/python/few_shot_all.py")),
    },
    Baseline {
        name: "few-shot-random",
        about: "shows 16 train examples, which the seed draws",
        source: include_str!("../../../baseline-harness/src/few_shot_random.rs"),
        python: None,
    },
    Baseline {
        name: "nearest",
        about: "shows the 8 train examples that are most like the input",
        source: include_str!("../../../baseline-harness/src/nearest.rs"),
        python: Some(include_str!("../../../baseline-harness/python/nearest.py")),
    },
];

/// The one with this name.
pub fn named(name: &str) -> Option<&'static Baseline> {
    SHIPPED.iter().find(|it| it.name == name)
}

/// The name of the one whose source has this digest.
pub fn of_source(digest: Digest) -> Option<&'static str> {
    let is_it = |source: Option<&str>| source.is_some_and(|source| Digest::of(source) == digest);
    let shipped = |it: &&Baseline| HarnessLanguage::ALL.iter().any(|language| is_it(it.source_in(*language)));
    SHIPPED.iter().find(shipped).map(|it| it.name)
}

/// All names, as a message lists them.
pub fn names() -> String {
    SHIPPED.map(|it| it.name).join(", ")
}

/// The names of those that have a source in this language.
pub fn names_in(language: HarnessLanguage) -> String {
    let has = SHIPPED.iter().filter(|it| it.source_in(language).is_some());
    has.map(|it| it.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        for it in SHIPPED {
            assert_eq!(named(it.name).map(|found| found.source), Some(it.source), "{}", it.name);
            assert_eq!(of_source(Digest::of(it.source)), Some(it.name));
            // A file is never called so by accident.
            assert!(!it.name.contains(['.', '/']) && it.source.contains("mmh_sdk::export!"), "{}", it.name);
        }
        for (it, python) in SHIPPED.iter().filter_map(|it| Some((it, it.python?))) {
            assert_eq!(of_source(Digest::of(python)), Some(it.name));
            assert!(python.contains("class WitWorld"), "{}", it.name);
        }
        assert_eq!(named("Zero-shot"), None);
        assert_eq!(names(), "zero-shot, few-shot-all, few-shot-random, nearest");
    }
}
