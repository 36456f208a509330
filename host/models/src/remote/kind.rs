//! Which program serves a model, as its list of models gives it away.
//!
//! What stands in `owned_by`, by answers of November 2026: `llamacpp` and `vllm` name themselves, LM Studio says
//! `organization_owner`, and Ollama says `library`, or the namespace of a model that is not from its library.

use crate::read::json::{each, field, loose_text};

/// A program that serves models on one's own machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// llama.cpp's server.
    LlamaCpp,
    /// LM Studio.
    LmStudio,
    /// Ollama.
    Ollama,
    /// vLLM.
    Vllm,
}

impl Kind {
    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::LlamaCpp => "llama.cpp's server",
            Self::LmStudio => "LM Studio",
            Self::Ollama => "Ollama",
            Self::Vllm => "vLLM",
        }
    }

    /// Its name in the catalog.
    pub fn provider(self) -> &'static str {
        match self {
            Self::LlamaCpp => "llamacpp",
            Self::LmStudio => "lmstudio",
            Self::Ollama => "ollama",
            Self::Vllm => "vllm",
        }
    }

    /// What gave this list of models, if the list says so.
    pub(super) fn of_list(list: &str) -> Option<Self> {
        let mut found = None;
        each(field(list, "data")?, |entry| {
            found = match field(entry, "owned_by").and_then(loose_text).as_deref() {
                Some("llamacpp") => Some(Self::LlamaCpp),
                Some("vllm") => Some(Self::Vllm),
                Some("library") => Some(Self::Ollama),
                Some("organization_owner") => Some(Self::LmStudio),
                _ => found,
            };
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_give_their_server_away() {
        // name, list of models, its server
        let table = [
            ("vLLM", r#"{"object":"list","data":[{"id":"m","owned_by":"vllm"}]}"#, Some(Kind::Vllm)),
            ("llama.cpp", r#"{"models":[],"data":[{"id":"m","owned_by":"llamacpp"}]}"#, Some(Kind::LlamaCpp)),
            ("Ollama", r#"{"object":"list","data":[{"id":"m","owned_by":"library"}]}"#, Some(Kind::Ollama)),
            ("LM Studio", r#"{"data":[{"id":"m","owned_by":"organization_owner"}]}"#, Some(Kind::LmStudio)),
            (
                "Ollama, with a model of somebody's",
                r#"{"data":[{"owned_by":"library"},{"owned_by":"me"}]}"#,
                Some(Kind::Ollama),
            ),
            ("another one", r#"{"data":[{"id":"m","owned_by":"me"}]}"#, None),
            ("none", r#"{"data":[]}"#, None),
            ("a web page", "<html>", None),
        ];
        for (name, list, expected) in table {
            assert_eq!(Kind::of_list(list), expected, "{name}");
        }
    }
}
