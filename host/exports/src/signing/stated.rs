//! What a run or an export states, and so what can be signed of it.

use mmh_record::{
    RecordError,
    digest::Digest,
    format::Config,
    layout,
    manifest::{self, Finding},
    reader::RunReader,
};
use serde_json::json;

use super::SigningError;

/// The type of the statement about a whole run.
pub const RUN_TYPE: &str = "urn:mmh:attestation:run:1";

/// A statement, and the file that it stands in.
#[derive(Clone, Debug)]
pub struct Stated {
    /// The file's path in the folder. [`layout::MANIFEST`] stands for the statement about the run, which stands in no file.
    pub file: String,
    /// The statement's bytes.
    pub bytes: Vec<u8>,
}

/// All statements of a finished run: the one about its manifest first.
pub fn of_run(reader: &RunReader, config: &Config) -> Result<Vec<Stated>, SigningError> {
    let Ok(manifest) = reader.bytes(manifest::NAME) else {
        return Err(SigningError::NotSigned(format!(
            "the run {} has no manifest: it is not finished; go on with `mmh run --resume`",
            config.run_id
        )));
    };
    let mut stated =
        vec![Stated { file: layout::MANIFEST.into(), bytes: about_run(config, Digest::of(manifest)) }];
    let problem = |source| RecordError::Io { action: "list", file: String::new(), source };
    for folder in manifest::folders_of(reader.dir()).map_err(problem)? {
        for name in [layout::PROVENANCE, layout::TEST_RESULT] {
            let file = layout::file(&folder, name);
            if reader.has(&file) {
                stated.push(Stated { bytes: reader.bytes(&file)?, file });
            }
        }
    }
    Ok(stated)
}

/// All statements of an export, which has these files.
pub fn of_export<'a>(
    reader: &RunReader,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<Stated>, SigningError> {
    let is_statement =
        |name: &&str| name.ends_with(layout::PROVENANCE) || name.ends_with(layout::TEST_RESULT);
    let there = names.filter(is_statement).filter(|name| reader.has(name));
    there.map(|name| Ok(Stated { bytes: reader.bytes(name)?, file: name.to_owned() })).collect()
}

/// The first file of a run that is not as its manifests say.
pub fn not_as_recorded(reader: &RunReader) -> Option<Finding> {
    let mut folders = manifest::folders_of(reader.dir()).unwrap_or_default();
    folders.insert(0, String::new());
    folders.iter().find_map(|folder| {
        match folder.as_str() {
            "" => manifest::check(reader.dir(), ""),
            _ => reader.folder(folder).map(|dir| manifest::check(&dir, folder)).unwrap_or_default(),
        }
        .into_iter()
        .next()
    })
}

/// The statement that a run has this manifest, whose digest stands for every byte of the run.
fn about_run(config: &Config, manifest: Digest) -> Vec<u8> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": layout::MANIFEST, "digest": { "sha256": manifest } }],
        "predicateType": RUN_TYPE,
        "predicate": {
            "runId": config.run_id,
            "hostVersion": config.host_version,
            "dataset": { "name": config.dataset, "digest": { "sha256": config.dataset_digest } },
            "proposerModel": config.proposer_model,
            "targetModel": config.target_model,
            "simulated": config.mock,
        },
    });
    mmh_record::json_bytes(&statement)
}
