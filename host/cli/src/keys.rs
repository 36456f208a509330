//! Keys of providers, from the environment and from a file.

use std::{collections::BTreeSet, path::Path, sync::Once};

use secrecy::SecretString;

use crate::{
    dot_env::DotEnv,
    environment::{MAX_SETTINGS_BYTES, text_of},
    error::CliError,
    files,
    global::Global,
    whose::Whose,
};
use mmh_models::catalog::Catalog;
use mmh_record::text;

/// Keys that one does not want in the environment.
const DOT_ENV: &str = ".env";

/// Lines of a file of keys that are named because they are passed over.
const SHOWN_ODD_LINES: usize = 5;

/// Where keys are found: in the environment, and else in a file.
pub struct Keys(DotEnv);

impl Keys {
    /// Reads the file that is named, or `.env` in the working folder. For a stranger's run that file may be a
    /// stranger's as well, so it must be named.
    pub fn read(global: &Global, whose: Whose) -> Result<Self, CliError> {
        let read = match (&global.env_file, whose) {
            (Some(named), _) => Some((named.as_path(), files::bytes(named, MAX_SETTINGS_BYTES, None)?)),
            (None, Whose::Own) => {
                let path = Path::new(DOT_ENV);
                files::bytes_if_there(path, MAX_SETTINGS_BYTES)?.map(|bytes| (path, bytes))
            }
            (None, Whose::Stranger) => None,
        };
        let Some((path, bytes)) = read else { return Ok(Self(DotEnv::default())) };
        let parsed = DotEnv::parse(&bytes);
        // Several models may ask for their keys: what is odd is said once.
        static SAID: Once = Once::new();
        SAID.call_once(|| tell_odd(path, &parsed));
        Ok(Self(parsed))
    }

    /// A key. Its value is not looked at further.
    pub fn get(&self, variable: &str) -> Result<Option<SecretString>, CliError> {
        let set = text_of(variable)?.filter(|value| !value.trim().is_empty());
        let set = set.or_else(|| self.0.get(variable).map(str::to_owned));
        Ok(set.map(|value| SecretString::from(value.trim())))
    }

    /// Whether a key is set.
    pub fn has(&self, variable: &str) -> Result<bool, CliError> {
        Ok(self.get(variable)?.is_some())
    }
}

/// Names the lines of a file of keys that are passed over, and repeats nothing of them.
fn tell_odd(path: &Path, parsed: &DotEnv) {
    let shown = text::path(path);
    for (line, why) in parsed.odd.iter().take(SHOWN_ODD_LINES) {
        errln!("warning: {shown}:{line}: {why}; the line is passed over, since NAME=VALUE is expected");
    }
    if parsed.odd.len() > SHOWN_ODD_LINES {
        errln!("warning: {shown}: {} more lines are passed over", parsed.odd.len() - SHOWN_ODD_LINES);
    }
}

/// Every variable that may hold a key, and whether it does.
pub fn known(global: &Global, catalog: &Catalog) -> Result<Vec<(String, bool)>, CliError> {
    let keys = Keys::read(global, Whose::Own)?;
    let names: BTreeSet<&String> = catalog.providers.values().filter_map(|it| it.key_env.as_ref()).collect();
    names.into_iter().map(|name| Ok((name.clone(), keys.has(name)?))).collect()
}
