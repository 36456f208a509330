//! Tags and notes that people keep on a run, its iterations and its examples.
//!
//! They stand beside the run's folder, in `RUN_ID.notes.json`, and never in it: a run is sealed, and what people think of it
//! is no part of it. `mmh mv` and `mmh rm` take this file along; whoever moves a run's folder by other means moves it too.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use cap_std::{ambient_authority, fs::Dir};
use serde::{Deserialize, Serialize};

use super::{
    RecordError,
    folder::IterationWriter,
    plain::{self, Access},
    text,
    writer::check_run_id,
};

/// The version of the file's form.
const SCHEMA_VERSION: u32 = 1;

/// The largest file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// The most that one run has notes on.
const MAX_ENTRIES: usize = 5000;

/// The most tags of one thing, and the longest one, in characters.
const MAX_TAGS: usize = 16;
const MAX_TAG_CHARS: usize = 40;

/// The longest note, in bytes.
const MAX_NOTE_BYTES: usize = 16 << 10;

/// The longest name of what a note is on.
const MAX_NAME_BYTES: usize = 300;

/// All notes on a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserNotes {
    /// The version of this form.
    pub schema_version: u32,
    /// By what they are on: `run`, `iteration-3`, `example-val-val-0017`, `example-test-test-0003`.
    pub notes: BTreeMap<String, UserNote>,
}

/// What somebody has written on one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserNote {
    /// Short words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Any text.
    #[serde(default)]
    pub note: String,
}

impl Default for UserNotes {
    fn default() -> Self {
        Self { schema_version: SCHEMA_VERSION, notes: BTreeMap::new() }
    }
}

impl UserNotes {
    /// The name of the file, beside the folder of a run with this id.
    pub fn file_name(run: &str) -> String {
        format!("{run}.notes.json")
    }

    /// Those of the run in this folder. None were kept where there is no file.
    pub fn of_run(run: &Path) -> Result<Self, RecordError> {
        let (runs, name) = beside(run)?;
        Self::read(&runs, &name)
    }

    /// Those of a run in this folder of runs. None were kept where there is no file.
    pub fn read(runs: &Dir, run: &str) -> Result<Self, RecordError> {
        check_run_id(run)?;
        let file = Self::file_name(run);
        let Some(size) = plain::size(runs, &file) else { return Ok(Self::default()) };
        let damaged = |problem: String| RecordError::Damaged { file: file.clone(), problem };
        if size > MAX_BYTES {
            return Err(damaged(format!("it has {size} bytes, and notes have {MAX_BYTES} at most")));
        }
        let opened = plain::open(runs, &file, Access::Read);
        let opened =
            opened.map_err(|source| RecordError::Io { action: "read", file: file.clone(), source })?;
        let found: Self = serde_json::from_reader(std::io::Read::take(opened, MAX_BYTES))
            .map_err(|error| damaged(error.to_string()))?;
        match found.schema_version {
            SCHEMA_VERSION => Ok(found),
            other => {
                Err(damaged(format!("it has schema_version {other}, and this mmh reads {SCHEMA_VERSION}")))
            }
        }
    }

    /// The tags of the run and of its iterations, each once, sorted.
    pub fn tags_of_run(&self) -> Vec<String> {
        let own = self.notes.iter().filter(|(on, _)| !on.starts_with("example-"));
        let tags: BTreeSet<&String> = own.flat_map(|(_, note)| &note.tags).collect();
        tags.into_iter().cloned().collect()
    }

    /// Enters a note in place of the one before. An empty one takes it away. What is wrong with it is said in words.
    pub fn enter(&mut self, on: &str, note: UserNote) -> Result<(), String> {
        if !is_name(on) {
            return Err("a note is on a run, an iteration or an example".into());
        }
        check(&note)?;
        if note == UserNote::default() {
            self.notes.remove(on);
            return Ok(());
        }
        if self.notes.len() >= MAX_ENTRIES && !self.notes.contains_key(on) {
            return Err(format!("a run has {MAX_ENTRIES} notes at most"));
        }
        self.notes.insert(on.to_owned(), note);
        Ok(())
    }

    /// Writes them beside a run in this folder of runs, whole or not at all.
    pub fn write(&self, runs: &Dir, run: &str) -> Result<(), RecordError> {
        check_run_id(run)?;
        let file = Self::file_name(run);
        let folder = runs.try_clone().map_err(|source| RecordError::Io {
            action: "open the folder of",
            file: file.clone(),
            source,
        })?;
        IterationWriter::new(folder, String::new(), true).put_json(&file, self)
    }
}

/// The folder beside which a run's notes lie, and the run's name there: by its true name, where a link leads to it.
pub fn beside(run: &Path) -> Result<(Dir, String), RecordError> {
    let problem = |source| RecordError::Io { action: "open the folder of", file: text::path(run), source };
    let path = run.canonicalize().map_err(problem)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().unwrap_or(&path);
    Ok((Dir::open_ambient_dir(folder, ambient_authority()).map_err(problem)?, name))
}

/// Whether this names a run, an iteration or an example.
fn is_name(on: &str) -> bool {
    let is_index = |text: &str| text.parse::<u32>().is_ok_and(|index| index.to_string() == text);
    let is_id = |id: &str| !id.is_empty() && !id.chars().any(char::is_control);
    let example = ["example-val-", "example-test-"].iter().find_map(|begin| on.strip_prefix(begin));
    on.len() <= MAX_NAME_BYTES
        && (on == "run" || on.strip_prefix("iteration-").is_some_and(is_index) || example.is_some_and(is_id))
}

fn check(note: &UserNote) -> Result<(), String> {
    let is_tag = |tag: &String| {
        !tag.trim().is_empty()
            && tag.chars().count() <= MAX_TAG_CHARS
            && !tag.chars().any(|it| it.is_control() || it == ',')
    };
    if note.tags.len() > MAX_TAGS {
        return Err(format!("there are {MAX_TAGS} tags at most"));
    }
    if !note.tags.iter().all(is_tag) {
        return Err(format!("a tag has 1 to {MAX_TAG_CHARS} characters, and no comma"));
    }
    if note.note.len() > MAX_NOTE_BYTES {
        return Err(format!("a note has {MAX_NOTE_BYTES} bytes at most"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(tags: &[&str], note: &str) -> UserNote {
        UserNote { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), note: note.to_owned() }
    }

    #[test]
    fn a_note_is_on_something_and_within_bounds() {
        let (long_tag, long_note) = ("x".repeat(MAX_TAG_CHARS + 1), "x".repeat(MAX_NOTE_BYTES + 1));
        let many: Vec<&str> = vec!["a"; MAX_TAGS + 1];
        // name, what it is on, the note, whether it is kept
        let table = [
            ("on the run", "run", note(&["good"], ""), true),
            ("on an iteration", "iteration-12", note(&[], "why?\n<script>"), true),
            ("on an example", "example-val-val-0001", note(&["odd one"], "x"), true),
            ("on a held-out example", "example-test-a b", note(&["x"], ""), true),
            ("on an index that is none", "iteration-01", note(&["x"], ""), false),
            ("on nothing", "", note(&["x"], ""), false),
            ("on another file", "../x", note(&["x"], ""), false),
            ("on an example without a name", "example-val-", note(&["x"], ""), false),
            ("an empty tag", "run", note(&[" "], ""), false),
            ("a tag with a comma", "run", note(&["a,b"], ""), false),
            ("a tag of two lines", "run", note(&["a\nb"], ""), false),
            ("a long tag", "run", note(&[&long_tag], ""), false),
            ("many tags", "run", note(&many, ""), false),
            ("a long note", "run", note(&[], &long_note), false),
        ];
        for (name, on, note, is_kept) in table {
            let mut notes = UserNotes::default();
            assert_eq!(notes.enter(on, note.clone()).is_ok(), is_kept, "{name}");
            assert_eq!(notes.notes.get(on), Some(&note).filter(|_| is_kept), "{name}");
        }
    }

    #[test]
    fn notes_stand_beside_the_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let runs = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("it opens");
        let mut notes = UserNotes::read(&runs, "first").expect("none yet");
        assert_eq!(notes, UserNotes::default());
        notes.enter("run", note(&["keep"], "the one of the paper")).expect("kept");
        notes.write(&runs, "first").expect("written");
        assert_eq!(UserNotes::read(&runs, "first").expect("read"), notes);
        notes.enter("run", UserNote::default()).expect("taken away");
        assert!(notes.notes.is_empty());
        // name, what stands in the file, what is said
        let table = [
            ("no JSON", "{", "is damaged"),
            ("a later version", "{\"schema_version\":2,\"notes\":{}}", "schema_version 2"),
        ];
        for (name, text, said) in table {
            std::fs::write(folder.path().join("first.notes.json"), text).expect("written");
            let found = UserNotes::read(&runs, "first").map_err(|error| error.to_string());
            assert!(found.as_ref().is_err_and(|found| found.contains(said)), "{name}: {found:?}");
        }
        assert!(UserNotes::read(&runs, "../first").is_err(), "only a run has notes");
    }
}
