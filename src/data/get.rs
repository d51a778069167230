//! `nas data get`: fetches public data sets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nas_data::{data_folders, own_data_folder};

use super::fetch::{Download, FetchError, fetch};
use super::sets::{DataFile, DataSet, SETS, Storage};
use super::unpack::{is_unpacked, unpack};
use crate::args::{Args, DataGet};
use crate::failure::Failure;
use crate::print;
use crate::progress::Steps;

/// Fetches a data set, or lists all if none is named.
///
/// # Errors
/// There is no such set, no mirror has it, or its files cannot be written.
pub fn get(args: &Args, get: &DataGet) -> Result<ExitCode, Failure> {
    let Some(name) = &get.name else { return Ok(list()) };
    let set = DataSet::find(name).ok_or_else(|| {
        let near = nas_core::did_you_mean(name, SETS.iter().map(|set| set.name));
        Failure::input(format!("there is no public data set '{name}'")).help(format!("{near}`nas data get` lists them"))
    })?;
    let folder = match &get.out {
        Some(folder) => folder.clone(),
        None => own_data_folder().ok_or_else(|| {
            Failure::input("there is no folder for a user's data: HOME is not set").help("name one with --out")
        })?,
    };
    let place = match set.files {
        [DataFile { storage: Storage::As(file), .. }] => folder.join(file),
        _ => folder.join(set.name),
    };
    let template = "{wide_bar} {bytes}/{total_bytes}, {eta} left  {msg}";
    let mut bar = Steps::new(args, Some(set.bytes()), "MB", template);
    let mut done = 0;
    for file in set.files {
        bar.say(file.name.to_owned(), true);
        fetch_file(file, &place, &get.mirror, &mut |bytes| bar.reach(done + bytes))?;
        done += file.bytes;
    }
    bar.finish();
    out!("{}", place.display());
    if get.out.is_none() {
        eprintln!("use it with --data {name}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches one file of a set, and unpacks it if it is an archive.
fn fetch_file(file: &DataFile, place: &Path, mirrors: &[String], progress: &mut dyn FnMut(u64)) -> Result<(), Failure> {
    let target = match file.storage {
        Storage::As(_) => place.to_owned(),
        Storage::InFolder | Storage::Members(_) => place.join(file.name),
    };
    if let Storage::Members(members) = file.storage
        && is_unpacked(members, place)
    {
        return Ok(());
    }
    let bases: Vec<&str> =
        if mirrors.is_empty() { file.mirrors.to_vec() } else { mirrors.iter().map(String::as_str).collect() };
    let urls = bases.iter().map(|base| format!("{}/{}", base.trim_end_matches('/'), file.name)).collect();
    let download = Download { urls, bytes: file.bytes, sha256: file.sha256 };
    fetch(&download, &target, progress).map_err(|error| match error {
        FetchError::Failed { .. } => {
            let help = "check the network, or name another mirror with --mirror";
            Failure::broken(format!("{} {error}", file.name)).help(help)
        }
        FetchError::Busy { .. } | FetchError::Write { .. } => Failure::input(error.to_string()),
    })?;
    if let Storage::Members(members) = file.storage {
        unpack(&target, members, place)
            .map_err(|error| Failure::broken(format!("{}: cannot be unpacked: {error}", target.display())))?;
        // The members are unpacked, so it does no harm if the archive cannot be removed.
        let _ = fs::remove_file(&target);
    }
    Ok(())
}

fn list() -> ExitCode {
    let location = |set: &DataSet| {
        let file = match set.files {
            [DataFile { storage: Storage::As(file), .. }] => file,
            _ => set.name,
        };
        let found: Option<PathBuf> =
            data_folders().into_iter().map(|folder| folder.join(file)).find(|path| path.exists());
        found.map_or_else(|| "-".to_owned(), |path| path.display().to_string())
    };
    let rows = SETS.iter().map(|set| {
        let megabytes = print::number((set.bytes() as f64 / 1e5).round() / 10.0);
        vec![set.name.to_owned(), megabytes, set.description.to_owned(), location(set)]
    });
    out!("{}", print::table(&["name", "MB", "description", "location"], rows.collect()));
    ExitCode::SUCCESS
}
