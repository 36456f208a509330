//! Everything that is read from the environment, resolved once. The library sees plain values.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{ErrorKind, IsTerminal},
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{Global, error::CliError};
use crate::{cache::Cache, model::catalog::Catalog, toolchain::Environment};

/// What compilers and package clients may see. Never a key, and nothing that changes what is built.
const PASSED_ON: [&str; 22] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_DIST_SERVER",
    "RUSTUP_UPDATE_ROOT",
    "CARGO_HTTP_CAINFO",
    "CARGO_HTTP_PROXY",
    "CARGO_NET_GIT_FETCH_WITH_CLI",
    "CARGO_NET_OFFLINE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "no_proxy",
];

/// The user's own providers, models and prices, if they are where they are looked for.
const CONFIG_FILE: &str = "mmh.toml";

/// Keys that one does not want in the environment.
const DOT_ENV: &str = ".env";

/// The environment of compilers.
pub fn for_compilers() -> Environment {
    let set = |name: &str| env::var(name).ok().map(|value| (name.to_owned(), value));
    PASSED_ON.iter().filter_map(|name| set(name)).collect()
}

/// The cache folder: the named one, or the user's.
pub fn cache(global: &Global) -> Result<Cache, CliError> {
    let folder = match &global.cache_dir {
        Some(folder) => folder.clone(),
        None => directories::ProjectDirs::from("", "", "mmh")
            .map(|folders| folders.cache_dir().to_owned())
            .ok_or_else(|| {
            CliError::input("there is no home folder; name a cache folder with --cache-dir")
        })?,
    };
    Ok(Cache::new(std::path::absolute(&folder).unwrap_or(folder)))
}

/// This program, which starts its own confined children.
pub fn this_program() -> Result<PathBuf, CliError> {
    env::current_exe()
        .map_err(|error| CliError::host(format!("cannot find this program's own file: {error}")))
}

/// A key, from the environment or else from `.env`.
pub fn key(variable: &str) -> Result<Option<SecretString>, CliError> {
    let set = env::var(variable).ok().filter(|value| !value.trim().is_empty());
    let set = match set {
        Some(value) => Some(value),
        None => dot_env(variable)?,
    };
    Ok(set.map(|value| SecretString::from(value.trim())))
}

/// Whether a key is set. Its value is not looked at further.
pub fn has_key(variable: &str) -> Result<bool, CliError> {
    Ok(key(variable)?.is_some())
}

fn dot_env(variable: &str) -> Result<Option<String>, CliError> {
    // What stands in the file is never repeated, also not in an error.
    let unreadable =
        |why: &str| CliError::input(format!("{DOT_ENV}: {why}; lines of NAME=VALUE are expected"));
    let lines = match dotenvy::from_path_iter(Path::new(DOT_ENV)) {
        Ok(lines) => lines,
        Err(dotenvy::Error::Io(error)) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err(unreadable("it cannot be read")),
    };
    for line in lines {
        let (name, value) = line.map_err(|_| unreadable("a line cannot be understood"))?;
        if name == variable && !value.trim().is_empty() {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// All providers and models that are known, by the user's file and by this program.
pub fn catalog(global: &Global) -> Result<Catalog, CliError> {
    let builtin = Catalog::builtin()?;
    let (path, needed) = match &global.config {
        Some(path) => (path.clone(), true),
        None => (PathBuf::from(CONFIG_FILE), false),
    };
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Catalog::parse(&text, &path.display().to_string())?.over(&builtin)),
        Err(error) if error.kind() == ErrorKind::NotFound && !needed => Ok(builtin),
        Err(error) => Err(CliError::input(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Every variable that may hold a key, and whether it does.
pub fn keys(catalog: &Catalog) -> Result<Vec<(String, bool)>, CliError> {
    let names: BTreeSet<&String> = catalog.providers.values().filter_map(|it| it.key_env.as_ref()).collect();
    names.into_iter().map(|name| Ok((name.clone(), has_key(name)?))).collect()
}

/// What is to be logged, in the syntax of `tracing-subscriber`.
pub fn log_filter(global: &Global) -> Option<String> {
    let set = env::var("MMH_LOG").ok().filter(|filter| !filter.is_empty());
    set.or_else(|| global.verbose.then(|| "mmh=debug".to_owned()))
}

/// Whether progress may be drawn on standard error. Not between the lines of a log.
pub fn draws(global: &Global) -> bool {
    std::io::stderr().is_terminal()
        && env::var_os("TERM").is_none_or(|term| term != "dumb")
        && log_filter(global).is_none()
}

/// Whether standard output takes colours.
pub fn colors() -> bool {
    std::io::stdout().is_terminal() && wants_colors()
}

/// Whether standard error takes colours.
pub fn draws_colors() -> bool {
    std::io::stderr().is_terminal() && wants_colors()
}

/// Columns of what is printed where the terminal does not say how many it has.
const COLUMNS: usize = 100;

/// How many columns standard output has: what `COLUMNS` says, else the terminal.
pub fn columns() -> usize {
    let said = env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    let found = || {
        let is_terminal = std::io::stdout().is_terminal();
        is_terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| width.0.into())
    };
    said.filter(|columns| *columns > 0).or_else(found).unwrap_or(COLUMNS)
}

/// How many columns the terminal has that progress is drawn on.
pub fn drawn_columns() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| width.0.into())
}

fn wants_colors() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
