//! Rows of a JSON Lines file, grouped by the example or batch that they belong to. They stay in the file until they are
//! asked for, since all of them together may not fit into memory.

use std::{borrow::Cow, collections::HashMap, fs::File, os::unix::fs::FileExt, sync::Arc};

use cap_std::fs::Dir;
use serde::Deserialize;

use super::{
    RecordError,
    layout::MAX_ROWS,
    plain::{self, Access},
    reader::Rows,
    recorded::Recorded,
};
use crate::chat::CallError;

/// Rows by example or batch. Cheap to clone.
#[derive(Clone)]
pub struct Stored<T: Clone> {
    source: Arc<Source<T>>,
    /// What the ids in the file begin with, besides the example or batch.
    prefix: String,
}

enum Source<T> {
    Memory(HashMap<String, Vec<T>>),
    File { file: File, name: String, places: HashMap<String, Vec<(u64, usize)>> },
}

/// The part of a row that is read to index it: where it belongs, and whether a call got a reply.
#[derive(Deserialize)]
pub struct Sketch {
    /// The example or batch that the row belongs to.
    pub example_id: String,
    /// Why the call got no reply. None where it got one, and in rows that are no calls.
    #[serde(default)]
    pub failure: Option<CallError>,
}

crate::recorded!(Sketch);

impl<T: Clone> Default for Stored<T> {
    fn default() -> Self {
        Self::of(HashMap::new())
    }
}

impl<T: Clone> Stored<T> {
    /// Rows that are in memory.
    pub fn of(rows: HashMap<String, Vec<T>>) -> Self {
        Self { source: Arc::new(Source::Memory(rows)), prefix: String::new() }
    }

    /// The rows whose ids begin with this prefix. Their ids are the rest, without the prefix.
    pub fn below(&self, prefix: &str) -> Self {
        Self { source: self.source.clone(), prefix: format!("{}{prefix}", self.prefix) }
    }

    /// The ids of all examples and batches that have rows, sorted.
    pub fn ids(&self) -> Vec<String> {
        let all: Vec<&String> = match &*self.source {
            Source::Memory(rows) => rows.keys().collect(),
            Source::File { places, .. } => places.keys().collect(),
        };
        let mut ids: Vec<String> =
            all.iter().filter_map(|id| id.strip_prefix(&self.prefix)).map(str::to_owned).collect();
        ids.sort();
        ids
    }

    /// How many examples and batches have rows.
    pub fn count(&self) -> usize {
        match &*self.source {
            Source::Memory(rows) => rows.keys().filter(|id| id.starts_with(&self.prefix)).count(),
            Source::File { places, .. } => places.keys().filter(|id| id.starts_with(&self.prefix)).count(),
        }
    }

    /// Whether there are rows of an example or batch.
    pub fn has(&self, id: &str) -> bool {
        let id = format!("{}{id}", self.prefix);
        match &*self.source {
            Source::Memory(rows) => rows.contains_key(&id),
            Source::File { places, .. } => places.contains_key(&id),
        }
    }
}

impl<T: Clone + Recorded> Stored<T> {
    /// Indexes the rows of a file below this folder. There are none where there is no such file. Calls `each` for every row.
    pub fn index(dir: &Dir, file: &str, each: impl FnMut(&Sketch)) -> Result<Self, RecordError> {
        Self::named(dir, file, file, each)
    }

    /// The same; `name` is for messages.
    pub(super) fn named(
        dir: &Dir,
        file: &str,
        name: &str,
        mut each: impl FnMut(&Sketch),
    ) -> Result<Self, RecordError> {
        Self::index_by(dir, file, name, |row: Sketch| {
            each(&row);
            row.example_id
        })
    }

    /// The same for callers who need more of each row: they read it by a type of their own and say whom the row belongs to.
    pub fn index_by<S: Recorded>(
        dir: &Dir,
        file: &str,
        name: &str,
        mut id_of: impl FnMut(S) -> String,
    ) -> Result<Self, RecordError> {
        if plain::size(dir, file).is_none() {
            return Ok(Self::default());
        }
        let mut rows = Rows::<S>::open(dir, file, name.to_owned())?;
        let (mut count, mut places) = (0, HashMap::<String, Vec<(u64, usize)>>::new());
        while let Some((row, at, bytes)) = rows.next_with_place()? {
            count += 1;
            if count > MAX_ROWS {
                return Err(RecordError::TooManyRows { file: name.to_owned() });
            }
            places.entry(id_of(row)).or_insert_with(|| Vec::with_capacity(1)).push((at, bytes));
        }
        let opened = plain::open(dir, file, Access::Read);
        let opened =
            opened.map_err(|source| RecordError::Io { action: "read", file: name.into(), source })?;
        let source = Source::File { file: opened.into_std(), name: name.to_owned(), places };
        Ok(Self { source: Arc::new(source), prefix: String::new() })
    }

    /// How many bytes the rows of an example or batch take in the file. 0 for rows that are in memory.
    pub fn bytes(&self, id: &str) -> u64 {
        match &*self.source {
            Source::Memory(_) => 0,
            Source::File { places, .. } => {
                let places = places.get(&format!("{}{id}", self.prefix)).map_or(&[][..], Vec::as_slice);
                places.iter().map(|(_, bytes)| *bytes as u64).sum()
            }
        }
    }

    /// The rows of an example or batch.
    pub fn get(&self, id: &str) -> Result<Cow<'_, [T]>, RecordError> {
        let id = format!("{}{id}", self.prefix);
        match &*self.source {
            Source::Memory(rows) => Ok(Cow::Borrowed(rows.get(&id).map_or(&[], Vec::as_slice))),
            Source::File { file, name, places } => {
                let places = places.get(&id).map_or(&[][..], Vec::as_slice);
                places.iter().map(|place| row(file, name, *place)).collect::<Result<_, _>>().map(Cow::Owned)
            }
        }
    }
}

fn row<T: Recorded>(file: &File, name: &str, (at, bytes): (u64, usize)) -> Result<T, RecordError> {
    let mut line = vec![0; bytes];
    let read = file.read_exact_at(&mut line, at);
    read.map_err(|source| RecordError::Io { action: "read", file: name.to_owned(), source })?;
    T::parse(&line).map_err(|error| RecordError::Damaged {
        file: name.to_owned(),
        problem: format!("the line at byte {at}: {error}"),
    })
}
