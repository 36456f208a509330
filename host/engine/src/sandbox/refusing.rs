//! The interfaces that language runtimes import and no harness can use: files, sockets and HTTP. They are linked by the
//! names that the component imports, once `policy` has let them through, and nothing is opened.
//!
//! Where a runtime looks whether there is something, it finds nothing: no folder is open, and no socket can be made. All
//! else needs what nobody can have, or ends the call with an error that names the function.

use wasmtime::{
    Engine, Result, StoreContextMut, bail,
    component::{
        Component, Linker, Resource, ResourceAny, ResourceType, Val,
        types::{ComponentInstance, ComponentItem},
    },
};
use wasmtime_wasi_io::{
    poll::DynPollable,
    streams::{DynInputStream, DynOutputStream, Error},
};

use super::State;
use super::policy;

/// The type of all resources of these interfaces. The only one of it that there ever is is the network, which leads nowhere.
struct Nothing;

/// Whether a component imports such interfaces.
pub fn are_imported(component: &Component, engine: &Engine) -> bool {
    component.component_type().imports(engine).any(|(name, _)| policy::is_refusing(name))
}

/// Links those interfaces that the component imports.
pub fn add_to_linker(linker: &mut Linker<State>, component: &Component, engine: &Engine) -> Result<()> {
    for (name, import) in component.component_type().imports(engine) {
        if let (true, ComponentItem::ComponentInstance(interface)) = (policy::is_refusing(name), import.ty) {
            add(linker, engine, name, &interface)?;
        }
    }
    Ok(())
}

fn add(linker: &mut Linker<State>, engine: &Engine, name: &str, interface: &ComponentInstance) -> Result<()> {
    let mut instance = linker.instance(name)?;
    for (item, export) in interface.exports(engine) {
        match export.ty {
            ComponentItem::Resource(_) => instance.resource(item, resource(item), |_, _| Ok(()))?,
            ComponentItem::ComponentFunc(_) => {
                let called = format!("{name}#{item}");
                instance.func_new(item, move |mut store, _, given, results| {
                    given.iter().try_for_each(|given| give_back(&mut store, given))?;
                    refuse(store, &called, results)
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The host's type of a resource. Those of `wasi:io` appear in other interfaces, some under another name.
fn resource(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<DynInputStream>(),
        "output-stream" => ResourceType::host::<DynOutputStream>(),
        "pollable" => ResourceType::host::<DynPollable>(),
        "error" | "io-error" => ResourceType::host::<Error>(),
        _ => ResourceType::host::<Nothing>(),
    }
}

/// Gives back what a call has lent. A resource that is no host's ends the call.
fn give_back(store: &mut StoreContextMut<'_, State>, given: &Val) -> Result<()> {
    match given {
        Val::Resource(lent) if lent.ty() == ResourceType::host::<Error>() => {
            lent.try_into_resource::<Error>(store).map(drop)
        }
        Val::Resource(lent) => lent.try_into_resource::<Nothing>(store).map(drop),
        _ => Ok(()),
    }
}

/// What a function answers that can be called without anything in hand, or the error that ends the call.
fn refuse(store: StoreContextMut<'_, State>, called: &str, results: &mut [Val]) -> Result<()> {
    let function = called.rsplit(['#', ']']).next().unwrap_or(called);
    let answer = match function {
        "get-directories" => Val::List(Vec::new()),
        "filesystem-error-code" | "network-error-code" | "http-error-code" => Val::Option(None),
        "instance-network" => {
            Val::Resource(ResourceAny::try_from_resource(Resource::<Nothing>::new_own(0), store)?)
        }
        "create-tcp-socket" | "create-udp-socket" => error("not-supported"),
        "resolve-addresses" => error("access-denied"),
        _ => bail!(
            "{called} was called, but a harness has no files, no sockets and no HTTP: only the model answers"
        ),
    };
    match results {
        [result] => *result = answer,
        _ => bail!("{called} has another number of results"),
    }
    Ok(())
}

fn error(code: &str) -> Val {
    Val::Result(Err(Some(Box::new(Val::Enum(code.to_owned())))))
}
