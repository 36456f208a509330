use std::process::ExitCode;

fn main() -> ExitCode {
    mmh::cli::main()
}
