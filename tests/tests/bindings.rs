//! The SDK's checked-in bindings are what the generator makes of `wit/` today: one file for each world.

use std::{fs, ops::Range, path::Path};

use wit_bindgen_core::{Files, WorldGenerator, wit_parser::Resolve};
use wit_bindgen_rust::{Opts, WithOption};

const HEADER: &str = "\
// Generated from wit/harness.wit. Do not edit; make it again with:
//   MMH_BLESS=1 cargo test -p mmh-tests --test bindings
";

/// Each world, its file, and the interfaces that it takes from the bindings of `harness`: both worlds have the same
/// types.
const WORLDS: [(&str, &str, &[&str]); 2] =
    [("harness", "bindings.rs", &[]), ("scorer", "scorer_bindings.rs", &["types", "model", "log"])];

/// The bindings of a world as they should stand in the SDK.
fn generate(root: &Path, world: &str, shared: &[&str]) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root.join("wit")).expect("the WIT parses");
    let id = resolve.select_world(&[package], Some(world)).expect("the world exists");
    let version = resolve.packages[package].name.version.clone().expect("the package has a version");
    let with = shared.iter().map(|interface| {
        let path = format!("crate::bindings::mmh::harness::{interface}");
        (format!("mmh:harness/{interface}@{version}"), WithOption::Path(path))
    });
    let options = Opts {
        format: true,
        pub_export_macro: true,
        export_macro_name: Some(format!("export_mmh_{world}_world")),
        default_bindings_module: Some("$crate::__private".into()),
        generate_all: true,
        with: with.collect(),
        ..Default::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, id, &mut files).expect("bindings are generated");
    let (_, contents) = files.iter().next().expect("one file is generated");
    let closed = with_closed_macros(world, &String::from_utf8_lossy(contents));
    match shared.is_empty() {
        true => format!("{HEADER}{closed}"),
        false => format!("{HEADER}{}", without_imports(&closed)),
    }
}

/// The bindings without the section that describes the imports alone. The linker takes it into every component, and it
/// would add this world's types to harnesses; `bindings.rs` describes the same imports.
fn without_imports(bindings: &str) -> String {
    let missing = "the generator has changed: there is no such section";
    // The macro before it has a section of its own, which stays.
    let (kept, rest) = bindings.split_at(bindings.rfind("#[doc(inline)]").expect(missing));
    let begin = find(rest, "#[rustfmt::skip]#[cfg(target_arch = \"wasm32\")]#[unsafe(link_section =");
    let begin = begin.expect(missing).start;
    let length = rest[begin..].find("#[inline(never)]").expect(missing);
    format!("{kept}{}{}", &rest[..begin], &rest[begin + length..])
}

/// The generator's macros put any tokens they are given into unsafe blocks, in the name of this crate. A harness
/// could hand them code of its own. These take the name of a type and nothing else.
fn with_closed_macros(world: &str, bindings: &str) -> String {
    let calls_itself = format!(
        "($ty:ident) => {{ $crate::__private::export_mmh_{world}_world!($ty with_types_in $crate::__private); }};"
    );
    let calls_exports = format!(
        "$($path_to_types_root)*::__export_world_{world}_cabi!($ty with_types_in $($path_to_types_root)*);"
    );
    let closed = [
        // The macro of the exported functions: where their types stand is no argument.
        ("($ty:ident with_types_in $($path_to_types:tt)*) => {", "($ty:ident) => {".to_owned()),
        ("$($path_to_types)*::", "$crate::__private::".to_owned()),
        // The macro that calls it: one form of two.
        (calls_itself.as_str(), String::new()),
        ("($ty:ident with_types_in $($path_to_types_root:tt)*) => {", "($ty:ident) => {".to_owned()),
        (calls_exports.as_str(), format!("$crate::__export_world_{world}_cabi!($ty);")),
    ];
    let mut bindings = bindings.to_owned();
    for (from, to) in closed {
        assert!(find(&bindings, from).is_some(), "the generator has changed: {from}");
        while let Some(range) = find(&bindings, from) {
            bindings.replace_range(range, &to);
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
    for (world, name, shared) in WORLDS {
        let path = root.join("guest-sdk/src").join(name);
        let expected = generate(root, world, shared);
        if std::env::var_os("MMH_BLESS").is_some() {
            fs::write(&path, &expected).expect("the bindings are written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "{} is stale; make it again with: MMH_BLESS=1 cargo test -p mmh-tests --test bindings",
            path.display()
        );
    }
}
