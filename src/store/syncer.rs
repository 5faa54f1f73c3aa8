//! Batches forced to the disk beside the thread that writes them.

use super::database::Shared;
use super::error::Error;
use crate::observe::crash_point;

/// Forces batches to the disk from any thread.
#[derive(Clone, Debug)]
pub struct Syncer(pub(super) Shared);

impl Syncer {
    /// Forces all batches to the disk that were written before.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), Error> {
        crash_point::reach("sync: before");
        self.0.sync()?;
        crash_point::reach("sync: after");
        Ok(())
    }
}
