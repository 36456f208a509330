//! `resumes` in `config.json`: what was changed in the configuration each time that the run went on. The list only grows.
//! All other fields of `config.json` have their current values.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::format::Config;

/// One time that a run went on, with changed settings or after it had ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    /// When it went on.
    pub at: Timestamp,
    /// The first iteration that was not on record at that time. The changes hold for it and for all later iterations.
    pub from_iteration: u32,
    /// The changed settings. Empty if the run had ended and went on with the same settings.
    pub changes: Vec<Change>,
}

/// One setting that was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its place in `config.json`, as a JSON Pointer (RFC 6901), such as `/limits/attempts`.
    pub what: String,
    /// The value before. Null where there was none.
    pub from: Value,
    /// The value from then on.
    pub to: Value,
}

impl Config {
    /// This configuration from now on, with the settings of another one; what differs is recorded.
    pub fn resumed(&self, settings: Self, at: Timestamp, from_iteration: u32) -> Self {
        let mut changes = Vec::new();
        let (before, after) = (self.settings(), settings.settings());
        differences(&mut String::new(), &before, &after, &mut changes);
        let mut resumes = self.resumes.clone();
        resumes.push(Resume { at, from_iteration, changes });
        Self { resumes, ..settings }
    }

    /// The configuration with which an iteration was made: all later changes are taken back. None where the
    /// list of changes does not fit the configuration, which is then not as it was written.
    pub fn as_of(&self, iteration: u32) -> Option<Self> {
        let (kept, undone): (Vec<&Resume>, Vec<&Resume>) =
            self.resumes.iter().partition(|it| it.from_iteration <= iteration);
        if undone.is_empty() {
            return Some(self.clone());
        }
        self.without(kept.into_iter().cloned().collect(), undone)
    }

    /// All configurations that the run has had, the latest first, without their lists of changes. It ends where
    /// the list does not fit.
    pub fn history(&self) -> Vec<Self> {
        let latest = Self { resumes: Vec::new(), ..self.clone() };
        let (mut settings, mut history) = (latest.settings(), vec![latest]);
        for resume in self.resumes.iter().rev() {
            let before =
                take_back(&mut settings, resume).and_then(|()| serde_json::from_value(settings.clone()).ok());
            match before {
                Some(before) => history.push(before),
                None => break,
            }
        }
        history
    }

    /// The configuration with which the run began.
    pub fn at_first(&self) -> Option<Self> {
        self.without(Vec::new(), &self.resumes)
    }

    /// This configuration with these changes taken back.
    fn without<'a>(
        &self,
        kept: Vec<Resume>,
        undone: impl IntoIterator<Item = &'a Resume, IntoIter: DoubleEndedIterator>,
    ) -> Option<Self> {
        let mut settings = self.settings();
        undone.into_iter().rev().try_for_each(|resume| take_back(&mut settings, resume))?;
        serde_json::from_value(settings).ok().map(|settings| Self { resumes: kept, ..settings })
    }

    /// Everything but the list of changes.
    fn settings(&self) -> Value {
        let settings = Self { resumes: Vec::new(), ..self.clone() };
        serde_json::to_value(settings).unwrap_or_default()
    }
}

/// Takes the changes of one time back, the last one first. None where they do not fit.
fn take_back(settings: &mut Value, resume: &Resume) -> Option<()> {
    resume.changes.iter().rev().try_for_each(|change| {
        let place = settings.pointer_mut(&change.what).filter(|found| **found == change.to)?;
        *place = change.from.clone();
        Some(())
    })
}

/// Collects the values that differ, each with its place.
fn differences(place: &mut String, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) if before.keys().eq(after.keys()) => {
            for (name, before) in before {
                let length = place.len();
                *place += &format!("/{}", name.replace('~', "~0").replace('/', "~1"));
                differences(place, before, &after[name], changes);
                place.truncate(length);
            }
        }
        _ if before == after => {}
        _ => changes.push(Change { what: place.clone(), from: before.clone(), to: after.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_have_their_place() {
        // name, before, after, places
        let table = [
            ("nothing", json!({ "a": 1 }), json!({ "a": 1 }), vec![]),
            ("one value", json!({ "a": 1, "b": 2 }), json!({ "a": 1, "b": 3 }), vec!["/b"]),
            (
                "inside",
                json!({ "a": { "b": 1, "c": 2 } }),
                json!({ "a": { "b": 2, "c": 3 } }),
                vec!["/a/b", "/a/c"],
            ),
            ("a name with a slash", json!({ "lab/m~1": 1 }), json!({ "lab/m~1": 2 }), vec!["/lab~1m~01"]),
            ("other names", json!({ "a": { "b": 1 } }), json!({ "a": { "c": 1 } }), vec!["/a"]),
            ("a list", json!({ "a": [1] }), json!({ "a": [2] }), vec!["/a"]),
        ];
        for (name, before, after, places) in table {
            let mut changes = Vec::new();
            differences(&mut String::new(), &before, &after, &mut changes);
            assert_eq!(changes.iter().map(|it| it.what.as_str()).collect::<Vec<_>>(), places, "{name}");
            let mut undone = after.clone();
            for change in &changes {
                *undone.pointer_mut(&change.what).expect("its place") = change.from.clone();
            }
            assert_eq!(undone, before, "{name}");
        }
    }
}
