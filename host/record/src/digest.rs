//! SHA-256 digests and the keys made of them.

use std::{
    fmt,
    io::{self, Read},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest. Shown and stored as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes.as_ref()).into())
    }

    /// The digest of all that is read, and how many bytes that is. It is never in memory as a whole.
    pub fn of_all(mut source: impl Read) -> io::Result<(Self, u64)> {
        let (mut sum, mut total, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
        loop {
            match source.read(&mut buffer)? {
                0 => return Ok((Self(sum.finalize().into()), total)),
                some => {
                    sum.update(&buffer[..some]);
                    total += some as u64;
                }
            }
        }
    }

    /// The raw bytes, such as for a seed.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("{text:?} is no SHA-256 digest: 64 hexadecimal digits are expected");
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Builds a key out of named parts. Every part is length-prefixed, so that no two lists of parts can
/// run together into the same bytes.
pub struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// A key of this kind; two kinds never share a key.
    pub fn new(kind: &str) -> Self {
        Self(Sha256::new()).part("kind", kind)
    }

    /// Adds a part.
    pub fn part(mut self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        for field in [name.as_bytes(), bytes.as_ref()] {
            self.0.update((field.len() as u64).to_le_bytes());
            self.0.update(field);
        }
        self
    }

    /// The key.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let key = |parts: &[(&str, &str)]| {
            parts.iter().fold(KeyBuilder::new("test"), |key, (name, part)| key.part(name, part)).finish()
        };
        assert_ne!(key(&[("a", "bc")]), key(&[("ab", "c")]));
        assert_ne!(key(&[("a", "b"), ("c", "d")]), key(&[("a", "bcd")]));
        assert_eq!(key(&[("a", "b")]), key(&[("a", "b")]));
    }

    #[test]
    fn what_is_read_in_pieces_has_the_same_digest() {
        for bytes in [0, 1, (64 << 10) - 1, 64 << 10, (64 << 10) + 1, 300_000] {
            let text = "x".repeat(bytes);
            let found = Digest::of_all(text.as_bytes()).expect("it is read");
            assert_eq!(found, (Digest::of(&text), bytes as u64), "{bytes}");
        }
    }

    #[test]
    fn survives_text() {
        let digest = Digest::of("x");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("zz".parse::<Digest>().is_err());
    }
}
