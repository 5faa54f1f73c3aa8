//! A state whose files are damaged: it is refused, or it shows the figures of one of its checkpoints, whole.
//!
//! A checkpoint before the last is right too: its positions say which records are read again. A state without
//! positions is not: it would begin where the configuration says.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;
use tidegauge::store::{ReadOnlyStore, Store};

use super::small_state;

/// A state, whole, and the figures of its checkpoints.
struct Whole {
    dir: TempDir,
    figures: Vec<String>,
}

/// How many damages of an input are made.
const DAMAGES_MAX: usize = 4;
const DAMAGE_BYTES: usize = 6;

/// An input is a byte that says which state it is, and six for each damage: which file, what is done to it, where
/// (three), and a byte.
pub fn run(data: &[u8]) {
    let Some((state, data)) = data.split_first() else {
        return;
    };
    let [old, young] = states();
    let whole = if state % 2 == 0 { old } else { young };
    let damaged = || {
        let dir = small_state::scratch();
        let files = copy(whole.dir.path(), dir.path());
        for damage in data.chunks_exact(DAMAGE_BYTES).take(DAMAGES_MAX) {
            let [file, action, a, b, c, byte] = *damage else {
                unreachable!("there are six")
            };
            let at = u32::from_be_bytes([0, a, b, c]) as usize;
            harm(&files[usize::from(file) % files.len()], action, at, byte);
        }
        dir
    };
    let dir = damaged();
    let opened = Store::open(dir.path(), &small_state::identity());
    let is_refused = opened.is_err();
    if let Ok((store, recovered)) = opened {
        let positions = store.checkpoint().positions;
        let resumed = recovered.progress.iter();
        let resumed = resumed.map(|(partition, progress)| (*partition, progress.position));
        assert!(positions.into_iter().eq(resumed));
        whole.judge(small_state::figures(&*store.readings(), &store.branches()).ok());
    }
    // A reader tries for a second to open what can't be read, as a writer may be changing it.
    if !is_refused || state % 16 >= 14 {
        read_only(whole, damaged().path());
    }
}

fn read_only(whole: &Whole, dir: &Path) {
    let before = bytes_of(dir);
    if let Ok(Some(store)) = ReadOnlyStore::open(dir) {
        let identity = small_state::identity();
        if let Ok(branches) = store.branches(&identity.names) {
            let readings = store.readings(identity.settings, &branches);
            whole.judge(small_state::figures(&*readings, &branches).ok());
        }
    }
    assert_eq!(bytes_of(dir), before, "reading changes nothing");
}

impl Whole {
    /// Panics if figures are shown that were never right.
    fn judge(&self, shown: Option<String>) {
        let Some(shown) = shown else {
            return;
        };
        assert!(self.figures.contains(&shown), "wrong figures:\n{shown}");
    }
}

fn states() -> &'static [Whole; 2] {
    static STATES: OnceLock<[Whole; 2]> = OnceLock::new();
    STATES.get_or_init(|| {
        [small_state::OLD, small_state::YOUNG].map(|checkpoints| {
            let dir = small_state::scratch();
            let (store, figures) = small_state::write(dir.path(), checkpoints);
            drop(store);
            Whole { dir, figures }
        })
    })
}

/// Copies a state, without what is no part of it, and gives its files in order.
fn copy(from: &Path, to: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let is_part = !text.starts_with("LOG") && text != "LOCK" && !text.starts_with("OPTIONS");
        if is_part {
            fs::copy(entry.path(), to.join(&name)).unwrap();
            files.push(to.join(&name));
        }
    }
    files.sort();
    files
}

fn harm(file: &Path, action: u8, at: usize, byte: u8) {
    if action % 7 == 6 {
        // It may be gone already.
        let _ = fs::remove_file(file);
        return;
    }
    let mut bytes = fs::read(file).unwrap_or_default();
    let at = at % (bytes.len() + 1);
    match action % 7 {
        0 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
        1 if at < bytes.len() => bytes[at] = byte,
        2 => bytes.truncate(at),
        3 => bytes.insert(at, byte),
        4 => {
            let end = (at + usize::from(byte)).min(bytes.len());
            bytes[at..end].fill(0);
        }
        5 => {
            let end = (at + usize::from(byte)).min(bytes.len());
            bytes.drain(at..end);
        }
        _ => {}
    }
    fs::write(file, bytes).unwrap();
}

fn bytes_of(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}
