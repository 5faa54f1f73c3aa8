//! The file system that holds the state.

use std::path::Path;

use super::Store;
use crate::observe::metrics::Space;

impl Store {
    /// The file system that the state is on, if it says.
    #[must_use]
    pub fn space(&self) -> Option<Space> {
        of(self.database.path())
    }
}

/// The file system that `path` is on; none if it does not say.
fn of(path: &Path) -> Option<Space> {
    let known = rustix::fs::statvfs(path).ok()?;
    Some(Space {
        size: known.f_blocks.saturating_mul(known.f_frsize),
        available: known.f_bavail.saturating_mul(known.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_system_has_a_size_and_no_more_than_that_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let space = of(dir.path()).unwrap();
        assert!(space.size > 0 && space.available <= space.size);
        assert_eq!(of(&dir.path().join("missing")), None);
    }
}
