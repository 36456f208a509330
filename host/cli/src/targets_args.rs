//! The targets of a command that asks several models, one after the other.

use std::collections::BTreeSet;

use clap::Args;

use crate::{
    error::CliError,
    model_args::{Choice, TargetServerArgs, TargetThinking, model_help},
};

#[derive(Args)]
#[command(next_help_heading = "Target models")]
pub struct TargetsArgs {
    #[arg(long = "target-model", value_name = "ID", help = model_help("The model that harnesses call; if repeated, several in turn, and the other options here hold for each"))]
    target_models: Vec<String>,
    #[command(flatten)]
    server: TargetServerArgs,
    #[command(flatten)]
    thinking: TargetThinking,
}

impl TargetsArgs {
    /// What is said about each model; at least one.
    pub fn choices(&self) -> Result<Vec<Choice<'_>>, CliError> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.target_models.iter().find(|name| !seen.insert(*name)) {
            return Err(CliError::input(format!("--target-model {twice} is named twice")));
        }
        let named = self.target_models.iter().map(|name| self.choice(Some(name)));
        Ok(if self.target_models.is_empty() { vec![self.choice(None)] } else { named.collect() })
    }

    /// Whether anything is said about the models.
    pub fn is_given(&self) -> bool {
        !self.target_models.is_empty() || self.choice(None).is_given()
    }

    /// How many models are named.
    pub fn named(&self) -> usize {
        self.target_models.len()
    }

    fn choice<'a>(&self, named: Option<&'a str>) -> Choice<'a> {
        self.server.choice(&self.thinking, named)
    }
}
