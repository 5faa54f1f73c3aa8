//! One of the worker's two threads, while it runs.

use std::thread::{self, JoinHandle};

use tokio::sync::watch;

use super::Error;
use crate::host::blocking;

/// A thread of the worker. In a simulation it is a task of the runtime.
pub(super) struct WorkerThread {
    handle: Handle,
    /// Its sender lives as long as the thread's work.
    work: watch::Receiver<()>,
}

enum Handle {
    /// Of a thread.
    Thread(JoinHandle<Result<(), Error>>),
    /// Of a task.
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
        let (working, receiver) = watch::channel(());
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            // Dropped at the end, and by a panic.
            let _working = working;
            work()
        })?;
        Ok(Self {
            handle: Handle::Thread(thread),
            work: receiver,
        })
    }

    /// Starts a task.
    #[cfg(feature = "simulation")]
    pub(super) fn task(work: impl Future<Output = Result<(), Error>> + Send + 'static) -> Self {
        let (working, receiver) = watch::channel(());
        let task = tokio::spawn(async move {
            let _working = working;
            work.await
        });
        Self {
            handle: Handle::Task(task),
            work: receiver,
        }
    }

    /// Whether its work has ended.
    pub(super) fn is_finished(&self) -> bool {
        self.work.has_changed().is_err()
    }

    /// Waits until its work has ended.
    pub(super) async fn finished(&self) {
        // Nothing is ever sent, so this ends with the sender.
        let _ = self.work.clone().changed().await;
    }

    /// Waits for its end. `what` it does is named if it panicked.
    ///
    /// # Errors
    /// Why it stopped by itself.
    pub(super) async fn join(self, what: &'static str) -> Result<(), Error> {
        let joined = match self.handle {
            Handle::Thread(thread) => blocking::run(move || thread.join().ok()).await.ok(),
            #[cfg(feature = "simulation")]
            Handle::Task(task) => Some(task.await.ok()),
        };
        joined.flatten().unwrap_or(Err(Error::Panicked(what)))
    }
}
