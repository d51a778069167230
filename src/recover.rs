//! `nas recover`: saves what can be read of a damaged study.

use std::process::ExitCode;

use nas_core::study::{Recovery, recover};
use serde_json::json;

use crate::args::Recover;
use crate::failure::Failure;
use crate::print;

/// Saves what can be read of a damaged study into a new one.
///
/// # Errors
/// Nothing can be read, or the new study exists or cannot be written.
pub fn save(arguments: &Recover) -> Result<ExitCode, Failure> {
    let out = arguments.out.display();
    let recovery = recover(&arguments.file, &arguments.out, arguments.resumable)?;
    let Recovery { trials, lost, resumes, resumable } = recovery;
    if arguments.json {
        let numbers = json!({
            "file": arguments.out, "trials": trials, "lost": lost, "resumes": resumes, "resumable_trials": resumable,
        });
        print::json(&numbers)?;
        return Ok(ExitCode::SUCCESS);
    }
    let saved = trials - lost;
    let lost = if lost == 0 { String::new() } else { format!("; {lost} could not be read, and are marked as failed") };
    out!("{out}: {saved} trials saved{lost}");
    if resumes {
        out!("`nas resume {out}` continues the search");
        return Ok(ExitCode::SUCCESS);
    }
    out!(
        "`nas show` and `nas report` read it; `nas resume {out} --warm-start` begins a search that is told of its trials"
    );
    if let Some(resumable) = resumable {
        out!("to continue the same search, recover again with --resumable: it keeps the first {resumable} trials");
    }
    Ok(ExitCode::SUCCESS)
}
