//! A command as the proposer, such as a coding agent: by options, what it may do, and what is recorded of it.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;

use crate::{environment, error::CliError, global::Global};
use mmh_agent::{Agents, Settings, confined::Confinement};
use mmh_record::{format::ProposerCommand, text};
use mmh_search::{progress::Observer, session::ReadyProposer};

/// Where bubblewrap is. No other place is tried, because whoever confines has to be the system's own.
const BUBBLEWRAP: [&str; 3] = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"];

/// What every command may see of the environment, besides what the user names. Never a key.
const PASSED_ON: [&str; 4] = ["PATH", "LANG", "LC_ALL", "TZ"];

/// What the host sets itself.
const SET: [&str; 4] = ["PATH", "HOME", "TERM", mmh_agent::SOCKET_VARIABLE];

/// What the record of a run cannot say of a command.
const UNKNOWN: [&str; 3] = ["filesystem_reads in the work folder", "proposer tokens", "proposer_usd"];

/// The folder whose programs every command sees.
const SYSTEM: &str = "/usr";

/// They are said each time: a run's folder does not decide which programs run here.
#[derive(Args, Default)]
#[command(next_help_heading = "Proposer by command")]
pub struct AgentArgs {
    /// Start this command for each candidate, in a work folder: a coding agent, or any program that calls `mmh submit`
    #[arg(long, value_name = "CMD", conflicts_with_all = ["proposer_model", "proposer_base_url", "proposer_api", "proposer_key_env", "proposer_price", "proposer_thinking"])]
    proposer_command: Option<String>,
    /// How long the command may work on one candidate
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, requires = "proposer_command", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    proposer_command_timeout_s: u64,
    /// Let the command use the network
    #[arg(long, requires = "proposer_command")]
    proposer_network: bool,
    /// Let the command see this variable of the environment, such as its own key; can be given several times
    #[arg(long, value_name = "NAME", requires = "proposer_command")]
    proposer_env: Vec<String>,
    /// Let the command read this file or folder, such as its own program; can be given several times
    #[arg(long, value_name = "PATH", requires = "proposer_command")]
    proposer_read: Vec<PathBuf>,
    /// Run the command with all of your rights, without bubblewrap
    #[arg(long, requires = "proposer_command")]
    proposer_unconfined: bool,
}

/// What a command must not reach.
pub struct Secret<'a> {
    /// Files and folders: of runs, of data, of keys.
    pub paths: &'a [PathBuf],
    /// The variable that holds the target's key.
    pub key_variable: Option<&'a str>,
}

impl AgentArgs {
    /// Whether a command proposes.
    pub fn is_given(&self) -> bool {
        self.proposer_command.is_some()
    }

    /// The command's name: the file name of its first word.
    fn name(&self) -> Option<String> {
        let first = self.proposer_command.as_deref()?.split_whitespace().next()?;
        Some(Path::new(first).file_name()?.to_string_lossy().into_owned())
    }

    /// The command as a proposer, and what a run records of it.
    pub fn proposer(
        &self,
        global: &Global,
        secret: &Secret<'_>,
        observer: &Arc<dyn Observer>,
    ) -> Result<(ReadyProposer, ProposerCommand), CliError> {
        let name = self.name().ok_or_else(|| CliError::input("--proposer-command: the command is empty"))?;
        let cache = environment::cache(global)?;
        let probe = cache.scratch().map_err(CliError::host)?;
        let confinement = self.confinement(secret, observer, probe.path())?;
        let about = ProposerCommand {
            confined: confinement.bubblewrap.is_some(),
            unconfined: confinement.unconfined(),
            network: self.proposer_network,
            variables: self.proposer_env.clone(),
            readable: self.proposer_read.len(),
            timeout_s: self.proposer_command_timeout_s,
            unknown: UNKNOWN.map(str::to_owned).to_vec(),
        };
        let settings = Settings {
            command: self.proposer_command.clone().unwrap_or_default(),
            time_limit: Duration::from_secs(self.proposer_command_timeout_s),
            environment: self.environment(secret)?,
            confinement,
            cache,
        };
        Ok((ReadyProposer::Outside { name, service: Arc::new(Agents::new(settings)) }, about))
    }

    /// What the command may do here. It is tried out in an empty folder, and the user is told what cannot be done.
    fn confinement(
        &self,
        secret: &Secret<'_>,
        observer: &Arc<dyn Observer>,
        probe: &Path,
    ) -> Result<Confinement, CliError> {
        let mut readable = Vec::new();
        for path in &self.proposer_read {
            let place = path
                .canonicalize()
                .map_err(|error| CliError::input(format!("--proposer-read {}: {error}", text::path(path))))?;
            refuse_secrets(&place, &format!("--proposer-read {}", text::path(path)), secret.paths)?;
            readable.push(place);
        }
        let bubblewrap = BUBBLEWRAP.map(PathBuf::from).into_iter().find(|path| path.exists());
        let (network, program) = (self.proposer_network, environment::this_program()?);
        let confinement = Confinement { bubblewrap, network, readable, program };
        let problem = match (&confinement.bubblewrap, self.proposer_unconfined) {
            (_, true) => Some("--proposer-unconfined".to_owned()),
            (None, false) => Some("there is no bubblewrap (bwrap)".to_owned()),
            (Some(_), false) => {
                refuse_secrets(Path::new(SYSTEM), &format!("the command sees {SYSTEM}"), secret.paths)?;
                let place = probe.join(mmh_agent::confined::PROGRAMS);
                std::fs::create_dir_all(&place).map_err(CliError::host)?;
                confinement.problem(probe).map(|problem| format!("bubblewrap does not work here: {problem}"))
            }
        };
        let Some(problem) = problem else { return Ok(confinement) };
        let unconfined = Confinement { bubblewrap: None, ..confinement };
        observer.note(format!(
            "warning: the proposer's command is not kept from {}: {}",
            unconfined.unconfined().join(", "),
            text::name(&problem)
        ));
        Ok(unconfined)
    }

    /// The variables that the command sees.
    fn environment(&self, secret: &Secret<'_>) -> Result<Vec<(OsString, OsString)>, CliError> {
        for name in &self.proposer_env {
            if secret.key_variable == Some(name) {
                return Err(CliError::input(format!(
                    "--proposer-env {name}: it holds the key of the target, which the command must not have; give the command a key of its own in another variable"
                )));
            }
            if SET.contains(&name.as_str()) || env::var_os(name).is_none() {
                return Err(CliError::input(format!(
                    "--proposer-env {name}: there is no such variable that could be passed on"
                )));
            }
        }
        let names = PASSED_ON.into_iter().chain(self.proposer_env.iter().map(String::as_str));
        Ok(names.filter_map(|name| Some((name.into(), env::var_os(name)?))).collect())
    }
}

/// Refuses a folder through which a command could reach what it must not see.
fn refuse_secrets(place: &Path, what: &str, secret: &[PathBuf]) -> Result<(), CliError> {
    let there = secret.iter().filter_map(|path| path.canonicalize().ok());
    match there.into_iter().find(|path| path.starts_with(place) || place.starts_with(path)) {
        None => Ok(()),
        Some(path) => Err(CliError::input(format!(
            "{what}: the command must not see {}, which holds runs, data or keys: put them elsewhere, or name a smaller folder",
            text::path(&path)
        ))),
    }
}
