//! The file system that holds the state.

use std::path::Path;

/// How large a file system is, and how much of it can still be written, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Space {
    /// All of it.
    pub size: u64,
    /// What is left for a process without privileges.
    pub available: u64,
}

impl Space {
    /// The file system that `path` is on; none if it does not say.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let known = rustix::fs::statvfs(path).ok()?;
        Some(Self {
            size: known.f_blocks.saturating_mul(known.f_frsize),
            available: known.f_bavail.saturating_mul(known.f_frsize),
        })
    }
}
