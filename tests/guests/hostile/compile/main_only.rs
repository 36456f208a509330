//! Is a program, not a harness.
//! expect: bad-component | predict

fn main() {
    std::process::exit(0)
}
