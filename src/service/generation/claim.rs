//! Which paths belong to generations.

use std::path::{Component, Path, PathBuf};

use super::error::io_error;
use super::path::{parent, resolved};
use super::{Error, Generations};

/// The suffixes of the files beside a state directory.
const BESIDE: [&str; 4] = [".live", ".lock", ".replay.lock", ".serving"];

impl Generations {
    /// The directory of a generation, or another file of ours, that `path` is or lies in, even if
    /// nothing exists there yet.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

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
