//! The SDK's checked-in bindings are what the generator makes of `wit/` today.

use std::{fs, path::Path};

use wit_bindgen_core::{Files, WorldGenerator, wit_parser::Resolve};

const HEADER: &str = "\
// Generated from wit/harness.wit. Do not edit; make it again with:
//   MMH_BLESS=1 cargo test -p mmh-tests --test bindings
";

/// The bindings as they should stand in the SDK.
fn generate(root: &Path) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root.join("wit")).expect("the WIT parses");
    let world = resolve.select_world(&[package], Some("harness")).expect("the world exists");
    let options = wit_bindgen_rust::Opts {
        format: true,
        pub_export_macro: true,
        export_macro_name: Some("export_mmh_world".into()),
        default_bindings_module: Some("$crate::__private".into()),
        generate_all: true,
        ..Default::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).expect("bindings are generated");
    let (_, contents) = files.iter().next().expect("one file is generated");
    format!("{HEADER}{}", String::from_utf8_lossy(contents))
}

#[test]
fn bindings_are_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace root");
    let path = root.join("guest-sdk/src/bindings.rs");
    let expected = generate(root);
    if std::env::var_os("MMH_BLESS").is_some() {
        fs::write(&path, &expected).expect("bindings.rs is written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is stale; make it again with: MMH_BLESS=1 cargo test -p mmh-tests --test bindings",
        path.display()
    );
}
