//! The WIT worlds that a harness may have been built against: bindings for each, chosen by the component.
//!
//! The rest of the sandbox knows none of their types. A new world is a variant of [`World`] with a file of its own.

pub mod v1;

use wasmtime::{
    Engine, Result, Store,
    component::{Component, HasSelf, InstancePre, Linker},
};

use super::{LabelledExample, State, Task};

/// The WIT package of harnesses.
pub const PACKAGE: &str = "mmh:harness";

/// A WIT world that a harness can have been built against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// `harness` of `mmh:harness@1`.
    V1,
}

impl World {
    /// All worlds that this host speaks, the latest last.
    pub const ALL: [Self; 1] = [Self::V1];

    /// The major version of its package.
    pub fn major(self) -> &'static str {
        match self {
            Self::V1 => "1",
        }
    }

    /// The version of the package that this host has.
    pub fn version(self) -> &'static str {
        match self {
            Self::V1 => "1.0.0",
        }
    }

    /// The world of a package's version, such as `1.2.0`.
    pub fn of_version(version: &str) -> Option<Self> {
        let major = version.split('.').next()?;
        Self::ALL.into_iter().find(|world| world.major() == major)
    }

    /// The world that a component was built against, by the version of the package that it imports. A component that
    /// imports nothing of the package could be of any: it counts as one of the latest.
    pub fn of_component(component: &Component, engine: &Engine) -> Self {
        let ty = component.component_type();
        let own = ty.imports(engine).find_map(|(name, _)| {
            let (_, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
            Self::of_version(version)
        });
        own.unwrap_or(Self::ALL[Self::ALL.len() - 1])
    }
}

/// A component that is linked, by its world.
pub enum Linked {
    V1(v1::HarnessPre<State>),
}

impl Linked {
    /// Takes a linked component for a harness of this world. Fails if it does not export what such a harness does.
    pub fn new(world: World, linked: InstancePre<State>) -> Result<Self> {
        match world {
            World::V1 => v1::HarnessPre::new(linked).map(Self::V1),
        }
    }

    /// Instantiates it.
    pub async fn instantiate(&self, store: &mut Store<State>) -> Result<Instance> {
        match self {
            Self::V1(harness) => harness.instantiate_async(store).await.map(Instance::V1),
        }
    }
}

/// An instance of a harness, by its world.
pub enum Instance {
    V1(v1::Harness),
}

impl Instance {
    /// Calls `predict`. The inner error is the harness's own words.
    pub async fn predict(
        &self,
        store: &mut Store<State>,
        task: &Task,
        state: &[u8],
        input: &str,
    ) -> Result<Result<String, String>> {
        match self {
            Self::V1(harness) => v1::predict(harness, store, task, state, input).await,
        }
    }

    /// Calls `learn`. The inner error is the harness's own words.
    pub async fn learn(
        &self,
        store: &mut Store<State>,
        task: &Task,
        state: &[u8],
        batch: &[LabelledExample],
    ) -> Result<Result<Vec<u8>, String>> {
        match self {
            Self::V1(harness) => v1::learn(harness, store, task, state, batch).await,
        }
    }
}

/// Links the host's interfaces of all worlds.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    v1::Harness::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_decides() {
        let table = [
            ("1.0.0", Some(World::V1)),
            ("1.9.3", Some(World::V1)),
            ("1", Some(World::V1)),
            ("2.0.0", None),
            ("10.0.0", None),
            ("0.1.0", None),
            ("", None),
            ("one", None),
        ];
        for (version, expected) in table {
            assert_eq!(World::of_version(version), expected, "{version:?}");
        }
        for world in World::ALL {
            assert_eq!(World::of_version(world.version()), Some(world));
        }
    }
}
