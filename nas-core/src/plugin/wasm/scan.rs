//! Reads a component's file before it is compiled: what it exports and imports, and whether compiling it is bounded.
//!
//! Compilation has no limit of its own. A file of two kilobytes can instantiate components within components 2^40
//! times, and one function can keep the compiler busy for hours; so what no plugin needs is refused here, in a time
//! that is linear in the size of the file.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, Encoding,
    FunctionBody, Instance, Operator, Parser, Payload,
};

use super::limits::MAX_INSTANCES;

/// The maximum depth of components within components. What `wasm-tools` builds has a depth of 2.
const MAX_DEPTH: usize = 8;
/// The maximum number of functions, types, imports, exports, globals, tables, memories and segments of all modules.
const MAX_ITEMS: u64 = 100_000;
/// The maximum size of what is in a component besides its modules, in bytes: its types, imports, exports, instances and
/// adapters. The contract takes less than 20 KiB.
const MAX_SHELL: u64 = 256 << 10;
/// The maximum size of one function, in bytes. Those of the components of this repository have at most 37 KiB.
const MAX_BODY: u64 = 512 << 10;
/// The maximum number of local variables of a function times its jumps, and times its loops, which the compiler takes
/// time and memory of. The largest functions of the components of this repository reach 166,000 and 8,000.
const MAX_JUMPS: u64 = 2_000_000;
const MAX_LOOPS: u64 = 100_000;
/// The maximum of these numbers for all functions together. The components of this repository reach 700,000 and 25,000.
const MAX_ALL_JUMPS: u64 = 10_000_000;
const MAX_ALL_LOOPS: u64 = 300_000;

/// What the names of a component say.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

/// Why a file is refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// The file cannot be read as a component.
    Damaged(String),
    /// It needs more than any plugin needs.
    TooMuch(String),
}

impl From<wasmparser::Error> for Refused {
    fn from(error: wasmparser::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// A component or module whose end has not been reached.
#[derive(Default)]
struct Open {
    component: bool,
    /// The number of instances that instantiating it makes.
    instances: u64,
    /// The same number for each component that it can instantiate.
    components: Vec<u64>,
}

#[derive(Default)]
struct Scan {
    names: Names,
    open: Vec<Open>,
    items: u64,
    shell: u64,
    jumps: u64,
    loops: u64,
}

/// Reads a component's file.
///
/// # Errors
/// The file is damaged, or compiling it might not end.
pub(super) fn scan(bytes: &[u8]) -> Result<Names, Refused> {
    let mut scan = Scan::default();
    for payload in Parser::new(0).parse_all(bytes) {
        scan.payload(payload?)?;
    }
    Ok(scan.names)
}

impl Scan {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), Refused> {
        match payload {
            Payload::Version { encoding, .. } => self.begin(encoding == Encoding::Component),
            Payload::End(_) => self.end(),
            Payload::TypeSection(section) => self.items(section.count()),
            Payload::ImportSection(section) => self.items(section.count()),
            Payload::FunctionSection(section) => self.items(section.count()),
            Payload::TableSection(section) => self.items(section.count()),
            Payload::MemorySection(section) => self.items(section.count()),
            Payload::TagSection(section) => self.items(section.count()),
            Payload::GlobalSection(section) => self.items(section.count()),
            Payload::ExportSection(section) => self.items(section.count()),
            Payload::ElementSection(section) => self.items(section.count()),
            Payload::DataSection(section) => self.items(section.count()),
            Payload::CodeSectionEntry(body) => self.function(&body),
            Payload::CoreTypeSection(section) => self.shell(section.range()),
            Payload::ComponentTypeSection(section) => self.shell(section.range()),
            Payload::ComponentCanonicalSection(section) => self.shell(section.range()),
            Payload::InstanceSection(section) => {
                self.shell(section.range())?;
                for instance in section {
                    if let Instance::Instantiate { .. } = instance? {
                        self.instances(1)?;
                    }
                }
                Ok(())
            }
            Payload::ComponentInstanceSection(section) => {
                self.shell(section.range())?;
                for instance in section {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        let components = self.open.last().map_or(&[][..], |open| &open.components);
                        let within = components.get(component_index as usize).copied();
                        self.instances(within.ok_or_else(|| Refused::Damaged("unknown component".into()))?)?;
                    }
                }
                Ok(())
            }
            Payload::ComponentAliasSection(section) => {
                self.shell(section.range())?;
                for alias in section {
                    match alias? {
                        ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. }
                        | ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, .. } => {
                            return Err(passed_on());
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
            Payload::ComponentImportSection(section) => {
                self.shell(section.range())?;
                for import in section {
                    let import = import?;
                    if let ComponentTypeRef::Component(_) = import.ty {
                        return Err(passed_on());
                    }
                    if self.open.len() == 1 {
                        self.names.imports.push(import.name.name.to_owned());
                    }
                }
                Ok(())
            }
            Payload::ComponentExportSection(section) => {
                self.shell(section.range())?;
                for export in section {
                    let export = export?;
                    if export.kind == ComponentExternalKind::Component {
                        return Err(passed_on());
                    }
                    if self.open.len() == 1 {
                        self.names.exports.push(export.name.name.to_owned());
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, component: bool) -> Result<(), Refused> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Refused::TooMuch(format!("has components within components, more than {MAX_DEPTH} deep")));
        }
        self.open.push(Open { component, instances: u64::from(component), ..Open::default() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refused> {
        let ended = self.open.pop();
        if let (Some(Open { component: true, instances, .. }), Some(outer)) = (ended, self.open.last_mut()) {
            outer.components.push(instances);
        }
        Ok(())
    }

    fn instances(&mut self, more: u64) -> Result<(), Refused> {
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        open.instances = open.instances.saturating_add(more);
        if open.instances > MAX_INSTANCES as u64 {
            return Err(Refused::TooMuch(format!("has more than {MAX_INSTANCES} instances within it")));
        }
        Ok(())
    }

    fn items(&mut self, count: u32) -> Result<(), Refused> {
        self.items += u64::from(count);
        if self.items > MAX_ITEMS {
            return Err(Refused::TooMuch(format!("has more than {MAX_ITEMS} functions, types and other definitions")));
        }
        Ok(())
    }

    fn shell(&mut self, range: std::ops::Range<usize>) -> Result<(), Refused> {
        self.shell += range.len() as u64;
        if self.shell > MAX_SHELL {
            let most = MAX_SHELL >> 10;
            return Err(Refused::TooMuch(format!("has more than {most} KiB of types, instances and adapters")));
        }
        Ok(())
    }

    fn function(&mut self, body: &FunctionBody<'_>) -> Result<(), Refused> {
        if body.range().len() as u64 > MAX_BODY {
            return Err(Refused::TooMuch(format!("has a function of more than {} KiB", MAX_BODY >> 10)));
        }
        let mut locals = 1_u64;
        for group in body.get_locals_reader()? {
            locals = locals.saturating_add(u64::from(group?.0));
        }
        let (mut jumps, mut loops) = (0_u64, 0_u64);
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::BrTable { targets } => jumps += u64::from(targets.len()) + 1,
                Operator::Loop { .. } => loops += 1,
                Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => jumps += 1,
                Operator::Br { .. } | Operator::BrIf { .. } => jumps += 1,
                _ => {}
            }
        }
        let (by_jumps, by_loops) = (locals.saturating_mul(jumps), locals.saturating_mul(loops));
        if by_jumps > MAX_JUMPS || by_loops > MAX_LOOPS {
            let counts = format!("{locals} local variables, {jumps} jumps and {loops} loops");
            return Err(Refused::TooMuch(format!("has a function of {counts}")));
        }
        self.jumps += by_jumps;
        self.loops += by_loops;
        if self.jumps > MAX_ALL_JUMPS || self.loops > MAX_ALL_LOOPS {
            return Err(Refused::TooMuch("has too many functions of many local variables, jumps and loops".into()));
        }
        Ok(())
    }
}

/// The multiplicity of a component that is passed on cannot be told from the file alone.
fn passed_on() -> Refused {
    Refused::TooMuch("passes components on to each other".into())
}
