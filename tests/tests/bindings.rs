//! The SDK's checked-in bindings are what the generator makes of `wit/` today.

use std::{fs, ops::Range, path::Path};

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
    format!("{HEADER}{}", with_closed_macros(&String::from_utf8_lossy(contents)))
}

/// The generator's macros put any tokens they are given into unsafe blocks, in the name of this crate. A harness
/// could hand them code of its own. These take the name of a type and nothing else.
fn with_closed_macros(bindings: &str) -> String {
    let closed = [
        // The macro of the exported functions: where their types stand is no argument.
        ("($ty:ident with_types_in $($path_to_types:tt)*) => {", "($ty:ident) => {", 1),
        ("$($path_to_types)*::", "$crate::__private::", 4),
        // The macro that calls it: one form of two.
        (
            "($ty:ident) => { $crate::__private::export_mmh_world!($ty with_types_in $crate::__private); };",
            "",
            1,
        ),
        ("($ty:ident with_types_in $($path_to_types_root:tt)*) => {", "($ty:ident) => {", 1),
        (
            "$($path_to_types_root)*::__export_world_harness_cabi!($ty with_types_in $($path_to_types_root)*);",
            "$crate::__export_world_harness_cabi!($ty);",
            1,
        ),
    ];
    let mut bindings = bindings.to_owned();
    for (from, to, times) in closed {
        for _ in 0..times {
            let range = find(&bindings, from).unwrap_or_else(|| panic!("the generator has changed: {from}"));
            bindings.replace_range(range, to);
        }
    }
    // What is left open would be so again.
    assert!(!bindings.contains("with_types_in") && !bindings.contains("$($path"), "a macro takes any tokens");
    bindings
}

/// Where a text stands, however its white space is.
fn find(text: &str, wanted: &str) -> Option<Range<usize>> {
    let wanted: Vec<char> = wanted.chars().filter(|it| !it.is_whitespace()).collect();
    let letters: Vec<(usize, char)> = text.char_indices().filter(|(_, it)| !it.is_whitespace()).collect();
    let is_there = |window: &&[(usize, char)]| window.iter().map(|(_, it)| it).eq(wanted.iter());
    let found = letters.windows(wanted.len()).find(is_there)?;
    let (last, letter) = found[found.len() - 1];
    Some(found[0].0..last + letter.len_utf8())
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
