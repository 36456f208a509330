//! Components from anywhere: bytes as they are, the text format, components that `wasm-smith` made, and
//! components around core modules that it made, which nearly always compile.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use mmh_fuzz::{choice, prepare};

fuzz_target!(|data: &[u8]| {
    let (kind, rest) = choice(data);
    let bytes = match kind % 4 {
        0 => Some(rest.to_vec()),
        1 => wat::parse_bytes(rest).map(Into::into).ok(),
        2 => wasm_smith::Component::arbitrary_take_rest(Unstructured::new(rest)).map(|it| it.to_bytes()).ok(),
        _ => around_module(rest),
    };
    bytes.map(prepare);
});

/// A component that carries a core module, which is compiled with it.
fn around_module(rest: &[u8]) -> Option<Vec<u8>> {
    let (config, mut rest) = (what_the_engine_takes(), Unstructured::new(rest));
    let module = wasm_smith::Module::new(config, &mut rest).ok()?.to_bytes();
    let mut component = wasm_encoder::Component::new();
    component.section(&wasm_encoder::RawSection { id: CORE_MODULE_SECTION, data: &module });
    Some(component.finish())
}

/// So that most modules get as far as the compiler of native code. Whole components have no such bounds.
fn what_the_engine_takes() -> wasm_smith::Config {
    wasm_smith::Config {
        gc_enabled: false,
        exceptions_enabled: false,
        threads_enabled: false,
        ..wasm_smith::Config::default()
    }
}

const CORE_MODULE_SECTION: u8 = wasm_encoder::ComponentSectionId::CoreModule as u8;
