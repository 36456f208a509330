//! Ed25519 keys, as PEM: the private one as PKCS#8, the public one as SubjectPublicKeyInfo (RFC 8410). `openssl`, cosign
//! and the Python library `cryptography` read both.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine};
use mmh_record::digest::Digest;
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use serde::{Serialize, Serializer};

use super::SigningError;

/// The bytes of a PKCS#8 key (version 1) before its 32 secret bytes.
const PRIVATE: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
/// The bytes of a SubjectPublicKeyInfo before the 32 bytes of the key.
const PUBLIC: [u8; 12] = [48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0];

const PRIVATE_LABEL: &str = "PRIVATE KEY";
const PUBLIC_LABEL: &str = "PUBLIC KEY";

/// The largest file that is read as a key.
pub const MAX_KEY_BYTES: u64 = 64 << 10;

/// A new private key as PEM. Whoever has it can sign.
pub fn generate() -> Result<String, SigningError> {
    let mut secret = [0; 32];
    SystemRandom::new().fill(&mut secret).map_err(|_| SigningError::NoRandom)?;
    Ok(pem(PRIVATE_LABEL, &[&PRIVATE[..], &secret].concat()))
}

/// A private key.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Reads a private key from PEM. `name` is the file's, for messages.
    pub fn parse(text: &str, name: &str) -> Result<Self, SigningError> {
        let refused = |why: &str| SigningError::NoKey(format!("{name} is no private key: {why}"));
        if text.contains("-----BEGIN ENCRYPTED") {
            return Err(refused("it is encrypted; `mmh keygen` writes one that is not"));
        }
        let Some(der) = unwrapped(text, PRIVATE_LABEL) else {
            return Err(refused("it has no block PRIVATE KEY (PKCS#8) in PEM"));
        };
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map(Self)
            .map_err(|_| refused("it is no Ed25519 key"))
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// Signs these bytes. The same bytes always have the same signature.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }
}

/// A public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a public key from PEM. `name` is the file's, for messages.
    pub fn parse(text: &str, name: &str) -> Result<Self, SigningError> {
        let refused = |why: &str| SigningError::NoKey(format!("{name} is no public key: {why}"));
        if text.contains("PRIVATE KEY-----") {
            return Err(refused("it is a private one; `mmh keygen` wrote the public one beside it"));
        }
        let Some(der) = unwrapped(text, PUBLIC_LABEL) else {
            return Err(refused("it has no block PUBLIC KEY in PEM"));
        };
        let key = der.strip_prefix(&PUBLIC[..]).and_then(|key| key.try_into().ok());
        key.map(Self).ok_or_else(|| refused("it is no Ed25519 key"))
    }

    /// The key as PEM.
    pub fn pem(&self) -> String {
        pem(PUBLIC_LABEL, &[&PUBLIC[..], &self.0].concat())
    }

    /// How the key is named: its fingerprint, as `ssh-keygen -l` shows it. Go's library of DSSE, and so cosign, derives the
    /// same name from the key, and skips signatures that carry another one.
    pub fn id(&self) -> KeyId {
        let mut ssh = Vec::new();
        for part in [&b"ssh-ed25519"[..], &self.0] {
            ssh.extend((part.len() as u32).to_be_bytes());
            ssh.extend(part);
        }
        KeyId(format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(Digest::of(ssh).bytes())))
    }

    /// Whether the key's owner signed these bytes so.
    pub fn has_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(bytes, signature).is_ok()
    }
}

/// The name of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

/// The bytes in the first block with this label.
fn unwrapped(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    BASE64_STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test 1 of RFC 8032, section 7.1.
    const SECRET: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpe\nzJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

    #[test]
    fn keys_are_read_as_they_are_written() {
        let text = generate().expect("random numbers");
        let key = SigningKey::parse(&text, "k").expect("a key");
        let public = key.public();
        assert_eq!(PublicKey::parse(&public.pem(), "p").expect("a key"), public);
        assert!(public.has_signed(b"text", &key.sign(b"text")));
        assert!(!public.has_signed(b"texT", &key.sign(b"text")));
        assert_ne!(text, generate().expect("random numbers"));
    }

    #[test]
    fn the_example_of_the_standard_holds() {
        let key = SigningKey::parse(SECRET, "k").expect("a key");
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&key.public().0), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert!(
            hex(&key.sign(b""))
                .starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")
        );
    }

    #[test]
    fn other_files_are_refused_by_what_they_are() {
        let public = SigningKey::parse(SECRET, "k").expect("a key").public().pem();
        let table = [
            ("nothing", "", "no block PRIVATE KEY", "no block PUBLIC KEY"),
            ("the public key", &public, "no block PRIVATE KEY", ""),
            ("the private key", SECRET, "", "it is a private one"),
            (
                "one that is encrypted",
                "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----",
                "it is encrypted",
                "it is a private one",
            ),
            (
                "no base64",
                "-----BEGIN PRIVATE KEY-----\n*\n-----END PRIVATE KEY-----",
                "no block PRIVATE KEY",
                "it is a private one",
            ),
            (
                "other bytes",
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
                "no block PRIVATE KEY",
                "no Ed25519 key",
            ),
        ];
        for (name, text, private, public) in table {
            let said = [
                SigningKey::parse(text, "k").err().map(|it| it.to_string()),
                PublicKey::parse(text, "k").err().map(|it| it.to_string()),
            ];
            for (said, expected) in said.into_iter().zip([private, public]) {
                assert_eq!(said.is_none(), expected.is_empty(), "{name}: {said:?}");
                assert!(said.unwrap_or_default().contains(expected), "{name}");
            }
        }
    }
}
