//! A first look at an evaluation: its first examples are run, and what they come to decides whether the others are.

use crate::dataset::Example;

/// The status of a candidate that was dropped after its first examples.
pub const SCREENED_OUT: &str = "screened-out";

/// The status of a candidate that asks no model, where the run requires one that does.
pub const WITHOUT_MODEL: &str = "asks-no-model";

/// A first look. The examples that it has run are not run again.
pub struct FirstLook<'a, R> {
    /// How many examples it has.
    pub examples: usize,
    /// Why the other examples are not run, by what was kept of the first ones, in their order. None if they are.
    pub drops: &'a (dyn Fn(&[R]) -> Option<String> + Sync),
}

// Both fields can be copied, whatever is kept.
impl<R> Clone for FirstLook<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for FirstLook<'_, R> {}

/// What is kept of each example, and whether there is a first look.
#[derive(Clone, Copy)]
pub(super) struct Keeping<'a, Row, R> {
    pub keep: fn(Row) -> R,
    pub look: Option<FirstLook<'a, R>>,
}

/// Where the parts of an evaluation end: after the examples of the first look, if it leaves any, and after all. An example
/// may stand in the list several times, one after the other.
pub(super) fn ends<R>(examples: &[Example], look: Option<FirstLook<'_, R>>) -> Vec<usize> {
    let of_look = look.map(|look| {
        let each = examples.chunk_by(|one, next| one.id == next.id);
        each.take(look.examples).map(<[Example]>::len).sum()
    });
    of_look.into_iter().filter(|end| *end < examples.len()).chain([examples.len()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmh_record::input::Input;

    #[test]
    fn a_look_ends_after_whole_examples() {
        let examples = |ids: &str| -> Vec<Example> {
            ids.chars().map(|id| Example::new(id, Input::from("x"), "")).collect()
        };
        // ids in their order, examples of the look, where the parts end
        let table = [
            ("abcd", None, vec![4]),
            ("abcd", Some(2), vec![2, 4]),
            ("aabbcc", Some(2), vec![4, 6]),
            ("abcd", Some(4), vec![4]),
            ("abcd", Some(9), vec![4]),
            ("", Some(2), vec![0]),
        ];
        for (ids, look, expected) in table {
            let look = look.map(|examples| FirstLook::<()> { examples, drops: &|_| None });
            assert_eq!(ends(&examples(ids), look), expected, "{ids}");
        }
    }
}
