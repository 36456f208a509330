//! Checks an export: its source has to compile to its component, its statements have to name both, and its scores have to
//! be consistent. An export has no evaluation, so its scores are not proved.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{MAX_DIFFERENCES, VerifyError, explain, other_tools};
use crate::inspect::export::{self, Exported, Package};
use mmh_engine::build::Builder;
use mmh_record::{
    data::Split,
    digest::Digest,
    format::{Config, Score, TrialScore},
    grade::Grade,
    layout,
    manifest::{self, Finding},
    objective::Objective,
    reader::RunReader,
    statements::{self, Made, Tested},
    trial::TrialId,
};
use mmh_report::statistics::{Tally, Trials};

/// The result of checking an export.
pub struct Checked {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Tools that differ from the run's. If there are any, the source is not compiled.
    pub differs: Vec<Finding>,
}

impl Checked {
    /// Whether nothing is wrong and everything was checked.
    pub fn holds(&self) -> bool {
        self.findings.is_empty() && self.differs.is_empty()
    }
}

/// Whether a folder is an export and no run.
pub fn is_export(reader: &RunReader) -> bool {
    reader.has(export::RUN) && !reader.has(layout::CONFIG)
}

/// Checks an export. `readme` writes its README from the files.
pub async fn check(
    reader: &RunReader,
    exported: &Exported,
    builder: &Builder,
    readme: impl Fn(&Package, &Config) -> String,
) -> Result<Checked, VerifyError> {
    let config = &exported.config;
    let mut findings = strange(reader);
    let differs = other_tools(config, &builder.compiler);
    let component = Digest::of(reader.bytes(layout::COMPONENT)?);
    let (mut statement, finding) =
        provenance(reader, exported, builder, component, differs.is_empty()).await?;
    findings.extend(finding);
    let mut found: Value = reader.json(layout::PROVENANCE)?;
    if !differs.is_empty() {
        // The key depends on the compiler of this machine.
        for value in [&mut statement, &mut found] {
            value.pointer_mut("/predicate/buildDefinition/internalParameters/key").map(Value::take);
        }
    }
    findings.extend(differences(layout::PROVENANCE, &statement, &found));
    let (sizes, held_out) = (&config.task, "held-out-");
    let score =
        evaluation(reader, "", (Split::Val, config.eval_split_size), component, config, &mut findings)?;
    let held_out = match reader.has(&format!("{held_out}{}", layout::SCORE)) {
        true => Some(evaluation(
            reader,
            held_out,
            (Split::Test, sizes.test_size),
            component,
            config,
            &mut findings,
        )?),
        false => None,
    };
    let names = export::names().filter(|name| *name != export::README && reader.has(name));
    let files: Result<Vec<_>, _> =
        names.map(|name| Ok((name, reader.bytes(name)?))).collect::<Result<_, VerifyError>>();
    let package = Package { index: exported.index, component, score, held_out, files: files? };
    for (name, expected) in
        [(export::TASK, export::task(config)), (export::README, readme(&package, config).into_bytes())]
    {
        let [expected, found] =
            [expected, reader.bytes(name)?].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if expected != found {
            let (expected, found) = explain::texts(&expected, &found);
            findings.push(Finding::new(name, expected, found));
        }
    }
    Ok(Checked { findings, differs })
}

/// The statement of how the component was made, and what is wrong with the component. A source is compiled if the tools are
/// the run's.
async fn provenance(
    reader: &RunReader,
    exported: &Exported,
    builder: &Builder,
    component: Digest,
    can_rebuild: bool,
) -> Result<(Value, Option<Finding>), VerifyError> {
    let config = &exported.config;
    if let Some(given) = config.given(exported.index) {
        let (expected, found) = (given.sha256, component);
        let other = (expected != found).then(|| {
            Finding::new(layout::COMPONENT, format!("sha256 {expected}"), format!("sha256 {found}"))
        });
        return Ok((statements::given(given), other));
    }
    let source = reader.text(config.harness_language.source())?;
    let finding = if can_rebuild { rebuild(builder, &source, component).await? } else { None };
    let made = Made { source: Digest::of(&source), component, key: builder.compiler.key(&source) };
    Ok((statements::provenance(&made, config, builder.compiler.tools().sdk_lock), finding))
}

/// Findings about files that no export has.
fn strange(reader: &RunReader) -> Vec<Finding> {
    let there = manifest::files_of(reader.dir()).unwrap_or_default();
    let strange = there.into_iter().filter(|name| !export::names().any(|known| known == name));
    strange
        .map(|name| Finding::new(name, "nothing of this name", "a file that does not belong to an export"))
        .collect()
}

async fn rebuild(builder: &Builder, source: &str, recorded: Digest) -> Result<Option<Finding>, VerifyError> {
    let found = match builder.compiler.compile(source).await? {
        Ok(rebuilt) if rebuilt.digest == recorded => return Ok(None),
        Ok(rebuilt) => {
            let source = builder.compiler.language().source();
            format!("sha256 {}, which {source} compiles to", rebuilt.digest)
        }
        Err(rejection) => format!("a source that compiles: {}", rejection.message),
    };
    Ok(Some(Finding::new(layout::COMPONENT, found, format!("sha256 {recorded}"))))
}

/// Checks a score, and the statement that says which component got it.
fn evaluation(
    reader: &RunReader,
    prefix: &str,
    (split, size): (Split, usize),
    component: Digest,
    config: &Config,
    findings: &mut Vec<Finding>,
) -> Result<Score, VerifyError> {
    let (path, statement) =
        (format!("{prefix}{}", layout::SCORE), format!("{prefix}{}", layout::TEST_RESULT));
    let score: Score = reader.json(&path)?;
    let found: Value = reader.json(&statement)?;
    let ids = |name: &str| -> Vec<&str> {
        found["predicate"][name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let (passed, failed) = (ids("passedTests"), ids("failedTests"));
    let expected = consistent(&score, size as u64, &passed, &failed, config);
    findings.extend(differences(&path, &json(&expected), &reader.json(&path)?));
    if (passed.len() as u64, (passed.len() + failed.len()) as u64) != (score.n_correct, score.n_answers()) {
        let expected = format!("{} of {} passed", score.n_correct, score.n_answers());
        let counted = format!("{} passed, {} failed", passed.len(), failed.len());
        findings.push(Finding::new(format!("{statement}: predicate.passedTests"), expected, counted));
    }
    let expected =
        statements::test_result(&Tested { component, split, score: &score, passed, failed }, config);
    findings.extend(differences(&statement, &expected, &found));
    Ok(score)
}

/// The score with all values that follow from its own counts, from which answers were right, and from the configuration.
fn consistent(score: &Score, size: u64, passed: &[&str], failed: &[&str], config: &Config) -> Score {
    let mut expected = Score { mock: config.mock, n_examples: size, ..score.clone() };
    expected.trials = score.trials.clone().map(|it| TrialScore { count: config.protocol.trials, ..it });
    let answers = expected.n_answers();
    expected.n_correct = score.n_correct.min(answers);
    let (tally, trials) = match config.protocol.trials {
        0 | 1 => (Tally::right_or_wrong(expected.n_correct, size), None),
        _ => of_trials(passed, failed),
    };
    (expected.accuracy, expected.interval) = (tally.accuracy(), tally.figure(Objective::Accuracy).interval);
    if Objective::of(config) == Objective::Accuracy || trials.is_none() {
        expected.trials = trials;
    }
    if Objective::of(config) == Objective::Accuracy {
        (expected.mean_score, expected.score_interval) = (None, None);
    }
    let ended_well =
        score.outcomes.get(mmh_record::outcome::OutcomeKind::Ok.name()).copied().unwrap_or_default();
    expected.n_errors = answers.saturating_sub(ended_well);
    expected
}

/// What follows from which trials were right.
fn of_trials(passed: &[&str], failed: &[&str]) -> (Tally, Option<TrialScore>) {
    let right = passed.iter().map(|id| (*id, true)).chain(failed.iter().map(|id| (*id, false)));
    let mut examples: BTreeMap<&str, Vec<(u32, Grade)>> = BTreeMap::new();
    for (id, right) in right {
        let TrialId { example, number } = TrialId::of(id);
        examples.entry(example).or_default().push((number, Grade::right_or_wrong(right)));
    }
    let (mut tally, mut trials) = (Tally::default(), Trials::default());
    for of_example in examples.values() {
        tally.add_example(of_example.iter().map(|(_, grade)| grade));
        trials.add_example(of_example.iter().map(|(number, grade)| (*number, grade)));
    }
    (tally, trials.score(Objective::Accuracy))
}

fn differences(file: &str, expected: &Value, found: &Value) -> Vec<Finding> {
    let differing = explain::json(expected, found, MAX_DIFFERENCES).into_iter();
    differing
        .map(|(field, expected, found)| Finding::new(format!("{file}: {field}"), expected, found))
        .collect()
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
