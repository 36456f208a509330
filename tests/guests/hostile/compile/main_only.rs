//! Is a program, not a harness.
//! expect: bad-component | no export `learn`

fn main() {
    std::process::exit(0)
}
