//! Compares the recorded run with the repeated one, file by file.

use std::io::{BufRead, BufReader};

use cap_std::fs::Dir;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Claimed, MAX_DIFFERENCES, Rebuilt, Replayed, Verdict,
    counted::{lines as count_lines, replies, tool_calls, unreadable},
    explain,
    lines::{self, Rule, Side},
    rerun::{End, Made},
};
use crate::{claims::Claims, noted::Noted};
use mmh_record::{
    RecordError,
    layout::{self, Format, Kind, Place},
    manifest::Finding,
    outcome::OutcomeKind,
    plain,
};

/// The files that say what was learned.
const LEARNING: [&str; 3] = [layout::BATCHES, layout::PREDICTIONS, layout::STATE];
/// The largest JSON file whose differences are reported field by field, in bytes.
const MAX_EXPLAINED_BYTES: u64 = 16 << 20;

/// Compares all folders, adds the findings to the verdict, and counts the claims.
pub fn all(
    made: &Made,
    claims: &Claims,
    folders: &[String],
    noted: &Noted,
    verdict: &mut Verdict,
) -> Result<Claimed, RecordError> {
    let mut claimed = Claimed::default();
    for folder in folders {
        claimed.replies += if made.config.mock { 0 } else { replies(made, folder)? };
        claimed.tool_calls += tool_calls(made, folder)?;
        let is_whole = verdict.checked.iter().any(|it| it.folder == *folder && it.sealed);
        if made.derived.folder(folder).is_none() {
            if made.end != End::Early {
                let found = "a folder that the search did not make";
                verdict.find(folder).push(Finding::new(folder, "no such folder", found));
            }
            continue;
        }
        // A folder that was repeated in part does not say which other files should exist.
        let is_derived = made.derived.has(&layout::file(folder, layout::MANIFEST));
        let compared = Compared { made, folder, noted, is_whole: is_whole && is_derived, claims };
        let found = compared.files()?;
        let at = verdict.checked.iter().position(|it| it.folder == *folder).unwrap_or(0);
        let checked = &mut verdict.checked[at];
        checked.findings.extend(found.findings);
        (checked.rebuilt, checked.replayed) = (found.rebuilt, found.replayed);
    }
    let (findings, rebuilt) = own(made, claims, noted)?;
    verdict.find("").extend(findings);
    if let Some(own) = verdict.checked.iter_mut().find(|it| it.folder.is_empty()) {
        own.rebuilt = rebuilt;
    }
    Ok(claimed)
}

/// The run's own files, and whether the source of its scorer compiles to the scorer's component.
fn own(made: &Made, claims: &Claims, noted: &Noted) -> Result<(Vec<Finding>, Rebuilt), RecordError> {
    let compared = Compared { made, folder: "", noted, is_whole: true, claims };
    let is_ahead = made.ahead.is_some() && made.recorded.cost().ok() == made.ahead;
    let (mut findings, mut rebuilt) = (Vec::new(), Rebuilt::NotThere);
    for kind in layout::KINDS.iter().filter(|kind| kind.places.contains(&Place::Run)) {
        match kind.name {
            layout::MANIFEST | layout::LEDGER => {}
            layout::SUMMARY | layout::COST | layout::FRONTIER if made.end == End::Early => {}
            layout::FRONTIER if made.end == End::Open && made.has_frontier_of_before()? => {}
            // A run that was killed in its first moment.
            layout::SCORER_SOURCE | layout::SCORER_COMPONENT
                if made.end == End::Open && !made.recorded.has(kind.name) => {}
            layout::COST if is_ahead => {}
            _ => {
                let found = compared.file(kind)?.findings;
                if kind.name == layout::SCORER_COMPONENT && made.recorded.has(layout::SCORER_SOURCE) {
                    rebuilt = compared.rebuilt(found.is_empty());
                }
                findings.extend(found);
            }
        }
    }
    Ok((findings, rebuilt))
}

/// The result of comparing one folder.
struct Found {
    findings: Vec<Finding>,
    rebuilt: Rebuilt,
    replayed: Option<Replayed>,
}

/// A folder of the run, recorded and derived.
struct Compared<'a> {
    made: &'a Made,
    folder: &'a str,
    noted: &'a Noted,
    /// Whether all derived files have to exist, whole.
    is_whole: bool,
    claims: &'a Claims,
}

impl Compared<'_> {
    fn files(&self) -> Result<Found, RecordError> {
        let place = Place::of(self.folder);
        let mut found = Found { findings: Vec::new(), rebuilt: Rebuilt::NotThere, replayed: None };
        let kinds =
            layout::KINDS.iter().filter(|kind| place.is_some_and(|place| kind.places.contains(&place)));
        let mut learned = self.batches()?.filter(|_| self.claims.has_train());
        for kind in kinds.filter(|kind| kind.name != layout::MANIFEST) {
            let compared = self.file(kind)?;
            let is_same = compared.findings.is_empty();
            match kind.name {
                layout::COMPONENT if self.made.recorded.has(&layout::file(self.folder, kind.name)) => {
                    found.rebuilt = self.rebuilt(is_same);
                }
                layout::TRACES if compared.rows > 0 => {
                    let (examples, same) = (compared.rows, compared.same);
                    found.replayed = Some(Replayed { examples, same, ..Replayed::default() });
                }
                name if LEARNING.contains(&name) => learned = learned.map(|it| it && is_same),
                _ => {}
            }
            found.findings.extend(compared.findings);
        }
        if let Some(replayed) = &mut found.replayed {
            replayed.not_replayable = self.timed_out()?;
            replayed.learned = learned;
        }
        Ok(found)
    }

    /// Whether the folder's component is one that the run was begun with.
    fn is_given(&self) -> bool {
        layout::place(self.folder).is_some_and(|(_, index)| self.made.config.given(index).is_some())
    }

    fn rebuilt(&self, is_same: bool) -> Rebuilt {
        if self.is_given() {
            return Rebuilt::Given;
        }
        match (self.claims.missing.tools, is_same) {
            (true, _) => Rebuilt::OtherTools,
            (false, true) => Rebuilt::Same,
            (false, false) => Rebuilt::Different,
        }
    }

    /// Compares one file.
    fn file(&self, kind: &Kind) -> Result<lines::Compared, RecordError> {
        let path = layout::file(self.folder, kind.name);
        let (recorded, derived) = (&self.made.recorded, &self.made.derived);
        let one = |expected: &str, found: &str| lines::Compared {
            findings: vec![Finding::new(&path, expected, found)],
            ..lines::Compared::default()
        };
        match (recorded.has(&path), derived.has(&path)) {
            (false, true) if self.is_whole => return Ok(one("a file", "none")),
            (true, false) if self.is_whole => {
                return Ok(one("no such file", "a file that the search did not make"));
            }
            (true, true) => {}
            _ => return Ok(lines::Compared::default()),
        }
        match kind.format {
            Format::JsonLines => self.rows(&path),
            _ if same_bytes(recorded.dir(), derived.dir(), &path)? => Ok(lines::Compared::default()),
            Format::Json => Ok(self.fields(&path)?),
            Format::Text => {
                let (expected, found) = (derived.text(&path)?, recorded.text(&path).unwrap_or_default());
                let (expected, found) = explain::texts(&expected, &found);
                Ok(one(&expected, &found))
            }
            Format::Bytes => {
                let [expected, found] = [derived, recorded].map(|it| described(it.dir(), &path));
                let by = match kind.name {
                    layout::COMPONENT if self.is_given() => ", which the run was begun with".to_owned(),
                    layout::COMPONENT => format!(", which {} compiles to", recorded.source_name()),
                    layout::SCORER_COMPONENT => ", which the task's scorer is built to".to_owned(),
                    _ => String::new(),
                };
                Ok(one(&format!("{expected}{by}"), &found))
            }
        }
    }

    fn rows(&self, path: &str) -> Result<lines::Compared, RecordError> {
        let skip = |of: &str| self.noted.skipped.contains(&(self.folder.to_owned(), of.to_owned()));
        let [expected, recorded] =
            [&self.made.derived, &self.made.recorded].map(|it| Side { dir: it.dir(), path });
        if same_bytes(recorded.dir, expected.dir, path)? {
            let rows = count_lines(recorded.dir, path)?;
            return Ok(lines::Compared { rows, same: rows, findings: Vec::new() });
        }
        lines::compare(&expected, &recorded, Rule { whole: self.is_whole, skip: &skip })
    }

    fn fields(&self, path: &str) -> Result<lines::Compared, RecordError> {
        let (recorded, derived) = (&self.made.recorded, &self.made.derived);
        let told = |findings| Ok(lines::Compared { findings, ..lines::Compared::default() });
        if recorded.size(path).is_some_and(|size| size > MAX_EXPLAINED_BYTES) {
            let [expected, found] = [derived, recorded].map(|it| described(it.dir(), path));
            return told(vec![Finding::new(path, expected, found)]);
        }
        let mut expected: Value = derived.json(path)?;
        let mut found: Value = match recorded.json(path) {
            Ok(found) => found,
            Err(error) => return told(vec![Finding::new(path, "JSON", error.to_string())]),
        };
        if self.claims.missing.tools && path.ends_with(layout::PROVENANCE) {
            // The key depends on the compiler of this machine.
            for value in [&mut expected, &mut found] {
                value.pointer_mut("/predicate/buildDefinition/internalParameters/key").map(Value::take);
            }
        }
        let differing = explain::json(&expected, &found, MAX_DIFFERENCES + 1);
        let mut findings: Vec<Finding> = (differing.into_iter())
            .map(|(field, expected, found)| Finding::new(format!("{path}: {field}"), expected, found))
            .collect();
        if findings.len() > MAX_DIFFERENCES {
            findings[MAX_DIFFERENCES] = Finding::new(path, "no differences", "more of them");
        }
        if findings.is_empty() && !self.claims.missing.tools {
            findings.push(Finding::new(
                path,
                "a file as mmh writes it",
                "the same values, written in another way",
            ));
        }
        told(findings)
    }

    /// `Some(true)` if there was something to learn from.
    fn batches(&self) -> Result<Option<bool>, RecordError> {
        let path = layout::file(self.folder, layout::BATCHES);
        let is_there = self.made.recorded.size(&path).is_some_and(|size| size > 0);
        Ok((is_there && Place::of(self.folder) != Some(Place::HeldOut)).then_some(true))
    }

    /// The number of outcomes of the wall clock.
    fn timed_out(&self) -> Result<u64, RecordError> {
        #[derive(Deserialize)]
        struct Ended {
            error_kind: OutcomeKind,
        }

        mmh_record::recorded!(Ended);
        let rows = self.made.recorded.rows::<Ended>(&layout::file(self.folder, layout::TRACES))?;
        Ok(rows.filter(|row| row.as_ref().is_ok_and(|row| row.error_kind == OutcomeKind::Timeout)).count()
            as u64)
    }
}

/// Whether a file has the same bytes in both folders.
fn same_bytes(left: &Dir, right: &Dir, path: &str) -> Result<bool, RecordError> {
    if plain::size(left, path) != plain::size(right, path) {
        return Ok(false);
    }
    // A file that cannot be read is not the same. The reason is reported with the differences.
    let Ok(left) = plain::open_within(left, path) else { return Ok(false) };
    let right = plain::open_within(right, path).map_err(unreadable(path))?;
    let (mut left, mut right) = (BufReader::new(left), BufReader::new(right));
    loop {
        let [one, other] = [left.fill_buf(), right.fill_buf()].map(|it| it.map_err(unreadable(path)));
        let (one, other) = (one?, other?);
        let common = one.len().min(other.len());
        if one[..common] != other[..common] || (common == 0 && one.len() != other.len()) {
            return Ok(false);
        }
        if common == 0 {
            return Ok(true);
        }
        left.consume(common);
        right.consume(common);
    }
}

fn described(dir: &Dir, path: &str) -> String {
    plain::digest(dir, path)
        .map_or_else(|error| error.to_string(), |(digest, bytes)| format!("sha256 {digest}, {bytes} bytes"))
}
