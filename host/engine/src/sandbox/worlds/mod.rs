//! The versions of the WIT package that a component may have been built against: bindings for each, chosen by the
//! component.
//!
//! The rest of the sandbox knows none of their types. A new version is a variant of [`World`] with a file of its own.

pub mod v2;

use wasmtime::{
    Engine, Result, Store,
    component::{Component, HasSelf, InstancePre, Linker},
};

use super::{Answered, LabelledExample, State, Task, grade::GivenGrade};
use mmh_record::input::Input;

/// The WIT package of harnesses and scorers.
pub const PACKAGE: &str = "mmh:harness";

/// A version of the WIT package. It has a world for harnesses and one for scorers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// `harness` and `scorer` of `mmh:harness@2`.
    V2,
}

impl World {
    /// All versions that this host speaks, the latest last.
    pub const ALL: [Self; 1] = [Self::V2];

    /// The latest version that this host speaks.
    pub const LATEST: Self = Self::V2;

    /// The major version of the package.
    pub fn major(self) -> u64 {
        match self {
            Self::V2 => 2,
        }
    }

    /// The version of the package that this host has.
    pub fn version(self) -> &'static str {
        match self {
            Self::V2 => "2.0.0",
        }
    }

    /// The world of a package's version, such as `2.1.0`.
    pub fn of_version(version: &str) -> Option<Self> {
        let major = major(version)?;
        Self::ALL.into_iter().find(|world| world.major() == major)
    }

    /// The world that a component was built against, by the version of the package that it imports. A component that
    /// imports nothing of the package could be of any: it counts as one of the latest.
    fn of_component(component: &Component, engine: &Engine) -> Self {
        let ty = component.component_type();
        let own = ty.imports(engine).find_map(|(name, _)| {
            let (_, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
            Self::of_version(version)
        });
        own.unwrap_or(Self::LATEST)
    }
}

/// The major version of a version such as `2.1.0`.
pub fn major(version: &str) -> Option<u64> {
    version.split('.').next()?.parse().ok()
}

/// A harness that is linked, by its world.
pub enum Linked {
    V2(v2::harness::HarnessPre<State>),
}

impl Linked {
    /// Takes a linked component for a harness. Fails if it does not export what such a harness does.
    pub fn new(component: &Component, linked: InstancePre<State>) -> Result<Self> {
        match World::of_component(component, linked.engine()) {
            World::V2 => v2::harness::HarnessPre::new(linked).map(Self::V2),
        }
    }

    /// Calls `predict` of a new instance. The inner error is the harness's own words.
    pub async fn predict(
        &self,
        store: &mut Store<State>,
        task: &Task,
        state: &[u8],
        input: &Input,
    ) -> Result<Result<String, String>> {
        match self {
            Self::V2(linked) => {
                let harness = linked.instantiate_async(&mut *store).await?;
                v2::predict(&harness, store, task, state, input).await
            }
        }
    }

    /// Calls `learn` of a new instance. The inner error is the harness's own words.
    pub async fn learn(
        &self,
        store: &mut Store<State>,
        task: &Task,
        state: &[u8],
        batch: &[LabelledExample],
    ) -> Result<Result<Vec<u8>, String>> {
        match self {
            Self::V2(linked) => {
                let harness = linked.instantiate_async(&mut *store).await?;
                v2::learn(&harness, store, task, state, batch).await
            }
        }
    }
}

/// A scorer that is linked, by its world.
pub enum LinkedScorer {
    V2(v2::scorer::ScorerPre<State>),
}

impl LinkedScorer {
    /// Takes a linked component for a scorer. Fails if it does not export what such a scorer does.
    pub fn new(component: &Component, linked: InstancePre<State>) -> Result<Self> {
        match World::of_component(component, linked.engine()) {
            World::V2 => v2::scorer::ScorerPre::new(linked).map(Self::V2),
        }
    }

    /// Calls `score` of a new instance. The inner error is the scorer's own words.
    pub async fn score(
        &self,
        store: &mut Store<State>,
        task: &Task,
        answered: &Answered,
    ) -> Result<Result<GivenGrade, String>> {
        match self {
            Self::V2(linked) => {
                let scorer = linked.instantiate_async(&mut *store).await?;
                v2::score(&scorer, store, task, answered).await
            }
        }
    }
}

/// Links the host's interfaces of all worlds. A scorer imports what a harness does.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    v2::harness::Harness::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_decides() {
        let table = [
            ("2.0.0", Some(World::V2)),
            ("2.9.3", Some(World::V2)),
            ("2", Some(World::V2)),
            ("1.0.0", None),
            ("3.0.0", None),
            ("20.0.0", None),
            ("0.2.0", None),
            ("", None),
            ("two", None),
        ];
        for (version, expected) in table {
            assert_eq!(World::of_version(version), expected, "{version:?}");
        }
        for world in World::ALL {
            assert_eq!(World::of_version(world.version()), Some(world));
        }
        assert_eq!(World::ALL.last(), Some(&World::LATEST));
    }
}
