//! `nas space check`: runs the conformance suite of spaces.

use std::process::ExitCode;

use nas_api::conformance::{Verdict, suite};
use nas_core::{MAX_MESSAGE, shown};
use serde_json::{Value, json};

use crate::args::{Args, SpaceCheck};
use crate::failure::Failure;
use crate::{print, space};

/// The exit code if the space breaks a promise.
const BROKEN: u8 = 1;
/// The characters of a counterexample that are shown at most: genotypes can be long.
const LONGEST: usize = 600;

/// Runs the conformance suite and lists which promises the space keeps and which it breaks.
///
/// # Errors
/// The space cannot be opened. A broken promise is not an error, but sets the exit code.
pub fn check(args: &Args, check: &SpaceCheck) -> Result<ExitCode, Failure> {
    let open = || space::opened(args, &check.space, &check.task);
    let ((mut first, task), (mut twin, _)) = (open()?, open()?);
    let task = (!check.no_networks).then_some(&task);
    let verdicts = suite(&mut *first, &mut *twin, task, check.samples);
    let broken = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Broken(_))).count();
    let skipped = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Skipped(_))).count();
    let code = if broken > 0 { ExitCode::from(BROKEN) } else { ExitCode::SUCCESS };
    if check.json {
        let checks: Vec<Value> = verdicts
            .iter()
            .map(|(check, verdict)| {
                let (state, reason) = match verdict {
                    Verdict::Kept => ("kept", None),
                    Verdict::Broken(counterexample) => ("broken", Some(counterexample.as_str())),
                    Verdict::Skipped(reason) => ("skipped", Some(*reason)),
                };
                json!({"check": check.name, "promise": check.promise, "verdict": state, "reason": reason})
            })
            .collect();
        print::json(&json!({"space": check.space, "samples": check.samples, "broken": broken, "checks": checks}))?;
        return Ok(code);
    }
    for (check, verdict) in &verdicts {
        let state = match verdict {
            Verdict::Kept => "kept",
            Verdict::Broken(_) => "BROKEN",
            Verdict::Skipped(_) => "skipped",
        };
        out!("{state:8} {:10} {}", check.name, check.promise);
        match verdict {
            Verdict::Kept => {}
            Verdict::Broken(counterexample) => {
                // What the space says may have line breaks, which would begin lines of their own.
                out!("{:19} {}", "", shown(&shortened(counterexample), MAX_MESSAGE));
            }
            Verdict::Skipped(reason) => out!("{:19} {reason}", ""),
        }
    }
    let kept = verdicts.len() - broken - skipped;
    out!("\n{kept} kept, {broken} broken, {skipped} skipped, on {} samples and their mutants", check.samples);
    let refused = |(check, verdict): &(nas_api::conformance::Check, Verdict)| match verdict {
        Verdict::Broken(reason) => check.name == "build" && reason.contains("refuses the task"),
        _ => false,
    };
    if verdicts.iter().any(refused) {
        out!("help: try another --input, or --no-networks if the space has none");
    }
    Ok(code)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
