//! What takes a run elsewhere: [`signing`] lets others verify its statements, [`inspect_log`] writes logs of Inspect,
//! [`frames`] tables, [`sbom`] what a component is made of, [`otlp`] sends a run to an OpenTelemetry endpoint while it is made.
//!
//! This crate reads runs through `mmh-record` and prints nothing. Where its output goes is up to the caller.

pub mod evaluations;
pub mod frames;
pub mod inspect_log;
pub mod otlp;
pub mod sbom;
pub mod signing;

use mmh_record::digest::KeyBuilder;

/// An id in the form of a UUID (version 8) that is always the same for the same parts.
fn stable_id(parts: &[&str]) -> String {
    let key = parts.iter().fold(KeyBuilder::new("export id"), |key, part| key.part("part", part)).finish();
    let mut bytes = *key.bytes();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-")
}
