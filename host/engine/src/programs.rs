//! How programs of the toolchain are started, so that no file of the working folder decides which program runs or
//! what it does.
//!
//! A program is started by its absolute path, with the variables of [`Environment`] and no others, in the root
//! folder. rustup looks for toolchain files and overrides, and cargo for `.cargo/config.toml`, in the working folder
//! and in all folders above it. The root folder has none above it, and only root can write in it. A folder of our own
//! could lie below one that others can write, such as `/tmp`.

use std::{
    env,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

/// Environment variables that compilers and package clients may see, as the caller resolved them.
pub type Environment = Vec<(String, String)>;

/// Where every program is started.
const NEUTRAL_FOLDER: &str = "/";

/// Variables that name a file or a folder.
const PATHS: [&str; 7] =
    ["HOME", "TMPDIR", "CARGO_HOME", "RUSTUP_HOME", "CARGO_HTTP_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The environment without all that depends on the working folder: relative paths, and relative or empty folders of
/// the search path.
pub fn without_relative_paths(environment: Environment) -> Environment {
    let mut kept = Vec::with_capacity(environment.len());
    for (name, value) in environment {
        match name.as_str() {
            "PATH" => kept.push((name, absolute_folders(&value))),
            _ if PATHS.contains(&name.as_str()) && !Path::new(&value).is_absolute() => {}
            _ => kept.push((name, value)),
        }
    }
    kept
}

fn absolute_folders(path: &str) -> String {
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    // Folders that were split at colons have none, so joining cannot fail.
    env::join_paths(folders).unwrap_or_default().to_string_lossy().into_owned()
}

/// The program of this name in an absolute folder of the search path.
pub fn on_path(name: &str, environment: &Environment) -> Option<PathBuf> {
    let path = environment.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.as_str())?;
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    let is_program = |file: &PathBuf| {
        file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    folders.map(|folder| folder.join(name)).find(is_program)
}

/// A program, ready to be started with these variables and nothing else. Its path is absolute.
pub fn tool(program: &Path, environment: &Environment) -> Command {
    debug_assert!(program.is_absolute(), "{}", program.display());
    let mut command = Command::new(program);
    command
        .current_dir(NEUTRAL_FOLDER)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn keeps_absolute_paths_only() {
        // name, variables, what is left of them
        type Variables = &'static [(&'static str, &'static str)];
        let table: [(&str, Variables, Variables); 5] = [
            ("nothing", &[], &[]),
            ("absolute", &[("PATH", "/a:/b"), ("HOME", "/h")], &[("PATH", "/a:/b"), ("HOME", "/h")]),
            ("relative folders", &[("PATH", "bin:/a:./b:../c")], &[("PATH", "/a")]),
            ("empty folders", &[("PATH", ":/a::/b:")], &[("PATH", "/a:/b")]),
            (
                "relative homes",
                &[("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ""), ("LANG", "C")],
                &[("LANG", "C")],
            ),
        ];
        for (name, before, after) in table {
            assert_eq!(without_relative_paths(environment(before)), environment(after), "{name}");
        }
    }

    #[test]
    fn finds_programs_in_absolute_folders() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("text"), "").expect("a file");
        let path = format!(":.:{}:/bin", folder.path().display());
        let environment = environment(&[("PATH", &path)]);
        assert_eq!(on_path("sh", &environment), Some("/bin/sh".into()));
        assert_eq!(on_path("text", &environment), None, "it is no program");
        assert_eq!(on_path("no-such-program", &environment), None);
        assert_eq!(on_path("sh", &Environment::new()), None);
    }
}
