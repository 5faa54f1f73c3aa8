//! Which paths belong to generations.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::error::io_error;
use super::{Error, Generations, parent};

/// What lies beside a state directory, by what follows its name.
const BESIDE: [&str; 4] = [".live", ".lock", ".replay.lock", ".serving"];

impl Generations {
    /// The directory of a generation, or another file of ours, that `path` is or lies in, be it
    /// that there is nothing yet.
    ///
    /// # Errors
    /// When the system does not say what a path leads to.
    pub fn claim(&self, path: &Path) -> Result<Option<PathBuf>, Error> {
        let resolve =
            |path: &Path| resolved(path).map_err(|source| io_error(path, "look at", source));
        let path = resolve(path)?;
        // Each may be a link to elsewhere.
        let mut dirs = vec![self.state_dir.clone()];
        dirs.extend(
            self.all()?
                .into_iter()
                .map(|generation| self.dir(generation)),
        );
        for dir in dirs {
            if path.starts_with(resolve(&dir)?) {
                return Ok(Some(dir));
            }
        }
        let home = resolve(parent(&self.state_dir))?;
        let first = path.strip_prefix(&home).ok();
        let Some(Component::Normal(first)) = first.and_then(|rest| rest.components().next()) else {
            return Ok(None);
        };
        let first = first.to_string_lossy();
        let Some(rest) = first.strip_prefix(&self.name()) else {
            return Ok(None);
        };
        let is_generation = rest
            .strip_prefix("-g")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let is_ours = is_generation || BESIDE.contains(&rest);
        Ok(is_ours.then(|| self.beside(rest)))
    }
}

/// What keeps `path` from being a directory: itself, or what it would lie in, if that is not one.
pub(crate) fn not_directory(path: &Path) -> Option<PathBuf> {
    let is_other = |there: &&Path| fs::metadata(there).is_ok_and(|found| !found.is_dir());
    path.ancestors().find(is_other).map(Path::to_owned)
}

/// `path` without links, as far as it is there.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut there = path.as_path();
    let mut rest: Vec<OsString> = Vec::new();
    let mut found = loop {
        match fs::canonicalize(there) {
            Ok(found) => break found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let last = there.components().next_back();
        rest.extend(last.map(|last| last.as_os_str().to_owned()));
        there = match there.parent() {
            Some(parent) => parent,
            None => break PathBuf::from("/"),
        };
    };
    for part in rest.iter().rev() {
        if part == ".." {
            found.pop();
        } else {
            found.push(part);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_not_a_directory_is_named_wherever_it_lies_on_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for path in ["file", "file/a", "file/a/b"] {
            assert_eq!(not_directory(&dir.path().join(path)), Some(file.clone()));
        }
        for path in ["", "new", "new/er"] {
            assert_eq!(not_directory(&dir.path().join(path)), None);
        }
    }

    #[test]
    fn what_belongs_to_generations_is_known_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("disk/state-g2")).unwrap();
        fs::create_dir_all(at("home/state/deep")).unwrap();
        fs::write(at("disk/state-g2/CURRENT"), "").unwrap();
        symlink(at("disk/state-g2"), at("home/state-g2")).unwrap();
        symlink(at("home"), at("link")).unwrap();
        let generations = Generations::of(&at("home/state"));
        for (path, claimed) in [
            ("home/state", "state"),
            ("home/state/deep", "state"),
            ("home/state/new/er", "state"),
            ("link/state/new", "state"),
            ("home/new/../state/new", "state"),
            ("home/state-g2", "state-g2"),
            ("disk/state-g2/new", "state-g2"),
            ("home/state-g7", "state-g7"),
            ("home/state-g7.report.json", "state-g7.report.json"),
            ("link/state.live", "state.live"),
            ("home/state.replay.lock/new", "state.replay.lock"),
        ] {
            let found = generations.claim(&at(path)).unwrap();
            assert_eq!(found, Some(at("home").join(claimed)), "{path}");
        }
        for path in [
            "home",
            "home/state-backup",
            "home/state-gone",
            "home/backup",
            "disk/state",
            "other/state",
        ] {
            assert_eq!(generations.claim(&at(path)).unwrap(), None, "{path}");
        }
    }
}
