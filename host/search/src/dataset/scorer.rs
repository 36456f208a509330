//! The code of a task's own metric: found beside its `task.toml` or in a run's folder, and built.

use std::path::Path;

use cap_std::{ambient_authority, fs::Dir};
use mmh_engine::{
    build::{Builder, BuiltScorer},
    compile::BuildResult,
};
use mmh_record::{
    RecordError,
    digest::Digest,
    layout::{SCORER_COMPONENT, SCORER_SOURCE},
    metric::{MetricKind, MetricSpec},
    plain,
    reader::RunReader,
    scorer::ScorerSpec,
};
use toml::{Table, Value};

use super::Dataset;
use crate::metric::Metric;

/// The key of a task's metric that names the file.
pub(super) const KEY: &str = "scorer";

/// What is said of a file that has neither ending.
const ENDINGS: &str = "a Rust source (.rs) or a component (.wasm) in the task's folder";

/// A scorer before it is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScorerFile {
    /// Where it was found, below its folder, such as `grade.rs`.
    pub name: String,
    /// What it holds.
    pub code: ScorerCode,
}

/// The code of a scorer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScorerCode {
    /// A Rust source.
    Source(String),
    /// A component that was compiled before.
    Component(Vec<u8>),
}

impl ScorerFile {
    /// The file that a task names, below the task's folder. No link is followed, so that nothing outside of it is read.
    pub(super) fn read(folder: &Path, name: &str) -> Result<Self, String> {
        let of = |problem: String| format!("`metric.{KEY}` names {name:?}: {problem}");
        let is_source = name.ends_with(".rs");
        if !is_source && !name.ends_with(".wasm") {
            return Err(of(format!("it has to be {ENDINGS}")));
        }
        let bytes =
            Dir::open_ambient_dir(folder, ambient_authority()).and_then(|dir| plain::read(&dir, name));
        let bytes = bytes.map_err(|error| of(format!("cannot read it below the task's folder: {error}")))?;
        let code = match is_source {
            true => ScorerCode::Source(String::from_utf8(bytes).map_err(|_| of("it is not UTF-8".into()))?),
            false => ScorerCode::Component(bytes),
        };
        Ok(Self { name: name.to_owned(), code })
    }

    /// The scorer that a run's folder has, which may be a stranger's.
    pub fn of_run(reader: &RunReader, spec: ScorerSpec) -> Result<Self, RecordError> {
        let (name, code) = match spec {
            ScorerSpec::Source(_) => (SCORER_SOURCE, ScorerCode::Source(reader.text(SCORER_SOURCE)?)),
            ScorerSpec::Component(_) => {
                (SCORER_COMPONENT, ScorerCode::Component(reader.bytes(SCORER_COMPONENT)?))
            }
        };
        let found = Self { name: name.to_owned(), code };
        if found.spec() != spec {
            let (is, named) = (found.spec().digest(), spec.digest());
            let problem = format!("its sha256 is {is}, and the run's task names {named}");
            return Err(RecordError::Damaged { file: name.into(), problem });
        }
        Ok(found)
    }

    /// What a run records of it, and what tells it from other scorers.
    pub fn spec(&self) -> ScorerSpec {
        match &self.code {
            ScorerCode::Source(source) => ScorerSpec::Source(Digest::of(source)),
            ScorerCode::Component(component) => ScorerSpec::Component(Digest::of(component)),
        }
    }

    /// The metric that it is.
    pub(super) fn metric(&self) -> Result<Metric, String> {
        Metric::new(&MetricSpec::scored_by(self.spec())).map_err(|error| error.to_string())
    }

    /// The source. None where there is a component only.
    pub fn source(&self) -> Option<&str> {
        match &self.code {
            ScorerCode::Source(source) => Some(source),
            ScorerCode::Component(_) => None,
        }
    }

    /// How many bytes it has.
    pub fn size_bytes(&self) -> usize {
        match &self.code {
            ScorerCode::Source(source) => source.len(),
            ScorerCode::Component(component) => component.len(),
        }
    }

    /// Builds it in the jail that harnesses are built in, and with their limits.
    pub async fn build(&self, builder: &Builder) -> BuildResult<BuiltScorer> {
        match &self.code {
            ScorerCode::Source(source) => builder.build_scorer(source).await,
            ScorerCode::Component(component) => builder.load_scorer(component.clone()).await,
        }
    }
}

impl Dataset {
    /// Builds the task's own scorer, if it has one. From then on, evaluations of this data set grade with it.
    pub async fn build_scorer(&mut self, builder: &Builder) -> BuildResult<()> {
        let Some(scorer) = &self.scorer else { return Ok(Ok(())) };
        let built = scorer.build(builder).await?;
        Ok(built.map(|built| self.kind = self.kind.graded_by(built)))
    }
}

/// The file that a task's metric names, if it names one.
pub(super) fn named(task: &Table) -> Result<Option<String>, String> {
    let is_scorer = |kind: &Value| kind.as_str() == Some(MetricKind::Scorer.name());
    let metric = match task.get("metric") {
        Some(Value::Table(metric)) => metric,
        Some(kind) if is_scorer(kind) => {
            return Err(format!("`metric.{KEY}` is missing: it names {ENDINGS}"));
        }
        _ => return Ok(None),
    };
    match metric.get(KEY) {
        None if metric.get("kind").is_some_and(is_scorer) => {
            Err(format!("`metric.{KEY}` is missing: it names {ENDINGS}"))
        }
        None => Ok(None),
        Some(Value::String(name)) if metric.keys().all(|key| [KEY, "kind"].contains(&key.as_str())) => {
            match metric.get("kind").is_none_or(is_scorer) {
                true => Ok(Some(name.clone())),
                false => {
                    Err(format!("`metric.{KEY}` names a program, and `metric.kind` says something else"))
                }
            }
        }
        Some(Value::String(_)) => Err(format!(
            "`metric.{KEY}` names a program that decides everything: no other setting belongs there"
        )),
        Some(_) => Err(format!("`metric.{KEY}` is the name of {ENDINGS}")),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_scorer_is_a_plain_file_of_the_task() {
        let folder = tempfile::tempdir().expect("a folder");
        let task = folder.path().join("task");
        fs::create_dir_all(task.join("code")).expect("a folder");
        fs::write(folder.path().join("outside.rs"), "fn a() {}").expect("a file");
        fs::write(task.join("grade.rs"), "fn b() {}").expect("a file");
        fs::write(task.join("code/grade.wasm"), b"\0asm").expect("a file");
        fs::write(task.join("bytes.rs"), b"\xff").expect("a file");
        symlink("../outside.rs", task.join("out.rs")).expect("a link");
        symlink("grade.rs", task.join("in.rs")).expect("a link");
        symlink("..", task.join("up")).expect("a link");
        // name in the task's file, what is said
        let table = [
            ("grade.rs", ""),
            ("code/grade.wasm", ""),
            ("grade.py", "it has to be a Rust source (.rs) or a component (.wasm) in the task's folder"),
            ("none.rs", "cannot read it below the task's folder: No such file"),
            ("../outside.rs", "its path is not a plain one below the folder"),
            ("/etc/grade.rs", "its path is not a plain one below the folder"),
            ("out.rs", "it is a link, which is not followed"),
            ("in.rs", "it is a link, which is not followed"),
            ("up/outside.rs", "cannot read it"),
            ("bytes.rs", "it is not UTF-8"),
        ];
        for (name, says) in table {
            match ScorerFile::read(&task, name) {
                Ok(found) => assert!(says.is_empty() && found.metric().is_ok(), "{name}"),
                Err(problem) => assert!(!says.is_empty() && problem.contains(says), "{name}: {problem}"),
            }
        }
    }
}
