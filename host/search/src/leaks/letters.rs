//! A text's letters and digits alone, in lower case, so that white space, punctuation and escapes do not matter.

/// The part of a text that these of its letters come from, by their bytes.
pub fn original(text: &str, from: usize, to: usize) -> &str {
    // By byte of the letters: the byte of the text at which its character begins.
    let (mut letters, mut origins) = (0, Vec::new());
    for (at, character) in text.char_indices().filter(|(_, it)| it.is_alphanumeric()) {
        letters += character.to_lowercase().map(char::len_utf8).sum::<usize>();
        origins.resize(letters, at);
    }
    let start = origins.get(from).copied().unwrap_or(text.len());
    let last = origins.get(to.saturating_sub(1)).copied().unwrap_or(start);
    let end = text[last..].chars().next().map_or(last, |character| last + character.len_utf8());
    &text[start..end]
}

/// A text's letters alone.
pub fn of(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            if character.is_ascii_alphanumeric() {
                letters.push(character.to_ascii_lowercase());
            }
        } else if character.is_alphanumeric() {
            letters.extend(character.to_lowercase());
        }
    }
    letters
}
