//! Builds the scorer of a run's task, so that all grades are derived again with it.

use std::sync::Arc;

use super::{Verifier, VerifyError};
use crate::{
    dataset::{Dataset, ScorerFile},
    noted::Missing,
};
use mmh_record::{
    RecordError, layout, layout::SCORER_COMPONENT, manifest::Finding, reader::RunReader, scorer::ScorerSpec,
};

/// Makes a data set grade with the run's scorer, if it has one: with that of the data set, or else with that of the run's
/// folder, of which the configuration has the digest. What keeps it from that is a finding, and then nothing is graded.
pub async fn prepare(
    verifier: &Verifier,
    dataset: &mut Dataset,
    missing: Missing,
) -> Result<Option<Finding>, VerifyError> {
    let Some(spec) = dataset.kind.metric().spec().scorer else { return Ok(None) };
    let reader = &verifier.reader;
    if dataset.scorer.is_none() {
        match ScorerFile::of_run(reader, spec) {
            Ok(found) => dataset.scorer = Some(Arc::new(found)),
            Err(error) => return Ok(Some(unreadable(spec, &error))),
        }
    }
    // Where other tools are here, the run's component stands in for what its source compiles to.
    let built = match missing.tools {
        false => dataset.build_scorer(&verifier.builder).await?,
        true => match recorded(reader) {
            Ok(component) => verifier.builder.load_scorer(component).await?.map(|built| {
                dataset.kind = dataset.kind.graded_by(built);
            }),
            Err(error) => return Ok(Some(unreadable(ScorerSpec::Component(spec.digest()), &error))),
        },
    };
    Ok(built.err().map(|rejection| {
        let found = format!("{}: {}", rejection.kind.name(), rejection.message);
        Finding::new(SCORER_COMPONENT, "a scorer that can be built", found)
    }))
}

fn recorded(reader: &RunReader) -> Result<Vec<u8>, RecordError> {
    reader.bytes(SCORER_COMPONENT)
}

fn unreadable(spec: ScorerSpec, error: &RecordError) -> Finding {
    let file = match spec {
        ScorerSpec::Source(_) => layout::SCORER_SOURCE,
        ScorerSpec::Component(_) => SCORER_COMPONENT,
    };
    Finding::new(file, "the scorer that the task names", error.to_string())
}
