//! Detects a run of simulated models that claims to have real ones: a simulated target gives exactly the same replies
//! again.

use super::SimulatedModels;
use mmh_models::ChatModel;

use mmh_record::{
    RecordError,
    format::{CallRow, Config},
    layout,
    manifest::Finding,
    reader::RunReader,
};

/// A finding if a run claims real models, and all its replies are those of the simulated target.
pub async fn check(
    reader: &RunReader,
    config: &Config,
    folders: &[String],
    simulated: SimulatedModels,
) -> Option<Finding> {
    if config.mock {
        return None;
    }
    let (target, _) = simulated(config.seed);
    let mut replies = 0;
    for folder in folders {
        // A file that cannot be read has a finding already.
        match count_simulated(reader, folder, &*target).await {
            Ok(Some(count)) => replies += count,
            _ => return None,
        }
    }
    (replies > 0).then(|| {
        let found = format!("false, but all of its {replies} replies are those of the simulated target");
        Finding::new("config.json: mock", "true", found)
    })
}

/// The number of a folder's replies, if all of them are simulated. The first other reply ends the search.
async fn count_simulated(
    reader: &RunReader,
    folder: &str,
    target: &dyn ChatModel,
) -> Result<Option<u64>, RecordError> {
    let mut count = 0;
    for file in [layout::CALLS, layout::SCORER_CALLS] {
        let path = layout::file(folder, file);
        if !reader.has(&path) {
            continue;
        }
        for row in reader.rows::<CallRow>(&path)? {
            let row = row?;
            let Some(reply) = &row.reply else { continue };
            if target.chat(&row.request).await.ok().as_ref() != Some(reply) {
                return Ok(None);
            }
            count += 1;
        }
    }
    Ok(Some(count))
}
