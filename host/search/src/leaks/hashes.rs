//! Hashes of texts that could be keys of a table of answers: by hash functions that are commonly written from memory, and
//! by the standard library's.

use std::hash::{DefaultHasher, Hash, Hasher};

use mmh_record::digest::Digest;

/// All hashes of some texts, each with the place of its text.
pub struct Hashes {
    /// Sorted, because a map takes several times as much memory.
    table: Vec<(u64, u32)>,
}

impl Hashes {
    /// The hashes of these texts. The first text that has a hash owns it.
    pub fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut table: Vec<(u64, u32)> = Vec::new();
        for (at, text) in (0..).zip(texts) {
            let mut enter = |form: &str| table.extend(of(form).map(|hash| (hash, at)));
            enter(text);
            let (trimmed, lower) = (text.trim(), text.to_lowercase());
            if trimmed != text {
                enter(trimmed);
            }
            if lower != text {
                enter(&lower);
            }
        }
        table.sort_unstable();
        table.dedup_by_key(|(hash, _)| *hash);
        table.shrink_to_fit();
        Self { table }
    }

    /// The place of the text that has this hash.
    pub fn get(&self, hash: u64) -> Option<usize> {
        let found = self.table.binary_search_by_key(&hash, |(hash, _)| *hash).ok()?;
        Some(self.table[found].1 as usize)
    }
}

/// FNV-1a and djb2 in 64 and in 32 bits, the standard library's default, and the start of SHA-256.
pub(super) fn of(text: &str) -> [u64; 7] {
    let bytes = text.as_bytes();
    let fold =
        |start: u64, step: fn(u64, u64) -> u64| bytes.iter().fold(start, |hash, &it| step(hash, it.into()));
    let mut default = DefaultHasher::new();
    text.hash(&mut default);
    let sha = Digest::of(text);
    let mut head = [0; 8];
    head.copy_from_slice(&sha.bytes()[..8]);
    [
        fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ byte).wrapping_mul(0x0100_0000_01b3)),
        fold(0x811c_9dc5, |hash, byte| u64::from((hash as u32 ^ byte as u32).wrapping_mul(0x0100_0193))),
        fold(5381, |hash, byte| hash.wrapping_mul(33).wrapping_add(byte)),
        fold(5381, |hash, byte| u64::from((hash as u32).wrapping_mul(33).wrapping_add(byte as u32))),
        default.finish(),
        u64::from_le_bytes(head),
        u64::from_be_bytes(head),
    ]
}
