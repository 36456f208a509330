//! Looks for many short pieces of text at once, with one look-up for each place of the searched text.
//!
//! An automaton would be several times slower, because there are many pieces of the same size, and they hardly ever
//! occur. A map would take several times as much memory as a sorted list, and a sieve saves nearly all look-ups.

/// The size of a piece. A run of twice as many bytes has a whole piece at a multiple of it.
pub const PIECE_BYTES: usize = 16;

/// Bits of the sieve that comes before the look-up, for each piece and at least.
const SIEVE_BITS_OF_PIECE: usize = 8;
const MIN_SIEVE_BITS: usize = 1 << 20;

type Piece = [u8; PIECE_BYTES];

/// A piece and its origin: the number of the text, and the place in it.
type Owned = (Piece, u32, u32);

/// The pieces of some texts.
pub struct Pieces {
    /// Sorted.
    owned: Vec<Owned>,
    sieve: Sieve,
}

impl Pieces {
    /// Cuts `texts` into pieces, and leaves out those that occur anywhere in `known`. A text shorter than a piece has
    /// none.
    pub fn new<'a>(texts: impl Iterator<Item = &'a str>, known: impl Iterator<Item = String>) -> Self {
        let mut owned: Vec<Owned> = Vec::new();
        for (at, text) in (0..).zip(texts) {
            let pieces = text.as_bytes().as_chunks().0.iter();
            owned.extend(pieces.zip(0..).map(|(piece, count)| (*piece, at, count * PIECE_BYTES as u32)));
        }
        owned.sort_unstable();
        let sieve = Sieve::of(&owned);
        let mut all = Self { owned, sieve };
        all.leave_out(known);
        all
    }

    /// Takes away the pieces that occur in these texts.
    fn leave_out(&mut self, known: impl Iterator<Item = String>) {
        // Of equal pieces, the first one says whether they are known.
        let mut is_known = vec![false; self.owned.len()];
        for text in known {
            for piece in text.as_bytes().array_windows() {
                if let Some(known) = self.first(piece).and_then(|first| is_known.get_mut(first)) {
                    *known = true;
                }
            }
        }
        let (mut at, mut first) = (0, 0);
        let mut last = None;
        self.owned.retain(|(piece, ..)| {
            if last != Some(*piece) {
                (last, first) = (Some(*piece), at);
            }
            at += 1;
            !is_known[first]
        });
        self.owned.shrink_to_fit();
        self.sieve = Sieve::of(&self.owned);
    }

    /// The place of the first one of these pieces.
    fn first(&self, piece: &Piece) -> Option<usize> {
        if !self.sieve.may_have(piece) {
            return None;
        }
        let first = self.owned.partition_point(|(it, ..)| it < piece);
        self.owned.get(first).is_some_and(|(it, ..)| it == piece).then_some(first)
    }

    /// All pieces in a text: where each begins, and where it comes from, which are the number of a text and the place in it.
    pub fn found_in<'a>(
        &'a self,
        text: &'a [u8],
    ) -> impl Iterator<Item = (usize, impl Iterator<Item = (usize, usize)> + 'a)> {
        text.array_windows::<PIECE_BYTES>().enumerate().filter_map(|(at, window)| {
            let from = &self.owned[self.first(window)?..];
            let same = from.iter().take_while(move |(piece, ..)| piece == window);
            Some((at, same.map(|(_, text, place)| (*text as usize, *place as usize))))
        })
    }
}

/// One bit for each hash that a piece has.
struct Sieve {
    bits: Vec<u64>,
}

impl Sieve {
    fn of(owned: &[Owned]) -> Self {
        let bits = (owned.len() * SIEVE_BITS_OF_PIECE).next_power_of_two().max(MIN_SIEVE_BITS);
        let mut sieve = Self { bits: vec![0; bits / 64] };
        for (piece, ..) in owned {
            let (word, bit) = sieve.place(piece);
            sieve.bits[word] |= bit;
        }
        sieve
    }

    /// Whether the piece may be among those that the sieve was made of. No means no.
    fn may_have(&self, piece: &Piece) -> bool {
        let (word, bit) = self.place(piece);
        self.bits[word] & bit != 0
    }

    /// The word of a piece, and the bit in it.
    fn place(&self, piece: &Piece) -> (usize, u64) {
        let whole = u128::from_le_bytes(*piece);
        let folded = (whole as u64) ^ ((whole >> 64) as u64).rotate_left(29);
        let hash = (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % (self.bits.len() * 64);
        (hash / 64, 1 << (hash % 64))
    }
}
