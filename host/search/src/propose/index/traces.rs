//! Where the traces of an iteration and the calls of each example stand in their files, so that a page of traces is read
//! without the rest of the files.

use std::{collections::HashMap, fs::File, os::unix::fs::FileExt};

use serde::Deserialize;

use mmh_record::{
    RecordError,
    format::{CallRow, TraceRow},
    layout::{CALLS, MAX_ROWS, TRACES},
    plain::{self, Access},
    reader::{Rows, RunReader},
    recorded::Recorded,
};

/// A line of a file: where it begins, and how many bytes it has.
#[derive(Clone, Copy)]
struct Line {
    at: u64,
    bytes: usize,
}

/// The index of an iteration's evaluation.
pub struct TraceIndex {
    iteration: u32,
    traces: Vec<Line>,
    /// Places in `traces` of the examples that were answered wrong.
    failures: Vec<u32>,
    /// The calls of all examples, example by example.
    calls: Vec<Line>,
    /// Where the calls of each example begin in `calls`, and where the last ones end.
    first_calls: Vec<u32>,
}

/// As much of a trace as the index needs.
#[derive(Deserialize)]
struct TraceSketch {
    example_id: String,
    correct: bool,
}

mmh_record::recorded!(TraceSketch);

/// As much of a call as the index needs.
#[derive(Deserialize)]
struct CallSketch {
    example_id: String,
}

mmh_record::recorded!(CallSketch);

impl TraceIndex {
    /// Looks through both files of an iteration once.
    pub fn of(reader: &RunReader, iteration: u32) -> Result<Self, RecordError> {
        let path = |file| RunReader::iteration_file(iteration, file);
        let (mut traces, mut failures, mut by_id) = (Vec::new(), Vec::new(), HashMap::new());
        each(reader, &path(TRACES), |row: TraceSketch, line| {
            let place = traces.len() as u32;
            if !row.correct {
                failures.push(place);
            }
            by_id.insert(row.example_id, place);
            traces.push(line);
        })?;
        // Calls of `learn` belong to no example.
        let mut calls: Vec<(u32, Line)> = Vec::new();
        each(reader, &path(CALLS), |row: CallSketch, line| {
            calls.extend(by_id.get(&row.example_id).map(|place| (*place, line)));
        })?;
        // Those of one example stay in the order of the file.
        calls.sort_by_key(|(place, _)| *place);
        let mut first_calls = Vec::with_capacity(traces.len() + 1);
        let mut next = 0;
        for place in 0..=traces.len() as u32 {
            while calls.get(next).is_some_and(|(of, _)| *of < place) {
                next += 1;
            }
            first_calls.push(next as u32);
        }
        let calls = calls.into_iter().map(|(_, line)| line).collect();
        Ok(Self { iteration, traces, failures, calls, first_calls })
    }

    /// How many lines it knows.
    pub fn places(&self) -> usize {
        self.traces.len() + self.calls.len()
    }

    /// The number of examples, of all or of those that were answered wrong.
    pub fn len(&self, only_failures: bool) -> usize {
        if only_failures { self.failures.len() } else { self.traces.len() }
    }

    /// Opens both files.
    pub fn open<'a>(&'a self, reader: &RunReader) -> Result<Opened<'a>, RecordError> {
        let file = |name| -> Result<Option<Source>, RecordError> {
            let name = RunReader::iteration_file(self.iteration, name);
            if !reader.has(&name) {
                return Ok(None);
            }
            let opened = plain::open(reader.dir(), &name, Access::Read);
            let opened = opened.map_err(|source| unreadable(&name, source))?;
            Ok(Some(Source { file: opened.into_std(), name }))
        };
        Ok(Opened { index: self, traces: file(TRACES)?, calls: file(CALLS)? })
    }
}

/// The files of an index, open for reading.
pub struct Opened<'a> {
    index: &'a TraceIndex,
    traces: Option<Source>,
    calls: Option<Source>,
}

struct Source {
    file: File,
    name: String,
}

impl Opened<'_> {
    /// The example at a place, and its calls.
    pub fn read(&self, only_failures: bool, at: usize) -> Result<(TraceRow, Vec<CallRow>), RecordError> {
        let index = self.index;
        let at = if only_failures { index.failures.get(at).map(|at| *at as usize) } else { Some(at) };
        let (Some(at), Some(traces)) = (at.filter(|at| *at < index.traces.len()), &self.traces) else {
            return Err(lost(index.iteration));
        };
        let row = traces.line(index.traces[at])?;
        let calls = &index.calls[index.first_calls[at] as usize..index.first_calls[at + 1] as usize];
        let calls = match &self.calls {
            Some(source) => calls.iter().map(|line| source.line(*line)).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        Ok((row, calls))
    }
}

impl Source {
    fn line<T: Recorded>(&self, Line { at, bytes }: Line) -> Result<T, RecordError> {
        let mut line = vec![0; bytes];
        self.file.read_exact_at(&mut line, at).map_err(|source| unreadable(&self.name, source))?;
        T::parse(&line).map_err(|error| RecordError::Damaged {
            file: self.name.clone(),
            problem: format!("the line at byte {at}: {error}"),
        })
    }
}

/// Gives each row of a file with its line; none where there is no such file.
fn each<T: Recorded>(
    reader: &RunReader,
    file: &str,
    mut row: impl FnMut(T, Line),
) -> Result<(), RecordError> {
    if !reader.has(file) {
        return Ok(());
    }
    let mut rows = Rows::open(reader.dir(), file, file.to_owned())?;
    let mut count = 0;
    while let Some((found, at, bytes)) = rows.next_with_place()? {
        count += 1;
        if count > MAX_ROWS {
            return Err(RecordError::TooManyRows { file: file.to_owned() });
        }
        row(found, Line { at, bytes });
    }
    Ok(())
}

fn unreadable(file: &str, source: std::io::Error) -> RecordError {
    RecordError::Io { action: "read", file: file.to_owned(), source }
}

fn lost(iteration: u32) -> RecordError {
    let file = RunReader::iteration_file(iteration, TRACES);
    RecordError::Damaged { file, problem: "it has lost lines while it was read".into() }
}
