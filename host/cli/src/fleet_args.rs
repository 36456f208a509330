//! The options about workers: which NATS server they are at, and how it is reached.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;

use crate::{error::CliError, terminal::Terminal};
use mmh_engine::build::Builder;
use mmh_fleet::{
    Access, Tell,
    coordinator::{Fleet, Settings},
};
use mmh_search::progress::Observer;

/// The part of the workers' calls that is made here as well, where nobody says how large it is.
const AUDIT_SHARE: f64 = 0.01;

/// How long no worker, or no server, has to be there before calls are made here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who runs the harnesses, and how they are reached.
#[derive(Args, Default)]
pub struct FleetArgs {
    #[command(flatten)]
    on: OnWorkersArgs,
    #[command(flatten)]
    nats: NatsArgs,
}

/// Who runs the harnesses.
#[derive(Args, Default)]
#[command(next_help_heading = "Workers")]
pub struct OnWorkersArgs {
    /// Run harnesses on the workers at this NATS server, such as nats://host:4222; `mmh worker` starts one. All results
    /// are the same as without
    #[arg(long, value_name = "URL")]
    workers: Option<String>,
    /// The part of the workers' calls that is made here as well, to find a worker whose results are wrong; from 0 to 1
    /// [default: 0.01]
    #[arg(long, value_name = "PART", requires = "workers", value_parser = part)]
    audit_share: Option<f64>,
}

/// What a NATS server wants of those who connect.
#[derive(Args, Default)]
#[command(next_help_heading = "Workers")]
pub struct NatsArgs {
    /// The credentials for the NATS server: a file as `nsc` writes it, or the seed of a user (SU...)
    #[arg(long, value_name = "FILE", env = "MMH_NATS_CREDS")]
    nats_creds: Option<PathBuf>,
    /// The certificate authority of the NATS server, which has to speak TLS then [default: those of the system]
    #[arg(long, value_name = "FILE", env = "MMH_NATS_CA")]
    nats_ca: Option<PathBuf>,
}

fn part(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(part) if (0.0..=1.0).contains(&part) => Ok(part),
        _ => Err("a number from 0 to 1, such as 0.05".into()),
    }
}

impl NatsArgs {
    /// How to reach this server.
    pub fn access(&self, url: &str) -> Access {
        Access { url: url.to_owned(), credentials: self.nats_creds.clone(), authority: self.nats_ca.clone() }
    }
}

impl FleetArgs {
    /// The same builder, whose harnesses run on the workers that are asked for, if any are.
    pub async fn join(&self, builder: Builder, terminal: &Arc<Terminal>) -> Result<Builder, CliError> {
        let Some(url) = &self.on.workers else { return Ok(builder) };
        let settings =
            Settings { audit_share: self.on.audit_share.unwrap_or(AUDIT_SHARE), patience: PATIENCE };
        let here = builder.sandbox.clone();
        let fleet = Fleet::join(&self.nats.access(url), settings, here, tell(terminal)).await?;
        let fleet = Arc::new(fleet);
        terminal.run_by(fleet.clone());
        let at_once = fleet.at_once();
        Ok(builder.running_on(fleet, at_once))
    }
}

/// Remarks of the fleet go where other remarks go.
pub fn tell(terminal: &Arc<Terminal>) -> Tell {
    let terminal = terminal.clone();
    Arc::new(move |remark| terminal.note(remark))
}
