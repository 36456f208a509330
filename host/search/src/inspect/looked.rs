//! An example that has ended, looked at once more with the same replies: where in the source it trapped, and where its fuel
//! went.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mmh_engine::{
    build::{Builder, Built},
    compile::BuildResult,
    sandbox::{Frame, Profile, Report, Sandbox},
};
use mmh_record::{
    format::{CallRow, TraceRow},
    layout,
    outcome::OutcomeKind,
};
use serde::Serialize;

use super::{rerun::Rerun, stage};
use crate::evaluate::{
    Evaluator, Learned, Purpose, RecordedEvaluation,
    recorded_replies::{Calls, by_example},
    replay::Replay,
};

/// How often an example is looked at for a whole profile, about.
pub const MANY: u64 = 500;
/// How often for a short answer.
pub const FEW: u64 = 100;

/// The least fuel between two looks. A look takes as long as thousands of instructions.
const LEAST_FUEL: u64 = 100;

/// An example that has ended.
pub struct Ended<'a> {
    /// Its outcome.
    pub row: &'a TraceRow,
    /// Its model calls.
    pub calls: &'a [CallRow],
    /// What the harness had learned.
    pub state: &'a [u8],
}

/// Where a call into the harness trapped.
#[derive(Clone, Debug, Serialize)]
pub struct Traced {
    /// How the build with source lines ended, which should be how the other one did.
    pub kind: OutcomeKind,
    /// Innermost frame first.
    pub frames: Vec<Frame>,
}

/// Where the fuel of a call into the harness went.
pub struct Profiled {
    /// How the call ended, which should be how it did before.
    pub kind: OutcomeKind,
    /// The fuel, by stack.
    pub profile: Profile,
}

/// What a function took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionFuel {
    /// Its path.
    pub function: String,
    /// Fuel of its own instructions.
    pub own: u64,
    /// The same with what it called.
    pub total: u64,
}

/// What a line of the harness's source took, with what it called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineFuel {
    /// From 1.
    pub line: u32,
    /// The function that the line is in.
    pub function: String,
    /// Fuel.
    pub fuel: u64,
}

impl Rerun {
    /// Finds out where an example trapped: its source is built with lines, and runs once more with the same replies.
    pub async fn trace(&self, builder: &Builder, source: &str, ended: &Ended<'_>) -> BuildResult<Traced> {
        let (sandbox, built) = match builder.build_with_lines(source).await? {
            Ok(built) => built,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let (kind, report) = self.once_more(sandbox, built, ended).await;
        Ok(Ok(Traced { kind, frames: report.backtrace }))
    }

    /// Finds out where an example's fuel went: it runs once more with the same replies, and is looked at so often while it runs.
    /// Without the source there are no lines.
    pub async fn profile(
        &self,
        builder: &Builder,
        source: Option<&str>,
        ended: &Ended<'_>,
        looks: u64,
    ) -> BuildResult<Profiled> {
        let every = (ended.row.fuel / looks).max(LEAST_FUEL);
        let component = &self.stage.harness.component;
        let (sandbox, built, profiler) = match builder.build_profiled(source, component, every).await? {
            Ok(built) => built,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let (kind, report) = self.once_more(sandbox, built, ended).await;
        Ok(Ok(Profiled { kind, profile: profiler.profile(report.fuel) }))
    }

    /// Runs an example once more, with the same replies, in a sandbox that looks closer.
    async fn once_more(
        &self,
        sandbox: Arc<Sandbox>,
        built: Built,
        ended: &Ended<'_>,
    ) -> (OutcomeKind, Report<String>) {
        let evaluator = Evaluator { runner: sandbox, ..self.evaluator() };
        let harness = Learned::with_state(built, ended.state);
        let report = evaluator.run_once(&harness, &stage::example_of(ended.row).0, &ended.replies()).await;
        let kind = report.result.as_ref().err().map_or(OutcomeKind::Ok, |failure| failure.kind);
        (kind, report)
    }
}

impl Ended<'_> {
    fn replies(&self) -> RecordedEvaluation {
        RecordedEvaluation {
            calls: Calls::of(by_example(self.calls.to_vec())),
            purpose: Purpose::Replay(Replay::default()),
            ..RecordedEvaluation::default()
        }
    }
}

/// What each function took, those that took most themselves first.
pub fn functions(profile: &Profile) -> Vec<FunctionFuel> {
    let mut found: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (stack, fuel) in &profile.stacks {
        if let Some(last) = stack.last() {
            found.entry(&last.function).or_default().0 += fuel;
        }
        // One that calls itself counts once.
        let all: BTreeSet<&str> = stack.iter().map(|frame| frame.function.as_str()).collect();
        for function in all {
            found.entry(function).or_default().1 += fuel;
        }
    }
    let row =
        |(function, (own, total)): (&str, _)| FunctionFuel { function: function.to_owned(), own, total };
    let mut rows: Vec<FunctionFuel> = found.into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.own, row.total)));
    rows
}

/// What each line of the harness's source took with what it called, the dearest first. A call belongs to the innermost line of
/// the source that is on its stack. Empty where there are no lines.
pub fn lines(profile: &Profile) -> Vec<LineFuel> {
    let mut found: BTreeMap<(u32, &str), u64> = BTreeMap::new();
    for (stack, fuel) in &profile.stacks {
        let own = |frame: &&Frame| is_own(frame) && frame.line.is_some();
        if let Some(frame) = stack.iter().rev().find(own) {
            *found.entry((frame.line.unwrap_or_default(), &frame.function)).or_default() += fuel;
        }
    }
    let row =
        |((line, function), fuel): ((u32, &str), u64)| LineFuel { line, function: function.to_owned(), fuel };
    let mut rows: Vec<LineFuel> = found.into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.fuel));
    rows
}

/// Whether a frame is in the harness's own source.
fn is_own(frame: &Frame) -> bool {
    frame.file.as_deref().is_some_and(|file| file.trim_start_matches('/') == layout::SOURCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, line: Option<u32>) -> Frame {
        let file = line.map(|_| format!("/{}", layout::SOURCE));
        Frame { function: function.into(), file, line, column: None }
    }

    #[test]
    fn fuel_is_added_up_by_function_and_by_line() {
        let (predict, walk, sort) = (frame("predict", Some(10)), frame("walk", Some(3)), frame("sort", None));
        let profile = Profile {
            fuel: 60,
            every: 10,
            stacks: vec![
                (vec![predict.clone()], 10),
                (vec![predict.clone(), walk.clone(), walk.clone()], 20),
                (vec![predict, sort], 30),
            ],
        };
        let of = |function: &str, own, total| FunctionFuel { function: function.into(), own, total };
        assert_eq!(functions(&profile), [of("sort", 30, 30), of("walk", 20, 20), of("predict", 10, 60)]);
        let of = |line, function: &str, fuel| LineFuel { line, function: function.into(), fuel };
        assert_eq!(lines(&profile), [of(10, "predict", 40), of(3, "walk", 20)]);
    }
}
