//! A first look at an evaluation: its first examples are run, and what they come to decides whether the others are.

use super::ExampleSet;

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

/// Where the parts of an evaluation end, counted in outcomes: after all trials of the examples of the first look, if it leaves
/// any example, and after all.
pub(super) fn ends<R>(set: ExampleSet<'_>, look: Option<FirstLook<'_, R>>) -> Vec<usize> {
    let all = set.outcomes();
    let of_look = look
        .map(|look| ExampleSet { examples: &set.examples[..look.examples.min(set.examples.len())], ..set });
    let of_look = of_look.map(|look| look.outcomes());
    of_look.into_iter().filter(|end| *end < all).chain([all]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Example;
    use mmh_record::{data::Split, input::Input};

    #[test]
    fn a_look_ends_after_whole_examples() {
        // examples, trials of each, examples of the look, where the parts end
        let table = [
            (4, 1, None, vec![4]),
            (4, 1, Some(2), vec![2, 4]),
            (3, 2, Some(2), vec![4, 6]),
            (4, 1, Some(4), vec![4]),
            (4, 3, Some(9), vec![12]),
            (0, 1, Some(2), vec![0]),
        ];
        for (count, trials, look, expected) in table {
            let examples = vec![Example::new("a", Input::from("x"), ""); count];
            let set = ExampleSet { trials, ..ExampleSet::new(Split::Val, &examples) };
            let look = look.map(|examples| FirstLook::<()> { examples, drops: &|_| None });
            assert_eq!(ends(set, look), expected, "{count} examples, {trials} trials");
        }
    }
}
