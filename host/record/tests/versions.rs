//! A run of a newer major version is refused by name, whatever else is in its files; fields that nobody knows are not.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

use std::{fs, io::ErrorKind, path::Path};

use mmh_record::{
    RecordError,
    format::{Config, NewerSchema, SCHEMA_VERSION, Summary},
    reader::RunReader,
};
use serde_json::{Value, json};

const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../runs/example");

/// The file of the example run.
fn file(name: &str) -> Value {
    serde_json::from_slice(&fs::read(Path::new(RUN).join(name)).expect("read")).expect("JSON")
}

/// What is read of a run whose files have these values.
fn read(config: &Value, summary: &Value) -> (Result<Config, RecordError>, Result<Summary, RecordError>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("config.json"), config.to_string()).expect("written");
    fs::write(folder.path().join("summary.json"), summary.to_string()).expect("written");
    let reader = RunReader::open_folder(folder.path()).expect("a folder");
    (reader.config(), reader.summary())
}

#[test]
fn newer_major_versions_are_refused() {
    let newer = u64::from(SCHEMA_VERSION) + 1;
    // name, what becomes of the configuration, what is said; empty where it is read
    type Row = (&'static str, fn(&mut Value, u64), &'static str);
    let refused = "cannot read FILE: it has schema_version 2, and this mmh reads versions up to 1: use the version of mmh that wrote the run, or a newer one";
    let table: [Row; 7] = [
        ("the same version", |_, _| {}, ""),
        ("a newer one", |config, newer| config["schema_version"] = json!(newer), refused),
        (
            "a newer one in which another field has changed",
            |config, newer| *config = json!({ "limits": [], "schema_version": newer }),
            refused,
        ),
        ("a field that nobody knows", |config, _| config["mood"] = json!("good"), ""),
        ("a limit that nobody knows", |config, _| config["limits"]["mood_ms"] = json!(1), ""),
        (
            "no version",
            |config, _| drop(config.as_object_mut().expect("an object").remove("schema_version")),
            "FILE is damaged: missing field `schema_version`",
        ),
        (
            "a version that is no number",
            |config, _| config["schema_version"] = json!("two"),
            "FILE is damaged: invalid type: string \"two\", expected u32",
        ),
    ];
    for (name, change, says) in table {
        let mut config = file("config.json");
        change(&mut config, newer);
        let mut summary = file("summary.json");
        summary["config"] = config.clone();
        let (of_config, of_summary) = read(&config, &summary);
        let said = [("config.json", of_config.err()), ("summary.json", of_summary.err())];
        for (file, error) in said {
            let said = error.map(|error| error.to_string()).unwrap_or_default();
            let expected = says.replace("FILE", file);
            assert!(said.starts_with(&expected) && said.is_empty() == expected.is_empty(), "{name}: {said}");
        }
    }
}

/// Other files do not say of which version they are, so the run is not opened at all.
#[test]
fn a_newer_run_is_not_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let newer = SCHEMA_VERSION + 1;
    // what config.json holds, whether the folder is opened
    let table = [
        (file("config.json"), true),
        (json!({ "schema_version": newer }), false),
        (json!({ "schema_version": newer, "limits": 3 }), false),
        (json!({ "schema_version": "damaged" }), true),
        (json!([]), true),
    ];
    for (config, opens) in table {
        fs::write(folder.path().join("config.json"), config.to_string()).expect("written");
        assert_eq!(RunReader::open(folder.path()).is_ok(), opens, "{config}");
    }
}

/// Programs need not read messages.
#[test]
fn the_refusal_is_typed() {
    let mut config = file("config.json");
    config["schema_version"] = json!(u64::MAX);
    let (refused, _) = read(&config, &json!({}));
    let Err(RecordError::Io { source, .. }) = refused else { panic!("it is an I/O error") };
    assert_eq!(source.kind(), ErrorKind::Unsupported);
    let inside = source.get_ref().and_then(|inside| inside.downcast_ref::<NewerSchema>());
    assert_eq!(inside, Some(&NewerSchema { found: u64::MAX }));
}
