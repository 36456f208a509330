//! Which label a model's free text means.

/// The label that `text` means, if any.
///
/// Case, punctuation and white space do not matter. A text that is a label wins; else the label that
/// is mentioned last as whole words, because models conclude at the end. Of two labels that end at
/// one place, such as `cold` and `common cold`, the longer wins.
pub fn find<'a, L: AsRef<str>>(labels: &'a [L], text: &str) -> Option<&'a str> {
    let text = normalize(text);
    let padded = format!(" {text} ");
    let mut best: Option<(usize, usize, &'a str)> = None;
    for label in labels {
        let label = label.as_ref();
        let wanted = normalize(label);
        if wanted.is_empty() {
            continue;
        }
        if wanted == text {
            return Some(label);
        }
        if let Some(start) = padded.rfind(&format!(" {wanted} ")) {
            let found = (start + wanted.len(), wanted.len(), label);
            if best.is_none_or(|(end, len, _)| (found.0, found.1) > (end, len)) {
                best = Some(found);
            }
        }
    }
    best.map(|(_, _, label)| label)
}

/// Lower case, with every run of anything but letters and digits turned into one space.
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
pub fn words(text: &str) -> Vec<String> {
    normalize(text).split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_label_that_is_meant() {
        let labels = ["cold", "common cold", "Type-2 diabetes", "flu"];
        let table = [
            ("exact", "flu", Some("flu")),
            ("case and punctuation", " **Type 2 Diabetes**. ", Some("Type-2 diabetes")),
            ("the longer of two", "It is a common cold.", Some("common cold")),
            ("the last mention", "Not flu, rather a cold", Some("cold")),
            ("whole words only", "influenza", None),
            ("nothing", "", None),
        ];
        for (name, text, expected) in table {
            assert_eq!(find(&labels, text), expected, "{name}");
        }
    }
}
