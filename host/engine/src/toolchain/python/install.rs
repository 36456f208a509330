//! Installs the compiler of Python, once: by the machine's pip, in one exact version, whose hashes this program has.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    COMPILER, EMPTY, Interpreter, KIND, LIBRARY, Manifest, PACKAGE, PIN, PythonError, STEADY, files,
    installed, key, version,
};
use crate::{
    cache::Cache,
    notice::{Notice, Tell},
    programs::{Environment, tool, without_relative_paths},
    toolchain::sdk::MANIFEST_NAME,
};
use mmh_record::text;

/// How pip says that a file is another one.
const OTHER_HASH: &str = "DO NOT MATCH THE HASHES";

/// Installs the compiler into the cache, unless it is there. Answers what is there now, and whether it was before.
pub async fn add(
    cache: &Cache,
    environment: &Environment,
    tell: Tell<'_>,
) -> Result<(Manifest, bool), PythonError> {
    if STEADY.is_empty() {
        return Err(PythonError::Unsupported);
    }
    let environment = &without_relative_paths(environment.clone());
    let waiting = || tell(Notice::Note(format!("waiting for another mmh to install {COMPILER}")));
    let _lock = cache.lock(KIND, key(), waiting)?;
    if let Some((manifest, home)) = installed(cache)
        && files(&home.join(PACKAGE).join(LIBRARY), cache).await == Some(manifest.digest)
    {
        return Ok((manifest, true));
    }
    let interpreter = Interpreter::find(environment).await?;
    tell(Notice::Note(format!("installing {COMPILER} {} from PyPI: 17 MB", version())));
    let scratch = cache.scratch()?;
    let made = scratch.path().join("toolchain");
    let package = made.join(PACKAGE);
    create(&package)?;
    let pin = scratch.path().join("requirements.txt");
    write(&pin, PIN.as_bytes())?;
    let pip = pip(&interpreter, scratch.path(), environment).await?;
    run(&pip, &pin, &package, environment).await?;
    // Programs that pip has made name the interpreter by its path. They are not used.
    let _ = fs::remove_dir_all(package.join("bin"));
    create(&made.join(EMPTY).join("lib").join("site-packages"))?;
    let library = package.join(LIBRARY);
    let incomplete = || failed("the package has no library".into());
    let digest = files(&library, cache).await.ok_or_else(incomplete)?;
    let manifest = Manifest { version: version().to_owned(), digest };
    write(&made.join(MANIFEST_NAME), &serde_json::to_vec_pretty(&manifest).unwrap_or_default())?;
    let home = cache.path(KIND, key(), "");
    // If there is an entry, it is damaged.
    let _ = fs::remove_dir_all(&home);
    fs::rename(&made, &home).map_err(|source| PythonError::Write { path: home, source })?;
    Ok((manifest, false))
}

/// The Python whose pip installs: the interpreter itself, or a virtual environment of its own.
async fn pip(
    interpreter: &Interpreter,
    scratch: &Path,
    environment: &Environment,
) -> Result<PathBuf, PythonError> {
    let works = async |python: &Path, args: &[&str]| {
        let answer = tool(python, environment).args(args).output().await;
        answer.is_ok_and(|it| it.status.success())
    };
    let python = &interpreter.program;
    if works(python, &["-m", "pip", "--version"]).await {
        return Ok(python.clone());
    }
    let venv = scratch.join("venv");
    let made = venv.join("bin/python3");
    match works(python, &["-m", "venv", &venv.display().to_string()]).await && made.is_file() {
        true => Ok(made),
        false => Err(PythonError::NoPip { python: text::path(python) }),
    }
}

/// Runs pip. Everything that it may install is named with its hashes.
async fn run(
    python: &Path,
    pin: &Path,
    package: &Path,
    environment: &Environment,
) -> Result<(), PythonError> {
    let mut pip = tool(python, environment);
    pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "1", "--timeout", "20"]);
    pip.args([
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]);
    pip.arg("--target").arg(package).arg("--requirement").arg(pin);
    let done = pip.output().await.map_err(|error| failed(error.to_string()))?;
    if done.status.success() {
        return Ok(());
    }
    let said = text::plain(&String::from_utf8_lossy(&done.stderr));
    if said.contains(OTHER_HASH) {
        return Err(PythonError::OtherHash { version: version().to_owned() });
    }
    Err(failed(last_error(&said)))
}

fn failed(detail: String) -> PythonError {
    PythonError::Pip { version: version().to_owned(), detail }
}

/// What pip ends with: its last line that begins with `ERROR:`, or its last line.
fn last_error(said: &str) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().filter_map(|line| line.strip_prefix("ERROR: ")).next_back();
    let last = error.or_else(|| lines().next_back()).unwrap_or("pip says nothing");
    text::ellipsis(&text::one_line(last), 400)
}

fn create(folder: &Path) -> Result<(), PythonError> {
    fs::create_dir_all(folder).map_err(|source| PythonError::Write { path: folder.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PythonError> {
    fs::write(path, bytes).map_err(|source| PythonError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pin_names_one_version() {
        assert!(PIN.starts_with(&format!("{COMPILER}=={}", version())), "{PIN}");
        assert!(PIN.contains("--hash=sha256:"));
        assert_eq!(PIN.matches("==").count(), 1, "one package, without dependencies");
    }

    #[test]
    fn the_last_error_is_told() {
        // name, what pip says, what is told of it
        let table = [
            ("nothing", "", "pip says nothing"),
            ("an error and a warning", "ERROR: no\nWARNING: old\n", "no"),
            ("two errors", "ERROR: first\nERROR: second", "second"),
            ("no error", "something\n  else \n\n", "else"),
        ];
        for (name, said, expected) in table {
            assert_eq!(last_error(said), expected, "{name}");
        }
    }
}
