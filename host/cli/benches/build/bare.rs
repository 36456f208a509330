//! A harness called by wasmtime and nothing else: no limits but fuel, no record, no seeds, no virtual clocks.

use mmh_engine::sandbox;
use wasmtime::{
    Engine, Result, Store,
    component::{Component, HasSelf, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use self::mmh::harness::{
    log,
    model::{self, Reply, Request, StopReason, Usage},
    types,
};

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "harness",
    imports: { default: async },
    exports: { default: async },
});

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for State {}

impl log::Host for State {
    async fn write(&mut self, _: log::Level, _: String) {}
}

impl model::Host for State {
    async fn complete(&mut self, _: Request) -> std::result::Result<Reply, model::Error> {
        let usage = Usage { input_tokens: 0, output_tokens: 0 };
        Ok(Reply { text: "a".into(), stop_reason: StopReason::End, usage })
    }

    async fn complete_all(&mut self, asked: Vec<Request>) -> Vec<std::result::Result<Reply, model::Error>> {
        let mut replies = Vec::new();
        for request in asked {
            replies.push(self.complete(request).await);
        }
        replies
    }

    async fn calls_left(&mut self) -> u32 {
        16
    }

    async fn fuel_left(&mut self) -> u64 {
        u64::MAX
    }
}

/// A linked harness.
pub struct Bare {
    engine: Engine,
    harness: HarnessPre<State>,
}

impl Bare {
    pub fn new(engine: Engine, component: &[u8]) -> Self {
        let component = Component::new(&engine, component).expect("it compiles");
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI is linked");
        Harness::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state).expect("the model is linked");
        let linked = linker.instantiate_pre(&component).expect("it is linked");
        Self { engine, harness: HarnessPre::new(linked).expect("it is a harness") }
    }

    /// One call in a fresh store.
    pub async fn predict(
        &self,
        task: &sandbox::Task,
        input: &str,
    ) -> Result<std::result::Result<String, String>> {
        let state = State { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
        let mut store = Store::new(&self.engine, state);
        store.set_fuel(10_000_000_000)?;
        let harness = self.harness.instantiate_async(&mut store).await?;
        let task = types::Task {
            name: task.name.clone(),
            instructions: task.instructions.clone(),
            labels: task.labels.clone(),
        };
        let input = types::Input { text: input.to_owned(), fields: Vec::new() };
        let answer = harness.call_predict(&mut store, &task, &[], &input).await?;
        Ok(answer.map(|answer| answer.text))
    }
}
