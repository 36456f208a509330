//! Labels as the SDK matches them: its table of composed characters is Unicode's, and any text is answered.

use arbitrary::Arbitrary;
use arbtest::arbtest;
use mmh_sdk::labels;
use unicode_normalization::UnicodeNormalization;

/// For how long random labels and texts are tried.
const MOMENT_MS: u64 = 1_000;

/// What the SDK's table leaves out: compatibility ideographs, and what is not in the Basic Multilingual Plane.
fn is_left_out(character: char) -> bool {
    character > '\u{ffff}' || ('\u{f900}'..='\u{faff}').contains(&character)
}

#[test]
fn every_composed_character_is_found_decomposed() {
    let mut seen = 0;
    for character in ('\u{80}'..='\u{10ffff}').filter(|it| !is_left_out(*it)) {
        let composed = format!("x{character}y");
        let decomposed: String = composed.nfd().collect();
        if decomposed == composed {
            continue;
        }
        seen += 1;
        let found = [&composed, &decomposed].map(|label| {
            let labels = [label.as_str(), "other"];
            [&composed, &decomposed].map(|text| labels::find(&labels, text) == Some(label))
        });
        assert_eq!(found, [[true; 2]; 2], "{composed:?} and {decomposed:?}");
    }
    assert_eq!(seen, 12_205, "compositions of Unicode");
}

/// Labels of a few characters that are like each other, which is where matching has to be careful.
fn labels(u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Vec<String>> {
    let parts = [
        "a",
        "A",
        "\u{e4}",
        "a\u{308}",
        "1",
        "-",
        "+",
        "#",
        ".",
        " ",
        "\u{1f44d}",
        "\u{6d41}",
        "\n",
        ":",
        "answer",
    ];
    let label = |u: &mut arbitrary::Unstructured<'_>| -> arbitrary::Result<String> {
        (0..u.int_in_range(1..=4)?).map(|_| u.choose(&parts).copied()).collect()
    };
    (0..u.int_in_range(1..=6)?).map(|_| label(u)).collect()
}

#[test]
fn a_label_is_itself_and_nothing_else_is_answered() {
    arbtest(|u| {
        let labels = labels(u)?;
        for label in labels.iter().filter(|label| !label.trim().is_empty()) {
            let found = labels::find(&labels, label).map(str::trim);
            assert_eq!(found, Some(label.trim()), "{label:?} of {labels:?}");
        }
        for text in [String::arbitrary(u)?, labels.concat(), labels.join(": ")] {
            let found = labels::find(&labels, &text);
            assert!(
                found.is_none_or(|found| labels.iter().any(|label| label == found)),
                "{text:?} of {labels:?}"
            );
        }
        Ok(())
    })
    .budget_ms(MOMENT_MS)
    .run();
}
