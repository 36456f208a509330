//! The program `mmh`: hands its arguments to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    mmh::commands::main()
}
