//! The built-in recipes: named settings of this evaluator's parameters.

/// A named set of settings. The host reads it, and gives this evaluator the resulting value of every parameter.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// The recipe's name, as a value of the parameter `recipe`.
    pub name: &'static str,
    /// A TOML document with `about` and the table `evaluator`.
    pub toml: &'static str,
}

macro_rules! recipes {
    ($($name:literal),*) => {
        &[$(Recipe { name: $name, toml: include_str!(concat!("../recipes/", $name, ".toml")) }),*]
    };
}

/// All built-in recipes, sorted by name.
pub const RECIPES: &[Recipe] =
    recipes!["darts", "detection", "fast", "language", "nas-bench-201", "nas-bench-201-12", "table"];
