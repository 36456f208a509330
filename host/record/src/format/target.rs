//! What a run knows of its target besides its name: what the target's server said when the run began.

use serde::{Deserialize, Serialize};

/// `target_facts` of `config.json`: what the target's server, on this machine, said of the model when the run began. Nobody
/// proves it, and nothing of it is asked again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetFacts {
    /// The window of one call, prompt and reply together, in tokens. Absent where the server does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// The window that the model was trained for, in tokens. Absent where the server does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_tokens: Option<u64>,
    /// What the server's chat template does with a conversation. Absent where the server does not show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<ChatTemplate>,
}

/// What a chat template does with the messages of a conversation. It is a hint, and no proof, of which kind of model it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChatTemplate {
    /// It marks who speaks, as an instruct model expects.
    Roles,
    /// It hands the texts on as they stand, as suits a base model.
    Plain,
    /// There is none, as for a base model.
    Missing,
}

impl TargetFacts {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
