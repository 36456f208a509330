//! Follows a run as it is recorded, and makes spans of what is new. The search knows nothing of it.
//!
//! A row of an example says how long it took and not when: it ends when it is seen, which is at most a look later. Its calls
//! stand one after another from its beginning. Times of candidates, and of what a proposer did, are the recorded ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    time::SystemTime,
};

use mmh_record::{
    clock::Clock,
    data::Split,
    format::{CallRow, Config, IterationSummary, Summary, TraceRow, TranscriptRow, Unscored},
    layout,
    objective::Objective,
    reader::RunReader,
};

use super::{
    Options,
    calls::{self, Asked, Called, Placed},
    evaluation::Followed,
    metrics::{Counted, Metrics},
    proposal::Proposal,
    span::{self, Kind, Span, SpanId, TraceId, milliseconds, nanoseconds, trace_id},
    wire::{Attributes, Message, Value},
};
use crate::evaluations::{self, Evaluation};

/// The status of an iteration that was cut off.
const INTERRUPTED: &str = "interrupted";

/// A run that is followed.
pub(super) struct Follower {
    reader: RunReader,
    config: Config,
    clock: Clock,
    pub(super) trace: TraceId,
    target: Asked,
    proposer: Asked,
    metrics: Metrics,
    /// Evaluations under way, by folder.
    open: BTreeMap<String, Followed>,
    /// Folders of evaluations that are over.
    over: BTreeSet<String>,
    /// Candidates that are told.
    concluded: BTreeSet<u32>,
    /// The size and the time of the summary that was read last: it is large, and most looks find the same one.
    summary: Option<(u64, Option<SystemTime>)>,
}

impl Follower {
    pub(super) fn new(reader: RunReader, config: Config, clock: Clock, options: &Options) -> Self {
        let trace = trace_id(&config.run_id, &config.started_at.to_string());
        let asked = |role: &str| Asked {
            provider: config
                .providers
                .get(role)
                .map_or_else(|| "mmh.simulated".into(), |it| it.provider.clone()),
            texts: options.texts,
        };
        let (target, proposer) = (asked("target"), asked("proposer"));
        let metrics = Metrics::since(nanoseconds(clock.now()));
        let (open, over, concluded, summary) = Default::default();
        Self { reader, config, clock, trace, target, proposer, metrics, open, over, concluded, summary }
    }

    /// Passes over what is on record already. An iteration that was interrupted is made again, and so told again.
    pub(super) fn begin(&mut self) {
        for evaluation in evaluations::all(&self.reader).unwrap_or_default() {
            if self.reader.has(&evaluation.file(layout::MANIFEST)) {
                self.over.insert(evaluation.folder);
            }
        }
        if let Ok(summary) = self.reader.summary() {
            self.concluded.extend(summary.iterations.iter().map(|it| it.index));
            let given_up = summary.unscored.iter().filter(|it| it.status != INTERRUPTED);
            self.concluded.extend(given_up.map(|it| it.index));
        }
        drop(self.look());
        self.metrics = Metrics::since(self.now());
    }

    /// The spans of what is new. What cannot be read now is looked for again the next time.
    pub(super) fn look(&mut self) -> Vec<Span> {
        let mut spans = Vec::new();
        for evaluation in evaluations::all(&self.reader).unwrap_or_default() {
            let folder = evaluation.folder.clone();
            if !self.over.contains(&folder)
                && !self.open.contains_key(&folder)
                && let Ok(followed) = Followed::open(&self.reader, evaluation)
            {
                self.open.insert(folder, followed);
            }
        }
        let mut open = std::mem::take(&mut self.open);
        open.retain(|folder, followed| {
            // Looked for first: what comes before the seal is then read below.
            let is_sealed = self.reader.has(&layout::file(folder, layout::MANIFEST));
            let read = self.examples(followed, &mut spans);
            if is_sealed || read.is_err() {
                self.over.insert(folder.clone());
            }
            !is_sealed && read.is_ok()
        });
        self.open = open;
        let stamp = self.reader.stamp(layout::SUMMARY);
        if stamp != self.summary
            && let Ok(summary) = self.reader.summary()
        {
            self.summary = stamp;
            self.conclude(&summary, &mut spans);
        }
        spans
    }

    /// The span of the run.
    pub(super) fn end(&self) -> Span {
        let summary = self.reader.summary().ok();
        let ended = summary.as_ref().and_then(|it| it.finished_at).unwrap_or_else(|| self.clock.now());
        let stopped = summary.as_ref().and_then(|it| it.stopped.as_ref()).map(|it| it.status.clone());
        let best = summary.as_ref().and_then(|it| it.best_iteration_index);
        let mut attributes: Attributes = vec![
            ("mmh.run.id", self.config.run_id.as_str().into()),
            ("mmh.dataset", self.config.dataset.as_str().into()),
            ("mmh.proposer.model", self.config.proposer_model.as_str().into()),
            ("mmh.target.model", self.config.target_model.as_str().into()),
            ("mmh.simulated", Value::Flag(self.config.mock)),
        ];
        attributes.extend(best.map(|best| ("mmh.best_iteration", Value::Number(best.into()))));
        let Config { dataset, proposer_model, target_model, .. } = &self.config;
        let asked = format!("{dataset}: {proposer_model} proposes, {target_model} answers");
        attributes.push((span::INPUT, asked.as_str().into()));
        let found = summary.as_ref().and_then(|it| it.iterations.iter().find(|it| Some(it.index) == best));
        attributes.extend(found.map(|it| {
            let figure = it.score.figure(Objective::of(&self.config)).spaced();
            (span::OUTPUT, format!("best: {}, {figure}", layout::folder_name(it.index)).as_str().into())
        }));
        Span {
            id: self.id(&["run"]),
            parent: None,
            name: format!("mmh run {}", self.config.run_id),
            kind: Kind::Internal,
            start: nanoseconds(self.config.started_at),
            end: nanoseconds(ended),
            attributes,
            error: stopped,
        }
    }

    /// The metrics, where any has changed.
    pub(super) fn metrics(&mut self) -> Option<Vec<Message>> {
        let now = self.now();
        self.metrics.take(now)
    }

    fn now(&self) -> u64 {
        nanoseconds(self.clock.now())
    }

    fn id(&self, about: &[&str]) -> SpanId {
        SpanId::of(&self.trace, about)
    }

    fn candidate(&self, index: u32) -> SpanId {
        self.id(&["candidate", &layout::folder_name(index)])
    }

    /// Examples that are over, and calls of `learn`.
    fn examples(&mut self, followed: &mut Followed, spans: &mut Vec<Span>) -> io::Result<()> {
        let (examples, learned) = followed.look(&self.reader)?;
        for (row, calls) in examples {
            self.example(&followed.evaluation, &row, &calls, spans);
        }
        for calls in learned {
            let parent = self.candidate(followed.evaluation.index);
            let start = self.now().saturating_sub(calls.iter().map(|it| milliseconds(it.latency_ms)).sum());
            self.calls(&followed.evaluation, parent, (start, self.now()), &calls, spans);
        }
        Ok(())
    }

    fn example(&mut self, evaluation: &Evaluation, row: &TraceRow, calls: &[CallRow], spans: &mut Vec<Span>) {
        let id = self.id(&["example", &evaluation.folder, &row.example_id]);
        let end = self.now();
        let start = end.saturating_sub(milliseconds(row.latency_ms));
        let mut attributes: Attributes = vec![
            ("mmh.iteration", Value::Number(evaluation.index.into())),
            ("mmh.split", evaluation.split.name().into()),
            ("mmh.example.id", row.example_id.as_str().into()),
            ("mmh.example.outcome", row.error_kind.name().into()),
            ("mmh.example.correct", Value::Flag(row.correct)),
            ("mmh.example.score", Value::Double(row.grade().score)),
            ("mmh.fuel", Value::number(row.fuel)),
        ];
        if self.target.texts {
            attributes.push((span::INPUT, calls::cut(&row.input).into()));
            attributes.push(("mmh.example.expected", calls::cut(&row.gold_label).into()));
            attributes.extend(row.predicted_label.as_deref().map(|it| (span::OUTPUT, calls::cut(it).into())));
        }
        spans.push(Span {
            id,
            parent: Some(self.candidate(evaluation.index)),
            name: format!("example {}", row.example_id),
            kind: Kind::Internal,
            start,
            end,
            attributes,
            error: row.error.as_ref().map(|_| row.error_kind.name().to_owned()),
        });
        self.calls(evaluation, id, (start, end), calls, spans);
    }

    /// The calls of an example or a batch, one after another within these times.
    fn calls(
        &mut self,
        evaluation: &Evaluation,
        parent: SpanId,
        (mut start, last): (u64, u64),
        calls: &[CallRow],
        spans: &mut Vec<Span>,
    ) {
        for row in calls {
            let end = (start + milliseconds(row.latency_ms)).min(last);
            let id = self.id(&["call", &evaluation.folder, &row.example_id, &row.call.to_string()]);
            spans.push(calls::chat(&self.target, Placed { id, parent, start, end }, &Called::of(row)));
            start = end;
            self.metrics.call(&Counted {
                role: "target",
                provider: &self.target.provider,
                model: &row.model,
                usage: &row.usage,
                cost_usd: row.cost_usd,
                seconds: row.latency_ms / 1000.0,
                cached: row.cached,
            });
        }
    }

    /// Candidates that are over.
    fn conclude(&mut self, summary: &Summary, spans: &mut Vec<Span>) {
        let objective = Objective::of(&self.config);
        for it in &summary.iterations {
            self.metrics.score(it.index, Split::Val.name(), objective.value(&it.score));
            if self.concluded.insert(it.index) {
                let score = Value::Double(objective.value(&it.score));
                let more = vec![
                    ("mmh.score", score),
                    ("mmh.model_calls_mean", Value::Double(it.score.mean_model_calls)),
                ];
                self.tell(it.index, times(it), (None, more), spans);
            }
        }
        for it in &summary.unscored {
            if self.concluded.insert(it.index) {
                self.tell(it.index, times_of(it), (Some(it.status.clone()), Vec::new()), spans);
            }
        }
        for it in &summary.test {
            self.metrics.score(it.index, Split::Test.name(), objective.value(&it.score));
        }
    }

    /// The span of a candidate, and those of how it was proposed.
    fn tell(
        &mut self,
        index: u32,
        (start, end): (u64, u64),
        (error, more): (Option<String>, Attributes),
        spans: &mut Vec<Span>,
    ) {
        let id = self.candidate(index);
        let mut attributes: Attributes = vec![
            ("mmh.iteration", Value::Number(index.into())),
            ("mmh.status", error.as_deref().unwrap_or("scored").into()),
        ];
        attributes.extend(more);
        spans.push(Span {
            id,
            parent: Some(self.id(&["run"])),
            name: format!("candidate {}", layout::folder_name(index)),
            kind: Kind::Internal,
            start,
            end,
            attributes,
            error,
        });
        let file = layout::file(&layout::iteration(index), layout::TRANSCRIPT);
        let Ok(rows) = self.reader.rows::<TranscriptRow>(&file) else { return };
        let mut proposal = Proposal::new(self.trace, id, index, &self.proposer, &self.config.proposer_model);
        for row in rows.map_while(Result::ok) {
            proposal.row(&row, &mut self.metrics, spans);
        }
    }
}

fn times(it: &IterationSummary) -> (u64, u64) {
    (nanoseconds(it.started_at), nanoseconds(it.finished_at))
}

fn times_of(it: &Unscored) -> (u64, u64) {
    (nanoseconds(it.started_at), nanoseconds(it.finished_at))
}
