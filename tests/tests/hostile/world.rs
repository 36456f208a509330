//! From WebAssembly text to a component: a core module is wrapped into the harness world.

use mmh_tests::root;
use wit_bindgen_core::wit_parser::Resolve;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// What a core module may import besides the harness world: WASI that the sandbox offers.
const WASI: &str = "
package mmh:hostile;

package wasi:random@0.2.3 {
    interface random {
        get-random-bytes: func(len: u64) -> list<u8>;
    }
}

package wasi:io@0.2.3 {
    interface poll {
        resource pollable { block: func(); ready: func() -> bool; }
        poll: func(in: list<borrow<pollable>>) -> list<u32>;
    }
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream {
            write: func(contents: list<u8>) -> result<_, stream-error>;
            write-zeroes: func(len: u64) -> result<_, stream-error>;
        }
    }
}

package wasi:filesystem@0.2.3 {
    interface types { resource descriptor; }
    interface preopens {
        use types.{descriptor};
        get-directories: func() -> list<tuple<descriptor, string>>;
    }
}

package wasi:sockets@0.2.3 {
    interface network {
        resource network;
        enum error-code { unknown, access-denied, not-supported }
        enum ip-address-family { ipv4, ipv6 }
    }
    interface instance-network {
        use network.{network};
        instance-network: func() -> network;
    }
    interface ip-name-lookup {
        use network.{network, error-code};
        resource resolve-address-stream;
        resolve-addresses: func(network: borrow<network>, name: string) -> result<resolve-address-stream, error-code>;
    }
    interface tcp { resource tcp-socket; }
    interface tcp-create-socket {
        use network.{error-code, ip-address-family};
        use tcp.{tcp-socket};
        create-tcp-socket: func(address-family: ip-address-family) -> result<tcp-socket, error-code>;
    }
}

package wasi:http@0.2.3 {
    interface types { resource fields { constructor(); } }
}

package wasi:clocks@0.2.3 {
    interface monotonic-clock {
        use wasi:io/poll@0.2.3.{pollable};
        now: func() -> u64;
        subscribe-duration: func(when: u64) -> pollable;
    }
}

package wasi:cli@0.2.3 {
    interface exit { exit: func(status: result); }
    interface stdout {
        use wasi:io/streams@0.2.3.{output-stream};
        get-stdout: func() -> output-stream;
    }
}

world hostile {
    include mmh:harness/harness@2.0.0;
    import wasi:random/random@0.2.3;
    import wasi:clocks/monotonic-clock@0.2.3;
    import wasi:cli/exit@0.2.3;
    import wasi:cli/stdout@0.2.3;
    import wasi:filesystem/preopens@0.2.3;
    import wasi:sockets/instance-network@0.2.3;
    import wasi:sockets/ip-name-lookup@0.2.3;
    import wasi:sockets/tcp-create-socket@0.2.3;
    import wasi:http/types@0.2.3;
}
";

/// What `(@standard)` stands for: memory, an allocator that never frees, and a `learn` that gives no state.
const STANDARD: &str = r#"
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (block $fits
      (br_if $fits (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
      (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get 3) (i32.const 16))))))
    (local.get $at))
"#;

/// What `(@learn)` stands for.
const LEARN: &str = r#"
  (func (export "learn") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
"#;

/// The parameters and the result of `predict`: task, state, input; a pointer to the answer.
const PREDICT: &str =
    r#"(export "predict") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)"#;

/// The harness by hand, of which `(@types)`, `(@lifted)` are parts: what a harness imports, and what it exports.
const BY_HAND: &str = include_str!("../../components/harness.wat");

/// What `(@wired ...)` stands for: the component `$harness` with these further imports, and its exports as the whole's.
/// A component may not be called by what it holds, nor call it: so a harness that has neighbours is inside, too.
const WIRED: [&str; 2] = [
    r#"(instance $made (instantiate $harness (with "mmh:harness/types@2.0.0" (instance $types)) "#,
    r#")) (export "predict" (func $made "predict")) (export "learn" (func $made "learn"))"#,
];

/// The part of a text from one mark up to another one.
fn part<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("{from} is not there"));
    let end = text[start..].find(to).unwrap_or_else(|| panic!("{to} is not there"));
    &text[start..start + end]
}

/// The component that a text means.
pub fn component(text: &str) -> Vec<u8> {
    let text = text
        .replace("(@standard)", &format!("{STANDARD}{LEARN}"))
        .replace("(@memory)", STANDARD)
        .replace("(@learn)", LEARN)
        .replace("(@predict)", PREDICT)
        .replace("(@types)", part(BY_HAND, "(import \"mmh:harness/types", "(import \"mmh:harness/log"))
        .replace("(@allocator)", part(BY_HAND, "(core module $memory", "(core func $write"))
        .replace("(@wired ", WIRED[0])
        .replace("@)", WIRED[1])
        .replace("(@lifted)", part(BY_HAND, "(func (export \"predict\")\n    (param \"task\"", ";; The end"));
    let bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
    // The layer field of the header tells a component from a core module. `(@raw)` leaves a module as it is.
    match bytes.get(6) == Some(&0) && !text.contains(";; @raw") {
        true => wrapped(bytes),
        false => bytes,
    }
}

fn wrapped(mut module: Vec<u8>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_dir(root().join("wit")).expect("the WIT parses");
    let package = resolve.push_str("hostile.wit", WASI).expect("the WIT parses");
    let world = resolve.select_world(&[package], Some("hostile")).expect("the world exists");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it is embedded");
    let mut encoder = ComponentEncoder::default();
    encoder.validate(false).module(&module).expect("it fits the world");
    encoder.encode().unwrap_or_else(|error| panic!("{error:#}"))
}
