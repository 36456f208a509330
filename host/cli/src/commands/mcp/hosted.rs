//! A search whose proposer is the client. The client writes candidate after candidate; compiling, evaluating, budget and
//! record are those of every search. When the client is gone, the run is stopped, and can go on.

use std::{path::Path, process::ExitCode, sync::Arc};

use super::{
    hub::{Clients, Hub},
    server,
};
use crate::{
    commands::{
        resume,
        run::{self, RunArgs},
    },
    error::CliResult,
    global::Global,
    session::Front,
};
use mmh_models::cancel::{Cancel, Stop};
use mmh_record::{
    RecordError,
    format::{Config, Summary},
    layout,
    reader::RunReader,
    text,
};
use mmh_search::session::ReadyProposer;

/// What the record calls a client that nobody names.
const DEFAULT_NAME: &str = "mcp-client";

pub async fn main(global: &Global, args: RunArgs, run: &Path, name: Option<String>) -> CliResult {
    let goes_on = run.join(layout::CONFIG).exists();
    let recorded = match goes_on {
        true => Some(RunReader::open(run)?.config()?),
        false => None,
    };
    let language = recorded.as_ref().map_or(args.new.harness_language, |config| config.harness_language);
    let name = name.or(recorded.map(|config: Config| config.proposer_model));
    let (hub, cancel) = (Arc::new(Hub::new(language)), Cancel::default());
    let gone = cancel.clone();
    let at_end = Box::new(move || {
        errln!("the client is gone");
        gone.stop(Stop::Asked);
    });
    let server = server::serve(hub.clone(), at_end);
    let mut server = tokio::spawn(server);
    let front = Front {
        client: Some(ReadyProposer::Outside {
            name: name.unwrap_or_else(|| DEFAULT_NAME.to_owned()),
            service: Arc::new(Clients(hub.clone())),
        }),
        cancel: cancel.clone(),
        goes_on: "mmh mcp --run",
        stopped_by: "stopped, because the client is gone or a signal came",
        shows_scores: false,
        telemetry: None,
    };
    let code = match goes_on {
        true => resume::main(global, &args, run, front).await?,
        false => run::begin(global, &args, front).await?,
    };
    hub.close(ended(run)?);
    if cancel.why() != Some(Stop::Asked) {
        // The client is told that the search is over for as long as it is there.
        let signal = cancel.afresh();
        tokio::select! {
            _ = &mut server => {}
            _ = signal.stopped() => {}
        }
    }
    Ok(if hub.is_client_gone() && cancel.why() == Some(Stop::Asked) { ExitCode::SUCCESS } else { code })
}

/// What the client is told when the search is over. It may go on with a longer search, so it gets no held-out score.
fn ended(run: &Path) -> Result<String, RecordError> {
    let Summary { iterations, unscored, stopped, .. } = RunReader::open(run)?.summary()?;
    let mut told = match stopped {
        None => "The search is over: all candidates are written.".to_owned(),
        Some(stopped) => {
            let reason = text::one_line(&stopped.reason);
            format!("The search is over: it was stopped, {}: {reason}.", stopped.status)
        }
    };
    let mut lines: Vec<(u32, String)> = iterations
        .iter()
        .map(|it| {
            let score = it.score.mean_score.unwrap_or(it.score.accuracy);
            (it.index, format!("{:03}: {score:.4} on validation examples", it.index))
        })
        .collect();
    lines.extend(unscored.iter().map(|it| (it.index, format!("{:03}: no score, {}", it.index, it.status))));
    lines.sort();
    for (_, line) in lines {
        told += "\n";
        told += &line;
    }
    told += "\nHeld-out scores are in the run's folder, for the people who started the search. There is nothing left to do.";
    Ok(told)
}
