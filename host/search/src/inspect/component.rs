//! Describes a component: its digest, its interface as WIT text, its parts, and the tools that made it.

use serde::Serialize;
use wasmparser::{
    CustomSectionReader, Encoding, KnownCustom, Parser, Payload, ProducersSectionReader, Validator,
    WasmFeatures,
};

use mmh_engine::compile::imports;
use mmh_record::digest::Digest;

use super::interface;

/// Largest component that is inspected, in bytes.
pub const MAX_BYTES: u64 = 256 << 20;

/// A component's content.
#[derive(Clone, Debug, Serialize)]
pub struct Inspected {
    /// Digest of the whole file.
    pub sha256: Digest,
    /// Its size.
    pub bytes: u64,
    /// Imports and exports as a WIT world. Interfaces that have a name of their own are not spelled out.
    pub wit: String,
    /// The names of its imports, without types.
    pub imports: Vec<String>,
    /// The names of its exports.
    pub exports: Vec<String>,
    /// The component itself first, then modules and components inside it.
    pub parts: Vec<Part>,
    /// The tools that made it, sorted, without duplicates.
    pub producers: Vec<Producer>,
}

/// The component itself, or a core module or component inside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Such as `component` or `core module 1`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its own sections, in order, without those of parts inside it.
    pub sections: Vec<Section>,
}

/// All sections of one kind in one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Such as `code`, or `custom producers`.
    pub name: String,
    /// The size of their contents.
    pub bytes: u64,
}

/// A tool or language that took part in making it, by its own `producers` section.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub role: String,
    /// Such as `rustc`.
    pub name: String,
    /// Its version, in its own words; may be empty.
    pub version: String,
}

/// The difference between the imports of two components.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportChange {
    /// Imports of the second one only.
    pub added: Vec<String>,
    /// Imports of the first one only.
    pub removed: Vec<String>,
}

impl ImportChange {
    /// From the imports of one component to those of another.
    pub fn between(before: &[String], after: &[String]) -> Self {
        let only = |here: &[String], there: &[String]| -> Vec<String> {
            here.iter().filter(|import| !there.contains(import)).cloned().collect()
        };
        Self { added: only(after, before), removed: only(before, after) }
    }

    /// Whether both import the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// Describes a component. The error says why the bytes are none.
pub fn inspect(bytes: &[u8]) -> Result<Inspected, String> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it has more than {}", mmh_record::text::bytes(MAX_BYTES)));
    }
    let imports = imports::list(bytes)?;
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let types = validator.validate_all(bytes).map_err(|error| format!("it is invalid: {error}"))?;
    let mut walk = Walk::new(bytes.len());
    for payload in Parser::new(0).parse_all(bytes) {
        walk.take(&payload.map_err(|error| error.to_string())?)?;
    }
    walk.producers.sort();
    walk.producers.dedup();
    Ok(Inspected {
        sha256: Digest::of(bytes),
        bytes: bytes.len() as u64,
        wit: interface::world(types.as_ref(), &walk.imported, &walk.exports),
        imports,
        exports: walk.exports,
        parts: walk.parts,
        producers: walk.producers,
    })
}

/// Collects the parts of a component while it is parsed.
struct Walk {
    parts: Vec<Part>,
    /// The parts that are being parsed, outermost first, as indexes of `parts`.
    open: Vec<usize>,
    modules: usize,
    components: usize,
    /// All imports, with types.
    imported: Vec<String>,
    exports: Vec<String>,
    producers: Vec<Producer>,
}

impl Walk {
    fn new(bytes: usize) -> Self {
        let whole = Part { name: "component".into(), bytes: bytes as u64, sections: Vec::new() };
        Self {
            parts: vec![whole],
            open: vec![0],
            modules: 0,
            components: 0,
            imported: Vec::new(),
            exports: Vec::new(),
            producers: Vec::new(),
        }
    }

    fn take(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                self.enter(format!("core module {}", self.modules), unchecked_range.len());
                self.modules += 1;
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                self.enter(format!("component {}", self.components), unchecked_range.len());
                self.components += 1;
            }
            Payload::End(_) => {
                self.open.pop();
            }
            Payload::CustomSection(custom) => {
                self.section(format!("custom {}", custom.name()), custom.range().len());
                self.producers(custom)?;
            }
            Payload::ComponentImportSection(imports) if self.open.len() == 1 => {
                self.section("import".into(), imports.range().len());
                for import in imports.clone() {
                    let import = import.map_err(|error| error.to_string())?;
                    self.imported.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if self.open.len() == 1 => {
                self.section("export".into(), exports.range().len());
                for export in exports.clone() {
                    let export = export.map_err(|error| error.to_string())?;
                    self.exports.push(export.name.name.to_owned());
                }
            }
            Payload::Version { encoding: Encoding::Module | Encoding::Component, .. } => {}
            other => {
                if let Some((_, range)) = other.as_section() {
                    self.section(name_of(other).into(), range.len());
                }
            }
        }
        Ok(())
    }

    fn enter(&mut self, name: String, bytes: usize) {
        self.open.push(self.parts.len());
        self.parts.push(Part { name, bytes: bytes as u64, sections: Vec::new() });
    }

    fn section(&mut self, name: String, bytes: usize) {
        let Some(part) = self.open.last().and_then(|at| self.parts.get_mut(*at)) else { return };
        match part.sections.iter_mut().find(|section| section.name == name) {
            Some(section) => section.bytes += bytes as u64,
            None => part.sections.push(Section { name, bytes: bytes as u64 }),
        }
    }

    fn producers(&mut self, custom: &CustomSectionReader<'_>) -> Result<(), String> {
        let KnownCustom::Producers(fields) = custom.as_known() else { return Ok(()) };
        // A malformed custom section does not make a component invalid.
        self.producers.extend(producers(fields).unwrap_or_default());
        Ok(())
    }
}

fn producers(fields: ProducersSectionReader<'_>) -> wasmparser::Result<Vec<Producer>> {
    let mut producers = Vec::new();
    for field in fields {
        let field = field?;
        for value in field.values {
            let value = value?;
            let (name, version) = (value.name.to_owned(), value.version.to_owned());
            producers.push(Producer { role: field.name.to_owned(), name, version });
        }
    }
    Ok(producers)
}

fn name_of(payload: &Payload<'_>) -> &'static str {
    match payload {
        Payload::TypeSection(_) | Payload::ComponentTypeSection(_) => "type",
        Payload::ImportSection(_) | Payload::ComponentImportSection(_) => "import",
        Payload::FunctionSection(_) => "function",
        Payload::TableSection(_) => "table",
        Payload::MemorySection(_) => "memory",
        Payload::TagSection(_) => "tag",
        Payload::GlobalSection(_) => "global",
        Payload::ExportSection(_) | Payload::ComponentExportSection(_) => "export",
        Payload::StartSection { .. } | Payload::ComponentStartSection { .. } => "start",
        Payload::ElementSection(_) => "element",
        Payload::DataCountSection { .. } => "data count",
        Payload::DataSection(_) => "data",
        Payload::CodeSectionStart { .. } => "code",
        Payload::InstanceSection(_) => "core instance",
        Payload::CoreTypeSection(_) => "core type",
        Payload::ComponentInstanceSection(_) => "instance",
        Payload::ComponentAliasSection(_) => "alias",
        Payload::ComponentCanonicalSection(_) => "canonical",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_compared_both_ways() {
        let list = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        let change = ImportChange::between(&list(&["a", "b"]), &list(&["b", "c"]));
        assert_eq!(change, ImportChange { added: list(&["c"]), removed: list(&["a"]) });
        assert!(ImportChange::between(&list(&["a"]), &list(&["a"])).is_empty());
    }

    #[test]
    fn what_is_no_component_is_said() {
        // name, bytes, why it is none
        let table: [(&str, &[u8], &str); 4] = [
            ("nothing", b"", "the component is malformed: unexpected end"),
            ("text", b"not a component", "the component is malformed: magic header not detected"),
            ("a core module", b"\0asm\x01\0\0\0", "it is a core module, not a component"),
            ("a cut component", b"\0asm\x0d\0\x01\0\x07\xff", "the component is malformed: unexpected end"),
        ];
        for (name, bytes, why) in table {
            let found = inspect(bytes).err().unwrap_or_default();
            assert!(found.contains(why), "{name}: {found}");
        }
    }
}
