//! What can be told of a component by reading it once: its imports, and how many components and modules it holds.
//!
//! The tools of some languages link by putting components into components. A few of them, few deep, is all that they need;
//! what compiles and links a component takes time and memory with their number, or with two to the power of it.

use wasmparser::{ComponentInstance, ComponentTypeRef, Encoding, Parser, Payload};

/// Most components inside of a component, at whatever depth. Two components that are put together by `wac` or
/// `wasm-tools compose` take about ten.
const MAX_COMPONENTS: usize = 32;

/// Most components inside of each other, the outermost one not counted.
const MAX_DEPTH: usize = 4;

/// Most core modules, at whatever depth. A Python harness has 14.
const MAX_MODULES: usize = 64;

/// Most instantiations of components that are written down, at whatever depth. One that instantiates two that instantiate
/// two doubles with each step: so many can come to 6,561 instances, and no more.
const MAX_INSTANTIATIONS: usize = 24;

/// A component, as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The names that the component itself imports, in its order, without types. What a component inside of it imports,
    /// it gets from this one.
    pub imports: Vec<String>,
    /// Whether a component inside of it has functions of its own. What such a one and its neighbours hand to each other is
    /// copied by the host, and hardly costs fuel.
    pub hands_over: bool,
    components: usize,
    depth: usize,
    modules: usize,
    instantiations: usize,
}

impl Outline {
    /// Reads a component. The error says why the bytes are none.
    pub fn of(bytes: &[u8]) -> Result<Self, String> {
        let malformed = |error: &dyn std::fmt::Display| format!("the component is malformed: {error}");
        let mut outline = Self::default();
        // Whether each part that is being read, outermost first, is a component. The component itself is not in it.
        let mut open: Vec<bool> = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(|error| malformed(&error))? {
                Payload::Version { encoding: Encoding::Module, .. } if open.is_empty() => {
                    return Err("it is a core module, not a component".into());
                }
                Payload::ModuleSection { .. } => {
                    open.push(false);
                    outline.modules += 1;
                }
                Payload::ComponentSection { .. } => {
                    open.push(true);
                    outline.components += 1;
                    outline.depth = outline.depth.max(open.len());
                }
                Payload::End(_) => drop(open.pop()),
                Payload::ComponentCanonicalSection(_) if !open.is_empty() => outline.hands_over = true,
                Payload::ComponentInstanceSection(section) => {
                    for instance in section {
                        let instance = instance.map_err(|error| malformed(&error))?;
                        outline.instantiations +=
                            usize::from(matches!(instance, ComponentInstance::Instantiate { .. }));
                    }
                }
                Payload::ComponentImportSection(section) if open.is_empty() => {
                    for import in section {
                        let import = import.map_err(|error| malformed(&error))?;
                        // An imported type has no code, and gives no access to anything.
                        if !matches!(import.ty, ComponentTypeRef::Type(_)) {
                            outline.imports.push(import.name.name.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(outline)
    }

    /// Which bound it exceeds, if it does.
    pub fn beyond(&self) -> Option<String> {
        let bounds = [
            (self.components, MAX_COMPONENTS, "components"),
            (self.depth, MAX_DEPTH, "levels of components inside of each other"),
            (self.modules, MAX_MODULES, "core modules"),
            (self.instantiations, MAX_INSTANTIATIONS, "instantiations of components"),
        ];
        let (found, most, what) = bounds.into_iter().find(|(found, most, _)| found > most)?;
        Some(format!("it holds {found} {what}, and may hold {most}"))
    }
}
