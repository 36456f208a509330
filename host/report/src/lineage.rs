//! Which earlier harness a source was made from. Proposers do not say; the text does.

use similar::TextDiff;

/// The earlier harness that shares most lines with this source; of equals, the latest. None where nothing
/// is shared, and for the first one.
pub fn parent<'a>(source: &str, earlier: impl Iterator<Item = (u32, &'a str)>) -> Option<u32> {
    let shared = earlier.map(|(index, text)| (TextDiff::from_lines(text, source).ratio(), index));
    let closest = shared.max_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
    closest.filter(|(ratio, _)| *ratio > 0.0).map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_is_the_parent() {
        let (one, two) = ("a\nb\nc\nd\n", "a\nb\nx\ny\n");
        // name, source, earlier ones, parent
        type Case<'a> = (&'a str, &'a str, &'a [(u32, &'a str)], Option<u32>);
        let table: [Case<'_>; 5] = [
            ("the first", one, &[], None),
            ("one that is close", "a\nb\nc\nz\n", &[(0, one), (1, two)], Some(0)),
            ("the other one", "a\nq\nx\ny\n", &[(0, one), (1, two)], Some(1)),
            ("the latest of equals", one, &[(0, one), (3, one), (2, two)], Some(3)),
            ("nothing shared", "p\nq\n", &[(0, one)], None),
        ];
        for (name, source, earlier, expected) in table {
            assert_eq!(parent(source, earlier.iter().copied()), expected, "{name}");
        }
    }
}
