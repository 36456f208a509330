#!/bin/sh
# Builds harness.c to harness.wasm: `sh build.sh`. WIT names the folder of the contract, CLANG a clang with lld and the target
# wasm32-wasi, SYSROOT where wasi-libc is, CARGO_TARGET_DIR where the tool is built.
set -eu
cd "$(dirname "$0")"
wit=${WIT:-../../wit}
work=${BUILD:-build}
sysroot=${SYSROOT:-/usr}
tools=${CARGO_TARGET_DIR:-$work/tool}
mkdir -p "$work"

# Writes bindings, and makes components. It is built once.
cargo build --quiet --locked --manifest-path tool/Cargo.toml --target-dir "$tools"
"$tools/debug/c-component" bind "$wit" "$work"
"${CLANG:-clang}" --target=wasm32-wasi --sysroot="$sysroot" -isystem "$sysroot/include/wasm32-wasi" \
  -O2 -Wall -Wextra -Wno-unused-parameter -mexec-model=reactor -I "$work" -o "$work/core.wasm" \
  harness.c "$work/bindings.c" "$work/harness_component_type.o"
"$tools/debug/c-component" wrap "$work/core.wasm" "${OUTPUT:-harness.wasm}"
