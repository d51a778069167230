//! Names that Python takes.

use crate::names::Names;

/// What a generated module uses itself, and Python's own words.
const TAKEN: &[&str] = &[
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
    // Attributes of `nn.Module` that a submodule must not replace.
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

/// Names that are in use.
#[derive(Debug)]
pub struct Legal(Names);

impl Legal {
    /// Only what every module uses.
    pub fn new() -> Self {
        let mut names = Names::default();
        TAKEN.iter().for_each(|&name| names.take(name.to_owned()));
        Self(names)
    }

    /// A legal name of its own, as near to the wanted one as can be: `stage1.cell0` becomes `stage1_cell0`.
    pub fn legal(&mut self, wanted: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let mut name: String = wanted.chars().take(100).map(plain).collect();
        // A leading underscore would also do for Python, but not for people: it means that a name is private.
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            name = format!("node_{}", name.trim_start_matches('_'));
        }
        self.0.fresh(&name)
    }
}

/// A text as Python writes it, on one line.
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

/// One number where all are equal, else all of them: `3`, `(3, 5)`.
pub fn sizes(values: &[i64]) -> String {
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => first.to_string(),
        _ => tuple(values),
    }
}

/// `(1,)`, `(1, 2)`.
pub fn tuple(values: &[i64]) -> String {
    match values {
        [one] => format!("({one},)"),
        _ => format!("({})", list(values)),
    }
}

/// `1, 2`.
pub fn list(values: &[i64]) -> String {
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_and_of_their_own() {
        let mut names = Legal::new();
        for (wanted, legal) in [
            ("a.b", "a_b"),
            ("a_b", "a_b_2"),
            ("7", "node_7"),
            ("", "node_"),
            ("é\n\"", "node__2"),
            ("_x", "node_x"),
            ("for", "for_2"),
            ("train", "train_2"),
        ] {
            assert_eq!(names.legal(wanted), legal, "{wanted}");
        }
        assert_eq!(quoted("a\"\n\\é"), "\"a\\\"\\U0000000a\\\\\\U000000e9\"");
    }
}
