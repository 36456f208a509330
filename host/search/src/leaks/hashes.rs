//! Hashes of texts that could be keys of a table of answers: by hash functions that are commonly written from memory, and
//! by the standard library's.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use mmh_record::digest::Digest;

/// All hashes of these texts, each with the position of its text.
pub fn table<'a>(texts: impl Iterator<Item = &'a str>) -> HashMap<u64, usize> {
    let mut table = HashMap::new();
    for (at, text) in texts.enumerate() {
        for form in [text.to_owned(), text.trim().to_owned(), text.to_lowercase()] {
            for hash in of(&form) {
                table.entry(hash).or_insert(at);
            }
        }
    }
    table
}

/// FNV-1a and djb2 in 64 and in 32 bits, the standard library's default, and the start of SHA-256.
fn of(text: &str) -> [u64; 7] {
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
