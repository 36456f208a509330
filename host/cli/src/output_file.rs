//! Files that a command leaves behind: checked before any work is done, then written whole or not at all.
//!
//! What is refused: an input of the same command, by whatever name or link it is reached; anything in the
//! folder of a run or of a part of one, whose manifest would no longer hold; a folder, a pipe, a device; and a
//! file that is there and does not look like an earlier output by its name.

use std::{
    fs::{self, Metadata, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::error::CliError;
use mmh_record::{
    layout::{self, CONFIG, Place},
    manifest, text,
};

/// A file that may be written.
#[derive(Debug)]
pub struct OutputFile {
    /// Where the user wants it, for messages.
    named: PathBuf,
    /// Where it goes: links are followed.
    place: PathBuf,
}

impl OutputFile {
    /// Checks a path. `inputs` are files and folders that the command reads; `endings` are those of the files
    /// that it replaces.
    pub fn check(named: &Path, inputs: &[&Path], endings: &[&str]) -> Result<Self, CliError> {
        let refused = |why: &str| CliError::input(format!("cannot write {}: {why}", text::path(named)));
        let failed = |error: io::Error| failed(named, &error);
        let place = match fs::symlink_metadata(named) {
            Ok(_) => named.canonicalize().map_err(|_| refused("it is a link that leads nowhere"))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let name = named.file_name().ok_or_else(|| refused("it names no file"))?;
                folder_of(named).canonicalize().map_err(failed)?.join(name)
            }
            Err(error) => return Err(failed(error)),
        };
        refuse_runs(&place).map_err(|why| refused(&why))?;
        if let Ok(there) = fs::metadata(&place) {
            if there.is_dir() {
                return Err(refused("it is a folder"));
            }
            if !there.is_file() {
                return Err(refused("it is no plain file but a pipe, a socket or a device"));
            }
            if inputs.iter().any(|input| is_input(&there, &place, input)) {
                return Err(refused("the command reads it; choose another name"));
            }
            if !has_ending(named, endings) {
                let endings = endings.join(" or ");
                let why = format!("it is there already, and only a file that ends in {endings} is replaced");
                return Err(refused(&why));
            }
        }
        Ok(Self { named: named.to_owned(), place })
    }

    /// Writes it beside, then renames it.
    pub fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        self.fill(|file| file.write_all(bytes).map_err(|error| failed(&self.named, &error)))
    }

    /// The same for what is too large for memory: the closure writes it piece by piece.
    pub fn fill(&self, fill: impl FnOnce(&mut fs::File) -> Result<(), CliError>) -> Result<(), CliError> {
        let failed = |error: io::Error| failed(&self.named, &error);
        let readable = Permissions::from_mode(0o666);
        let mut builder = tempfile::Builder::new();
        let beside = builder.prefix(".mmh-").permissions(readable).tempfile_in(folder_of(&self.place));
        let mut beside = beside.map_err(failed)?;
        fill(beside.as_file_mut())?;
        beside.persist(&self.place).map(drop).map_err(|error| failed(error.error))
    }
}

fn failed(named: &Path, error: &io::Error) -> CliError {
    CliError::host(format!("cannot write {}: {error}", text::path(named)))
}

/// Makes a folder that is not there yet, or is empty. It appears whole or not at all: the closure fills another one first.
pub fn folder(place: &Path, fill: impl FnOnce(&Path) -> Result<(), CliError>) -> Result<(), CliError> {
    refuse_runs(place).map_err(CliError::input)?;
    if fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(CliError::input(format!("{} exists already and is not empty", text::path(place))));
    }
    let failed = |error: io::Error| failed(place, &error);
    let parent = folder_of(place);
    fs::create_dir_all(parent).map_err(failed)?;
    let beside = tempfile::Builder::new().prefix(".mmh-").tempdir_in(parent).map_err(failed)?;
    let inner = beside.path().join("new");
    fs::create_dir(&inner).map_err(failed)?;
    fill(&inner)?;
    // This also replaces an empty folder.
    fs::rename(&inner, place).map_err(failed)
}

/// Whether a path ends so, in small letters or capitals.
pub fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|found| endings.iter().any(|ending| ending.trim_start_matches('.') == found))
}

/// Refuses a place in the folder of a run, or of a part of one. The place may not be there yet.
pub fn refuse_runs(place: &Path) -> Result<(), String> {
    let absolute = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
    // Above what is not there yet, links are followed, so that no other name of a folder leads into it.
    let there = absolute.ancestors().find_map(|folder| folder.canonicalize().ok());
    let inside = there.as_deref().unwrap_or(&absolute).ancestors().find(|folder| is_recorded(folder));
    match inside {
        None => Ok(()),
        Some(folder) => Err(format!(
            "{} is the folder of a run, and `mmh verify` would no longer hold for it; choose another place",
            text::path(folder)
        )),
    }
}

/// Whether a folder is a run, finished or not, or a part of one. A `config.json` or a `manifest.json` alone
/// may be anything.
fn is_recorded(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).exists();
    (has(CONFIG) && (has(layout::SUMMARY) || has(Place::Iteration.parent())))
        || (has(manifest::NAME) && (has(CONFIG) || has(layout::COMPONENT)))
}

/// Whether a file that is there is an input: the same one, or one of a folder that is read.
fn is_input(there: &Metadata, place: &Path, input: &Path) -> bool {
    let same = |other: &Metadata| (other.dev(), other.ino()) == (there.dev(), there.ino());
    let Ok(found) = fs::metadata(input) else { return false };
    if !found.is_dir() {
        return same(&found);
    }
    let (Ok(folder), Ok(entries)) = (input.canonicalize(), fs::read_dir(input)) else { return true };
    // By a hard link a file of the folder may have another name elsewhere.
    place.starts_with(folder) || entries.flatten().any(|it| fs::metadata(it.path()).is_ok_and(|it| same(&it)))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    /// Inputs, runs and other things that must not be written over.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["data", "runs/a/iterations/000", "exported", "site", "half/iterations"] {
            fs::create_dir_all(at(name)).expect("created");
        }
        for name in [
            "h.rs",
            "other.rs",
            "old.jsonl",
            "OLD.JSONL",
            "data/train.jsonl",
            "runs/a/config.json",
            "runs/a/summary.json",
            "runs/a/iterations/000/manifest.json",
            "half/config.json",
            "exported/manifest.json",
            "exported/harness.wasm",
            "site/manifest.json",
            "site/old.jsonl",
        ] {
            fs::write(at(name), "there").expect("written");
        }
        fs::hard_link(at("h.rs"), at("hard.jsonl")).expect("linked");
        fs::hard_link(at("data/train.jsonl"), at("train2.jsonl")).expect("linked");
        for (to, name) in [
            ("h.rs", "link.jsonl"),
            ("old.jsonl", "latest.jsonl"),
            ("gone", "dangling.jsonl"),
            ("runs/a", "run"),
            ("/dev/null", "null.jsonl"),
        ] {
            symlink(to, at(name)).expect("linked");
        }
        mknodat(CWD, at("pipe.jsonl"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        folder
    }

    #[test]
    fn nothing_of_value_is_written_over() {
        let folder = folder();
        // path, what is said, or None if it is written
        let table = [
            ("new.jsonl", None),
            ("new", None),
            ("new.rs", None),
            ("old.jsonl", None),
            ("OLD.JSONL", None),
            ("latest.jsonl", None),
            ("data/../old.jsonl", None),
            ("site/old.jsonl", None),
            ("data/new.jsonl", None),
            ("h.rs", Some("the command reads it")),
            ("./data/../h.rs", Some("the command reads it")),
            ("link.jsonl", Some("the command reads it")),
            ("hard.jsonl", Some("the command reads it")),
            ("data/train.jsonl", Some("the command reads it")),
            ("train2.jsonl", Some("the command reads it")),
            ("other.rs", Some("only a file that ends in .jsonl or .json is replaced")),
            ("site/manifest.json", None),
            ("data", Some("it is a folder")),
            (".", Some("it is a folder")),
            ("pipe.jsonl", Some("it is no plain file")),
            ("null.jsonl", Some("it is no plain file")),
            ("dangling.jsonl", Some("it is a link that leads nowhere")),
            ("runs/a/new.jsonl", Some("is the folder of a run")),
            ("runs/a/summary.json", Some("is the folder of a run")),
            ("runs/a/iterations/000/new.jsonl", Some("is the folder of a run")),
            ("run/new.jsonl", Some("is the folder of a run")),
            ("half/new.jsonl", Some("is the folder of a run")),
            ("exported/new.jsonl", Some("is the folder of a run")),
            ("runs/new.jsonl", None),
            ("nowhere/new.jsonl", Some("No such file or directory")),
            ("", Some("it names no file")),
        ];
        let at = |name: &str| if name.is_empty() { PathBuf::new() } else { folder.path().join(name) };
        let (harness, data) = (at("h.rs"), at("data"));
        for (name, says) in table {
            let checked = OutputFile::check(
                &at(name),
                &[&harness, &data, Path::new("symptoms-mini")],
                &[".jsonl", ".json"],
            );
            let written = checked.and_then(|file| file.write(b"new"));
            match (written, says) {
                (Ok(()), None) => assert_eq!(fs::read(at(name)).expect("read"), b"new", "{name}"),
                (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{name}: {error}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
        assert_eq!(fs::read(&harness).expect("read"), b"there");
        assert!(at("latest.jsonl").is_symlink(), "the link stays, and leads to what was written");
        let left = fs::read_dir(folder.path()).expect("listed").flatten();
        assert!(left.into_iter().all(|it| !it.file_name().to_string_lossy().starts_with(".mmh-")));
    }
}
