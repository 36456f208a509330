//! Everything that is read from the environment, resolved once. The library sees plain values.

use std::{
    env::{self, VarError},
    io::IsTerminal,
    path::{Path, PathBuf},
    sync::Once,
};

use directories::ProjectDirs;

use crate::{error::CliError, files, global::Global};
use mmh_engine::{cache::Cache, toolchain::Environment};
use mmh_models::catalog::Catalog;
use mmh_record::text;

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

/// The user's own providers, models and prices. It is read from the user's configuration folder, and from
/// anywhere else only if it is named: the working folder may be a stranger's.
const CONFIG_FILE: &str = "mmh.toml";

/// What is to be logged.
const LOG: &str = "MMH_LOG";

/// Largest file of settings or keys.
pub const MAX_SETTINGS_BYTES: u64 = 1 << 20;

/// The environment of compilers.
pub fn for_compilers() -> Environment {
    let set = |name: &str| env::var(name).ok().map(|value| (name.to_owned(), value));
    PASSED_ON.iter().filter_map(|name| set(name)).collect()
}

/// The same, with what tells pip where packages come from. It installs nothing but what it knows by a hash.
pub fn for_packages() -> Environment {
    let pip = env::vars().filter(|(name, _)| name.starts_with("PIP_") || name == "XDG_CONFIG_HOME");
    for_compilers().into_iter().chain(pip).collect()
}

/// The cache folder: the named one, or the user's.
pub fn cache(global: &Global) -> Result<Cache, CliError> {
    let folder = match &global.cache_dir {
        Some(folder) => folder.clone(),
        None => project().map(|folders| folders.cache_dir().to_owned()).ok_or_else(|| {
            CliError::input("there is no home folder; name a cache folder with --cache-dir")
        })?,
    };
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    if folder.to_str().is_none() {
        return Err(CliError::input(format!(
            "the cache folder {} is no UTF-8 text, and cargo builds in no other; --cache-dir or MMH_CACHE_DIR names another one",
            text::path(&folder)
        )));
    }
    Ok(Cache::new(folder))
}

/// This program, which starts its own confined children.
pub fn this_program() -> Result<PathBuf, CliError> {
    env::current_exe()
        .map_err(|error| CliError::host(format!("cannot find this program's own file: {error}")))
}

/// A path that a variable of the environment holds.
pub fn path_of(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A variable of the environment, which must be text.
pub fn text_of(variable: &str) -> Result<Option<String>, CliError> {
    match env::var(variable) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => {
            Err(CliError::input(format!("the environment variable {variable} is no UTF-8 text")))
        }
    }
}

/// All providers and models that are known, by the user's file and by this program.
pub fn catalog(global: &Global) -> Result<Catalog, CliError> {
    let builtin = Catalog::builtin()?;
    let named = global.config.as_deref();
    let own = project().map(|folders| folders.config_dir().join(CONFIG_FILE));
    let read = match (named, &own) {
        (Some(path), _) => Some((path, files::bytes(path, MAX_SETTINGS_BYTES, None)?)),
        (None, Some(path)) => {
            files::bytes_if_there(path, MAX_SETTINGS_BYTES)?.map(|bytes| (path.as_path(), bytes))
        }
        (None, None) => None,
    };
    if named.is_none() && Path::new(CONFIG_FILE).exists() {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            errln!(
                "note: {CONFIG_FILE} in this folder is not read unless it is named: --config {CONFIG_FILE}"
            )
        });
    }
    let Some((path, bytes)) = read else { return Ok(builtin) };
    let shown = text::path(path);
    let settings = String::from_utf8(bytes)
        .map_err(|_| CliError::input(format!("cannot read {shown}: it is no UTF-8 text")))?;
    let settings = settings.strip_prefix('\u{feff}').unwrap_or(&settings);
    Ok(Catalog::parse(settings, &shown)?.over(&builtin))
}

/// The user's own folders for this program.
fn project() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "mmh")
}

/// What is to be logged: levels, or modules with their levels, such as `info,mmh::call=debug`.
pub fn log_filter(global: &Global) -> Result<Option<String>, CliError> {
    let set = text_of(LOG)?.filter(|filter| !filter.is_empty());
    Ok(set.or_else(|| global.verbose.then(|| "mmh=debug".to_owned())))
}

/// Whether progress may be drawn on standard error. Not between the lines of a log.
pub fn draws(global: &Global) -> bool {
    std::io::stderr().is_terminal()
        && env::var_os("TERM").is_none_or(|term| term != "dumb")
        && !global.verbose
        && env::var_os(LOG).is_none_or(|filter| filter.is_empty())
}

/// Whether what is printed is seen in a terminal at once.
pub fn shows_output() -> bool {
    std::io::stdout().is_terminal()
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
