//! Where a trap happened, as frames of the source.
//!
//! Frames have names and lines if the component has them. See `compile::Compiler::compile_with_lines`.

use serde::{Deserialize, Serialize};
use wasmtime::{Error, WasmBacktrace};

use mmh_record::text;

/// One frame. A function that the compiler has inlined has a frame of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Frame {
    /// The function's path, such as `<harness::Guest as mmh_sdk::Harness>::predict`.
    pub function: String,
    /// The source file; nothing where the component has no line tables.
    pub file: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// From 1.
    pub column: Option<u32>,
}

/// The frames of a trap, innermost first.
pub fn frames(error: &Error) -> Vec<Frame> {
    error.downcast_ref::<WasmBacktrace>().map(frames_of).unwrap_or_default()
}

/// The frames of a stack, innermost first.
pub fn frames_of(backtrace: &WasmBacktrace) -> Vec<Frame> {
    let mut frames = Vec::new();
    for call in backtrace.frames() {
        let index = || format!("function {}", call.func_index());
        for symbol in call.symbols() {
            frames.push(Frame {
                function: symbol.name().map_or_else(index, plain_path),
                file: symbol.file().map(str::to_owned),
                line: symbol.line(),
                column: symbol.column(),
            });
        }
        if call.symbols().is_empty() {
            let function = call.func_name().map_or_else(index, plain_path);
            frames.push(Frame { function, file: None, line: None, column: None });
        }
    }
    frames
}

/// Most characters of a function in a message.
const PLACE_CHARACTERS: usize = 120;

/// What every path of a harness's own functions has. A generic function of a library that calls one has it too.
const OWN: &str = "harness::";

/// The innermost function, and the innermost one of the harness's own: `in a, called by b`. Nothing if no function has a name.
pub fn place(frames: &[Frame]) -> Option<String> {
    let name = |frame: &Frame| text::ellipsis(&text::one_line(&frame.function), PLACE_CHARACTERS);
    let innermost = frames.first()?;
    let own = frames.iter().find(|frame| frame.function.trim_start_matches('<').starts_with(OWN));
    Some(match own.filter(|own| *own != innermost) {
        Some(own) => format!("in {}, called by {}", name(innermost), name(own)),
        None => format!("in {}", name(innermost)),
    })
}

/// A function's plain path: `_ZN...E` and `_R...` are demangled, hashes are cut off.
fn plain_path(name: &str) -> String {
    let path = rustc_demangle::try_demangle(name).map(|path| format!("{path:#}"));
    let path = path.unwrap_or_else(|_| name.to_owned());
    // A name that was demangled before still ends in its hash: `::h` and 16 digits.
    match path.rsplit_once("::h") {
        Some((rest, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            rest.to_owned()
        }
        _ => path,
    }
}
