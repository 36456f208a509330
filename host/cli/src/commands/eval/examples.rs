//! Examples of an evaluation as text, with all that is known of them: where one trapped, what took its fuel.

use std::sync::Arc;

use super::{Harness, bench::Bench};
use crate::{diagnostics::Author, error::CliError, example_view};
use mmh_engine::{build::Built, sandbox::Profile};
use mmh_models::cancel::Cancel;
use mmh_record::{
    format::{CallRow, TraceRow},
    layout,
    outcome::OutcomeKind,
    text,
};
use mmh_search::{
    evaluate::{
        Lessons, record_share,
        recorded_replies::{Calls, by_example},
        replay::Replay,
    },
    inspect::{
        looked::{self, Ended, FunctionFuel, LineFuel, Profiled, Traced},
        rerun::{self, Rerun},
        stage::Stage,
    },
};

/// Functions that are named where the fuel was used up.
const HOTTEST: usize = 5;

/// Why an example ended so, found out by running it once more.
enum Why {
    /// Where it trapped.
    Trapped(Traced),
    /// What took its fuel.
    Hot(Profile),
}

/// The examples of an evaluation, which may be run once more.
#[derive(Clone, Copy)]
pub struct Examples<'a> {
    pub bench: &'a Bench<'a>,
    pub harness: &'a Harness,
    pub built: &'a Built,
    /// The target model's id.
    pub model: &'a str,
}

impl<'a> Examples<'a> {
    /// One example with all that is known of it. If it is to be explained, it may run once more.
    pub async fn example(
        &self,
        (row, calls): (&TraceRow, &[CallRow]),
        state: &[u8],
        explain: bool,
    ) -> Result<String, CliError> {
        let mut out = format!("\nexample {}\n", text::one_line(&row.example_id));
        out += &example_view::example(row, calls, self.bench.limits, example_view::Texts::Cut);
        if explain && let Some(why) = self.why(row, calls, state).await? {
            out += &described(&why);
        }
        Ok(self.author().places(&out))
    }

    /// Whose harness it is.
    pub fn author(&self) -> Author<'a> {
        Author::new(self.harness.given.file.as_deref())
    }

    /// Why an example trapped, or ran out of fuel: it runs once more with the same replies.
    async fn why(&self, row: &TraceRow, calls: &[CallRow], state: &[u8]) -> Result<Option<Why>, CliError> {
        let source = self.harness.given.lined_source();
        let (rerun, ended) = (self.rerun(calls), Ended { row, calls, state });
        if row.error_kind == OutcomeKind::OutOfFuel {
            let profiled = rerun.profile(self.bench.builder, source, &ended, looked::FEW).await?;
            return Ok(profiled.ok().map(|Profiled { profile, .. }| Why::Hot(profile)));
        }
        match source.filter(|_| rerun::has_a_place(row.error_kind)) {
            Some(source) => {
                let traced = rerun.trace(self.bench.builder, source, &ended).await?;
                Ok(traced.ok().map(Why::Trapped))
            }
            None => Ok(None),
        }
    }

    /// What runs an example again from these calls.
    pub fn rerun(&self, calls: &[CallRow]) -> Rerun {
        let (bench, batches) = (self.bench, self.bench.batches());
        let stage = Stage {
            runner: bench.builder.sandbox.clone(),
            harness: self.built.clone(),
            kind: bench.dataset.kind.clone(),
            task: Arc::new(bench.dataset.task.clone()),
            seed: bench.seed,
            model: self.model.to_owned(),
            lessons: Lessons::new(&batches, &bench.protocol),
            record_bytes: record_share(bench.limits, &bench.dataset.info(), &batches, &bench.protocol),
            calls: Calls::of(by_example(calls.to_vec())),
            scorer_calls: Calls::of(Default::default()),
        };
        Rerun {
            stage,
            replay: Replay::default(),
            concurrency: 1,
            is_recorded: true,
            cancel: Cancel::default(),
        }
    }
}

/// What was found out, as text.
fn described(why: &Why) -> String {
    match why {
        Why::Trapped(traced) if traced.frames.is_empty() => String::new(),
        Why::Trapped(traced) => format!("\n{}", example_view::backtrace(traced)),
        Why::Hot(profile) => {
            let mut out = String::from(
                "\nwhat took its fuel, by function and by line; `mmh profile` shows all of it\n",
            );
            let share = |fuel: u64| fuel as f64 / profile.fuel.max(1) as f64 * 100.0;
            let name = |function: &str| example_view::short(&text::one_line(function));
            for FunctionFuel { function, own, .. } in looked::functions(profile).iter().take(HOTTEST) {
                out += &format!("    {:5.1} %  {}\n", share(*own), name(function));
            }
            for LineFuel { line, function, fuel } in looked::lines(profile).iter().take(HOTTEST) {
                out +=
                    &format!("    {:5.1} %  {}:{line} in {}\n", share(*fuel), layout::SOURCE, name(function));
            }
            out
        }
    }
}
