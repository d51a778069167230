//! The recipes that come with this evaluator: settings of its parameters under a name.

/// A named set of settings. The host reads it; this evaluator is given every parameter in the end.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// What `recipe` is set to.
    pub name: &'static str,
    /// TOML: `about`, and the table `evaluator`.
    pub toml: &'static str,
}

macro_rules! recipes {
    ($($name:literal),*) => {
        &[$(Recipe { name: $name, toml: include_str!(concat!("../recipes/", $name, ".toml")) }),*]
    };
}

/// All of them, by name.
pub const RECIPES: &[Recipe] =
    recipes!["darts", "detection", "fast", "language", "nas-bench-201", "nas-bench-201-12", "table"];
