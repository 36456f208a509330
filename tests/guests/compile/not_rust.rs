//! No Rust at all.
Dear compiler, please let me in.
