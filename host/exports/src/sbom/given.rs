//! The bill of a component that was not compiled here: what was said of its making, and its project's files.

use mmh_record::{
    format::{Config, GivenComponent},
    layout,
};
use serde_json::{Value, json};

use super::{Component, hashes, properties};
use crate::stable_id;

/// The bill of materials of such a component.
pub fn cyclonedx(of: &Component<'_>, given: &GivenComponent, config: &Config) -> Value {
    let root = format!("urn:mmh:component:{}", of.component);
    let serial = stable_id(&["cyclonedx", &config.run_id, &of.made_at, &of.component.to_string()]);
    let reference = |at: usize| format!("file-{at}");
    let files = given.files.iter().enumerate().map(|(at, (name, digest))| {
        json!({ "type": "file", "bom-ref": reference(at), "name": name, "hashes": hashes(&digest.to_string()) })
    });
    let (index, more) = (layout::folder_name(of.index), given.more_files.to_string());
    let about = [
        ("mmh:run", config.run_id.as_str()),
        ("mmh:iteration", &index),
        ("mmh:not-compiled-here", given.from.name()),
        ("mmh:language", &given.language),
        ("mmh:built-by", &given.built_by),
        ("mmh:version", &given.version),
        ("mmh:files-not-listed", if given.more_files == 0 { "" } else { &more }),
    ];
    let about: Vec<(&str, &str)> = about.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{serial}"),
        "version": 1,
        "metadata": {
            "timestamp": of.made_at,
            "tools": { "components": [{ "type": "application", "name": "mmh", "version": config.host_version }] },
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": layout::COMPONENT,
                "version": of.component.to_string(),
                "mime-type": "application/wasm",
                "hashes": hashes(&of.component.to_string()),
                "properties": properties(&about),
            },
        },
        "components": files.collect::<Vec<_>>(),
        "dependencies": [
            { "ref": root, "dependsOn": (0..given.files.len()).map(reference).collect::<Vec<_>>() },
        ],
    })
}
