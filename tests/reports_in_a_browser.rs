//! The HTML report in headless Chromium: everything is drawn and works, without an error and without a request.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{json, nas, succeed};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A script that runs before the page and records errors.
const WATCH: &str = include_str!("browser/watch.js");
/// A script that runs after the page, uses it, and writes down the results.
const USE: &str = include_str!("browser/use.js");

/// The browser that `NAS_CHROMIUM` names, or that is on the path. Without one, a reason is printed and the test is to
/// be skipped; but with the variable `CI`, that is a failure.
fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("NAS_CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let candidates = || names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = named.or_else(|| candidates().find(|program| program.is_file()));
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "there is no Chromium to look at reports with");
        eprintln!("skipped: there is no chromium on the path");
    }
    found
}

fn browser(program: &Path, profile: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]);
    command.args(["--disable-component-update", "--disable-sync", "--window-size=1280,900", "--enable-logging=stderr"]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    command
}

/// The page with a policy that runs this script, too: it runs none whose digest it does not name.
fn allowing(html: &str, script: &str) -> String {
    let digest = STANDARD.encode(Sha256::digest(script.as_bytes()));
    html.replacen("script-src ", &format!("script-src 'sha256-{digest}' "), 1)
}

/// Opens a page, uses it, and returns the results.
fn use_page(program: &Path, html: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    // The first script stands before the page's policy.
    let watched = allowing(html, USE).replacen("<head>", &format!("<head><script>{WATCH}</script>"), 1);
    fs::write(&page, watched.replacen("</body>", &format!("<script>{USE}</script></body>"), 1)).unwrap();
    let mut command = browser(program, folder.path());
    command.args(["--virtual-time-budget=20000", "--dump-dom"]).arg(format!("file://{}", page.display()));
    let output = command.output().unwrap();
    let (text, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let found = text.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let found = found.unwrap_or_else(|| panic!("the page was not used to the end\n{log}"));
    let unescaped = found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let mut found: Value = serde_json::from_str(&unescaped).unwrap();
    let logged: Vec<&str> = log.lines().filter(|line| line.contains(":CONSOLE")).collect();
    found["console"] = logged.into();
    found
}

/// A grid of strategies and problems with hostile names, two objectives, and more strategies than are highlighted.
const GRID: &str = r#"
seeds = 4
[budget]
trials = 30
[strategies."<script>document.title='broken'</script>"]
use = "genetic"
[strategies."\"><img src=x onerror=alert(1)></style></svg>|*`"]
use = "local-search"
[strategies."a name that says every setting: population 100, sample 25, mutation 0.1, crossover 0.9, and so on and on"]
use = "regularized-evolution"
[strategies."進化 &amp; é"]
use = "nsga2"
[strategies.tpe]
use = "tpe"
[strategies.mcts]
use = "mcts"
[strategies.reinforce]
use = "reinforce"
[strategies.simulated-annealing]
use = "simulated-annealing"
[problems."synthetic/nk"]
[problems."synthetic/lotz"]
[problems."<b>x</b>"]
space = "synthetic"
evaluator = "synthetic"
data = "additive"
"#;

fn report(folder: &Path) -> String {
    let (grid, out, html) = (folder.join("grid.toml"), folder.join("out"), folder.join("report.html"));
    fs::write(&grid, GRID).unwrap();
    json(nas(["bench", grid.to_str().unwrap(), "--out"]).arg(&out));
    succeed(nas(["report", out.to_str().unwrap(), "--out"]).arg(&html));
    fs::read_to_string(html).unwrap()
}

#[test]
fn a_report_works_in_a_browser() {
    let Some(program) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let html = report(folder.path());
    let found = use_page(&program, &html);
    for clean in ["errors", "refused", "requests", "console", "empty", "undrawn"] {
        assert!(found[clean].as_array().unwrap().is_empty(), "{clean}: {found:#}");
    }
    assert_eq!(found["title"], "Benchmark: <b>x</b>, synthetic/lotz, synthetic/nk");
    // Each problem has three charts of curves, fronts have two, and there is the profile. Four seeds are too few for ranks.
    assert!(found["charts"].as_u64().unwrap() >= 12, "{found:#}");
    assert_eq!(found["strategies"], 9, "{found:#}");
    for works in [
        "hides",
        "shows",
        "isolates",
        "shows all",
        "points",
        "zooms",
        "whole again",
        "sorts",
        "folds",
        "link opens",
        "fits the window",
    ] {
        assert_eq!(found[works], true, "{works}: {found:#}");
    }
    // Printing gives a reasonable number of pages.
    let pdf = folder.path().join("report.pdf");
    let mut print = browser(&program, folder.path());
    print.arg(format!("--print-to-pdf={}", pdf.display()));
    assert!(
        print.arg(format!("file://{}", folder.path().join("report.html").display())).output().unwrap().status.success()
    );
    let printed = fs::read(&pdf).unwrap();
    let pages = String::from_utf8_lossy(&printed).matches("/Type /Page\n").count();
    assert!((3..20).contains(&pages), "{pages} pages");
}

/// The test above would notice these defects.
#[test]
fn defects_of_a_page_are_detected() {
    let Some(program) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let html = report(folder.path());
    let with = |what: &str| use_page(&program, &html.replacen("<main>", &format!("<main>{what}"), 1));
    let any = |found: &Value, what: &str| !found[what].as_array().unwrap().is_empty();
    let found = with("<script>nothing.there();</script>");
    assert!(any(&found, "refused") && !any(&found, "errors"), "a foreign script does not run: {found:#}");
    let script = "nothing.there();";
    let allowed = allowing(&html, script).replacen("<main>", &format!("<main><script>{script}</script>"), 1);
    let found = use_page(&program, &allowed);
    assert!(any(&found, "errors") && any(&found, "console"), "{found:#}");
    // The report's security policy refuses the image; without the policy, it is requested.
    let image = "<img src=\"http://127.0.0.1:9/x.png\">";
    assert!(any(&with(image), "refused"));
    let open = html.replacen("Content-Security-Policy", "nothing", 1).replacen("<main>", &format!("<main>{image}"), 1);
    assert!(any(&use_page(&program, &open), "requests"));
    assert!(any(&with("<figure><svg></svg></figure>"), "undrawn"));
}
