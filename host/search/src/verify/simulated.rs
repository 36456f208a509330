//! Tells a run of simulated models that pretends to be one of real models: a simulated target says the same
//! again, word for word and token for token.

use super::SimulatedModels;
use mmh_models::ChatModel;

use mmh_record::{
    RecordError,
    format::{CallRow, Config},
    layout,
    manifest::Finding,
    reader::RunReader,
};

/// Whether all replies of a run that says that its models are real are those of the simulated target.
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
        // What cannot be read was told.
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

/// How many replies a folder has, if all of them are simulated. A real model gives itself away at once.
async fn count_simulated(
    reader: &RunReader,
    folder: &str,
    target: &dyn ChatModel,
) -> Result<Option<u64>, RecordError> {
    let path = format!("{folder}/{}", layout::CALLS);
    if !reader.has(&path) {
        return Ok(Some(0));
    }
    let mut count = 0;
    for row in reader.rows::<CallRow>(&path)? {
        let row = row?;
        let Some(reply) = &row.reply else { continue };
        if target.chat(&row.request).await.ok().as_ref() != Some(reply) {
            return Ok(None);
        }
        count += 1;
    }
    Ok(Some(count))
}
