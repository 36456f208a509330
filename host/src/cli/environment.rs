//! Everything that is read from the environment, resolved once. The library sees plain values.

use std::{env, io::IsTerminal, path::PathBuf};

use super::{Global, error::CliError};
use crate::{cache::Cache, toolchain::Environment};

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

/// Where keys are looked for. Only whether they are there is ever shown.
pub const KEY_VARIABLES: [&str; 4] =
    ["MOONSHOT_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"];

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

/// Whether a key is set. Its value is not looked at further.
pub fn has_key(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Whether progress may be drawn on standard error, and whether in colour.
pub fn draws() -> bool {
    std::io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether standard output takes colours.
pub fn colors() -> bool {
    std::io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
