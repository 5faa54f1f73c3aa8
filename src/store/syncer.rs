//! Batches forced to the disk beside the thread that writes them.

use super::database::Shared;
use super::error::Error;

/// Forces batches to the disk from any thread.
#[derive(Clone, Debug)]
pub struct Syncer(pub(super) Shared);

impl Syncer {
    /// Forces all batches to the disk that were written before.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> Result<(), Error> {
        self.0.sync()
    }
}
