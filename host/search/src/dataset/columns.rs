//! Finds the columns, or JSON keys, of texts, answers and further fields.

use mmh_record::{data::Columns, text};

/// The usual names, in order of preference: text, label.
const NAMES: [(&str, &str); 4] =
    [("question", "answer"), ("input_text", "output_text"), ("text", "label"), ("input", "label")];

/// Most names in an error, and most characters of each.
const SHOWN_NAMES: usize = 12;
const SHOWN_CHARS: usize = 40;

/// What a row's names mean, and where they were given.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The names of text and answer. None where they have usual ones.
    pub columns: Columns,
    /// The names of further fields.
    pub fields: Vec<String>,
    /// The name of the instructions, which are the same in every row.
    pub instructions: Option<String>,
    /// Whether names are given in a task's file, and not by options.
    pub by_file: bool,
}

/// The positions of all names that count among those of a header or an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    pub text: usize,
    pub answer: usize,
    pub fields: Vec<usize>,
    pub instructions: Option<usize>,
}

impl Keys {
    /// The positions of the names. An exact match of a name is preferred to one in another case. The error says which names
    /// there are.
    pub fn choose(&self, names: &[&str]) -> Result<Places, String> {
        let given = |name: &str| place(names, name)?.ok_or_else(|| self.missing(name, names));
        let (text, answer) = self.pair(names)?;
        Ok(Places {
            text,
            answer,
            fields: self.fields.iter().map(|name| given(name)).collect::<Result<_, _>>()?,
            instructions: self.instructions.as_deref().map(given).transpose()?,
        })
    }

    fn pair(&self, names: &[&str]) -> Result<(usize, usize), String> {
        let given = |name: &Option<String>| match name {
            Some(name) => place(names, name)?.map(Some).ok_or_else(|| self.missing(name, names)),
            None => Ok(None),
        };
        let (text, label) = match (given(&self.columns.text)?, given(&self.columns.label)?) {
            (Some(text), Some(label)) => (text, label),
            (Some(text), None) => (text, self.usual(names, |(_, label)| label)?),
            (None, Some(label)) => (self.usual(names, |(text, _)| text)?, label),
            (None, None) => self.usual_pair(names)?,
        };
        match text == label {
            true => Err(format!("{:?} would be text and label at once", names[text])),
            false => Ok((text, label)),
        }
    }

    /// The first pair of usual names that is there.
    fn usual_pair(&self, names: &[&str]) -> Result<(usize, usize), String> {
        for (text, label) in NAMES {
            if let (Some(text), Some(label)) = (place(names, text)?, place(names, label)?) {
                return Ok((text, label));
            }
        }
        let pairs: Vec<String> = NAMES.iter().map(|(text, label)| format!("{text} and {label}")).collect();
        Err(format!("it needs the names {}{}", pairs.join(", or "), self.found(names)))
    }

    /// The first usual name of one kind that is there.
    fn usual(
        &self,
        names: &[&str],
        of: impl Fn((&'static str, &'static str)) -> &'static str,
    ) -> Result<usize, String> {
        let mut usual: Vec<&str> = NAMES.into_iter().map(of).collect();
        usual.dedup();
        for name in &usual {
            if let Some(place) = place(names, name)? {
                return Ok(place);
            }
        }
        Err(format!("it needs one of the names {}{}", usual.join(", "), self.found(names)))
    }

    fn missing(&self, name: &str, names: &[&str]) -> String {
        format!("it has no {name:?}{}", self.found(names))
    }

    fn found(&self, names: &[&str]) -> String {
        let others = match self.by_file {
            true => "text and answer in task.toml name others",
            false => {
                "--text-column and --label-column name others, and so does a task.toml, which `mmh new-task` drafts"
            }
        };
        format!("; it has {}; {others}", listed(names))
    }
}

/// The names of texts and answers that usually are a pair, where these have them.
pub fn usual_names<'n>(names: &[&'n str]) -> Option<(&'n str, &'n str)> {
    let (text, answer) = Keys::default().usual_pair(names).ok()?;
    Some((names[text], names[answer]))
}

/// Names for an error: a few, shortened.
pub fn listed(names: &[&str]) -> String {
    let short = |name: &&str| text::ellipsis(&text::one_line(name), SHOWN_CHARS);
    let shown: Vec<String> = names.iter().take(SHOWN_NAMES).map(short).collect();
    let more = if names.len() > SHOWN_NAMES { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// The position of a name. A name that occurs twice is an error, because either column could be meant.
fn place(names: &[&str], wanted: &str) -> Result<Option<usize>, String> {
    let places = |is_same: &dyn Fn(&str) -> bool| -> Vec<usize> {
        names.iter().enumerate().filter(|(_, name)| is_same(name)).map(|(at, _)| at).collect()
    };
    let mut found = places(&|name| name == wanted);
    if found.is_empty() {
        let wanted = wanted.to_lowercase();
        found = places(&|name| name.to_lowercase() == wanted);
    }
    match found.as_slice() {
        [] => Ok(None),
        [place] => Ok(Some(*place)),
        places => Err(format!("{wanted:?} stands there {} times", places.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_or_told() {
        /// Names, --text-column, --label-column, and what comes of it.
        type Case = (
            &'static [&'static str],
            Option<&'static str>,
            Option<&'static str>,
            Result<(usize, usize), &'static str>,
        );
        let table: [Case; 16] = [
            (&["label", "text"], None, None, Ok((1, 0))),
            (&["", "Label", "TEXT"], None, None, Ok((2, 1))),
            (&["text", "label", "question", "answer"], None, None, Ok((2, 3))),
            (&["Text", "text", "label"], None, None, Ok((1, 2))),
            (&["input", "label", "n"], None, None, Ok((0, 1))),
            (&["a", "b"], None, None, Err("it needs the names question and answer, or input_text and")),
            (&["a", "b"], None, None, Err("input and label; it has a, b; --text-column and --label-column")),
            (&["text", "label", "text"], None, None, Err("\"text\" stands there 2 times")),
            (&["Text", "TEXT", "label"], None, None, Err("\"text\" stands there 2 times")),
            (&["body", "text", "label"], Some("body"), None, Ok((0, 2))),
            (&["body", "class"], Some("body"), Some("Class"), Ok((0, 1))),
            (&["text", "class"], None, Some("class"), Ok((0, 1))),
            (&["text", "label"], Some("nope"), None, Err("it has no \"nope\"; it has text, label")),
            (
                &["body", "class"],
                Some("body"),
                None,
                Err("it needs one of the names answer, output_text, label"),
            ),
            (&["text", "label"], Some("label"), None, Err("\"label\" would be text and label at once")),
            (&[], None, None, Err("it needs the names")),
        ];
        for (names, text, label, expected) in table {
            let columns = Columns { text: text.map(str::to_owned), label: label.map(str::to_owned) };
            let keys = Keys { columns, ..Keys::default() };
            match (keys.pair(names), expected) {
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{names:?}: {found}"),
                (found, expected) => {
                    assert_eq!(found.as_ref().ok(), expected.as_ref().ok(), "{names:?}: {found:?}")
                }
            }
        }
    }
}
