//! Forces batches to the disk, beside the writing thread: a slow disk holds up no checkpoint.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Error;
use crate::core::feedback::OnDurable;
use crate::host::clock::Instant;
#[cfg(feature = "simulation")]
use crate::host::simulation;
use crate::store::{self, Syncer};

/// How often written batches are forced to the disk.
const EVERY: Duration = Duration::from_secs(1);
/// How long the writing thread waits for a sync that the sink waits for.
const SOON: Duration = Duration::from_millis(5);

/// When batches are forced to the disk. One sync at most is under way.
pub(super) struct Syncing {
    /// `None` when the thread is to end.
    orders: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    done: Receiver<Result<(), store::Error>>,
    is_under_way: bool,
    /// When the first batch was written that no sync covers.
    since: Option<Instant>,
    /// Who is to be told of the next sync that begins.
    awaited: Vec<OnDurable>,
    /// Who is to be told when the one that is under way is done.
    covered: Vec<OnDurable>,
    /// In a simulation, what syncs at once.
    #[cfg(feature = "simulation")]
    simulated: Option<Syncer>,
}

impl Syncing {
    /// Starts the syncing thread. Dropping this waits for it, as it keeps the state in use.
    pub(super) fn start(syncer: Syncer) -> std::io::Result<Self> {
        let (orders, ordered) = sync_channel(1);
        let (say, done) = sync_channel(1);
        let mut syncing = Self {
            orders: Some(orders),
            thread: None,
            done,
            is_under_way: false,
            since: None,
            awaited: Vec::new(),
            covered: Vec::new(),
            #[cfg(feature = "simulation")]
            simulated: None,
        };
        #[cfg(feature = "simulation")]
        if simulation::is_on() {
            syncing.simulated = Some(syncer);
            return Ok(syncing);
        }
        let thread = thread::Builder::new().name("sync".into()).spawn(move || {
            while ordered.recv().is_ok() && say.send(syncer.sync()).is_ok() {}
        })?;
        syncing.thread = Some(thread);
        Ok(syncing)
    }

    /// A batch may have been written.
    pub(super) fn note(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// The next sync is due at once, and `on_durable` is called when it is done.
    pub(super) fn tell(&mut self, on_durable: OnDurable) {
        self.awaited.push(on_durable);
    }

    /// Begins a sync if one is due. Whether one was finished.
    ///
    /// # Errors
    /// When the disk refused.
    pub(super) fn look(&mut self, now: Instant) -> Result<bool, Error> {
        #[cfg(feature = "simulation")]
        if let Some(syncer) = &self.simulated {
            let is_due = self.is_due(now);
            if is_due {
                syncer.sync()?;
                self.since = None;
                self.awaited.drain(..).for_each(OnDurable::call);
            }
            return Ok(is_due);
        }
        let is_done = match self.done.try_recv() {
            Ok(outcome) => {
                outcome?;
                self.is_under_way = false;
                self.covered.drain(..).for_each(OnDurable::call);
                true
            }
            Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Disconnected) => return Err(Error::Panicked("syncing")),
        };
        if self.is_due(now) && !self.is_under_way {
            let ordered = self.orders.as_ref().map(|orders| orders.send(()));
            if !matches!(ordered, Some(Ok(()))) {
                return Err(Error::Panicked("syncing"));
            }
            self.is_under_way = true;
            self.since = None;
            self.covered = std::mem::take(&mut self.awaited);
        }
        Ok(is_done)
    }

    fn is_due(&self, now: Instant) -> bool {
        !self.awaited.is_empty() || self.since.is_some_and(|since| now >= since + EVERY)
    }

    /// Waits for the sync that is under way.
    ///
    /// # Errors
    /// When the disk refused. A later sync may succeed although what this one held is lost.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.is_under_way) {
            let outcome = self.done.recv();
            outcome.map_err(|_| Error::Panicked("syncing"))??;
        }
        Ok(())
    }

    /// How long the writing thread may wait before it looks again; `None`: until the next job.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        if self.is_under_way {
            let is_awaited = !self.covered.is_empty() || !self.awaited.is_empty();
            return Some(if is_awaited { SOON } else { EVERY });
        }
        let since = self.since?;
        Some((since + EVERY).saturating_duration_since(now))
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has ended, too.
            let _ = thread.join();
        }
    }
}
