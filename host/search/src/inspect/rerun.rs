//! Runs recorded examples again, with the recorded harness or with another one, from recorded replies; and,
//! where that is wanted, asks the model for those that are not recorded.
//!
//! Not in here: whether a whole run holds, which `verify` says with the same recorded replies.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use serde::Serialize;
use similar::TextDiff;

use super::{
    differences,
    stage::{self, Stage},
};
use crate::{
    dataset::Example,
    evaluate::{
        self,
        recorded_replies::{RecordedReplies, lost},
    },
};
use mmh_engine::{
    build::Builder,
    compile::BuildResult,
    sandbox::{CallContext, CallIndex, Frame, ModelPort, Prepared, Report, Sandbox},
};
use mmh_models::cancel::Cancel;
use mmh_record::{
    chat::{CallOutcome, ChatRequest},
    format::{CallRow, TraceRow},
    manifest::Finding,
    outcome::OutcomeKind,
    text,
};

/// A diff of two prompts is looked for so long, and then taken as it is.
const DIFF_PATIENCE: Duration = Duration::from_millis(200);

/// Lines of a diff of two prompts that are kept, and characters of each.
const DIFF_LINES: usize = 24;
const DIFF_COLUMNS: usize = 160;

/// Everything that an example needs to be run again. Cheap to clone.
#[derive(Clone)]
pub struct Rerun {
    pub stage: Stage,
    /// Asked for what is not recorded. Without it such a call fails.
    pub live: Option<Arc<dyn ModelPort>>,
    /// Examples at once.
    pub concurrency: usize,
    /// Whether the harness is the recorded one: then every outcome should be, too.
    pub is_recorded: bool,
    /// Ends it after the examples that are under way.
    pub cancel: Cancel,
}

/// What came of learning again.
#[derive(Clone, Debug, Default)]
pub struct Relearned {
    pub state: Arc<[u8]>,
    pub unrecorded: Vec<Unrecorded>,
    /// Why there is no state.
    pub failed: Option<String>,
}

/// A prompt that was not in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unrecorded {
    pub prompt: String,
    /// How it differs from the recorded prompt of the same example that is closest to it. None where the
    /// example has no recorded prompt.
    pub diff: Option<String>,
}

/// How an example went this time, compared with the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Bit for bit the same, fuel included.
    Same,
    /// The recorded harness did something else.
    Different,
    /// It was ended by the wall clock, which is no input: it cannot be compared.
    ByTheClock,
    /// Another harness: wrong before, right now.
    Fixed,
    /// Right before, wrong now.
    Broken,
    /// As right or as wrong as before.
    Unchanged,
    /// Another harness that needed a reply which is not recorded.
    Unknown,
}

impl Standing {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
            Self::ByTheClock => "by-the-clock",
            Self::Fixed => "fixed",
            Self::Broken => "broken",
            Self::Unchanged => "unchanged",
            Self::Unknown => "unknown",
        }
    }
}

/// An example as it went this time.
#[derive(Clone, Debug, Serialize)]
pub struct Again {
    pub standing: Standing,
    pub recorded: TraceRow,
    pub found: TraceRow,
    pub differences: Vec<Finding>,
    /// Its model calls in order, from the record or not.
    pub calls: Vec<CallRow>,
    pub unrecorded: Vec<Unrecorded>,
}

/// Where a call into the harness trapped.
#[derive(Clone, Debug, Serialize)]
pub struct Traced {
    /// How the build with source lines ended: as the other one did.
    pub kind: OutcomeKind,
    /// Innermost first.
    pub frames: Vec<Frame>,
}

impl Rerun {
    /// Offers the harness the train split again, from recorded replies.
    pub async fn learn(&self, train: &[Example]) -> Relearned {
        let mut learned = Relearned::default();
        for (batch, id, lessons) in evaluate::batches(train) {
            let port = self.port(&id);
            let setting = self.setting(&id, &learned.state, port.clone());
            let report = self.stage.sandbox.learn(&self.stage.harness, setting, &lessons).await;
            learned.unrecorded.extend(port.unrecorded());
            match report.result {
                Ok(state) => learned.state = state.into(),
                Err(failure) => {
                    let (kind, message) = (failure.kind.name(), failure.message);
                    learned.failed = Some(format!("learn failed at batch {batch}: {kind}: {message}"));
                    break;
                }
            }
        }
        learned
    }

    /// Runs these examples again, in their order. `tainted`: the state depends on replies that are not
    /// recorded and were not asked for.
    pub async fn examples(&self, recorded: &[TraceRow], state: &Arc<[u8]>, tainted: bool) -> Vec<Again> {
        let going_on = recorded.iter().take_while(|_| !self.cancel.is_cancelled());
        let runs = going_on.cloned().map(|row| {
            let (this, state) = (self.clone(), state.clone());
            let run = tokio::spawn(async move { this.example(row, &state, tainted).await });
            async move { run.await.ok() }
        });
        // A task that panicked is a bug of the host's; its example is missing, which the caller sees.
        stream::iter(runs).buffered(self.concurrency.max(1)).filter_map(std::future::ready).collect().await
    }

    async fn example(&self, recorded: TraceRow, state: &[u8], tainted: bool) -> Again {
        let (example, latency_ms) = stage::example_of(&recorded);
        let port = self.port(&example.id);
        let report =
            predict(&self.stage, &self.stage.sandbox, &self.stage.harness, &example, state, port.clone());
        let report = report.await;
        let (model, id) = (&self.stage.model, &example.id);
        let calls = report.calls.iter().zip(0..);
        let calls = calls.map(|(call, at)| evaluate::call_row(model, id, at, &call.request, &call.answer));
        let calls = calls.collect();
        let found = evaluate::trace_row(&self.stage.model, &example, latency_ms, report);
        let unrecorded = port.unrecorded();
        let differences = differences(&recorded, &found);
        let unknown = tainted || (self.live.is_none() && !unrecorded.is_empty());
        let standing = self.standing(&recorded, &found, unknown);
        Again { standing, recorded, found, differences, calls, unrecorded }
    }

    fn standing(&self, recorded: &TraceRow, found: &TraceRow, unknown: bool) -> Standing {
        match (recorded.correct, found.correct) {
            _ if self.is_recorded && !stage::is_replayable(recorded) => Standing::ByTheClock,
            _ if self.is_recorded && recorded == found => Standing::Same,
            _ if self.is_recorded => Standing::Different,
            _ if unknown => Standing::Unknown,
            (false, true) => Standing::Fixed,
            (true, false) => Standing::Broken,
            _ => Standing::Unchanged,
        }
    }

    /// Where an example that was just run trapped: its source is built once more, with lines, and gets the
    /// answers that it had.
    pub async fn trace(
        &self,
        builder: &Builder,
        source: &str,
        again: &Again,
        state: &[u8],
    ) -> BuildResult<Traced> {
        let (sandbox, built) = match builder.build_with_lines(source).await? {
            Ok(built) => built,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let (example, _) = stage::example_of(&again.recorded);
        let recorded = RecordedReplies::new(&again.calls);
        let port = Port { recorded, record_bytes: self.stage.record_bytes, ..Port::default() };
        let port = Arc::new(port);
        let report = predict(&self.stage, &sandbox, &built.prepared, &example, state, port).await;
        let kind = report.result.as_ref().err().map_or(OutcomeKind::Ok, |failure| failure.kind);
        Ok(Ok(Traced { kind, frames: report.backtrace }))
    }

    fn port(&self, id: &str) -> Arc<Port> {
        let rows = self.stage.calls.get(id).unwrap_or_else(|error| {
            // Its requests are then not recorded ones, which is told.
            tracing::warn!("{error}");
            Cow::Borrowed(&[])
        });
        let prompts = rows.iter().map(|row| row.request.prompt_text()).collect();
        Arc::new(Port {
            recorded: RecordedReplies::new(&rows),
            prompts,
            live: self.live.clone(),
            record_bytes: self.stage.record_bytes,
            unrecorded: Mutex::default(),
        })
    }

    fn setting<'a>(&'a self, id: &str, state: &'a [u8], model: Arc<dyn ModelPort>) -> CallContext<'a> {
        let seed = evaluate::seed_of_call(self.stage.seed, id);
        CallContext { task: &self.stage.task, state, seed, model }
    }
}

async fn predict(
    stage: &Stage,
    sandbox: &Sandbox,
    harness: &Prepared,
    example: &Example,
    state: &[u8],
    model: Arc<dyn ModelPort>,
) -> Report<String> {
    let seed = evaluate::seed_of_call(stage.seed, &example.id);
    let setting = CallContext { task: &stage.task, state, seed, model };
    sandbox.predict(harness, setting, &example.input).await
}

/// Whether an outcome is a trap, which has a place in the source.
pub fn has_a_place(kind: OutcomeKind) -> bool {
    use OutcomeKind::{Exit, MemoryLimit, OutOfFuel, Panic, StackOverflow, Trap};
    matches!(kind, Panic | Trap | Exit | StackOverflow | OutOfFuel | MemoryLimit)
}

/// How many examples stand how.
pub fn counts(again: &[Again]) -> BTreeMap<Standing, usize> {
    let mut counts = BTreeMap::new();
    again.iter().for_each(|it| *counts.entry(it.standing).or_insert(0) += 1);
    counts
}

/// Answers from the record, and where that has nothing, from the model.
#[derive(Default)]
struct Port {
    recorded: RecordedReplies,
    /// The recorded prompts of the example.
    prompts: Vec<String>,
    live: Option<Arc<dyn ModelPort>>,
    record_bytes: u64,
    unrecorded: Mutex<Vec<String>>,
}

impl Port {
    fn unrecorded(&self) -> Vec<Unrecorded> {
        let prompts = self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let described = prompts.into_iter().map(|prompt| {
            let diff = prompt_diff(&self.prompts, &prompt);
            Unrecorded { prompt, diff }
        });
        described.collect()
    }
}

#[async_trait]
impl ModelPort for Port {
    async fn complete(
        &self,
        request: &Arc<ChatRequest>,
        place: CallIndex,
        time_left: Duration,
    ) -> CallOutcome {
        if let Some(called) = self.recorded.find(request, place.draw) {
            return called;
        }
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).push(request.prompt_text());
        match &self.live {
            Some(live) => live.complete(request, place, time_left).await,
            None => CallOutcome::unasked(Err(lost("this request is not in the record"))),
        }
    }

    fn record_bytes(&self) -> u64 {
        self.record_bytes
    }
}

/// How a prompt differs from the closest of these, shortly.
fn prompt_diff(recorded: &[String], prompt: &str) -> Option<String> {
    let diffs = recorded
        .iter()
        .map(|old| TextDiff::configure().timeout(DIFF_PATIENCE).diff_lines(old.as_str(), prompt));
    let closest = diffs.max_by(|left, right| left.ratio().total_cmp(&right.ratio()))?;
    if closest.ratio() == 1.0 {
        return Some("the same text: other settings, or asked more often than it was".into());
    }
    let unified = closest.unified_diff().context_radius(1).to_string();
    let lines: Vec<&str> = unified.lines().filter(|line| !line.starts_with('\\')).collect();
    let mut shown: Vec<String> =
        lines.iter().take(DIFF_LINES).map(|line| text::ellipsis(line, DIFF_COLUMNS)).collect();
    if lines.len() > DIFF_LINES {
        shown.push(format!("[{} more lines]", lines.len() - DIFF_LINES));
    }
    Some(shown.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_compared_with_the_closest() {
        let recorded = ["one\ntwo\nthree\n".to_owned(), "red\ngreen\nblue\n".to_owned()];
        let long: String = (0..100).map(|line| format!("{line}\n")).collect();
        // name, recorded prompts, prompt, what the diff says
        let table: [(&str, &[String], &str, Option<&str>); 4] = [
            ("nothing recorded", &[], "x", None),
            ("the closest", &recorded, "red\ngrey\nblue\n", Some("-green\n+grey\n")),
            ("the same text", &recorded, "one\ntwo\nthree\n", Some("the same text")),
            ("a long one is cut", &recorded, &long, Some("more lines]")),
        ];
        for (name, recorded, prompt, expected) in table {
            let found = prompt_diff(recorded, prompt);
            match expected {
                None => assert_eq!(found, None, "{name}"),
                Some(part) => {
                    let found = found.unwrap_or_default();
                    assert!(found.contains(part), "{name}: {found}");
                    assert!(found.lines().count() <= DIFF_LINES + 1, "{name}");
                }
            }
        }
    }
}
