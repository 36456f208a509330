//! How train examples are handed to `learn`: in batches that grow.
//!
//! A harness's state is decoded before each call of `learn` and encoded after it. With batches of a fixed size that takes a
//! time that grows with the square of the examples, if the harness keeps them. With batches that are each as large as
//! all before them together, all states together are no larger than a few times the last one.
//!
//! A batch consists of whole portions, by which the limits of a call are counted (see [`mmh_record::limits`]).

use std::ops::Range;

use crate::dataset::Example;
use mmh_record::limits::{Limits, PORTION, portions};

/// A batch may have this part of the bytes that a state may have: a quarter. So the memory of a harness has room for it
/// beside the state; and beyond this size, what is handed over is in proportion to the state that it is added to.
const PART_OF_STATE: u64 = 4;

/// The examples of one call of `learn`.
pub struct Batch<'a> {
    /// The batch's number, from 0.
    pub number: usize,
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

/// The batches of a run's train examples, by the sizes in its configuration.
pub fn batches<'a>(train: &'a [Example], sizes: &'a [usize]) -> impl Iterator<Item = Batch<'a>> {
    let ranges = ranges(train.len(), sizes).enumerate();
    ranges.map(|(number, range)| Batch { number, id: batch_id(number), examples: &train[range] })
}

/// The number of batches of so many train examples.
pub fn batches_of(train_size: usize, sizes: &[usize]) -> usize {
    ranges(train_size, sizes).count()
}

/// The number of portions in all batches of so many train examples.
pub fn portions_of(train_size: usize, sizes: &[usize]) -> u64 {
    ranges(train_size, sizes).map(|range| portions(range.len())).sum()
}

/// The name of a batch.
pub fn batch_id(number: usize) -> String {
    format!("learn-{number:04}")
}

/// The places of each batch's examples. The sizes may be a stranger's: whatever they are, each example is in one batch,
/// and what they do not cover is in batches of one portion.
fn ranges(train_size: usize, sizes: &[usize]) -> impl Iterator<Item = Range<usize>> {
    let sizes = sizes.iter().copied().chain(std::iter::repeat(PORTION));
    let mut begin = 0_usize;
    sizes.map_while(move |size| {
        let end = begin.saturating_add(size.max(1)).min(train_size);
        let range = std::mem::replace(&mut begin, end)..end;
        (!range.is_empty()).then_some(range)
    })
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
            assert_eq!(portions_of(count, &sizes), portions(count), "{count}");
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
            let found: Vec<usize> = batches(&train, sizes).map(|batch| batch.examples.len()).collect();
            assert_eq!(found, expected, "{name}");
            assert_eq!(batches_of(50, sizes), expected.len(), "{name}");
            let ids: Vec<&str> =
                batches(&train, sizes).flat_map(|it| it.examples).map(|it| it.id.as_str()).collect();
            assert!(ids.iter().enumerate().all(|(at, id)| *id == at.to_string()), "{name}");
        }
    }
}
