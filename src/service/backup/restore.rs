//! Restores a backup into the state from which a service resumes.

use std::fs;
use std::path::{Path, PathBuf};

use super::manifest::{BackedUpGeneration, Manifest};
use super::{Error, files};
use crate::observe::crash_point;
use crate::service::generation::{Generations, Live, resolved};
use crate::store::ReadOnlyStore;

/// RocksDB looks for this file first: without it, no directory is a state.
const ROOT: &str = "CURRENT";

/// Restores the backup in `from` where `generations` are to be. Nothing may be there.
///
/// The live generation is written first, and the files that make directories states last: a service
/// does not start with what a killed restore has left.
///
/// # Errors
/// When the backup is not complete or is damaged, or when there is a state already. Files that were
/// written are then removed.
pub fn restore(from: &Path, generations: &Generations) -> Result<Manifest, Error> {
    let manifest = Manifest::read(from)?;
    let state_dir = generations.dir(1);
    let resolve =
        |path: &Path| resolved(path).map_err(|source| files::failed(path, "look at", source));
    if resolve(&state_dir)?.starts_with(resolve(from)?) {
        let path = from.to_owned();
        return Err(Error::Around { path, state_dir });
    }
    let at_work = || Error::AtWork {
        path: generations.dir(1),
    };
    let _service = generations.hold_services_off()?.ok_or_else(at_work)?;
    let _replay = generations.lock_replay()?.ok_or_else(at_work)?;
    if let Some(path) = generations.first_trace()? {
        return Err(Error::Occupied { path });
    }
    let done = place(from, &manifest, generations);
    if done.is_err() {
        // What can't be removed is refused by a service as well.
        for kept in &manifest.generations {
            let dir = generations.dir(kept.generation);
            let _ = files::clear(&dir);
            let _ = fs::remove_dir(&dir);
            let _ = fs::remove_file(generations.report(kept.generation));
        }
        let _ = generations.forget_live();
    }
    done.map(|()| manifest)
}

fn place(from: &Path, manifest: &Manifest, generations: &Generations) -> Result<(), Error> {
    generations.set_live(Live {
        generation: manifest.live,
        previous: manifest.previous,
    })?;
    crash_point::reach("restore: after the pointer");
    let mut kept: Vec<&BackedUpGeneration> = manifest.generations.iter().collect();
    kept.sort_unstable_by_key(|kept| kept.generation == manifest.live);
    for kept in &kept {
        let dir = generations.dir(kept.generation);
        files::make_empty(&dir)?;
        for file in kept.files.iter().filter(|file| !is_root(&file.path)) {
            crash_point::reach("restore: before a file");
            files::copy(
                from,
                file,
                &target(generations, kept.generation, &file.path),
            )?;
        }
        files::sync_dir(&dir)?;
    }
    for kept in kept {
        let dir = generations.dir(kept.generation);
        for file in kept.files.iter().filter(|file| is_root(&file.path)) {
            crash_point::reach("restore: before the root");
            files::copy(from, file, &dir.join(ROOT))?;
            crash_point::reach("restore: after the root");
        }
        files::sync_dir(&dir)?;
        verify(kept, &dir)?;
    }
    Ok(())
}

fn is_root(path: &str) -> bool {
    Path::new(path).file_name().is_some_and(|name| name == ROOT)
}

fn target(generations: &Generations, generation: u32, path: &str) -> PathBuf {
    let path = Path::new(path);
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => {
            generations.dir(generation).join(name)
        }
        _ => generations.report(generation),
    }
}

// Checks that the state opens, and is what the manifest says.
fn verify(kept: &BackedUpGeneration, dir: &Path) -> Result<(), Error> {
    let differs = || Error::Damaged {
        path: dir.to_owned(),
        what: "does not hold what the manifest says",
    };
    let store = ReadOnlyStore::open(dir)?.ok_or_else(differs)?;
    let checkpoint = store.checkpoint();
    let is_same = store.generation() == kept.generation
        && store.version() == kept.storage_version
        && checkpoint.sequence == kept.checkpoint
        && checkpoint.ledger.consumed == kept.records
        && checkpoint.positions == kept.positions;
    if is_same { Ok(()) } else { Err(differs()) }
}
