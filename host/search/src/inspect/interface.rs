//! Describes a component's imports and exports as text that reads like WIT: names of interfaces, and functions with their
//! types, as the validator knows them.
//!
//! Not in here: the contents of interfaces that have a name of their own; their packages have them. Names are those of the
//! component, even where WIT needs a `%` before them.

use std::collections::HashMap;

use wasmparser::{
    component_types::{
        AliasableResourceId, ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType,
        ComponentFuncTypeId, ComponentInstanceTypeId, ComponentValType,
    },
    names::KebabString,
    types::TypesRef,
};

use mmh_record::text;

/// How deep types within types are shown. Deeper ones are `...`.
const MAX_DEPTH: usize = 16;

/// Most bytes of the text. A small component can have types whose full text is very large.
const MAX_TEXT: usize = 256 << 10;

/// The world of a component: its imports and exports with these names, in their order.
pub fn world(types: TypesRef<'_>, imports: &[String], exports: &[String]) -> String {
    let mut world = World { types, names: HashMap::new(), out: String::new() };
    world.out += "package root:component;\n\nworld root {\n";
    let imported = |name: &String| Some((name.clone(), types.component_item_for_import(name)?.ty));
    let imports: Vec<_> = imports.iter().filter_map(imported).collect();
    // A function may come before the types that it takes, so all names are learned first.
    imports.iter().for_each(|(name, entity)| world.learn_names(name, entity));
    for (name, entity) in &imports {
        if !matches!(entity, ComponentEntityType::Type { .. }) {
            world.item("import ", name, entity);
        }
    }
    world.types_of_imports(&imports);
    if !imports.is_empty() && !exports.is_empty() {
        world.out.push('\n');
    }
    for name in exports {
        if let Some(item) = types.component_item_for_export(name) {
            world.item("export ", name, &item.ty);
        }
    }
    if world.is_full() {
        let end = world.out.floor_char_boundary(MAX_TEXT);
        world.out.truncate(end);
        world.out += "\n  ... more than is told here\n";
    }
    world.out + "}\n"
}

/// A type's name, and where it comes from.
#[derive(Clone)]
struct Name {
    name: String,
    /// The interface that it belongs to. `None` for a type of the world itself.
    interface: Option<String>,
}

/// The text so far.
struct World<'a> {
    types: TypesRef<'a>,
    names: HashMap<ComponentAnyTypeId, Name>,
    out: String,
}

impl World<'_> {
    fn is_full(&self) -> bool {
        self.out.len() >= MAX_TEXT
    }

    /// Learns the names from an import: its own, if it is a type, and those of the types in it.
    fn learn_names(&mut self, name: &str, entity: &ComponentEntityType) {
        match entity {
            ComponentEntityType::Instance(id) => {
                let types = self.types;
                for (inner, item) in &types[*id].exports {
                    if let ComponentEntityType::Type { created, .. } = item.ty {
                        let name = Name { name: inner.clone(), interface: Some(name.to_owned()) };
                        self.names.insert(created, name);
                    }
                }
            }
            ComponentEntityType::Type { created, .. } => {
                self.names.insert(*created, Name { name: name.to_owned(), interface: None });
            }
            _ => {}
        }
    }

    /// The types that the world names: one line for each interface, then its own types.
    fn types_of_imports(&mut self, imports: &[(String, ComponentEntityType)]) {
        let mut used: Vec<(String, Vec<String>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut own = Vec::new();
        for (name, entity) in imports {
            let ComponentEntityType::Type { referenced, .. } = entity else { continue };
            match self.name(*referenced).cloned() {
                Some(Name { name: inner, interface: Some(interface) }) => {
                    let told = if inner == *name { inner } else { format!("{inner} as {name}") };
                    let place = *places.entry(interface).or_insert_with_key(|interface| {
                        used.push((interface.clone(), Vec::new()));
                        used.len() - 1
                    });
                    used[place].1.push(told);
                }
                _ => own.push((name, entity)),
            }
        }
        for (interface, names) in used {
            let line = format!("use {interface}.{{{}}};", names.join(", "));
            self.out += &format!("  {}\n", text::one_line(&line));
        }
        for (name, entity) in own {
            self.item("", name, entity);
        }
    }

    /// One line, or several for an interface that has no name of its own.
    fn item(&mut self, direction: &str, name: &str, entity: &ComponentEntityType) {
        if self.is_full() {
            return;
        }
        let shown = text::one_line(name);
        self.out += "  ";
        self.out += direction;
        match entity {
            ComponentEntityType::Instance(id) if !name.contains('/') => {
                self.out += &format!("{shown}: interface {{\n");
                self.interface(*id);
                self.out += "  }";
            }
            ComponentEntityType::Instance(_) => self.out += &format!("{shown};"),
            entity => self.told(&shown, entity),
        }
        self.out.push('\n');
    }

    fn interface(&mut self, id: ComponentInstanceTypeId) {
        let types = self.types;
        for (name, item) in &types[id].exports {
            if self.is_full() {
                return;
            }
            self.out += "    ";
            self.told(&text::one_line(name), &item.ty);
            self.out.push('\n');
        }
    }

    fn told(&mut self, name: &str, entity: &ComponentEntityType) {
        let types = self.types;
        match entity {
            ComponentEntityType::Func(id) => {
                self.out += &format!("{name}: ");
                self.function(*id);
            }
            ComponentEntityType::Type { referenced: ComponentAnyTypeId::Defined(id), .. } => {
                self.out += &format!("type {name} = ");
                self.defined(&types[*id], 0);
            }
            ComponentEntityType::Type { referenced: ComponentAnyTypeId::Resource(_), .. } => {
                self.out += &format!("resource {name}");
            }
            ComponentEntityType::Type { .. } => self.out += &format!("type {name}"),
            ComponentEntityType::Value(value) => {
                self.out += &format!("{name}: value ");
                self.value(*value, 0);
            }
            ComponentEntityType::Module(_) => self.out += &format!("{name}: core module"),
            ComponentEntityType::Component(_) => self.out += &format!("{name}: component"),
            ComponentEntityType::Instance(_) => self.out += &format!("{name}: interface"),
        }
        self.out.push(';');
    }

    fn function(&mut self, id: ComponentFuncTypeId) {
        let types = self.types;
        let function = &types[id];
        self.out += if function.async_ { "async func(" } else { "func(" };
        for (at, (name, value)) in function.params.iter().enumerate() {
            self.out += if at > 0 { ", " } else { "" };
            self.field(name.as_str(), *value, 0);
        }
        self.out.push(')');
        if let Some(result) = function.result {
            self.out += " -> ";
            self.value(result, 0);
        }
    }

    fn field(&mut self, name: &str, value: ComponentValType, depth: usize) {
        self.out += name;
        self.out += ": ";
        self.value(value, depth);
    }

    /// A type's name, or its full text if it has none.
    fn value(&mut self, value: ComponentValType, depth: usize) {
        let types = self.types;
        match value {
            _ if depth >= MAX_DEPTH || self.is_full() => self.out += "...",
            ComponentValType::Primitive(primitive) => self.out += &primitive.to_string(),
            ComponentValType::Type(id) => match self.name(ComponentAnyTypeId::Defined(id)) {
                Some(name) => self.out += &name.name.clone(),
                None => self.defined(&types[id], depth + 1),
            },
        }
    }

    fn defined(&mut self, defined: &ComponentDefinedType, depth: usize) {
        use ComponentDefinedType as T;
        match defined {
            T::Primitive(primitive) => self.out += &primitive.to_string(),
            T::Record(record) => {
                let fields = record.fields.iter().map(|(name, value)| (name, Some(*value)));
                self.braces("record", fields, (": ", ""), depth);
            }
            T::Variant(variant) => {
                let cases = variant.cases.iter().map(|(name, case)| (name, case.ty));
                self.braces("variant", cases, ("(", ")"), depth);
            }
            T::Flags(names) => self.braces("flags", names.iter().map(|it| (it, None)), ("", ""), depth),
            T::Enum(names) => self.braces("enum", names.iter().map(|it| (it, None)), ("", ""), depth),
            T::Tuple(tuple) => {
                self.of("tuple", &tuple.types.iter().map(|it| Some(*it)).collect::<Vec<_>>(), depth)
            }
            T::List { element, .. } => self.of("list", &[Some(*element)], depth),
            T::FixedLengthList { element, length, .. } => {
                self.out += "list<";
                self.value(*element, depth);
                self.out += &format!(", {length}>");
            }
            T::Map { key, value, .. } => self.of("map", &[Some(*key), Some(*value)], depth),
            T::Option { ty, .. } => self.of("option", &[Some(*ty)], depth),
            T::Result { ok: None, err: None, .. } => self.out += "result",
            T::Result { ok, err: None, .. } => self.of("result", &[*ok], depth),
            T::Result { ok, err, .. } => self.of("result", &[*ok, *err], depth),
            T::Future { ty: None, .. } => self.out += "future",
            T::Future { ty, .. } => self.of("future", &[*ty], depth),
            T::Stream { ty: None, .. } => self.out += "stream",
            T::Stream { ty, .. } => self.of("stream", &[*ty], depth),
            T::Own(id) => self.resource(*id),
            T::Borrow(id) => {
                self.out += "borrow<";
                self.resource(*id);
                self.out.push('>');
            }
        }
    }

    /// `kind { name, name }`, each with its type, if it has one, in between of `around`.
    fn braces<'n>(
        &mut self,
        kind: &str,
        entries: impl Iterator<Item = (&'n KebabString, Option<ComponentValType>)>,
        around: (&str, &str),
        depth: usize,
    ) {
        self.out += kind;
        self.out += " { ";
        for (at, (name, value)) in entries.enumerate() {
            if self.is_full() {
                return;
            }
            self.out += if at > 0 { ", " } else { "" };
            self.out += name.as_str();
            if let Some(value) = value {
                self.out += around.0;
                self.value(value, depth);
                self.out += around.1;
            }
        }
        self.out += " }";
    }

    /// `kind<type, type>`; a type that is missing is `_`.
    fn of(&mut self, kind: &str, values: &[Option<ComponentValType>], depth: usize) {
        self.out += kind;
        self.out.push('<');
        for (at, value) in values.iter().enumerate() {
            if self.is_full() {
                return;
            }
            self.out += if at > 0 { ", " } else { "" };
            match value {
                Some(value) => self.value(*value, depth),
                None => self.out.push('_'),
            }
        }
        self.out.push('>');
    }

    fn resource(&mut self, id: AliasableResourceId) {
        let name = self.name(ComponentAnyTypeId::Resource(id)).map(|it| it.name.clone());
        self.out += name.as_deref().unwrap_or("resource");
    }

    /// The name of a type, or of the type that it is an alias of.
    fn name(&self, mut id: ComponentAnyTypeId) -> Option<&Name> {
        loop {
            match self.names.get(&id) {
                Some(name) => return Some(name),
                None => id = self.types.peel_alias(id)?,
            }
        }
    }
}
