//! The signed form of a statement: an envelope by the Dead Simple Signing Envelope, version 1.
//!
//! <https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Serialize};

use super::key::{KeyId, SigningKey};

/// The type of all payloads here: an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// An envelope, as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// What the payload is, see [`PAYLOAD_TYPE`].
    pub payload_type: String,
    /// The statement in base64.
    pub payload: String,
    /// Who signed it.
    pub signatures: Vec<Signature>,
}

/// A signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The name of the key, which is only a hint. Empty where the signer gave none.
    #[serde(default)]
    pub keyid: String,
    /// The signature in base64.
    pub sig: String,
}

impl Envelope {
    /// A statement, signed.
    pub fn sign(statement: &[u8], key: &SigningKey) -> Self {
        let signature = key.sign(&signed_bytes(PAYLOAD_TYPE, statement));
        Self {
            payload_type: PAYLOAD_TYPE.into(),
            payload: BASE64_STANDARD.encode(statement),
            signatures: vec![Signature {
                keyid: key.public().id().0,
                sig: BASE64_STANDARD.encode(signature),
            }],
        }
    }

    /// The envelope on one line, without its end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The statement. None where it is no base64.
    pub fn statement(&self) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(&self.payload).ok()
    }

    /// Whether all signatures are said to be by this key.
    pub fn is_only_by(&self, key: &KeyId) -> bool {
        self.signatures.iter().all(|it| it.keyid == key.0)
    }
}

/// What is signed: the type and the payload, each with its length, so that no two pairs give the same bytes.
pub fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_protocol_holds() {
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(signed_bytes("http://example.com/HelloWorld", b"hello world"), expected);
    }
}
