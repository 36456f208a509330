//! `mmh new`: a folder with a harness, its test and a link to a task, ready to be compiled and scored.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use crate::{
    error::{CliError, CliResult},
    project::templates,
};
use mmh_record::text;

#[derive(Args)]
pub struct NewArgs {
    /// The folder that is made. Its name is the project's
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// The language that the harness is written in
    #[arg(long, value_name = "LANGUAGE", default_value = templates::RUST, value_parser = templates::languages())]
    lang: String,
}

/// Most characters of a name.
const MOST_CHARS: usize = 64;

pub fn main(args: &NewArgs) -> CliResult {
    let folder = &args.folder;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    check_name(name).map_err(|why| CliError::input(format!("{}: {why}", text::path(folder))))?;
    if folder.symlink_metadata().is_ok() {
        return Err(CliError::input(format!("{} is there already: take another name", text::path(folder))));
    }
    let files = templates::files(&args.lang, name)
        .ok_or_else(|| CliError::input(format!("there is no template for {}", text::name(&args.lang))))?;
    write(folder, &files)?;
    let shown = text::path(folder);
    let language = proper_name(&args.lang);
    outln!("{shown}: a harness in {language}, with a test; its README.md says how to go on. Next:");
    outln!("  mmh eval {shown} --mock");
    outln!("  mmh dev {shown} --mock");
    Ok(ExitCode::SUCCESS)
}

/// Writes the files, all or none.
fn write(folder: &Path, files: &[(String, String)]) -> Result<(), CliError> {
    let write_all = || {
        for (path, words) in files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(path, words)?;
        }
        Ok(())
    };
    write_all().map_err(|error: std::io::Error| {
        // What is there now was made here.
        let _ = fs::remove_dir_all(folder);
        CliError::host(format!("cannot write {}: {error}", text::path(folder)))
    })
}

/// A language as one writes it.
fn proper_name(language: &str) -> &str {
    match language {
        "javascript" => "JavaScript",
        "python" => "Python",
        "rust" => "Rust",
        "typescript" => "TypeScript",
        other => other,
    }
}

/// A name becomes that of a crate, a package and a file.
fn check_name(name: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let taken = ["test", "core", "std", "alloc", "mmh-sdk", "mmh_sdk", "serde", "serde_json", "regex-lite"];
    match name.as_bytes() {
        [first, ..] if !first.is_ascii_lowercase() => Err("a name begins with a small letter"),
        [] => Err("the folder has no name that a project could have"),
        bytes if !bytes.iter().all(|byte| allowed(*byte)) => {
            Err("a name has small letters, digits, - and _ only, since crates and packages are named by it")
        }
        bytes if bytes.len() > MOST_CHARS => Err("a name has at most 64 letters"),
        _ if taken.contains(&name) => Err("that is the name of a crate that harnesses use: take another one"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_crates_and_packages() {
        let table = [
            ("first", true),
            ("my-harness_2", true),
            ("", false),
            ("2nd", false),
            ("First", false),
            ("a b", false),
            ("a/b", false),
            ("grüße", false),
            ("serde", false),
            ("..", false),
        ];
        for (name, fits) in table {
            assert_eq!(check_name(name).is_ok(), fits, "{name}");
        }
        assert!(check_name(&"x".repeat(65)).is_err());
    }
}
