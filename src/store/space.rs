//! The file system that holds the state.

use std::path::Path;

use crate::observe::metrics::Space;

/// The file system that `path` is on; none if it does not say.
pub(super) fn of(path: &Path) -> Option<Space> {
    let known = rustix::fs::statvfs(path).ok()?;
    Some(Space {
        size: known.f_blocks.saturating_mul(known.f_frsize),
        available: known.f_bavail.saturating_mul(known.f_frsize),
    })
}
