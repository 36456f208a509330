//! What a harness is asked in one example: a text, and further fields by name.

use serde::{Deserialize, Serialize};

/// What a harness is asked in one example.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Input {
    /// The text.
    pub text: String,
    /// Further fields, in the order in which the task lists them. Most tasks have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// A named value beside an input's text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// The name, as the task lists it.
    pub name: String,
    /// The value: a string as it is, any other value as its JSON text.
    pub value: String,
}

impl Input {
    /// An input that is a text alone.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), fields: Vec::new() }
    }

    /// The size of the text and of all fields, in bytes.
    pub fn size_bytes(&self) -> usize {
        let fields = self.fields.iter().map(|field| field.name.len() + field.value.len());
        self.text.len() + fields.sum::<usize>()
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
