//! `nas`: a workbench for neural architecture search. Each command turns its arguments into a checked plan and runs it.
//! Only this crate prints and shows progress.

/// Prints a line on standard output. Unlike `println!`, it does not panic if the reader has closed its end.
macro_rules! out {
    ($($text:tt)*) => { crate::print::line(format_args!($($text)*)) };
}

/// Prints a line on standard error. It takes the place of the standard macro everywhere in this program: that one panics
/// if standard error is closed, and prints whatever a plugin says.
macro_rules! eprintln {
    ($($text:tt)*) => { crate::print::error_line(format_args!($($text)*)) };
}

mod architecture;
mod args;
mod bench;
mod data;
mod draw;
mod export;
mod failure;
mod follow;
mod latency;
mod manual;
mod network;
mod plugin;
mod plugins;
mod print;
mod progress;
mod progress_lines;
mod recover;
mod report;
mod search;
mod show;
mod space;
mod space_check;
mod space_stats;
mod space_survey;
mod table;
mod train;
mod train_classes;
mod train_settings;
mod worker;

use std::process::ExitCode;

use args::{Args, Command, DataCommand, LatencyCommand, PluginCommand, SpaceCommand, TableCommand};
use failure::Failure;

fn main() -> ExitCode {
    let args = args::parse();
    match run(&args).and_then(|code| print::finish().map(|()| code)) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Search(search) => search::search(args, search),
        Command::Resume(resume) => search::resume(args, resume),
        Command::Show(show) => show::show(show),
        Command::Recover(arguments) => recover::save(arguments),
        Command::Train(train) => train::train(args, train),
        Command::Export(export) => export::export(args, export),
        Command::Bench(bench) => bench::bench(args, bench),
        Command::Completions(completions) => manual::completions(completions),
        Command::Man(man) => manual::man(man),
        Command::Report(arguments) => report::report(args, arguments),
        Command::Draw(draw) => draw::draw(args, draw),
        Command::Latency(command) => match &**command {
            LatencyCommand::Measure(measure) => latency::measure(args, measure),
            LatencyCommand::CostTable(table) => latency::cost_table(args, table),
            LatencyCommand::Units(units) => latency::units(args, units),
            LatencyCommand::Check(check) => latency::check(args, check),
        },
        Command::Data(DataCommand::Get(get)) => data::get(args, get),
        Command::Data(DataCommand::Check(check)) => data::check(check),
        Command::Table(TableCommand::List) => table::list(),
        Command::Table(TableCommand::Check(check)) => table::check(args, check),
        Command::Table(TableCommand::Import(import)) => table::import(args, import),
        Command::Plugin(PluginCommand::List { json }) => plugin::list(args, *json),
        Command::Plugin(PluginCommand::Inspect { plugin, json }) => plugin::inspect(args, plugin, *json),
        Command::Space(SpaceCommand::Show(show)) => space::show(args, show),
        Command::Space(SpaceCommand::Sample(sample)) => space::sample(args, sample),
        Command::Space(SpaceCommand::Stats(stats)) => space_stats::stats(args, stats),
        Command::Space(SpaceCommand::Check(check)) => space_check::check(args, check),
        Command::Space(SpaceCommand::Operators { json }) => space::operators(*json),
        Command::Worker(arguments) => worker::worker(args, arguments),
    }
}
