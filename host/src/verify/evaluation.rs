//! Repeats a recorded evaluation, and says what came out differently.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{
    Checked, Replayed, Verifier, VerifyError, json,
    replay::{self, Stage},
    text,
};
use crate::{
    build::Built,
    dataset::Example,
    digest::Digest,
    evaluate::{Learned, answers},
    record::{
        RecordError,
        format::{CallRow, LearnRow, Score, TraceRow},
        manifest::Finding,
    },
    sandbox::Task,
    score::score,
};

/// Most differences of one evaluation that are told one by one.
const MAX_DIFFERENCES: usize = 5;

impl Verifier {
    /// Runs a folder's evaluation again.
    pub(super) async fn evaluation(
        &self,
        folder: &str,
        home: &str,
        built: Built,
        checked: &mut Checked,
    ) -> Result<(), VerifyError> {
        let traces = format!("{folder}/eval_trace.jsonl");
        if !self.reader.has(&traces) {
            return Ok(());
        }
        let (recorded, calls) = match self.rows(folder) {
            Ok(rows) => rows,
            Err(error) => {
                checked.findings.push(Finding::new(folder, "rows that can be read", error.to_string()));
                return Ok(());
            }
        };
        let state = self.reader.bytes(&format!("{home}/state.bin")).unwrap_or_default();
        let stage = Stage {
            sandbox: self.builder.sandbox.clone(),
            harness: built.prepared.clone(),
            task: Arc::new(self.task()),
            seed: self.config.seed,
            model: self.config.target_model.clone(),
            calls: Arc::new(answers::by_example(calls)),
        };
        let (replayable, others): (Vec<TraceRow>, Vec<TraceRow>) =
            recorded.iter().cloned().partition(replay::is_replayable);
        let again = stage.examples(&replayable, state.clone().into()).await;
        let mut replayed =
            Replayed { examples: recorded.len(), not_replayable: others.len(), ..Replayed::default() };
        let found: HashMap<&str, &replay::Replayed> =
            again.iter().map(|it| (it.row.example_id.as_str(), it)).collect();
        let mut differences = Vec::new();
        for row in &replayable {
            let difference = compare(&traces, row, found.get(row.example_id.as_str()).copied());
            replayed.same += usize::from(difference.is_none());
            differences.extend(difference);
        }
        tell(&mut checked.findings, &traces, differences);
        if folder == home && !self.train().is_empty() {
            replayed.learned = Some(self.learning(folder, &stage, &state, &mut checked.findings).await);
        }
        self.score(folder, home, &recorded, built, &state, &mut checked.findings);
        checked.replayed = Some(replayed);
        Ok(())
    }

    fn rows(&self, folder: &str) -> Result<(Vec<TraceRow>, Vec<CallRow>), RecordError> {
        let traces = self.reader.lines(&format!("{folder}/eval_trace.jsonl"))?;
        Ok((traces, self.reader.lines(&format!("{folder}/model_calls.jsonl"))?))
    }

    /// Learns again and compares batches and state.
    async fn learning(&self, folder: &str, stage: &Stage, state: &[u8], findings: &mut Vec<Finding>) -> bool {
        let path = format!("{folder}/learn_trace.jsonl");
        let recorded: Vec<LearnRow> = self.reader.lines(&path).unwrap_or_default();
        let (rows, learned) = stage.learn(self.train()).await;
        let before = findings.len();
        for (row, found) in recorded.iter().zip(&rows) {
            if let Some(difference) = difference(&json(row), &json(found)) {
                findings.push(Finding::new(
                    format!("{path}: batch {}: {}", row.batch, difference.0),
                    difference.1,
                    difference.2,
                ));
            }
        }
        if recorded.len() != rows.len() {
            findings.push(Finding::new(
                &path,
                format!("{} batches", rows.len()),
                format!("{}", recorded.len()),
            ));
        }
        if let Some(learned) = learned.filter(|learned| learned != state) {
            let digest = |bytes: &[u8]| format!("sha256 {}", Digest::of(bytes));
            findings.push(Finding::new(format!("{folder}/state.bin"), digest(&learned), digest(state)));
        }
        findings.len() == before
    }

    /// Scores the recorded outcomes again.
    fn score(
        &self,
        folder: &str,
        home: &str,
        recorded: &[TraceRow],
        built: Built,
        state: &[u8],
        findings: &mut Vec<Finding>,
    ) {
        let path = format!("{folder}/score.json");
        let Ok(found) = self.reader.json::<Score>(&path) else { return };
        let fuel = self.reader.lines::<LearnRow>(&format!("{home}/learn_trace.jsonl"));
        let fuel = fuel.unwrap_or_default().iter().map(|row| row.fuel).fold(0, u64::saturating_add);
        let learned = Learned { fuel, ..Learned::with_state(built.prepared, state) };
        let expected = score(recorded, &learned, self.config.mock);
        if let Some((field, expected, found)) = difference(&json(&expected), &json(&found)) {
            findings.push(Finding::new(format!("{path}: {field}"), expected, found));
        }
    }

    fn train(&self) -> &[Example] {
        self.dataset.as_ref().map_or(&[], |dataset| &dataset.train)
    }

    fn task(&self) -> Task {
        Task {
            name: self.config.dataset.clone(),
            instructions: self.config.task.instructions.clone(),
            labels: self.config.task.labels.clone(),
        }
    }
}

/// How an example went differently, if it did.
fn compare(file: &str, recorded: &TraceRow, found: Option<&replay::Replayed>) -> Option<Finding> {
    let name = format!("{file}: {}", recorded.example_id);
    let Some(found) = found else { return Some(Finding::new(name, "an outcome", "none: the host failed")) };
    if let Some(prompt) = found.unrecorded.first() {
        let prompt = crate::text::ellipsis(&crate::text::one_line(prompt), 200);
        return Some(Finding::new(name, "a recorded request", format!("another one: {prompt}")));
    }
    let (field, expected, found) = difference(&json(&found.row), &json(recorded))?;
    Some(Finding::new(format!("{name}: {field}"), expected, found))
}

/// Adds findings, the first few by themselves.
fn tell(findings: &mut Vec<Finding>, file: &str, mut differences: Vec<Finding>) {
    let more = differences.len().saturating_sub(MAX_DIFFERENCES);
    differences.truncate(MAX_DIFFERENCES);
    findings.extend(differences);
    if more > 0 {
        findings.push(Finding::new(file, "the same outcomes", format!("{more} more that differ")));
    }
}

/// The first field that differs: its name, what it should be and what it is.
fn difference(expected: &Value, found: &Value) -> Option<(String, String, String)> {
    let fields = expected.as_object()?;
    let differs = fields.iter().find(|(name, value)| found.get(name.as_str()) != Some(value));
    let (name, value) = differs?;
    Some((name.clone(), text(value), text(found.get(name).unwrap_or(&Value::Null))))
}
