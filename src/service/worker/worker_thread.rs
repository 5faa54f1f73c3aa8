//! One of the worker's two threads, while it runs.

use std::thread::{self, JoinHandle};

use super::Error;
use crate::host::blocking;

/// A thread of the worker. In a simulation it is a task of the runtime.
pub(super) enum WorkerThread {
    /// A thread.
    Thread(JoinHandle<Result<(), Error>>),
    /// A task.
    #[cfg(feature = "simulation")]
    Task(tokio::task::JoinHandle<Result<(), Error>>),
}

impl WorkerThread {
    /// Starts a thread of this name.
    ///
    /// # Errors
    /// When it can't be started.
    pub(super) fn thread(
        name: &str,
        work: impl FnOnce() -> Result<(), Error> + Send + 'static,
    ) -> std::io::Result<Self> {
        let thread = thread::Builder::new().name(name.into()).spawn(work)?;
        Ok(Self::Thread(thread))
    }

    /// Whether it has ended.
    pub(super) fn is_finished(&self) -> bool {
        match self {
            Self::Thread(thread) => thread.is_finished(),
            #[cfg(feature = "simulation")]
            Self::Task(task) => task.is_finished(),
        }
    }

    /// Waits for its end. `what` it does is named if it panicked.
    ///
    /// # Errors
    /// Why it stopped by itself.
    pub(super) async fn join(self, what: &'static str) -> Result<(), Error> {
        let joined = match self {
            Self::Thread(thread) => blocking::run(move || thread.join().ok()).await.ok(),
            #[cfg(feature = "simulation")]
            Self::Task(task) => Some(task.await.ok()),
        };
        joined.flatten().unwrap_or(Err(Error::Panicked(what)))
    }
}
