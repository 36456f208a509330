//! The interfaces that every harness is linked with: the host's own, and the virtual ones of WASI that `policy`
//! lists. A component from outside may have some of `refusing` as well. There are no others.

use wasmtime::{
    Result,
    component::{HasData, Linker, ResourceTable},
};
use wasmtime_wasi::{
    WasiView,
    cli::{WasiCli, WasiCliView},
    clocks::{WasiClocks, WasiClocksView},
    p2::bindings::{cli, clocks, random},
    random::WasiRandom,
};
use wasmtime_wasi_io::bindings::wasi::io;

use super::{
    State,
    virtual_time::{HasTime, TimeView},
    worlds,
};

/// Links all these interfaces.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    add_cli(linker)?;
    add_time_and_streams(linker)?;
    random::random::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    worlds::add_to_linker(linker)
}

fn add_cli(linker: &mut Linker<State>) -> Result<()> {
    cli::environment::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(linker, State::cli)
}

/// The sandbox implements waiting itself, because `wasmtime_wasi` would really wait.
fn add_time_and_streams(linker: &mut Linker<State>) -> Result<()> {
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<State, HasTime>(linker, time)?;
    io::poll::add_to_linker::<State, HasTime>(linker, time)?;
    io::error::add_to_linker::<State, HasTable>(linker, |state| &mut state.table)?;
    io::streams::add_to_linker::<State, HasTable>(linker, |state| &mut state.table)
}

fn time(state: &mut State) -> TimeView<'_> {
    TimeView { time: &mut state.time, table: &mut state.table }
}

/// Tells the linker that these interfaces need the resource table only.
struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}
