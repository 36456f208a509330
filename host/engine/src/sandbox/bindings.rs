//! The host's side of `wit/`, generated.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "harness",
    imports: { default: async },
    exports: { default: async },
});
