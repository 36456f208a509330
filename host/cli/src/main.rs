use std::process::ExitCode;

fn main() -> ExitCode {
    mmh::commands::main()
}
