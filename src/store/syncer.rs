//! Batches forced to the disk beside the thread that writes them.

use std::sync::Arc;

use super::Store;
use super::database::Shared;
use super::error::Error;
use crate::observe::crash_point;

/// Forces batches to the disk from any thread.
#[derive(Clone, Debug)]
pub struct Syncer(pub(super) Shared);

impl Store {
    /// Syncs from another thread.
    #[must_use]
    pub fn syncer(&self) -> Syncer {
        Syncer(Arc::clone(&self.database))
    }
}

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

#[cfg(test)]
#[cfg(feature = "simulation")]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::future;
    use std::path::Path;
    use std::sync::Arc;

    use crate::host::simulation::{self, Outside, SearchAnswer, SearchRequest};
    use crate::store::Store;
    use crate::store::journal::tests::identity;

    struct StuckDisk;

    impl Outside for StuckDisk {
        fn write(&self, _: &Path) -> Result<(), String> {
            Ok(())
        }

        fn sync(&self, _: &Path) -> Result<(), String> {
            Err("it does not answer".to_owned())
        }

        fn open(&self, _: &Path) -> Result<(), String> {
            Ok(())
        }

        fn ask(&self, _: SearchRequest) -> SearchAnswer {
            let answer: Result<(u16, Vec<u8>), String> = Err("there is none".to_owned());
            Box::pin(future::ready(answer))
        }
    }

    #[test]
    fn no_checkpoint_is_taken_for_synced_if_the_disk_refuses() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path(), &identity()).unwrap();
        simulation::enter(Some(Arc::new(StuckDisk)));
        let synced = [store.sync(), store.syncer().sync()];
        simulation::enter(None);
        for refused in synced {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("it does not answer"), "{error}");
        }
        store.syncer().sync().unwrap();
    }
}
