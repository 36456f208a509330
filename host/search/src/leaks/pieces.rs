//! Looks for many short pieces of text at once, with one look-up for each place of the searched text.
//!
//! An automaton would be several times slower, because there are many pieces of the same size, and they hardly ever
//! occur.

use std::collections::HashMap;

/// The size of a piece. A run of twice as many bytes has a whole piece at a multiple of it.
pub const PIECE_BYTES: usize = 16;

/// Bits of the sieve that comes before the look-up.
const SIEVE_BITS: usize = 1 << 20;

type Piece = [u8; PIECE_BYTES];

/// The origin of a piece: the number of the text, and the place in it.
type Owner = (usize, usize);

/// The pieces of some texts.
pub struct Pieces {
    owners: HashMap<Piece, Vec<Owner>>,
    /// One bit for each hash that a piece has.
    sieve: Vec<u64>,
}

impl Pieces {
    /// Cuts `texts` into pieces, and leaves out those that occur anywhere in `known`. A text shorter than a piece has
    /// none.
    pub fn new(texts: &[&str], known: &[String]) -> Self {
        let mut owners: HashMap<Piece, Vec<Owner>> = HashMap::new();
        for (at, text) in texts.iter().enumerate() {
            for (count, piece) in text.as_bytes().as_chunks().0.iter().enumerate() {
                owners.entry(*piece).or_default().push((at, count * PIECE_BYTES));
            }
        }
        for text in known {
            for piece in text.as_bytes().array_windows::<PIECE_BYTES>() {
                owners.remove(piece);
            }
        }
        let mut sieve = vec![0; SIEVE_BITS / 64];
        for piece in owners.keys() {
            let bit = hash(piece);
            sieve[bit / 64] |= 1u64 << (bit % 64);
        }
        Self { owners, sieve }
    }

    /// All pieces in a text: where each begins, and where it comes from.
    pub fn found_in<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, &'a [Owner])> {
        let windows = text.array_windows::<PIECE_BYTES>().enumerate();
        let sifted = windows.filter(|(_, window)| {
            let bit = hash(window);
            self.sieve[bit / 64] & (1 << (bit % 64)) != 0
        });
        sifted.filter_map(|(at, window)| Some((at, self.owners.get(window)?.as_slice())))
    }
}

/// A place in the sieve.
fn hash(piece: &Piece) -> usize {
    let whole = u128::from_le_bytes(*piece);
    let folded = (whole as u64) ^ ((whole >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44) as usize % SIEVE_BITS
}
