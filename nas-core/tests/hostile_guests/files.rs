//! Files that are refused before they are compiled.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::common::fixture;
use super::registry;

/// The message of a file that is refused before anything of it runs.
pub fn refused(path: &Path) -> String {
    let text = registry().strategy(&path.to_string_lossy()).err().unwrap().to_string();
    assert!(text.contains(&*path.file_name().unwrap().to_string_lossy()), "names the file: {text}");
    assert!(text.contains("\n  help: "), "names a remedy: {text}");
    text
}

#[test]
fn another_contract_version_is_refused_before_instantiation() {
    assert!(refused(&fixture("wrong-version")).contains("version 0.99.0 of the contract; this program speaks 0.1.0"));
}

#[test]
fn an_import_that_is_not_offered_is_named() {
    assert!(refused(&fixture("unknown-import")).contains("imports 'nas:plugin/clock@0.1.0', which is not offered"));
}

#[test]
fn files_that_are_no_components_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = std::fs::read(fixture("panics")).unwrap();
    for cut in [9, 100, whole.len() / 2, whole.len() - 1] {
        assert!(refused(&write("cut.wasm", &whole[..cut])).contains("is damaged or not supported"), "cut at {cut}");
    }
    assert!(refused(&write("text.wasm", b"not a component at all")).contains("is not a WebAssembly component"));
    assert!(refused(&write("empty.wasm", b"")).contains("is not a WebAssembly component"));
    let module = refused(&write("module.wasm", b"\0asm\x01\0\0\0"));
    assert!(module.contains("core WebAssembly module, not a component"), "{module}");
    let component = refused(&write("nothing.wasm", b"\0asm\x0d\0\x01\0"));
    assert!(component.contains("neither a space nor a strategy nor an evaluator"), "{component}");
    assert!(refused(&folder.path().join("missing.wasm")).contains("cannot be read"));
}

#[test]
fn a_component_of_another_kind_is_refused() {
    let text = registry().space(&fixture("panics").to_string_lossy()).err().unwrap().to_string();
    assert!(text.contains("is a strategy, not a space"), "{text}");
}

/// The message with which a component in the text format is refused at once.
fn refused_text(name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.wasm"));
    std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    let begin = Instant::now();
    let refusal = refused(&path);
    assert!(begin.elapsed() < Duration::from_secs(10), "{name} took {:?}", begin.elapsed());
    refusal
}

/// A component around these parts that passes for a strategy.
fn strategy(parts: &str) -> String {
    format!("(component {parts} (instance $it) (export \"nas:plugin/strategy@0.1.0\" (instance $it)))")
}

#[test]
fn instances_are_counted_with_their_multiplicity() {
    let mut parts = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..=40 {
        let twice = format!("(instance (instantiate $c{}))", level - 1).repeat(2);
        // Nested, because a component that is passed on is refused for that.
        parts = format!("(component $c{level} {parts} {twice})");
        if level == 4 {
            let twice = "(instance (instantiate $c4))".repeat(2);
            let wide = refused_text("wide", &strategy(&format!("{parts} {twice}")));
            assert!(wide.contains("has more than 64 instances within it"), "{wide}");
        }
    }
    let deep = refused_text("deep", &strategy(&format!("{parts} (instance (instantiate $c40))")));
    assert!(deep.contains("has components within components, more than 8 deep"), "{deep}");
    let mut side_by_side = String::from("(component $c0 (core module $m) (core instance (instantiate $m)))");
    for level in 1..=40 {
        let before = level - 1;
        let _ = write!(
            side_by_side,
            "(component $c{level} (alias outer 1 $c{before} (component $it)) \
             (instance (instantiate $it)) (instance (instantiate $it)))"
        );
    }
    let passed = refused_text("passed", &strategy(&side_by_side));
    assert!(passed.contains("passes components on to each other"), "{passed}");
}

#[test]
fn code_that_would_keep_the_compiler_busy_is_refused() {
    let functions = strategy(&format!("(core module {})", "(func)".repeat(100_001)));
    assert!(refused_text("functions", &functions).contains("has more than 100000 functions"));
    let long = strategy(&format!("(core module (func {}))", "nop ".repeat(1_100_000)));
    assert!(refused_text("body", &long).contains("has a function of more than 512 KiB"));
    let blocks = format!("{}{}", "block ".repeat(2000), "local.get 0 br_if 0 end ".repeat(2000));
    let busy = strategy(&format!("(core module (func (local {}) {blocks}))", "i32 ".repeat(20_000)));
    let busy = refused_text("jumps", &busy);
    let loops = format!("{}{}", "loop ".repeat(500), "local.get 0 br_if 0 end ".repeat(500));
    let nested = strategy(&format!("(core module (func (local {}) {loops}))", "i32 ".repeat(500)));
    let nested = refused_text("loops", &nested);
    assert!(nested.contains("has a function of 501 local variables, 500 jumps and 500 loops"), "{nested}");
    let blocks = format!("{}{}", "block ".repeat(500), "local.get 0 br_if 0 end ".repeat(500));
    let function = format!("(func (local {}) {blocks})", "i32 ".repeat(1000));
    let many = refused_text("many-jumps", &strategy(&format!("(core module {})", function.repeat(20))));
    assert!(many.contains("has too many functions of many local variables, jumps and loops"), "{many}");
    assert!(busy.contains("has a function of 20001 local variables, 4000 jumps and 0 loops"), "{busy}");
}

#[test]
fn types_without_end_are_refused() {
    let mut types = String::new();
    let fields: String = (0..900).map(|field| format!("(field \"a-field-of-a-long-name-{field}\" u32)")).collect();
    for level in 0..30 {
        let _ = write!(types, "(type $r{level} (record {fields}))");
    }
    let refusal = refused_text("types", &strategy(&types));
    assert!(refusal.contains("has more than 256 KiB of types"), "{refusal}");
}

#[test]
fn what_is_not_part_of_the_contract_is_not_compiled() {
    for (name, module) in [
        ("shared", "(memory 1 1 shared)"),
        ("wait", "(memory 1) (func (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))"),
        ("structs", "(type $s (struct (field i32))) (func (drop (struct.new_default $s)))"),
        ("exceptions", "(tag $t) (func (throw $t))"),
    ] {
        let refusal = refused_text(name, &strategy(&format!("(core module {module})")));
        assert!(refusal.contains("is damaged or not supported"), "{name}: {refusal}");
    }
}

/// Modules that misbehave when they are instantiated, each in a component that has what the contract asks for.
#[test]
fn a_component_without_the_functions_of_the_contract_is_refused_before_it_starts() {
    let text = strategy("(core module $m (func $f (loop $l (br $l))) (start $f)) (core instance (instantiate $m))");
    let refusal = refused_text("start-loops", &text);
    assert!(refusal.contains("does not fit the contract"), "{refusal}");
}
