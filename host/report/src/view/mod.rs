//! A run, or a folder of runs, looked at in a browser while it goes on: the report's page over HTTP on loopback.
//!
//! [`folder`] is all that can be reached, `guard` who may ask, `answers` what is answered, `changes` how
//! a page learns that it is out of date, [`server`] how many may ask at once and for how long, `notes` what people
//! write on a run, which is kept beside it, [`workers`] what is shown of a fleet. Nothing that is served changes a run, and no file is served as it is.

mod answers;
mod changes;
pub mod folder;
mod guard;
mod notes;
mod patient;
pub mod server;
pub mod workers;

/// What is shown cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The path leads to no folder that can be opened.
    #[error("there is neither a run nor a folder of runs at {path}")]
    NoFolder {
        /// The path that was named, safe to show.
        path: String,
    },
    /// The port is taken, or is one that this user may not use.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; --port chooses another port")]
    Listen {
        /// The port that was asked for. 0 is any.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
}
