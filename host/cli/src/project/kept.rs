//! Builds a project by its own command, unless no file of it has changed since that was done before.
//!
//! What is compared are digests of the files that a watch looks at. What a command reads elsewhere is not seen: to build again,
//! remove the component.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    MadeOutside, NOT_SEEN_BEYOND,
    cargo::{self, Made},
    stamps,
};
use crate::{error::CliError, files};
use mmh_record::{digest::Digest, text};

/// Where it is kept, from the project's folder.
const KEPT: &str = ".mmh/built.json";

/// Most bytes of that file, and of a file of the project.
const MOST_BYTES: u64 = 64 << 20;

/// The files of a project, by their path from its folder.
type Files = BTreeMap<PathBuf, Digest>;

/// What was built of what.
#[derive(Serialize, Deserialize)]
struct Kept {
    command: Vec<String>,
    files: Files,
    component: Digest,
}

/// The component of a project that this command builds.
pub async fn built(folder: &Path, command: &[String], component: &Path) -> Result<Made, CliError> {
    let (path, before) = (folder.join(component), files_of(folder));
    if let (Some(kept), Some(files)) = (read(folder), &before)
        && kept.command == command
        && kept.files == *files
        && digest(&path) == Some(kept.component)
    {
        let made = MadeOutside::new(&command.join(" "), String::new());
        return Ok(Ok((path, MadeOutside { kept: true, ..made })));
    }
    errln!("building with: {}", text::name(&command.join(" ")));
    let made = cargo::run(folder, command, component).await?;
    if made.is_ok()
        && let (Some(before), Some(files), Some(component)) = (before, files_of(folder), digest(&path))
        // Files that the command has written are new. A file that was saved meanwhile has to be built again.
        && before.iter().all(|(path, digest)| files.get(path) == Some(digest))
    {
        keep(folder, &Kept { command: command.to_vec(), files, component });
    }
    Ok(made)
}

/// Digests of all files. None if there are more of them than a watch sees, or one cannot be read.
fn files_of(folder: &Path) -> Option<Files> {
    let stamps = stamps(folder);
    if stamps.len() >= NOT_SEEN_BEYOND {
        return None;
    }
    let one = |path: PathBuf| {
        let digest = digest(&path)?;
        Some((path.strip_prefix(folder).unwrap_or(&path).to_owned(), digest))
    };
    stamps.into_iter().map(|(path, ..)| one(path)).collect()
}

fn digest(path: &Path) -> Option<Digest> {
    Some(Digest::of(files::bytes_if_there(path, MOST_BYTES).ok()??))
}

fn read(folder: &Path) -> Option<Kept> {
    serde_json::from_slice(&files::bytes_if_there(&folder.join(KEPT), MOST_BYTES).ok()??).ok()
}

/// A project that cannot be written to is built each time.
fn keep(folder: &Path, kept: &Kept) {
    let path = folder.join(KEPT);
    if let (Some(parent), Ok(bytes)) = (path.parent(), serde_json::to_vec(kept)) {
        let _ = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&dyn Fn(&str, &str));

    fn nothing(_: &dyn Fn(&str, &str)) {}

    #[tokio::test]
    async fn unchanged_projects_are_not_built_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path();
        let command = |more: &str| {
            let script = format!("cat source* > made.wasm; touch made_too.txt; echo x >> build/count{more}");
            vec!["sh".to_owned(), "-c".to_owned(), script]
        };
        std::fs::create_dir(here.join("build")).expect("made");
        let write = |name: &str, words: &str| std::fs::write(here.join(name), words).expect("written");
        // what is done before, the command's end, whether an earlier build is used
        let table: [(Change, &str, bool); 8] = [
            (|write| write("source", "a"), "", false),
            (nothing, "", true),
            (|write| write("source", "b"), "", false),
            (nothing, "", true),
            (|write| write("source2", "c"), "", false),
            (|write| write("made.wasm", "other"), "", false),
            (nothing, "; true", false),
            (nothing, "; true", true),
        ];
        for (at, (change, end, kept)) in table.into_iter().enumerate() {
            change(&write);
            let made = built(here, &command(end), Path::new("made.wasm")).await.expect("it starts");
            let (_, made) = made.unwrap_or_else(|rejection| panic!("{at}: {rejection:?}"));
            assert_eq!(made.kept, kept, "{at}");
        }
        let count = std::fs::read_to_string(here.join("build/count")).expect("a count");
        assert_eq!(count.lines().count(), 5);
    }
}
