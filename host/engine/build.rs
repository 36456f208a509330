//! Compiles `examples/steady.c`, which gives a build tool a fixed clock and fixed chance: `componentize-py` is started with it.
//! It is for Linux on x86-64; elsewhere the library is empty, and `toolchain::python` says so.

use std::{
    env, fs,
    io::{Error, Result},
    path::PathBuf,
};

fn main() -> Result<()> {
    let variable = |name: &str| env::var(name).map_err(Error::other);
    let source = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../../examples/steady.c");
    let library = PathBuf::from(variable("OUT_DIR")?).join("steady.so");
    println!("cargo::rerun-if-changed={}", source.display());
    let has_one =
        variable("CARGO_CFG_TARGET_OS")? == "linux" && variable("CARGO_CFG_TARGET_ARCH")? == "x86_64";
    if !has_one {
        return fs::write(library, "");
    }
    let mut compiler =
        cc::Build::new().opt_level(1).debug(false).cargo_metadata(false).get_compiler().to_command();
    let status = compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::other("the C compiler could not build examples/steady.c"))
    }
}
