//! `mmh completions`: a completion script for a shell. Those of bash, zsh and fish ask this program at each TAB, so that they
//! know runs and iterations; the others have the words of the command line alone.

mod offer;
mod values;

use std::{ffi::OsString, process::ExitCode};

use clap::{Args, Command};
use clap_complete::Shell;

use crate::{error::CliResult, output};
use offer::{Offer, offers};

const BASH: &str = include_str!("../../assets/completions/mmh.bash");
const ZSH: &str = include_str!("../../assets/completions/mmh.zsh");
const FISH: &str = include_str!("../../assets/completions/mmh.fish");

#[derive(Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
    /// The words after `mmh`, the last of which is to be completed: the script asks so
    #[arg(last = true, hide = true)]
    words: Option<Vec<OsString>>,
}

pub fn main(args: CompletionsArgs, command: impl FnOnce() -> Command) -> CliResult {
    let mut command = command();
    if let Some(words) = args.words {
        let words: Vec<String> = words.iter().map(|it| it.to_string_lossy().into_owned()).collect();
        output::text(&said(&offers(&command, &words, args.shell == Shell::Bash), args.shell));
        return Ok(ExitCode::SUCCESS);
    }
    let script = match args.shell {
        Shell::Bash => BASH.as_bytes().to_vec(),
        Shell::Zsh => ZSH.as_bytes().to_vec(),
        Shell::Fish => FISH.as_bytes().to_vec(),
        other => {
            let mut script = Vec::new();
            clap_complete::generate(other, &mut command, "mmh", &mut script);
            script
        }
    };
    output::raw(&script);
    Ok(ExitCode::SUCCESS)
}

/// What a script reads: a line for each offer, in the form of its shell. `:files` and `:folders` ask for the shell's own.
fn said(offers: &[Offer], shell: Shell) -> String {
    let line = |offer: &Offer| match (offer, shell) {
        (Offer::Files, _) => ":files\n".to_owned(),
        (Offer::Folders, _) => ":folders\n".to_owned(),
        (Offer::Word { word, .. }, Shell::Bash) => format!("{word}\n"),
        (Offer::Word { word, about }, Shell::Zsh) => format!("{}:{about}\n", word.replace(':', "\\:")),
        (Offer::Word { word, about }, _) => format!("{word}\t{about}\n"),
    };
    offers.iter().map(line).collect()
}
