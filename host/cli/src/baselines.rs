//! Harnesses by name or by file: those that ship with this program have names, all others are files.

use std::path::Path;

use crate::{error::CliError, files};
use mmh_record::{language::HarnessLanguage, text};
use mmh_search::baselines::{self, Baseline};

/// The source that is meant by the path of a file, or by the name of a harness that ships with this program. If there is a
/// file of such a name, the file is meant.
pub fn resolve(named: &Path, language: HarnessLanguage, source_bytes: u64) -> Result<String, CliError> {
    match shipped(named) {
        Some(baseline) => baseline.source_in(language).map(str::to_owned).ok_or_else(|| {
            let (name, title) = (baseline.name, language.title());
            let others = baselines::names_in(language);
            CliError::input(format!("{name} does not ship in {title}; these do: {others}; or name a file"))
        }),
        None if named.symlink_metadata().is_ok() => files::source(named, source_bytes),
        None => Err(CliError::input(format!(
            "{} is neither a file nor a harness that ships with mmh: {}",
            text::path(named),
            baselines::names()
        ))),
    }
}

/// Whether a harness that ships with this program is meant.
pub fn is_shipped(named: &Path) -> bool {
    shipped(named).is_some()
}

/// The harness that ships under this name, unless there is a file of this name.
fn shipped(named: &Path) -> Option<&'static Baseline> {
    let baseline = baselines::named(named.to_str()?)?;
    (!named.is_file()).then_some(baseline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_a_file_is_a_harness() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("own.rs"), "// own").expect("a file");
        let zero = baselines::ZERO_SHOT.source;
        // what is named, and how the source begins, or the error
        let table = [
            (Path::new("zero-shot").to_owned(), Ok(zero)),
            (path("own.rs"), Ok("// own")),
            (path("zero-shot"), Err("ships with mmh: zero-shot, few-shot-all, few-shot-random, nearest")),
            (Path::new("Zero-Shot").to_owned(), Err("Zero-Shot is neither a file nor a harness")),
            (folder.path().to_owned(), Err("it is a folder")),
        ];
        for (named, expected) in table {
            match (resolve(&named, HarnessLanguage::Rust, 1 << 20), expected) {
                (Ok(source), Ok(expected)) => assert_eq!(source, expected, "{}", named.display()),
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
                (found, _) => panic!("{}: {found:?}", named.display()),
            }
        }
        let python = |name: &str| resolve(Path::new(name), HarnessLanguage::Python, 1 << 20);
        assert!(python("zero-shot").is_ok_and(|source| source.contains("class WitWorld")));
        let missing = python("few-shot-random").map_err(|error| error.to_string());
        let expected = "few-shot-random does not ship in Python; these do: zero-shot, few-shot-all, nearest; or name a file";
        assert_eq!(missing, Err(expected.to_owned()));
    }
}
