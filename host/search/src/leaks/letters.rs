//! A text's letters and digits alone, in lower case, so that white space, punctuation and escapes do not matter.

/// A text's letters, and their places in it.
pub struct Letters {
    pub text: String,
    /// By byte of `text`: the byte of the original at which its character begins.
    origins: Vec<usize>,
}

impl Letters {
    pub fn new(original: &str) -> Self {
        let (mut text, mut origins) = (String::new(), Vec::new());
        for (at, character) in original.char_indices().filter(|(_, it)| it.is_alphanumeric()) {
            text.extend(character.to_lowercase());
            origins.resize(text.len(), at);
        }
        Self { text, origins }
    }

    /// The part of the original that these letters come from.
    pub fn original<'a>(&self, original: &'a str, from: usize, to: usize) -> &'a str {
        let start = self.origins.get(from).copied().unwrap_or(original.len());
        let last = self.origins.get(to.saturating_sub(1)).copied().unwrap_or(start);
        let end = original[last..].chars().next().map_or(last, |character| last + character.len_utf8());
        &original[start..end]
    }
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
