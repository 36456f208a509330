//! Compares two JSON Lines files, row by row. Rows are matched by their example, call or batch, so that a missing row does
//! not make all following rows differ. One line of each file is in memory at a time.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    os::unix::fs::FileExt,
};

use cap_std::fs::Dir;
use serde::Deserialize;
use serde_json::Value;

use super::{MAX_DIFFERENCES, explain};
use mmh_record::{
    RecordError, layout,
    manifest::Finding,
    plain::{self, Access},
    reader::Rows,
    text,
};

/// One of the two files.
pub struct Side<'a> {
    /// The folder of the run.
    pub dir: &'a Dir,
    /// Its path in the run.
    pub path: &'a str,
}

/// What a recorded file has to fulfil.
#[derive(Clone, Copy)]
pub struct Rule<'a> {
    /// All rows have to be there, in order. Without it, the rows that are there have to be right: a crash may have cut
    /// the file.
    pub whole: bool,
    /// Says which examples and batches are not compared.
    pub skip: &'a dyn Fn(&str) -> bool,
}

/// The result of a comparison.
#[derive(Default)]
pub struct Compared {
    /// The differences.
    pub findings: Vec<Finding>,
    /// Rows of the recorded file.
    pub rows: u64,
    /// How many of them equal the derived ones.
    pub same: u64,
}

/// The fields of a row that identify it.
#[derive(Deserialize)]
struct About {
    #[serde(default)]
    example_id: Option<String>,
    #[serde(default)]
    call: Option<u32>,
    #[serde(default)]
    batch: Option<u64>,
}

/// A row that may be no object.
#[derive(Deserialize)]
struct Identity(Option<About>);

mmh_record::recorded!(Identity);

/// A row: its identity, and its place in the file.
struct Row {
    /// The example or batch that it belongs to.
    of: String,
    key: String,
    at: u64,
    bytes: usize,
}

/// Compares a recorded file with what it should be.
pub fn compare(expected: &Side<'_>, recorded: &Side<'_>, rule: Rule<'_>) -> Result<Compared, RecordError> {
    let rows = match index(recorded) {
        Ok(rows) => rows,
        Err(error) => {
            let finding = Finding::new(recorded.path, "rows that can be read", error.to_string());
            return Ok(Compared { findings: vec![finding], ..Compared::default() });
        }
    };
    let wanted = index(expected)?;
    let (left, right) = (open(expected)?, open(recorded)?);
    let by_key: HashMap<&str, &Row> = wanted.iter().map(|row| (row.key.as_str(), row)).collect();
    let derived: HashSet<&str> = wanted.iter().map(|row| row.of.as_str()).collect();
    let mut told = Told::new(recorded.path);
    let (mut seen, mut same) = (HashSet::new(), 0);
    for row in rows.iter().filter(|row| !(rule.skip)(&row.of)) {
        if !seen.insert(row.key.as_str()) {
            told.tell(&row.key, "one row", "another one".into());
            continue;
        }
        let Some(expected) = by_key.get(row.key.as_str()) else {
            // An interrupted example is run again when the run is resumed.
            let is_cut = !rule.whole && !row.of.is_empty() && !derived.contains(row.of.as_str());
            if !is_cut {
                told.tell(&row.key, "no row", shown(&read(&right, row)?));
            }
            continue;
        };
        let (expected, found) = (read(&left, expected)?, read(&right, row)?);
        if expected == found {
            same += 1;
        } else {
            told.differs(&row.key, &expected, &found);
        }
    }
    if rule.whole {
        let missing = wanted.iter().filter(|row| !(rule.skip)(&row.of) && !seen.contains(row.key.as_str()));
        missing.for_each(|row| told.tell(&row.key, "a row", "none".into()));
        let is_in_order = wanted.iter().map(|row| &row.key).eq(rows.iter().map(|row| &row.key));
        if told.count == 0 && !is_in_order && rows.iter().all(|row| !(rule.skip)(&row.of)) {
            told.tell("", "rows in the order of the examples", "another order".into());
        }
    }
    Ok(Compared { findings: told.findings(), rows: rows.len() as u64, same })
}

/// The identities and places of a file's rows.
fn index(side: &Side<'_>) -> Result<Vec<Row>, RecordError> {
    let mut found = Vec::new();
    if plain::size(side.dir, side.path).is_none() {
        return Ok(found);
    }
    let by_position = !matches!(
        side.path.rsplit('/').next(),
        Some(
            layout::TRACES
                | layout::PREDICTIONS
                | layout::CALLS
                | layout::SCORER_CALLS
                | layout::TRIALS
                | layout::BATCHES
        )
    );
    let mut rows = Rows::<Identity>::open(side.dir, side.path, side.path.to_owned())?;
    while let Some((Identity(about), at, bytes)) = rows.next_with_place()? {
        if found.len() >= layout::MAX_ROWS {
            return Err(RecordError::TooManyRows { file: side.path.to_owned() });
        }
        let line = format!("line {}", found.len() + 1);
        let (of, key) = match about {
            Some(About { example_id: Some(id), call: Some(call), .. }) if !by_position => {
                (id.clone(), format!("{id}, call {call}"))
            }
            Some(About { example_id: Some(id), .. }) if !by_position => (id.clone(), id),
            Some(About { batch: Some(batch), .. }) if !by_position => {
                (crate::evaluate::batch_id(batch as usize), format!("batch {batch}"))
            }
            _ => (String::new(), line),
        };
        found.push(Row { of, key, at, bytes });
    }
    Ok(found)
}

fn open(side: &Side<'_>) -> Result<Option<File>, RecordError> {
    if plain::size(side.dir, side.path).is_none() {
        return Ok(None);
    }
    let opened = plain::open(side.dir, side.path, Access::Read);
    let opened =
        opened.map_err(|source| RecordError::Io { action: "read", file: side.path.into(), source })?;
    Ok(Some(opened.into_std()))
}

fn read(file: &Option<File>, row: &Row) -> Result<Vec<u8>, RecordError> {
    let mut line = vec![0; row.bytes];
    if let Some(file) = file {
        let read = file.read_exact_at(&mut line, row.at);
        read.map_err(|source| RecordError::Io { action: "read", file: row.key.clone(), source })?;
    }
    Ok(line)
}

fn shown(line: &[u8]) -> String {
    text::ellipsis(String::from_utf8_lossy(line).trim_end(), 120)
}

/// Differences of a file. The first few are reported singly.
struct Told<'a> {
    path: &'a str,
    findings: Vec<Finding>,
    count: usize,
}

impl<'a> Told<'a> {
    fn new(path: &'a str) -> Self {
        Self { path, findings: Vec::new(), count: 0 }
    }

    fn tell(&mut self, key: &str, expected: &str, found: String) {
        self.count += 1;
        if self.count <= MAX_DIFFERENCES {
            let file = if key.is_empty() { self.path.to_owned() } else { format!("{}: {key}", self.path) };
            self.findings.push(Finding::new(file, expected, found));
        }
    }

    /// Reports the fields in which two rows differ.
    fn differs(&mut self, key: &str, expected: &[u8], found: &[u8]) {
        let parse = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap_or_default();
        let differences = explain::json(&parse(expected), &parse(found), MAX_DIFFERENCES);
        if differences.is_empty() {
            self.tell(key, "a row as mmh writes it", "the same values, written in another way".into());
        }
        for (field, expected, found) in differences {
            self.tell(&format!("{key}: {field}"), &expected, found);
        }
    }

    fn findings(mut self) -> Vec<Finding> {
        let more = self.count.saturating_sub(MAX_DIFFERENCES);
        if more > 0 {
            self.findings.push(Finding::new(self.path, "no differences", format!("{more} more")));
        }
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn rows_are_found_by_what_they_are_about() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("it opens");
        let row = |id: &str, fuel: u32| format!("{{\"example_id\":\"{id}\",\"fuel\":{fuel}}}\n");
        let all = [row("a", 1), row("b", 2), row("c", 3)].concat();
        dir.create_dir("derived").expect("created");
        dir.write("derived/eval_trace.jsonl", &all).expect("written");
        // name, what is recorded, whether it should be whole, what is found
        let table: [(&str, String, bool, &[&str]); 9] = [
            ("the same", all.clone(), true, &[]),
            ("a row is missing", [row("a", 1), row("c", 3)].concat(), true, &["b: a row, none"]),
            ("a row is not there yet", [row("a", 1), row("c", 3)].concat(), false, &[]),
            ("a row differs", [row("a", 1), row("b", 9), row("c", 3)].concat(), false, &["b: fuel: 2, 9"]),
            ("a row twice", [&all[..], &row("b", 2)].concat(), true, &["b: one row, another one"]),
            (
                "a row too many",
                [&all[..], &row("d", 2)].concat(),
                true,
                &["d: no row, {\"example_id\":\"d\",\"fuel\":2}"],
            ),
            (
                "another order",
                [row("c", 3), row("a", 1), row("b", 2)].concat(),
                true,
                &["rows in the order of the examples, another order"],
            ),
            ("another order of a cut file", [row("c", 3), row("a", 1)].concat(), false, &[]),
            (
                "written in another way",
                all.replace(':', ": "),
                true,
                &[
                    "a: a row as mmh writes it, the same values, written in another way",
                    "b: a row as mmh writes it, the same values, written in another way",
                    "c: a row as mmh writes it, the same values, written in another way",
                ],
            ),
        ];
        for (name, recorded, whole, expected) in table {
            dir.write("eval_trace.jsonl", recorded).expect("written");
            let (left, right) = (
                Side { dir: &dir, path: "derived/eval_trace.jsonl" },
                Side { dir: &dir, path: "eval_trace.jsonl" },
            );
            let found = compare(&left, &right, Rule { whole, skip: &|_| false }).expect("compared");
            let told: Vec<String> = found
                .findings
                .iter()
                .map(|it| {
                    let key =
                        it.file.strip_prefix("eval_trace.jsonl").unwrap_or(&it.file).trim_start_matches(": ");
                    let colon = if key.is_empty() { "" } else { ": " };
                    format!("{key}{colon}{}, {}", it.expected, it.found)
                })
                .collect();
            assert_eq!(told, expected, "{name}");
        }
        dir.write("eval_trace.jsonl", "[]\n").expect("written");
        let (left, right) = (
            Side { dir: &dir, path: "derived/eval_trace.jsonl" },
            Side { dir: &dir, path: "eval_trace.jsonl" },
        );
        assert!(
            !compare(&left, &right, Rule { whole: false, skip: &|_| false })
                .expect("compared")
                .findings
                .is_empty()
        );
    }
}
