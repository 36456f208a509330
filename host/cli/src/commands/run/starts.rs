//! What a new search starts from: the harnesses that were named, or the task's own.

use std::path::Path;

use super::NewRunArgs;
use crate::{
    baselines,
    error::CliError,
    project::{self, Given},
};
use mmh_engine::build::Builder;
use mmh_record::{
    baseline::Baseline, digest::Digest, format::GivenComponent, language::HarnessLanguage, limits::Limits,
    text,
};
use mmh_search::{dataset::Dataset, leaks::Lint, search::without_leaks};

/// The baselines, and what is recorded of those that are components.
pub struct Starts {
    pub baselines: Vec<Baseline>,
    pub given: Vec<GivenComponent>,
}

/// Reads the baselines, and builds those that are projects of several files.
pub async fn read(new: &NewRunArgs, dataset: &Dataset, limits: &Limits) -> Result<Starts, CliError> {
    let language = new.harness_language;
    let mut starts = Starts { baselines: Vec::new(), given: Vec::new() };
    if new.baseline.is_empty() {
        starts.baselines.push(dataset.kind.baseline(language).into());
    }
    for named in &new.baseline {
        if baselines::is_shipped(named) {
            starts.baselines.push(baselines::resolve(named, language, limits.source_bytes)?.into());
            continue;
        }
        let given = project::read(named, limits).await?.map_err(|rejection| {
            CliError::examined(format!(
                "{}: {}\n{}",
                text::path(named),
                rejection.message,
                rejection.diagnostics
            ))
        })?;
        let (baseline, component) = start(named, given, language, starts.baselines.len() as u32)?;
        starts.baselines.push(baseline);
        starts.given.extend(component);
    }
    Ok(starts)
}

/// A harness as the baseline of this index. A component can be of any language.
fn start(
    named: &Path,
    given: Given,
    language: HarnessLanguage,
    index: u32,
) -> Result<(Baseline, Option<GivenComponent>), CliError> {
    if let Some((component, recorded)) = given.component(index) {
        return Ok((Baseline::Component(component.into()), Some(recorded)));
    }
    if given.language == language {
        return Ok((given.source.into(), None));
    }
    Err(CliError::input(format!(
        "the baseline {} is in {}, and the search is in {}: all sources of a run are in one language \
         (--harness-language); a component (.wasm) may be of any language",
        text::path(named),
        given.language.title(),
        language.title()
    )))
}

/// Refuses a baseline that is no harness, and one that is the same as another one, before there is a run and before
/// anything is spent.
pub async fn check(
    new: &NewRunArgs,
    builder: &Builder,
    dataset: &Dataset,
    baselines: &[Baseline],
) -> Result<(), CliError> {
    let lint = new.deny_leaks.then(|| Lint::of(dataset));
    let mut components: Vec<Digest> = Vec::new();
    for (at, baseline) in baselines.iter().enumerate() {
        let built = builder.build_baseline(baseline).await?;
        let admitted = built.and_then(|built| match &lint {
            Some(lint) => without_leaks(lint, baseline.source(), built),
            None => Ok(built),
        });
        let of = if baselines.len() == 1 { String::new() } else { format!(" {at:03}") };
        let built = admitted.map_err(|rejection| {
            CliError::examined(format!(
                "the baseline{of} is refused, so there is no run and nothing is spent: {}: {}\n{}",
                rejection.kind.name(),
                rejection.message,
                rejection.diagnostics
            ))
        })?;
        let component = built.component.digest;
        if let Some(twin) = components.iter().position(|it| *it == component) {
            return Err(CliError::input(format!(
                "the baselines {twin:03} and {at:03} compile to the same component: name each harness once"
            )));
        }
        components.push(component);
    }
    Ok(())
}
