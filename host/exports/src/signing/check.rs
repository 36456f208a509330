//! Who signed what. An envelope counts only if one of the given keys verifies it and its statement is the run's, byte by
//! byte.

use std::collections::{BTreeMap, BTreeSet};

use base64::prelude::{BASE64_STANDARD, Engine};
use mmh_record::{layout, manifest::Finding};
use serde::Serialize;
use serde_json::Value;

use super::{
    bundle,
    envelope::{Envelope, PAYLOAD_TYPE, signed_bytes},
    key::{KeyId, PublicKey},
    stated::{RUN_TYPE, Stated},
};

/// What was found of signatures.
#[derive(Debug, Default, Serialize)]
pub struct Signed {
    /// The keys that signed each statement, by the file of the statement.
    pub signed: BTreeMap<String, BTreeSet<KeyId>>,
    /// Statements that none of the given keys signed.
    pub unsigned: Vec<String>,
    /// What is wrong with an envelope.
    pub findings: Vec<Finding>,
    /// Envelopes by keys that were not given, by the name of the key. They were not checked.
    pub other_keys: BTreeMap<String, usize>,
}

impl Signed {
    /// Whether every statement is signed by one of the keys and no envelope is wrong.
    pub fn holds(&self) -> bool {
        self.unsigned.is_empty() && self.findings.is_empty()
    }
}

/// The folder whose statements are signed.
pub struct Folder<'a> {
    /// The run's name.
    pub run_id: &'a str,
    /// Its statements.
    pub stated: &'a [Stated],
    /// Whether it is an export, which lacks the run's manifest.
    pub is_export: bool,
}

/// Checks a bundle. Without one, nothing is signed.
pub fn check(bundle: Option<&[u8]>, folder: &Folder<'_>, keys: &[PublicKey]) -> Signed {
    let mut found = Signed::default();
    for (at, line) in bundle::lines(bundle.unwrap_or_default()).enumerate() {
        let place = format!("signatures, envelope {}", at + 1);
        if let Err((expected, said)) = envelope(line, folder, keys, &mut found) {
            found.findings.push(Finding::new(place, expected, said));
        }
    }
    let unsigned = folder.stated.iter().filter(|it| !found.signed.contains_key(&it.file));
    found.unsigned = unsigned.map(|it| it.file.clone()).collect();
    found
}

/// Checks one envelope, or says what is expected and what is there.
fn envelope(
    line: &[u8],
    folder: &Folder<'_>,
    keys: &[PublicKey],
    found: &mut Signed,
) -> Result<(), (String, String)> {
    let wrong = |expected: &str, found: String| (expected.to_owned(), found);
    let envelope: Envelope = serde_json::from_slice(line)
        .map_err(|error| wrong("a whole envelope", format!("damaged or cut off: {error}")))?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(wrong(PAYLOAD_TYPE, format!("payload type {:?}", envelope.payload_type)));
    }
    let payload =
        envelope.statement().ok_or_else(|| wrong("a statement in base64", "other bytes".to_owned()))?;
    if envelope.signatures.is_empty() {
        return Err(wrong("a signature", "none".to_owned()));
    }
    let bytes = signed_bytes(&envelope.payload_type, &payload);
    let mut signers = BTreeSet::new();
    for signature in &envelope.signatures {
        let named = |key: &&PublicKey| signature.keyid.is_empty() || key.id().0 == signature.keyid;
        let mut candidates = keys.iter().filter(named).peekable();
        if candidates.peek().is_none() {
            *found.other_keys.entry(signature.keyid.clone()).or_default() += 1;
            continue;
        }
        let sig = BASE64_STANDARD.decode(&signature.sig).unwrap_or_default();
        match candidates.find(|key| key.has_signed(&bytes, &sig)) {
            Some(key) => drop(signers.insert(key.id())),
            None if signature.keyid.is_empty() => {
                *found.other_keys.entry("(a key without a name)".into()).or_default() += 1;
            }
            None => {
                let expected = format!("what {} signed", signature.keyid);
                return Err((expected, "another payload or another signature: it does not verify".into()));
            }
        }
    }
    if signers.is_empty() {
        return Ok(());
    }
    match about(&payload, folder) {
        Ok(file) => {
            found.signed.entry(file).or_default().extend(signers);
            Ok(())
        }
        Err(what) => Err(wrong("a statement of this folder, as it stands there", what)),
    }
}

/// The file that a signed statement is that of, or what it is instead.
fn about(payload: &[u8], folder: &Folder<'_>) -> Result<String, String> {
    if let Some(it) = folder.stated.iter().find(|it| it.bytes == payload) {
        return Ok(it.file.clone());
    }
    let statement: Value = serde_json::from_slice(payload).unwrap_or_default();
    let text = |pointer: &str| statement.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, digest) = (text("/predicateType"), text("/subject/0/digest/sha256"));
    let run = match kind {
        RUN_TYPE => text("/predicate/runId"),
        _ => text("/predicate/runDetails/metadata/invocationId"),
    };
    if !run.is_empty() && run != folder.run_id {
        return Err(format!("a statement of the run {run}"));
    }
    if kind == RUN_TYPE {
        // Nothing in an export says what the run's manifest was.
        return match folder.is_export {
            true => Ok(format!("{} of the run, sha256 {digest}", layout::MANIFEST)),
            false => Err(format!("the run's manifest was another one when it was signed: sha256 {digest}")),
        };
    }
    let is_same_subject = |it: &&Stated| {
        let here: Value = serde_json::from_slice(&it.bytes).unwrap_or_default();
        let same = |pointer: &str| here.pointer(pointer) == statement.pointer(pointer);
        same("/predicateType")
            && same("/subject/0/digest/sha256")
            && same("/predicate/configuration/0/annotations/split")
    };
    match folder.stated.iter().find(is_same_subject) {
        Some(it) => Err(format!("{} was another one when it was signed", it.file)),
        None => Err(format!("a statement about something else: sha256 {digest}")),
    }
}
