//! How train examples are handed to `learn`: in batches that grow, or of a size that was asked for, and in one pass or several.
//!
//! A harness's state is decoded before each call of `learn` and encoded after it. With batches of a fixed size that takes a
//! time that grows with the square of the examples, if the harness keeps them. With batches that are each as large as
//! all before them together, all states together are no larger than a few times the last one.
//!
//! A batch consists of whole portions, by which the limits of a call are counted (see [`mmh_record::limits`]).

use std::{ops::Range, sync::Arc};

use super::online::in_pass;
use crate::dataset::Example;
use mmh_record::{
    format::{Config, Learning, Protocol},
    limits::{Limits, PORTION, portions},
};

/// A batch may have this part of the bytes that a state may have: a quarter. So the memory of a harness has room for it
/// beside the state; and beyond this size, what is handed over is in proportion to the state that it is added to.
const PART_OF_STATE: u64 = 4;

/// The examples of one call of `learn`.
pub struct Batch<'a> {
    /// The batch's number over all passes, from 0.
    pub number: usize,
    /// The number of the pass over the train examples, from 0.
    pub pass: usize,
    /// Its name, which takes the place of an example's id.
    pub id: String,
    /// Its examples.
    pub examples: &'a [Example],
}

/// The sizes of a new run's batches: the first has one portion, and each of the others as many as all before it, unless it
/// would have more bytes than a batch may have. Each has one portion at least.
pub fn plan(train: &[Example], limits: &Limits) -> Vec<usize> {
    let most_bytes = limits.state_bytes / PART_OF_STATE;
    let bytes =
        |portion: &[Example]| portion.iter().map(|it| (it.input.size_bytes() + it.gold.len()) as u64).sum();
    let (mut sizes, mut done) = (Vec::new(), 0);
    while done < train.len() {
        let mut size = 0;
        let mut left_bytes = most_bytes;
        for portion in train[done..].chunks(PORTION) {
            let bytes: u64 = bytes(portion);
            if size > 0 && (bytes > left_bytes || size >= done) {
                break;
            }
            size += portion.len();
            left_bytes = left_bytes.saturating_sub(bytes);
        }
        sizes.push(size);
        done += size;
    }
    sizes
}

/// How a run's harnesses learn: in which batches, how often, and when. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lessons {
    /// The sizes of the first batches of a pass.
    sizes: Arc<[usize]>,
    /// The size of all others.
    rest: usize,
    passes: usize,
    learning: Learning,
}

impl Default for Lessons {
    fn default() -> Self {
        Self::new(&[], &Protocol::default())
    }
}

impl Lessons {
    /// Lessons in batches of these sizes, and of the protocol's size, or of one portion, where there are more examples.
    pub fn new(sizes: &[usize], protocol: &Protocol) -> Self {
        let rest = protocol.batch_size.map_or(PORTION, |size| size as usize).max(1);
        Self { sizes: sizes.into(), rest, passes: protocol.epochs as usize, learning: protocol.learning }
    }

    /// Those of a new run with this protocol.
    pub fn planned(train: &[Example], limits: &Limits, protocol: &Protocol) -> Self {
        Self::new(&planned(train, limits, protocol), protocol)
    }

    /// Those of a recorded run.
    pub fn of(config: &Config) -> Self {
        Self::new(&config.learn_batches, &config.protocol)
    }

    /// Whether harnesses predict each batch before they learn from it.
    pub fn are_online(&self) -> bool {
        self.learning == Learning::Online
    }

    /// How often harnesses are offered the train examples.
    pub fn passes(&self) -> usize {
        self.passes
    }

    /// All batches of these train examples, pass by pass.
    pub fn batches<'a>(&'a self, train: &'a [Example]) -> impl Iterator<Item = Batch<'a>> {
        let passes =
            (0..self.passes).flat_map(move |pass| self.ranges(train.len()).map(move |it| (pass, it)));
        passes.enumerate().map(|(number, (pass, range))| Batch {
            number,
            pass,
            id: batch_id(number),
            examples: &train[range],
        })
    }

    /// The ids under which the examples of a batch are predicted. None where harnesses learn first.
    pub fn predictions<'a>(&self, batch: &Batch<'a>) -> impl Iterator<Item = String> + use<'a> {
        let (pass, predicted) = (batch.pass, if self.are_online() { batch.examples } else { &[] });
        predicted.iter().map(move |it| in_pass(it, pass).id.clone())
    }

    /// The number of batches of so many train examples.
    pub fn batches_of(&self, train_size: usize) -> usize {
        self.ranges(train_size).count().saturating_mul(self.passes)
    }

    /// How many shares of an evaluation's record learning from so many train examples has: one for each portion of a batch,
    /// and one for each prediction.
    pub fn shares(&self, train_size: usize) -> u64 {
        let portions: u64 = self.ranges(train_size).map(|range| portions(range.len())).sum();
        let predictions = if self.are_online() { train_size as u64 } else { 0 };
        portions.saturating_add(predictions).saturating_mul(self.passes as u64)
    }

    /// The places of each batch's examples in one pass. The sizes may be a stranger's: whatever they are, each example is
    /// in one batch.
    fn ranges(&self, train_size: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let sizes = self.sizes.iter().copied().chain(std::iter::repeat(self.rest));
        let mut begin = 0_usize;
        sizes.map_while(move |size| {
            let end = begin.saturating_add(size.max(1)).min(train_size);
            let range = std::mem::replace(&mut begin, end)..end;
            (!range.is_empty()).then_some(range)
        })
    }
}

/// What the configuration of a new run has as the sizes of its batches. Nothing where the protocol says their size.
pub fn planned(train: &[Example], limits: &Limits, protocol: &Protocol) -> Vec<usize> {
    if protocol.batch_size.is_some() { Vec::new() } else { plan(train, limits) }
}

/// The name of a batch.
pub fn batch_id(number: usize) -> String {
    format!("learn-{number:04}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(count: usize, bytes: usize) -> Vec<Example> {
        let one = |at: usize| Example::new(at.to_string(), "x".repeat(bytes - 1), "y");
        (0..count).map(one).collect()
    }

    #[test]
    fn batches_grow_until_they_are_large() {
        let limits = Limits { state_bytes: 4 * 10_000, ..Limits::default() };
        // name, examples, bytes of each, sizes
        let table: [(&str, usize, usize, &[usize]); 7] = [
            ("nothing", 0, 10, &[]),
            ("a part of a portion", 7, 10, &[7]),
            ("one portion", 20, 10, &[20]),
            ("each as large as all before it", 200, 10, &[20, 20, 40, 80, 40]),
            ("the last portion is not whole", 50, 10, &[20, 20, 10]),
            ("up to a size in bytes", 400, 100, &[20, 20, 40, 80, 100, 100, 40]),
            ("a portion is never divided", 60, 9_999, &[20, 20, 20]),
        ];
        for (name, count, bytes, expected) in table {
            assert_eq!(plan(&examples(count, bytes), &limits), expected, "{name}");
        }
    }

    #[test]
    fn there_are_few_batches_of_many_examples() {
        for count in [1_000, 10_000, 20_000] {
            let sizes = plan(&examples(count, 200), &Limits::default());
            // What is encoded if all is kept: the sum of all beginnings.
            let mut kept = 0;
            let encoded: usize = sizes
                .iter()
                .map(|size| {
                    kept += size;
                    kept
                })
                .sum();
            assert!(encoded <= 3 * count, "{count}: {encoded}");
            let lessons = Lessons::new(&sizes, &Protocol::default());
            assert_eq!(lessons.shares(count), portions(count), "{count}");
        }
    }

    #[test]
    fn any_sizes_cover_all_examples_once() {
        let train = examples(50, 10);
        // name, sizes of the configuration, sizes of the batches
        let table: [(&str, &[usize], &[usize]); 6] = [
            ("none: an old run", &[], &[20, 20, 10]),
            ("exact", &[20, 30], &[20, 30]),
            ("too few", &[5], &[5, 20, 20, 5]),
            ("too many", &[40, 40, 40], &[40, 10]),
            ("empty batches", &[0, 0, 48], &[1, 1, 48]),
            ("huge", &[usize::MAX, usize::MAX], &[50]),
        ];
        for (name, sizes, expected) in table {
            let lessons = Lessons::new(sizes, &Protocol::default());
            let found: Vec<usize> = lessons.batches(&train).map(|batch| batch.examples.len()).collect();
            assert_eq!(found, expected, "{name}");
            assert_eq!(lessons.batches_of(50), expected.len(), "{name}");
            let ids: Vec<&str> =
                lessons.batches(&train).flat_map(|it| it.examples).map(|it| it.id.as_str()).collect();
            assert!(ids.iter().enumerate().all(|(at, id)| *id == at.to_string()), "{name}");
        }
    }

    #[test]
    fn a_protocol_says_sizes_and_passes() {
        let train = examples(50, 10);
        let protocol =
            |batch_size, epochs, learning| Protocol { batch_size, epochs, learning, ..Default::default() };
        use Learning::{Offline, Online};
        // name, protocol, sizes of the batches, their passes, shares of the record
        type Row = (&'static str, Protocol, &'static [usize], &'static [usize], u64);
        let table: [Row; 4] = [
            ("plain", protocol(None, 1, Offline), &[20, 20, 10], &[0, 0, 0], 3),
            ("two passes", protocol(None, 2, Offline), &[20, 20, 10, 20, 20, 10], &[0, 0, 0, 1, 1, 1], 6),
            ("a size", protocol(Some(40), 1, Offline), &[40, 10], &[0, 0], 3),
            ("a size, twice, online", protocol(Some(30), 2, Online), &[30, 20, 30, 20], &[0, 0, 1, 1], 106),
        ];
        for (name, protocol, sizes, passes, shares) in table {
            let lessons = Lessons::planned(&train, &Limits::default(), &protocol);
            let found: Vec<(usize, usize)> =
                lessons.batches(&train).map(|it| (it.examples.len(), it.pass)).collect();
            let expected: Vec<(usize, usize)> = sizes.iter().copied().zip(passes.iter().copied()).collect();
            assert_eq!(found, expected, "{name}");
            assert!(
                lessons.batches(&train).enumerate().all(|(at, it)| it.number == at && it.id == batch_id(at))
            );
            assert_eq!((lessons.batches_of(50), lessons.shares(50)), (sizes.len(), shares), "{name}");
        }
        let ones = Lessons::planned(&train, &Limits::default(), &protocol(Some(1), 1, Online));
        assert_eq!((ones.batches_of(50), ones.shares(50)), (50, 100));
    }
}
