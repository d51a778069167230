//! `nas`: a workbench for neural architecture search. Arguments become a checked plan, the plan is run; printing and
//! progress live only here.

mod args;
mod bench;
mod failure;
mod plugin;
mod plugins;
mod print;
mod progress;
mod search;
mod show;
mod space;
mod train;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command, PluginCommand, SpaceCommand};
use failure::Failure;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Search(search) => search::search(args, search),
        Command::Resume(resume) => search::resume(args, resume),
        Command::Show(show) => show::show(show),
        Command::Train(train) => train::train(args, train),
        Command::Bench(bench) => bench::bench(args, bench),
        Command::Plugin(PluginCommand::List { json }) => plugin::list(args, *json),
        Command::Plugin(PluginCommand::Inspect { plugin, json }) => plugin::inspect(args, plugin, *json),
        Command::Space(SpaceCommand::Show(show)) => space::show(args, show),
        Command::Space(SpaceCommand::Sample(sample)) => space::sample(args, sample),
    }
}
