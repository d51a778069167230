//! The command line's definition as clap uses it, and what is printed if it cannot be parsed.

use std::process::exit;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, FromArgMatches};

use super::Args;

/// The exit code for invalid input.
const INPUT: i32 = 2;

/// Commands that open no plugins, so their help does not list the options about plugins.
const WITHOUT_PLUGINS: [&str; 4] = ["show", "data", "completions", "man"];

/// The help of `nas latency check --seed`, which has another default than its neighbours.
const SEED_OF_CHECK: &str =
    "The seed of the first network [default: 1000000, so that other networks are measured than in the table]";

/// Words that other tools use for commands, and what to type here.
const OTHER_WORDS: &[(&[&str], &str)] = &[
    (
        &["compare", "diff", "plot", "html", "dashboard"],
        "`nas report A.study B.study --out report.html` compares studies",
    ),
    (
        &["run", "start", "optimize", "optimise", "tune"],
        "`nas search` runs a study, and `nas bench` compares strategies",
    ),
    (&["continue", "extend"], "`nas resume STUDY` continues a study"),
    (&["watch", "follow", "status", "tail", "log", "logs"], "`nas show STUDY --follow` watches a running study"),
    (&["best", "info", "trials", "results"], "`nas show STUDY --trials` prints what a study has found"),
    (&["fit", "retrain", "test"], "`nas train STUDY --out FOLDER` trains the best architecture in full and tests it"),
    (
        &["list", "ls", "strategies", "spaces", "evaluators"],
        "`nas plugin list` lists spaces, strategies and evaluators",
    ),
    (&["download", "fetch", "dataset", "datasets"], "`nas data get` lists and fetches public data sets"),
    (&["sample"], "`nas space sample SPACE` samples architectures"),
    (&["inspect", "describe"], "`nas plugin inspect NAME` describes a plugin and its parameters"),
    (&["onnx", "convert"], "`nas export STUDY --format onnx --out net.onnx` writes a network"),
    (&["init", "new"], "nothing needs to be set up; `nas search --data FILE --trials 30` begins a study"),
    (&["upgrade", "update", "install"], "`cargo install --path . --locked` installs the program from its source"),
];

/// The definition, with which completions and manual pages are generated too.
pub fn command() -> Command {
    let command = adapted(Args::command()).mut_subcommand("latency", |latency| {
        latency.mut_subcommand("check", |check| check.mut_arg("seed", |seed| seed.help(SEED_OF_CHECK)))
    });
    let plugin_options: Vec<Arg> = command
        .get_arguments()
        .filter(|argument| argument.get_id().as_str().starts_with("plugin_"))
        .map(|argument| argument.clone().hide(true))
        .collect();
    // An argument of a subcommand takes the place of the global one with its name.
    WITHOUT_PLUGINS
        .iter()
        .fold(command, |command, name| command.mut_subcommand(name, |subcommand| hidden(subcommand, &plugin_options)))
}

fn hidden(command: Command, options: &[Arg]) -> Command {
    command.args(options).mut_subcommands(|subcommand| hidden(subcommand, options))
}

/// Lets `--seed -1` reach the parser of the seed, whose message says what a seed is.
fn adapted(command: Command) -> Command {
    let negative = |argument: Arg| {
        let takes_values = !argument.is_positional() && argument.get_action().takes_values();
        argument.allow_negative_numbers(takes_values)
    };
    command.mut_args(negative).mut_subcommands(adapted)
}

/// Parses the program's arguments. If they cannot be parsed, or if they ask for help, this prints it and exits.
pub fn parse() -> Args {
    let parsed = command().try_get_matches().and_then(|matches| Args::from_arg_matches(&matches));
    parsed.map_err(without_escape_tip).unwrap_or_else(|error| match advice(&error) {
        Some(advice) => {
            use std::io::Write;
            // Nobody reads the message if standard error is closed.
            let _ = writeln!(std::io::stderr(), "{advice}");
            exit(INPUT)
        }
        None => error.exit(),
    })
}

/// The same error without the tip to write an unknown flag behind `--`, as if it were the name of a file.
fn without_escape_tip(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested) {
        let kept: Vec<_> = tips.iter().filter(|tip| !tip.to_string().contains("as a value")).cloned().collect();
        let kept = if kept.is_empty() { ContextValue::None } else { ContextValue::StyledStrs(kept) };
        error.insert(ContextKind::Suggested, kept);
    }
    error
}

/// The message for a command that has another name here; `None` if clap's own message is the better one.
fn advice(error: &clap::Error) -> Option<String> {
    let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(given))) =
        (error.kind(), error.get(ContextKind::InvalidSubcommand))
    else {
        return None;
    };
    let (_, advice) = OTHER_WORDS.iter().find(|(words, _)| words.contains(&given.as_str()))?;
    Some(format!("error: there is no command '{given}'\n  help: {advice}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn options_about_plugins_are_listed_where_plugins_are_opened() {
        let help = |name: &str| {
            let mut command = command();
            command.build();
            command.find_subcommand_mut(name).unwrap().render_long_help().to_string()
        };
        assert!(
            help("search").contains("Plugin options:\n") && help("search").contains("Budget; at least one is needed:")
        );
        let (own, plugins) = (help("search").find("--space").unwrap(), help("search").find("--plugin-path").unwrap());
        assert!(own < plugins, "a command's own options come first");
        for name in WITHOUT_PLUGINS {
            assert!(!help(name).contains("--plugin-"), "{name}");
        }
        let parsed = command().try_get_matches_from(["nas", "show", "a.study", "--plugin-cache", "x"]).unwrap();
        assert!(Args::from_arg_matches(&parsed).unwrap().plugin_cache.is_some(), "hidden options are still taken");
    }

    #[test]
    fn commands_of_other_tools_are_understood() {
        let advice = |name: &str| advice(&command().try_get_matches_from(["nas", name]).unwrap_err());
        assert!(advice("compare").unwrap().contains("nas report"));
        assert!(advice("serach").is_none(), "clap suggests the nearest command");
        let unknown = command().try_get_matches_from(["nas", "show", "a.study", "--best"]).unwrap_err();
        assert!(unknown.to_string().contains("'-- --best'"), "clap no longer gives the tip");
        assert!(!without_escape_tip(unknown).to_string().contains("tip"));
        for (words, _) in OTHER_WORDS {
            for word in *words {
                assert!(command().find_subcommand(word).is_none(), "'{word}' is a command");
            }
        }
    }
}
