//! A run, or a folder of runs, looked at in a browser while it goes on: the report's page over HTTP on loopback.
//!
//! [`folder`] is all that can be reached, [`guard`] who may ask, [`answers`] what is answered, [`changes`] how
//! a page learns that it is out of date, [`server`] how many may ask at once and for how long. Not in here:
//! writing. Nothing that is served changes a run, and no file is served as it is.

mod answers;
mod changes;
pub mod folder;
mod guard;
mod patient;
pub mod server;

/// What is shown cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    #[error("there is neither a run nor a folder of runs at {path}")]
    NoFolder { path: String },
    #[error("cannot listen on 127.0.0.1:{port}: {source}; --port chooses another port")]
    Listen { port: u16, source: std::io::Error },
}
