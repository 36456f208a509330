//! The plain data that harnesses and scorers work on: the task, what is asked, what is answered.

use std::fmt;

use crate::labels;

/// What the examples are about.
///
/// ```
/// use mmh_sdk::Task;
/// let task = Task::new("weather", "What does the sky do?", ["rain", "snow"]);
/// let prompt = format!("{} Reply with {}.", task.instructions, task.labels.join(" or "));
/// assert_eq!(prompt, "What does the sky do? Reply with rain or snow.");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// A short machine name.
    pub name: String,
    /// What is asked, in words fit for a prompt.
    pub instructions: String,
    /// The labels that answers are chosen from, in a fixed order. Empty for an open task.
    pub labels: Vec<String>,
}

impl Task {
    /// A task, for tests.
    ///
    /// ```
    /// use mmh_sdk::Task;
    /// let task = Task::new("weather", "What does the sky do?", ["rain", "snow"]);
    /// assert_eq!((task.name.as_str(), task.labels.len()), ("weather", 2));
    /// ```
    pub fn new<L: Into<String>>(
        name: impl Into<String>,
        instructions: impl Into<String>,
        labels: impl IntoIterator<Item = L>,
    ) -> Self {
        Self {
            name: name.into(),
            instructions: instructions.into(),
            labels: labels.into_iter().map(Into::into).collect(),
        }
    }

    /// A task whose answers are any text, for tests.
    ///
    /// ```
    /// use mmh_sdk::Task;
    /// assert_eq!(Task::open("capitals", "Name the capital.").labels, [""; 0]);
    /// ```
    pub fn open(name: impl Into<String>, instructions: impl Into<String>) -> Self {
        Self { name: name.into(), instructions: instructions.into(), labels: Vec::new() }
    }

    /// Whether answers are any text, and not one of given labels.
    ///
    /// ```
    /// use mmh_sdk::Task;
    /// assert!(Task::open("capitals", "Name the capital.").is_open());
    /// assert!(!Task::new("weather", "What does the sky do?", ["rain", "snow"]).is_open());
    /// ```
    pub fn is_open(&self) -> bool {
        self.labels.is_empty()
    }

    /// The answer that a model's reply gives: the label that it means, if it means exactly one; for an open task, the
    /// reply without the white space around it, unless that leaves nothing.
    ///
    /// ```
    /// use mmh_sdk::{Answer, Task};
    /// let closed = Task::new("weather", "What does the sky do?", ["rain", "snow"]);
    /// assert_eq!(closed.read_answer("It looks like **Rain**."), Some(Answer::new("rain")));
    /// assert_eq!(closed.read_answer("fog"), None);
    /// let open = Task::open("capitals", "Name the capital.");
    /// assert_eq!(open.read_answer(" Oslo\n"), Some(Answer::new("Oslo")));
    /// ```
    pub fn read_answer(&self, reply: &str) -> Option<Answer> {
        match self.is_open() {
            true => Some(reply.trim()).filter(|text| !text.is_empty()).map(Answer::new),
            false => self.match_label(reply).map(Answer::new),
        }
    }

    /// The label that a model's reply means, if it means exactly one. See [`labels::find`] for the rule. An open task
    /// has none.
    ///
    /// ```
    /// use mmh_sdk::Task;
    /// let task = Task::new("diseases", "What is it?", ["flu", "cold"]);
    /// assert_eq!(task.match_label("I think **Flu**."), Some("flu"));
    /// assert_eq!(task.match_label("Flu or cold."), None, "two labels");
    /// assert_eq!(task.match_label("Not a cold.\nAnswer: flu"), Some("flu"));
    /// ```
    pub fn match_label(&self, text: &str) -> Option<&str> {
        labels::find(&self.labels, text)
    }

    /// The labels as lines that start with `- `, ready for a prompt. Empty for an open task.
    ///
    /// ```
    /// use mmh_sdk::Task;
    /// let task = Task::new("weather", "What does the sky do?", ["rain", "snow"]);
    /// assert_eq!(task.label_list(), "- rain\n- snow");
    /// ```
    pub fn label_list(&self) -> String {
        let lines: Vec<String> = self.labels.iter().map(|label| format!("- {label}")).collect();
        lines.join("\n")
    }
}

/// What is asked in one example. It is displayed as its text.
///
/// ```
/// use mmh_sdk::Input;
/// let input = Input::new("I cough.").with_field("age", "7");
/// assert_eq!(format!("{input} Age: {}", input.fields[0].value), "I cough. Age: 7");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The text.
    pub text: String,
    /// Further fields, in the order in which the task lists them. Most tasks have none.
    pub fields: Vec<Field>,
}

/// A named value beside an input's text.
///
/// ```
/// use mmh_sdk::{Field, Input};
/// let input = Input::new("I cough.").with_field("age", "7");
/// assert_eq!(input.fields, [Field { name: "age".into(), value: "7".into() }]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, as the task lists it.
    pub name: String,
    /// The value: a text as it is, anything else as its JSON text.
    pub value: String,
}

impl Input {
    /// An input that is a text alone.
    ///
    /// ```
    /// use mmh_sdk::Input;
    /// assert_eq!(Input::new("I cough."), "I cough.".into());
    /// ```
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), fields: Vec::new() }
    }

    /// Adds a field. For tests.
    ///
    /// ```
    /// use mmh_sdk::Input;
    /// let input = Input::new("I cough.").with_field("age", "7").with_field("tags", r#"["child"]"#);
    /// assert_eq!(input.fields.len(), 2);
    /// ```
    pub fn with_field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push(Field { name: name.into(), value: value.into() });
        self
    }

    /// The value of a field.
    ///
    /// ```
    /// use mmh_sdk::Input;
    /// let input = Input::new("I cough.").with_field("age", "7");
    /// assert_eq!(input.field("age").and_then(|age| age.parse().ok()), Some(7));
    /// assert_eq!(input.field("weight"), None);
    /// ```
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// The fields as lines `name: value`, ready for a prompt. Empty if there are none.
    ///
    /// ```
    /// use mmh_sdk::Input;
    /// let input = Input::new("I cough.").with_field("age", "7").with_field("city", "Oslo");
    /// assert_eq!(input.field_list(), "age: 7\ncity: Oslo");
    /// ```
    pub fn field_list(&self) -> String {
        let lines: Vec<String> = self.fields.iter().map(|it| format!("{}: {}", it.name, it.value)).collect();
        lines.join("\n")
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl AsRef<str> for Input {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// A harness's answer. It is displayed as its text.
///
/// ```
/// use mmh_sdk::Answer;
/// let answer = Answer { text: "flu".into() };
/// assert_eq!(answer.to_string(), "flu");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The answer, in the form that the task's metric reads. In a closed task it is right if it equals the gold label
    /// after trimming white space.
    pub text: String,
}

impl Answer {
    /// An answer of this text.
    ///
    /// ```
    /// use mmh_sdk::Answer;
    /// assert_eq!(Answer::new("flu"), "flu".into());
    /// ```
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl AsRef<str> for Answer {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

macro_rules! made_of_text {
    ($($type:ty),*) => {
        $(
            impl From<&str> for $type {
                fn from(text: &str) -> Self {
                    Self::new(text)
                }
            }

            impl From<String> for $type {
                fn from(text: String) -> Self {
                    Self::new(text)
                }
            }
        )*
    };
}

made_of_text!(Input, Answer);

/// One example of the `train` split, with its gold answer.
///
/// ```
/// use mmh_sdk::Feedback;
/// let feedback = Feedback { input: "I cough.".into(), gold: "cold".into(), attempt: None };
/// // An example for a prompt, in the form in which the next text is asked.
/// let shown = format!("Text: {}\nLabel: {}", feedback.input, feedback.gold);
/// assert_eq!(shown, "Text: I cough.\nLabel: cold");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    /// What was asked.
    pub input: Input,
    /// The gold answer, as one text: a text as it is, anything else (several golds, an object, a number) as its JSON
    /// text.
    pub gold: String,
    /// This harness's own answer for it, where one was made.
    pub attempt: Option<Attempt>,
}

/// What was answered for an input of which the gold answer is now known.
///
/// ```
/// use mmh_sdk::{Attempt, Feedback};
/// let attempt = Attempt { answer: "flu".into(), score: 0.0, correct: false };
/// let feedback = Feedback { input: "I cough.".into(), gold: "cold".into(), attempt: Some(attempt) };
/// // Keep what went wrong: `attempt` is `None` where this harness was not asked, or gave no answer.
/// let wrong = feedback.attempt.filter(|it| !it.correct).map(|it| it.answer.text);
/// assert_eq!(wrong.as_deref(), Some("flu"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The answer.
    pub answer: Answer,
    /// What it is worth, from 0 to 1.
    pub score: f64,
    /// Whether it counts as right.
    pub correct: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_labels_or_any_text() {
        let closed = Task::new("weather", "What does the sky do?", ["rain", "snow"]);
        let open = Task::open("capitals", "Name the capital.");
        let table = [
            (&closed, "It looks like **Rain**.", Some("rain")),
            (&closed, "fog", None),
            (&closed, "", None),
            (&open, " Oslo\n", Some("Oslo")),
            (&open, "rain", Some("rain")),
            (&open, " \n", None),
        ];
        for (task, reply, expected) in table {
            let found = task.read_answer(reply);
            assert_eq!(found, expected.map(Answer::from), "{reply:?} for {}", task.name);
        }
        assert_eq!((closed.label_list().as_str(), closed.is_open()), ("- rain\n- snow", false));
        assert_eq!((open.label_list().as_str(), open.match_label("rain"), open.is_open()), ("", None, true));
    }

    #[test]
    fn inputs_have_fields_by_name() {
        let input = Input::new("a text").with_field("year", "1984").with_field("tags", "[\"a\"]");
        assert_eq!((input.field("year"), input.field("title")), (Some("1984"), None));
        assert_eq!(input.field_list(), "year: 1984\ntags: [\"a\"]");
        assert_eq!((input.to_string(), input.as_ref()), ("a text".to_owned(), "a text"));
        assert_eq!(Input::from("a text").field_list(), "");
    }
}
