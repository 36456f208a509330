//! Which label a model's free text means.
//!
//! ```
//! use mmh_sdk::labels;
//! let diseases = ["flu", "bird flu", "chicken pox"];
//! assert_eq!(labels::find(&diseases, "Chickenpox, I think."), Some("chicken pox"));
//! assert_eq!(labels::words("A rash, everywhere!"), ["a", "rash", "everywhere"]);
//! ```

use crate::{
    answer::answered,
    mentions::{Meaning, Text},
};

/// The label that a text means, if it means exactly one.
///
/// 1. A text that is a label, letter by letter, is that label. White space around it does not matter.
/// 2. Otherwise the text has to mention exactly one label, as whole words. A mention is exact, or differs in
///    Unicode composition, case and width only, or is loose: white space and punctuation do not matter either,
///    so that `chickenpox` is `chicken pox`. A closer match goes before a looser one. Where several labels
///    are equally close, such as `flu` and `FLU` for `Flu`, none is meant; labels that only loose matching
///    takes for one are never matched loosely. Signs such as those of `-1`, `1.5`, `A+` and `C#`
///    are no punctuation. A label that stands inside a longer one, such as `cold` in `common cold`, is not
///    mentioned there.
/// 3. A text that mentions several labels means the one that it gives as its answer: directly behind `Answer:`,
///    `the label is` and the like, with no other label in that sentence; or on a line that holds nothing but a label. If
///    such places name different labels, none is meant, but for an `Answer:` that comes last, behind a list of labels. So
///    a text that only repeats the labels means none.
///
/// ```
/// use mmh_sdk::labels::find;
/// let labels = ["flu", "bird flu", "cold"];
/// assert_eq!(find(&labels, "I think **Flu**."), Some("flu"));
/// assert_eq!(find(&labels, "It is bird flu."), Some("bird flu"));
/// assert_eq!(find(&labels, "Flu or cold."), None);
/// assert_eq!(find(&labels, "Flu or cold.\nAnswer: cold"), Some("cold"));
/// ```
pub fn find<'a, L: AsRef<str>>(labels: &'a [L], text: &str) -> Option<&'a str> {
    let text = text.trim();
    let mut all = labels.iter().map(AsRef::as_ref);
    if let Some(label) = all.find(|label| !text.is_empty() && label.trim() == text) {
        return Some(label);
    }
    let text = Text::new(text);
    let mentions = text.mentions(labels);
    let meaning = match Meaning::of(&mentions) {
        Meaning::Several => answered(&text, &mentions),
        meaning => meaning,
    };
    match meaning {
        Meaning::One(label) => Some(label),
        Meaning::Nothing | Meaning::Several => None,
    }
}

/// Lower case, with every run of anything but letters and digits turned into one space.
///
/// ```
/// use mmh_sdk::labels::normalize;
/// assert_eq!(normalize("  Fever, 39.5 \u{b0}C!"), "fever 39 5 c");
/// assert_eq!(normalize("Chicken-Pox"), normalize("chicken pox"));
/// ```
pub fn normalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            out.push(character.to_ascii_lowercase());
        } else if !character.is_ascii() && character.is_alphanumeric() {
            out.extend(character.to_lowercase());
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The lower-case words of a text, letters and digits only.
///
/// ```
/// use mmh_sdk::labels::words;
/// let (a, b) = (words("A runny nose."), words("My nose is RUNNY"));
/// let shared = a.iter().filter(|word| b.contains(word)).count();
/// assert_eq!(shared, 2);
/// ```
pub fn words(text: &str) -> Vec<String> {
    normalize(text).split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels, a text, and the label that is meant.
    type Row<'a> = (&'a [&'a str], &'a str, Option<&'a str>);

    fn check(table: &[Row<'_>]) {
        for (labels, text, expected) in table {
            assert_eq!(find(labels, text), *expected, "{text:?} among {labels:?}");
            let reversed: Vec<&str> = labels.iter().rev().copied().collect();
            assert_eq!(find(&reversed, text), *expected, "{text:?} among {reversed:?}");
        }
    }

    const DISEASES: &[&str] = &["cold", "common cold", "Type-2 diabetes", "flu", "bird flu", "chicken pox"];
    const GRADES: &[&str] = &["A", "A+", "A-", "B", "B+"];
    const LANGUAGES: &[&str] = &["C", "C#", "C++", "F", "F#", "Java", "R"];
    const SIGNS: &[&str] = &["-1", "0", "1"];

    #[test]
    fn an_answer_that_is_a_label() {
        check(&[
            (DISEASES, "flu", Some("flu")),
            (DISEASES, " flu\n", Some("flu")),
            (DISEASES, "FLU", Some("flu")),
            (DISEASES, " **Type 2 Diabetes**. ", Some("Type-2 diabetes")),
            (DISEASES, "chickenpox", Some("chicken pox")),
            (DISEASES, "Chicken-Pox", Some("chicken pox")),
            (DISEASES, "chicken_pox", Some("chicken pox")),
            (DISEASES, "chicken\u{a0}pox!", Some("chicken pox")),
            (&["chickenpox", "flu"], "chicken pox", Some("chickenpox")),
            (DISEASES, "influenza", None),
            (DISEASES, "", None),
            (DISEASES, " \n", None),
            (&["", "flu"], "", None),
            (&[], "flu", None),
        ]);
    }

    #[test]
    fn labels_that_differ_in_little_stay_apart() {
        for labels in
            [GRADES, LANGUAGES, SIGNS, &["flu", "FLU", "Flu"], &["re-sign", "resign"], &["👍", "👎", "👍👍"]]
        {
            for label in labels {
                for text in [
                    (*label).to_owned(),
                    format!(" {label}\n"),
                    format!("**{label}**"),
                    format!("{label}."),
                    format!("\"{label}\""),
                    format!("- {label}"),
                    format!("Answer: {label}"),
                    format!("The answer is {label}."),
                    format!("{{\"label\": \"{label}\"}}"),
                    format!("It has to be {label}, I think."),
                ] {
                    assert_eq!(find(labels, &text), Some(*label), "{text:?} among {labels:?}");
                }
            }
            // A reply that repeats them is no answer.
            let items: Vec<String> = labels.iter().map(|label| format!("- {label}")).collect();
            for list in [labels.join("\n"), labels.join(", "), labels.join(" or "), items.join("\n")] {
                for text in
                    [list.clone(), format!("Labels:\n{list}"), format!("The label is one of: {list}.")]
                {
                    assert_eq!(find(labels, &text), None, "{text:?} among {labels:?}");
                }
            }
        }
        check(&[
            (&["flu", "FLU"], "Flu", None),
            (&["flu", "FLU"], "It is Flu.", None),
            (&["re-sign", "resign"], "Resign", Some("resign")),
            (&["re-sign", "resign"], "re sign", None),
            (&["A", "B"], "A+", None),
            (&["A", "B"], "A-", None),
            (&["A+", "A-"], "A", None),
            (&["C", "Java"], "C#", None),
            (&["C", "Java"], "C++ it is", None),
            (&["C++", "Java"], "c++", Some("C++")),
            (&["1", "0"], "-1", None),
            (&["-1", "0"], "1", None),
            (&["-1", "0"], "\u{2212}1", Some("-1")),
            (&["1.5", "2"], "15", None),
            (&["15", "2"], "1.5", None),
            (&["12", "2"], "1 2", Some("2")),
            (&["5", "6"], "5 %", Some("5")),
            (&["5", "6"], "5%", None),
            (&["D", "E"], "R&D", None),
            (&["👍", "👎"], "👍🏽", Some("👍")),
            (&["❤", "💔"], "❤\u{fe0f}", Some("❤")),
            (&["👨", "👩"], "👨\u{200d}👩\u{200d}👧", None),
            (&["🇩🇪", "🇩🇰"], "🇩🇰!", Some("🇩🇰")),
            (&["+", "-"], "-", Some("-")),
            (&["+", "-"], "**+**", Some("+")),
            (&["+", "-"], "a well-known case: +", Some("+")),
        ]);
    }

    #[test]
    fn composition_case_and_width_do_not_matter_where_one_label_is_meant() {
        check(&[
            (&["café", "tea"], "cafe\u{301}", Some("café")),
            (&["cafe\u{301}", "tea"], "CAFÉ", Some("cafe\u{301}")),
            (&["café", "cafe\u{301}"], "cafe\u{301}", Some("cafe\u{301}")),
            (&["café", "cafe\u{301}"], "café", Some("café")),
            (&["café", "cafe\u{301}"], "Café", None),
            (&["café", "cafe"], "cafe", Some("cafe")),
            (&["cafe", "tea"], "café", None),
            (&["cafe", "tea"], "cafe\u{301}", None),
            (&["Việt", "x"], "vie\u{302}\u{323}t", Some("Việt")),
            (&["Straße", "Weg"], "STRASSE", Some("Straße")),
            (&["ΟΔΟΣ", "x"], "οδος", Some("ΟΔΟΣ")),
            (&["한국", "x"], "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}", Some("한국")),
            (&["Å", "A"], "\u{212b}", Some("Å")),
            (&["Grade A", "x"], "Ｇｒａｄｅ　Ａ", Some("Grade A")),
            (&["ば", "は"], "は\u{3099}", Some("ば")),
            (&["は", "か"], "ば", None),
        ]);
    }

    #[test]
    fn one_label_inside_of_a_reply() {
        check(&[
            (DISEASES, "It is a common cold.", Some("common cold")),
            (DISEASES, "I think it is chickenpox, with these spots.", Some("chicken pox")),
            (DISEASES, "bird flu, also called avian influenza", Some("bird flu")),
            (DISEASES, "Flu. The flu is common.", Some("flu")),
            (DISEASES, "flu-like symptoms", Some("flu")),
            (DISEASES, "the patient's colds", None),
            (DISEASES, "#flu", Some("flu")),
            (DISEASES, "\\boxed{flu}", Some("flu")),
            (DISEASES, "$\\text{flu}$", Some("flu")),
            (DISEASES, "<label>flu</label>", Some("flu")),
            (DISEASES, "`Type-2 diabetes`", Some("Type-2 diabetes")),
            (&["流感", "感冒"], "这是流感。", Some("流感")),
            (&["流感", "感冒"], "答案：感冒", Some("感冒")),
            (&["盗窃", "诈骗"], "[罪名]盗窃<eoa>", Some("盗窃")),
            (&["ไข้หวัด", "ไมเกรน"], "เป็นไข้หวัด", Some("ไข้หวัด")),
            (&["St. Louis", "Paris"], "I say St Louis", Some("St. Louis")),
        ]);
    }

    #[test]
    fn several_labels_are_an_answer_only_if_one_is_given_as_such() {
        check(&[
            // Without a choice.
            (DISEASES, "flu or cold", None),
            (DISEASES, "Not flu, rather a cold", None),
            (DISEASES, "- flu\n- cold\n- chicken pox", None),
            (DISEASES, "flu, cold, common cold, chicken pox", None),
            (
                DISEASES,
                "Labels:\n- flu\n- cold\n- chicken pox\n\nReply with one label and nothing else.",
                None,
            ),
            (DISEASES, "1. flu\n2. cold", None),
            (&["a b", "c"], "- a\n- b\n- c", Some("c")),
            (DISEASES, "Answer: flu or cold", None),
            (DISEASES, "Answer: flu\nAnswer: cold", None),
            (DISEASES, "flu\n\nText: My nose runs.\nLabel: cold", None),
            (DISEASES, "Answer: none of flu, cold", None),
            (DISEASES, "Answer: not flu. Rather a cold", None),
            (DISEASES, "The label is one of:\nflu\ncold", None),
            (DISEASES, "Label: flu\nbird flu\ncold", None),
            (DISEASES, "Answer: flu, cold. Or both", None),
            // With one.
            (DISEASES, "- flu\n- cold\n- chicken pox\n\nAnswer: cold", Some("cold")),
            (DISEASES, "Labels: flu, cold\n\nchicken pox", Some("chicken pox")),
            (DISEASES, "One could think of a cold, but flu fits better.\n\n**Answer:** Flu.", Some("flu")),
            (DISEASES, "flu\n\nA cold would come without the fever.", Some("flu")),
            (DISEASES, "It may be a cold.\n\n**Flu**", Some("flu")),
            (DISEASES, "It is a cold or flu.\nFlu", Some("flu")),
            (DISEASES, "Labels: cold\nflu", None),
            (DISEASES, "It is not a cold. The answer is flu.", Some("flu")),
            (DISEASES, "The answer is flu. A cold lasts longer.", Some("flu")),
            (DISEASES, "Diagnosis: bird flu\nRuled out are flu and cold.", Some("bird flu")),
            (DISEASES, "{\"reasoning\": \"no cold\", \"label\": \"flu\"}", Some("flu")),
            (DISEASES, "{\"predicted_label\": \"flu\", \"why\": \"longer than a cold\"}", Some("flu")),
            (DISEASES, "{\"label\": \"flu or cold\"}", None),
            (DISEASES, "{\"label\": \"flu\", \"answer\": \"cold\"}", None),
            (GRADES, "A is too good.\nFinal answer: A-", Some("A-")),
            (SIGNS, "0 would be neutral.\nAnswer: -1", Some("-1")),
            (&["answer", "question"], "Answer: question", Some("question")),
            (&["answer", "question"], "answer", Some("answer")),
        ]);
    }

    #[test]
    fn any_text_is_read_in_reasonable_time() {
        let labels: Vec<String> = (0..500).map(|at| format!("label number {at}")).collect();
        for part in ["label number ", "a ", "\u{301}", "e\u{301}", "1.", "🇩", "answer: ", "\n"] {
            let text = part.repeat(20_000 / part.len());
            assert_eq!(find(&labels, &text), None, "{part:?}");
        }
        assert_eq!(words("Coughs, FEVER!"), ["coughs", "fever"]);
    }
}
