//! The machine's Python, which starts the compiler.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::PythonError;
use crate::{
    elf,
    programs::{Environment, on_path, tool, without_relative_paths},
};
use mmh_record::text;

/// The oldest Python that can load the compiler.
const OLDEST: (u32, u32) = (3, 9);

/// Asks an interpreter what it is.
const QUESTION: &str = "import json, os, sys, sysconfig; print(json.dumps({\
    'program': os.path.realpath(sys.executable or ''), 'version': list(sys.version_info[:3]), \
    'folders': [sysconfig.get_path(it) for it in ('stdlib', 'platstdlib')]}))";

/// A Python that can start the compiler.
#[derive(Clone, Debug, Deserialize)]
pub struct Interpreter {
    /// The program itself: no link, and no script that chooses one.
    pub program: PathBuf,
    version: (u32, u32, u32),
    /// Where its standard library lies.
    folders: Vec<PathBuf>,
}

impl Interpreter {
    /// The `python3` on the search path.
    pub async fn find(environment: &Environment) -> Result<Self, PythonError> {
        let environment = &without_relative_paths(environment.clone());
        let broken = |detail: String| PythonError::NoPython { detail };
        let asked = on_path("python3", environment)
            .ok_or_else(|| broken("no absolute folder of the PATH has python3".into()))?;
        let shown = text::path(&asked);
        let answer = tool(&asked, environment).args(["-I", "-S", "-c", QUESTION]).output().await;
        let answer = answer.map_err(|error| broken(format!("{shown} cannot be started: {error}")))?;
        if !answer.status.success() {
            let said = text::ellipsis(&text::one_line(&String::from_utf8_lossy(&answer.stderr)), 300);
            return Err(broken(format!("{shown} does not answer ({}): {said}", answer.status)));
        }
        let found: Self = serde_json::from_slice(&answer.stdout)
            .map_err(|error| broken(format!("{shown} is no Python: {error}")))?;
        if (found.version.0, found.version.1) < OLDEST {
            return Err(broken(format!("{shown} is Python {}", found.version())));
        }
        if !found.program.is_absolute() || !found.program.is_file() {
            return Err(broken(format!("{shown} does not say where its program is")));
        }
        Ok(found)
    }

    /// Such as `3.11.7`.
    pub fn version(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }

    /// The folder of its standard library.
    pub fn library(&self) -> &Path {
        self.folders.first().map_or(Path::new("/"), PathBuf::as_path)
    }

    /// What it has to read and execute: itself, its shared libraries and its standard library.
    pub(super) async fn read(&self) -> Vec<PathBuf> {
        let mut read = elf::with_libraries(&self.program).await;
        read.extend(self.folders.iter().filter(|folder| folder.is_absolute() && folder.is_dir()).cloned());
        read
    }
}
