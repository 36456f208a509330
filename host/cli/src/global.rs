//! The options that every command takes.

use std::path::PathBuf;

use clap::Args;

/// Options that every command takes.
#[derive(Args, Clone)]
pub struct Global {
    /// The Rust compiler that builds harnesses [default: rustc on the PATH]
    #[arg(long, global = true, value_name = "PATH", env = "MMH_RUSTC")]
    pub rustc: Option<PathBuf>,
    /// Where compiled things are kept between runs [default: the user's cache folder]
    #[arg(long, global = true, value_name = "DIR", env = "MMH_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Providers, models and prices besides those of `mmh models` [default: mmh.toml in the user's
    /// configuration folder, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Keys, as lines of NAME=VALUE, besides those in the environment [default: .env, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// Go on where the kernel has no Landlock: a candidate's source may then take in the user's files
    #[arg(long, global = true)]
    pub allow_unconfined: bool,
    /// Log every model call to standard error; MMH_LOG chooses what is logged
    #[arg(long, short, global = true)]
    pub verbose: bool,
}
