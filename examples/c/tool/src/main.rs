//! `bind WIT FOLDER` writes the bindings of the world `harness` into a folder. `wrap CORE COMPONENT` makes a component of a
//! core module, with the adapter for what the C library imports.

use std::{env, error::Error, fs, path::Path, process::ExitCode};

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_bindgen_core::{Files, wit_parser::Resolve};
use wit_component::ComponentEncoder;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["bind", wit, folder] => bind(wit, Path::new(folder)),
        ["wrap", core, component] => wrap(core, component),
        _ => Err("use it as `bind WIT FOLDER` or as `wrap CORE COMPONENT`".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn bind(wit: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit)?;
    let world = resolve.select_world(&[package], Some("harness"))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files)?;
    for (name, bytes) in files.iter() {
        // The harness itself is called harness.c.
        let name = name.replace("harness.c", "bindings.c");
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn wrap(core: &str, component: &str) -> Result<(), Box<dyn Error>> {
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&fs::read(core)?)?;
    encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?;
    fs::write(component, encoder.encode()?)?;
    Ok(())
}
