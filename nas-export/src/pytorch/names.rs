//! Names and literals in Python.

use crate::names::Names;

/// Python's keywords and the names that a generated module uses itself.
const RESERVED: &[&str] = &[
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "F",
    "Network",
    "Path",
    "attention",
    "average_pool",
    "depth_to_space",
    "float",
    "load",
    "load_file",
    "math",
    "nn",
    "rotary",
    "routing",
    "self",
    "space_to_depth",
    "torch",
    // Attributes of `nn.Module`, which a submodule must not replace.
    "T_destination",
    "add_module",
    "apply",
    "bfloat16",
    "buffers",
    "call_super_init",
    "children",
    "compile",
    "cpu",
    "cuda",
    "double",
    "dump_patches",
    "eval",
    "extra_repr",
    "forward",
    "get_buffer",
    "get_extra_state",
    "get_parameter",
    "get_submodule",
    "half",
    "ipu",
    "load_state_dict",
    "modules",
    "mtia",
    "named_buffers",
    "named_children",
    "named_modules",
    "named_parameters",
    "parameters",
    "register_buffer",
    "register_module",
    "register_parameter",
    "requires_grad_",
    "set_extra_state",
    "set_submodule",
    "share_memory",
    "state_dict",
    "to",
    "to_empty",
    "train",
    "training",
    "type",
    "xpu",
    "zero_grad",
];

/// The names that are in use.
#[derive(Debug)]
pub struct PythonNames(Names);

impl PythonNames {
    /// Starts with the names that every module uses.
    pub fn new() -> Self {
        let mut names = Names::default();
        RESERVED.iter().for_each(|&name| names.take(name.to_owned()));
        Self(names)
    }

    /// Returns an unused identifier like the wanted name: `stage1.cell0` becomes `stage1_cell0`.
    pub fn identifier(&mut self, wanted: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let mut name: String = wanted.chars().take(100).map(plain).collect();
        // A leading underscore would be legal, but means that a name is private.
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            name = format!("node_{}", name.trim_start_matches('_'));
        }
        self.0.fresh(&name)
    }
}

/// Returns a text as a string literal on one line.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            _ => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    quoted + "\""
}

/// Returns one number if all are equal, else a tuple: `3`, `(3, 5)`.
pub fn sizes(values: &[i64]) -> String {
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => first.to_string(),
        _ => tuple(values),
    }
}

/// Returns a tuple: `(1,)`, `(1, 2)`.
pub fn tuple(values: &[i64]) -> String {
    match values {
        [one] => format!("({one},)"),
        _ => format!("({})", list(values)),
    }
}

/// Returns the numbers separated by commas: `1, 2`.
pub fn list(values: &[i64]) -> String {
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_identifiers() {
        let mut names = PythonNames::new();
        for (wanted, identifier) in [
            ("a.b", "a_b"),
            ("a_b", "a_b_2"),
            ("7", "node_7"),
            ("", "node_"),
            ("é\n\"", "node__2"),
            ("_x", "node_x"),
            ("for", "for_2"),
            ("train", "train_2"),
        ] {
            assert_eq!(names.identifier(wanted), identifier, "{wanted}");
        }
        assert_eq!(quoted("a\"\n\\é"), "\"a\\\"\\U0000000a\\\\\\U000000e9\"");
    }
}
