//! Words, stems and tokens, as the simulated models see a text.
//!
//! Not a linguistic library: the stemmer only has to map `coughing` and `coughs` to one form, and the
//! token count only has to grow like a real one.

/// English words that say nothing about a text's subject. Sorted, for the search.
#[rustfmt::skip]
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "again", "all", "also", "always", "am", "an", "and", "any", "are", "as", "at",
    "be", "because", "been", "before", "being", "but", "by", "can", "cannot", "could", "d", "did", "do",
    "does", "doing", "don", "down", "during", "each", "even", "every", "few", "for", "from", "get",
    "getting", "give", "go", "going", "got", "had", "has", "have", "having", "he", "her", "here", "him",
    "his", "how", "i", "if", "in", "into", "is", "isn", "it", "its", "just", "like", "ll", "lot", "lots",
    "m", "many", "me", "more", "most", "much", "my", "myself", "no", "nor", "not", "now", "of", "off",
    "often", "on", "one", "only", "or", "other", "our", "out", "over", "own", "re", "really", "s", "said",
    "same", "she", "should", "since", "so", "some", "sometimes", "still", "such", "t", "than", "that",
    "the", "their", "them", "then", "there", "these", "they", "this", "those", "through", "to", "too",
    "under", "until", "up", "ve", "very", "was", "we", "well", "were", "what", "when", "where", "which",
    "while", "who", "why", "will", "with", "without", "won", "would", "you", "your",
];

/// Words that turn what follows them into its opposite.
const NEGATIONS: &[&str] =
    &["no", "not", "without", "never", "denies", "deny", "neither", "nor", "isn't", "don't", "haven't"];

/// How many words a negation reaches.
const NEGATION_REACH: usize = 3;

/// Different words for one thing, by stem.
#[rustfmt::skip]
const SYNONYMS: &[(&str, &str)] = &[
    ("abdomen", "stomach"), ("abdominal", "stomach"), ("bell", "stomach"), ("tumm", "stomach"),
    ("pe", "urinat"), ("peed", "urinat"), ("urin", "urinat"), ("breathles", "breath"), ("exhaust", "tir"),
    ("fatigu", "tir"), ("ach", "pain"), ("hurt", "pain"), ("sor", "pain"), ("puk", "vomit"),
    ("nauseou", "nausea"), ("nauseat", "nausea"), ("shiver", "chil"), ("temperatur", "fever"),
    ("swollen", "swel"), ("sputum", "phlegm"), ("mucu", "phlegm"), ("poop", "stool"), ("itchines", "itch"),
    ("vision", "sight"), ("eyesight", "sight"), ("feverish", "fever"), ("lighthead", "diz"),
];

/// Lower case, with every run of anything but letters and digits turned into one space.
pub(crate) fn normalize(text: &str) -> String {
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

/// Where the stop words of each letter begin, and where the last ones end.
const BY_LETTER: [usize; 27] = {
    let (mut starts, mut letter) = ([0; 27], 0);
    while letter < 27 {
        let mut at = 0;
        while at < STOP_WORDS.len() && ((STOP_WORDS[at].as_bytes()[0] - b'a') as usize) < letter {
            at += 1;
        }
        starts[letter] = at;
        letter += 1;
    }
    starts
};

/// Whether a lower-case word says nothing about a text's subject.
pub(crate) fn is_stop_word(word: &str) -> bool {
    let letter = word.bytes().next().map(|first| usize::from(first.wrapping_sub(b'a')));
    letter
        .filter(|letter| *letter < 26)
        .is_some_and(|letter| STOP_WORDS[BY_LETTER[letter]..BY_LETTER[letter + 1]].contains(&word))
}

/// The stem of a lower-case word.
pub(crate) fn stem(word: &str) -> String {
    let stem = strip(word);
    match SYNONYMS.iter().find(|(from, _)| *from == stem) {
        Some((_, to)) => (*to).to_owned(),
        None => stem.to_owned(),
    }
}

fn strip(word: &str) -> &str {
    if !word.is_ascii() {
        return word;
    }
    let groups: [&[&str]; 4] =
        [&["s"], &["ness", "ful", "ly", "ish"], &["ing", "ed", "ion"], &["ie", "e", "y", "i"]];
    let mut stem = word;
    for suffixes in groups {
        for suffix in suffixes {
            if let Some(rest) = stem.strip_suffix(suffix)
                && rest.len() >= 3
                && !(*suffix == "s" && rest.ends_with(['s', 'u', 'i']))
            {
                stem = rest;
                break;
            }
        }
    }
    // `rashes` has become `rashe`, then `rash`; `runny` has become `runn` and shall be `run`.
    let bytes = stem.as_bytes();
    match bytes {
        [.., a, b] if a == b && bytes.len() > 3 => &stem[..stem.len() - 1],
        _ => stem,
    }
}

/// The stems of a text's content words, in order.
pub(crate) fn stems(text: &str) -> Vec<String> {
    normalize(text).split(' ').filter(|word| !word.is_empty() && !is_stop_word(word)).map(stem).collect()
}

/// A text as sentences of stems; `true` marks a stem that stands under a negation.
pub(crate) fn sentences(text: &str) -> Vec<Vec<(String, bool)>> {
    text.split(['.', '!', '?', ';', '\n']).map(sentence).filter(|words| !words.is_empty()).collect()
}

fn sentence(text: &str) -> Vec<(String, bool)> {
    let mut out = Vec::new();
    for clause in text.split([',', ':']) {
        let mut reach = 0;
        for raw in clause.split_whitespace() {
            let lower = raw.to_lowercase().replace('\u{2019}', "'");
            if NEGATIONS.contains(&lower.trim_matches(|c: char| !c.is_alphanumeric())) {
                reach = NEGATION_REACH;
                continue;
            }
            if lower == "but" {
                reach = 0;
            }
            for word in normalize(&lower).split(' ').filter(|word| !word.is_empty() && !is_stop_word(word)) {
                out.push((stem(word), reach > 0));
                reach = reach.saturating_sub(1);
            }
        }
    }
    out
}

/// How many tokens a text counts. Additive over white space, so that a cut can be exact.
pub(crate) fn tokens(text: &str) -> u64 {
    text.split_whitespace().map(word_tokens).sum()
}

fn word_tokens(word: &str) -> u64 {
    word.chars().count().div_ceil(4) as u64
}

/// The longest beginning of a text that has at most `limit` tokens; whether something was cut off.
pub(crate) fn cut(text: &str, limit: u64) -> (&str, bool) {
    let (mut left, mut in_word) = (limit, 0usize);
    for (at, character) in text.char_indices() {
        if character.is_whitespace() {
            in_word = 0;
            continue;
        }
        if in_word % 4 == 0 {
            if left == 0 {
                return (text[..at].trim_end(), true);
            }
            left -= 1;
        }
        in_word += 1;
    }
    (text, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_a_stem() {
        let table = [
            ("coughing", "coughs"),
            ("itchy", "itching"),
            ("allergies", "allergy"),
            ("dizziness", "dizzy"),
            ("rashes", "rash"),
            ("runny", "running"),
            ("stiffness", "stiff"),
            ("painful", "aching"),
            ("urination", "urinating"),
            ("swollen", "swelling"),
            ("breathing", "breathe"),
        ];
        for (a, b) in table {
            assert_eq!(stem(a), stem(b), "{a} and {b}");
        }
        assert_ne!(stem("cold"), stem("cough"));
    }

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
        assert!(STOP_WORDS.iter().all(|word| is_stop_word(word)));
        for word in ["", "fever", "thee", "zebra", "\u{e4}", "A", "1"] {
            assert!(!is_stop_word(word), "{word}");
        }
    }

    #[test]
    fn negated_words_are_marked() {
        let found = sentences("There is no fever, but a rash. Not itchy");
        let flat: Vec<(&str, bool)> =
            found.iter().flatten().map(|(stem, negated)| (stem.as_str(), *negated)).collect();
        assert_eq!(flat, [("fever", true), ("rash", false), ("itch", true)]);
    }

    #[test]
    fn a_cut_is_exact() {
        let text = "one twenty three  ünïcödé-words";
        for limit in 0..=tokens(text) {
            let (part, was_cut) = cut(text, limit);
            assert_eq!(tokens(part), limit, "{part:?}");
            assert_eq!(was_cut, limit < tokens(text));
        }
        assert_eq!(cut("a b", 9), ("a b", false));
    }
}
