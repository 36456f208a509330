//! The settings of an author's project: what its harness is evaluated on, and how it is built where that is not plain.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{error::CliError, files};
use mmh_record::text;
use mmh_search::dataset::BUILTIN;

/// The name of the file.
pub const SETTINGS: &str = "harness.toml";

/// Most bytes of the file.
const MOST_BYTES: u64 = 64 << 10;

/// What the file says. All of it may be missing.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The task: a built-in data set, or the path of another one from here.
    pub dataset: Option<String>,
    /// The harness's only file, which the jail compiles.
    pub source: Option<PathBuf>,
    /// The command that builds the component outside of the jail: a program and its arguments.
    pub build: Option<Vec<String>>,
    /// What the command makes.
    pub component: Option<PathBuf>,
}

impl Settings {
    /// The settings of a project; plain ones where it has no such file.
    pub fn read(folder: &Path) -> Result<Self, CliError> {
        let path = folder.join(SETTINGS);
        let refused = |why: String| CliError::input(format!("{}: {}", text::path(&path), text::name(&why)));
        let Some(bytes) = files::bytes_if_there(&path, MOST_BYTES)? else { return Ok(Self::default()) };
        let words = String::from_utf8(bytes).map_err(|_| refused("it is no UTF-8 text".into()))?;
        let settings: Self = toml::from_str(&words).map_err(|error| refused(in_a_line(&words, &error)))?;
        let is_empty = settings.build.as_ref().is_some_and(Vec::is_empty);
        if settings.build.is_some() != settings.component.is_some() || is_empty {
            return Err(refused(
                "build, a list of words, and component, what it makes, belong together".into(),
            ));
        }
        if settings.source.is_some() && settings.build.is_some() {
            return Err(refused("a harness is either one source file or what build makes".into()));
        }
        Ok(settings)
    }

    /// The command that builds the component, and where that is.
    pub fn command(&self) -> Option<(&[String], &Path)> {
        Some((self.build.as_deref()?, self.component.as_deref()?))
    }

    /// The data set as one names it where the program runs.
    pub fn dataset_from(&self, folder: &Path) -> Option<String> {
        let named = self.dataset.as_deref()?;
        let is_path = named != BUILTIN && Path::new(named).is_relative();
        Some(if is_path { folder.join(named).to_string_lossy().into_owned() } else { named.to_owned() })
    }
}

/// What is wrong with a TOML file, and in which of its lines.
pub fn in_a_line(words: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .map(|span| words.as_bytes()[..span.start.min(words.len())].split(|it| *it == b'\n').count());
    match line {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_or_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        // what the file says, and the data set, or what is wrong
        let table = [
            ("", Ok(None)),
            ("dataset = \"symptoms-mini\"", Ok(Some("symptoms-mini".to_owned()))),
            ("dataset = \"/data\"", Ok(Some("/data".to_owned()))),
            ("dataset = \"../data\"", Ok(Some(folder.path().join("../data").display().to_string()))),
            ("build = [\"make\"]\ncomponent = \"a.wasm\"", Ok(None)),
            ("build = [\"make\"]", Err("belong together")),
            ("build = []\ncomponent = \"a.wasm\"", Err("belong together")),
            ("source = \"a.py\"\nbuild = [\"make\"]\ncomponent = \"a.wasm\"", Err("either one source file")),
            ("datset = \"a\"", Err("line 1: unknown field `datset`")),
        ];
        for (said, expected) in table {
            std::fs::write(folder.path().join(SETTINGS), said).expect("written");
            match (Settings::read(folder.path()), expected) {
                (Ok(found), Ok(expected)) => {
                    assert_eq!(found.dataset_from(folder.path()), expected, "{said}")
                }
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
                (found, _) => panic!("{said}: {found:?}"),
            }
        }
    }
}
