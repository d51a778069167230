//! Builds the components of `plugins/`, and the native libraries, into `target/plugins`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run::{cargo, run};
use crate::{guest, root};

/// Folders of `plugins/` that are one package each, whose every example is a component.
const EXAMPLES: [(&str, &str); 3] =
    [("fixtures", "nas-fixtures"), ("spaces", "space-components"), ("strategies", "strategy-components")];

/// Packages that make one component each: its folder in `plugins/`, its name, and the package.
const PACKAGES: [(&str, &str, &str); 2] =
    [("evaluators", "cost", "evaluator-cost"), ("examples", "hill-climber", "example-hill-climber")];

/// Packages that make a native library.
const LIBRARIES: [&str; 2] = ["evaluator-cost", "fixture-unruly"];

/// What the demo searches with.
const DEMO: [(&str, &str); 2] = [("spaces", "mlp"), ("strategies", "regularized-evolution")];

/// One component.
struct Component {
    /// The folder of `target/plugins` that it is copied to.
    folder: &'static str,
    name: String,
    package: &'static str,
    /// Whether it is an example of its package, rather than the package's library.
    is_example: bool,
}

impl Component {
    /// The file that cargo makes, below the folder of the profile.
    fn built(&self) -> String {
        if self.is_example {
            format!("examples/{}.wasm", self.name.replace('-', "_"))
        } else {
            format!("{}.wasm", self.package.replace('-', "_"))
        }
    }
}

/// All components and native libraries. The libraries are compiled together with `beside`, a package that is built
/// next, so that both get their dependencies with the same features and share them.
pub fn build(beside: Option<&str>) -> Result<()> {
    let components = all()?;
    compile(&components, &["--lib", "--examples"])?;
    let mut libraries = cargo(&["build", "--release", "--locked"]);
    run(libraries.args(LIBRARIES.into_iter().chain(beside).flat_map(|package| ["--package", package])))?;
    let plugins = root().join("target/plugins");
    if plugins.exists() {
        fs::remove_dir_all(&plugins).with_context(|| format!("cannot empty {}", plugins.display()))?;
    }
    place(&components)?;
    for package in LIBRARIES {
        let library = library(package);
        copy(&root().join("target/release").join(&library), &plugins.join("libraries").join(&library))?;
    }
    eprintln!("{} components and {} libraries are in {}", components.len(), LIBRARIES.len(), plugins.display());
    Ok(())
}

/// The components of the demo alone.
pub fn build_demo() -> Result<()> {
    let mut components = all()?;
    components.retain(|component| DEMO.contains(&(component.folder, &component.name)));
    let targets: Vec<&str> = DEMO.into_iter().flat_map(|(_, name)| ["--example", name]).collect();
    compile(&components, &targets)?;
    place(&components)
}

/// The component of one package, wherever it is; says where the file is.
pub fn build_one(folder: &Path) -> Result<()> {
    let folder = std::path::absolute(folder)?;
    let name = package(&folder)?;
    let target = folder.join("target");
    let mut cargo = guest::compiler()?.cargo(&target);
    run(cargo.args(["build", "--release", "--manifest-path"]).arg(folder.join("Cargo.toml")))?;
    let file = target.join("wasm32-unknown-unknown/release").join(format!("{}.wasm", name.replace('-', "_")));
    if !file.is_file() {
        bail!("{} makes no component: its manifest needs [lib] crate-type = [\"cdylib\"]", folder.display());
    }
    println!("{}", file.display());
    Ok(())
}

/// Every component of `plugins/`.
fn all() -> Result<Vec<Component>> {
    let mut found = Vec::new();
    for (folder, package) in EXAMPLES {
        let names = examples(&root().join("plugins").join(folder))?;
        found.extend(names.into_iter().map(|name| Component { folder, name, package, is_example: true }));
    }
    for (folder, name, package) in PACKAGES {
        found.push(Component { folder, name: name.into(), package, is_example: false });
    }
    Ok(found)
}

/// Where cargo makes components.
fn guests() -> PathBuf {
    root().join("target/guest")
}

/// Compiles these targets of the components' packages.
fn compile(components: &[Component], targets: &[&str]) -> Result<()> {
    let packages: BTreeSet<&str> = components.iter().map(|component| component.package).collect();
    let mut cargo = guest::compiler()?.cargo(&guests());
    cargo.args(["build", "--profile", "guest", "--locked"]).args(targets);
    run(cargo.args(packages.into_iter().flat_map(|package| ["--package", package])))
}

/// Copies what was compiled to `target/plugins`.
fn place(components: &[Component]) -> Result<()> {
    let built = guests().join("wasm32-unknown-unknown/guest");
    for component in components {
        let file = root().join("target/plugins").join(component.folder).join(format!("{}.wasm", component.name));
        copy(&built.join(component.built()), &file)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// The names of a package's examples, in order: those of its files, which cargo holds to the manifest.
fn examples(package: &Path) -> Result<Vec<String>> {
    let folder = package.join("examples");
    let read = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in read {
        let file = PathBuf::from(entry?.file_name());
        names.push(file.with_extension("").to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// What this machine calls the dynamic library of a package.
fn library(package: &str) -> String {
    format!("{}{}{}", std::env::consts::DLL_PREFIX, package.replace('-', "_"), std::env::consts::DLL_SUFFIX)
}

/// The package's name, from the first `name = "…"` of its manifest.
fn package(folder: &Path) -> Result<String> {
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    match names(&text).next() {
        Some(name) => Ok(name.to_owned()),
        None => bail!("{} has no line `name = \"…\"`", manifest.display()),
    }
}

/// What follows `name = ` in a manifest: first the package, then its targets.
fn names(manifest: &str) -> impl Iterator<Item = &str> {
    manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(folder: &str) -> String {
        fs::read_to_string(root().join("plugins").join(folder).join("Cargo.toml")).unwrap()
    }

    #[test]
    fn manifests_list_every_example_in_order() {
        for (folder, package) in EXAMPLES {
            let text = manifest(folder);
            let mut listed = names(&text);
            assert_eq!(listed.next(), Some(package));
            let listed: Vec<String> = listed.map(str::to_owned).collect();
            assert_eq!(listed, examples(&root().join("plugins").join(folder)).unwrap(), "plugins/{folder}/Cargo.toml");
        }
    }

    #[test]
    fn examples_have_one_folder_of_the_target_to_themselves() {
        let components = all().unwrap();
        let files: BTreeSet<String> = components.iter().map(Component::built).collect();
        assert_eq!(files.len(), components.len(), "two components have one name");
        for demo in DEMO {
            assert!(components.iter().any(|component| (component.folder, component.name.as_str()) == demo), "{demo:?}");
        }
    }

    #[test]
    fn packages_have_the_names_that_are_used_here() {
        for (folder, name, package) in PACKAGES {
            assert_eq!(names(&manifest(&format!("{folder}/{name}"))).next(), Some(package));
        }
    }
}
