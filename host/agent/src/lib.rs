//! Coding agents as proposers: a command is started for each candidate, in a work folder with everything that it may see,
//! and reaches the search's tools through a Unix socket there.
//!
//! `folder` lays the work folder out, `socket` passes tool calls on and `past` repeats those that are on record, `confined`
//! keeps the command to its folder, `keeper` is the process above it, which leaves nothing of it behind, `running` starts
//! both and collects what is printed, `service` puts these together. `client` is the other end of the socket.
//!
//! Not in here: what the tools do, and how their calls are recorded. See `mmh_search::propose`.

pub mod client;
pub mod confined;
pub mod folder;
pub mod keeper;
mod past;
mod printed;
mod running;
mod service;
mod socket;

pub use service::{Agents, Settings};

/// The variable of the environment that holds the path of the socket.
pub const SOCKET_VARIABLE: &str = "MMH_SOCKET";

/// The socket, in the work folder.
pub const SOCKET: &str = ".mmh/socket";
