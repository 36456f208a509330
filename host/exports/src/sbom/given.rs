//! The bill of a component that was not compiled here: what was said of its making, and its project's files.

use mmh_record::format::{Config, GivenComponent};
use serde_json::{Value, json};

use super::{Component, bill, hashes, root};

/// The bill of materials of such a component.
pub fn cyclonedx(of: &Component<'_>, given: &GivenComponent, config: &Config) -> Value {
    let reference = |at: usize| format!("file-{at}");
    let files = given.files.iter().enumerate().map(|(at, (name, digest))| {
        json!({ "type": "file", "bom-ref": reference(at), "name": name, "hashes": hashes(&digest.to_string()) })
    });
    let more = given.more_files.to_string();
    let about = [
        ("mmh:not-compiled-here", given.from.name()),
        ("mmh:language", &given.language),
        ("mmh:built-by", &given.built_by),
        ("mmh:version", &given.version),
        ("mmh:files-not-listed", if given.more_files == 0 { "" } else { &more }),
    ];
    let about: Vec<(&str, &str)> = about.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let mut bill = bill(of, config, &about);
    bill["components"] = files.collect();
    let parts: Vec<String> = (0..given.files.len()).map(reference).collect();
    bill["dependencies"] = json!([{ "ref": root(of), "dependsOn": parts }]);
    bill
}
