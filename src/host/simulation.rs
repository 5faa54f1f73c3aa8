//! The doors through which a simulation replaces what is outside of the process: the disk's faults, the
//! search server and the wall clock. Only tests are built with this.
//!
//! A simulation runs on one thread, so everything here belongs to the thread.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Instant;

/// What is outside of the process.
pub trait Outside: Send + Sync {
    /// A batch is to be written to the database in `path`: refused with a reason, or allowed.
    ///
    /// # Errors
    /// Why the disk refuses it.
    fn write(&self, path: &Path) -> Result<(), String>;
    /// The log of the database in `path` is to be forced to the disk.
    ///
    /// # Errors
    /// Why the disk refuses it.
    fn sync(&self, path: &Path) -> Result<(), String>;
    /// The database in `path` is to be opened.
    ///
    /// # Errors
    /// Why that fails.
    fn open(&self, path: &Path) -> Result<(), String>;
    /// One request to the search server.
    fn ask(&self, request: SearchRequest) -> SearchAnswer;
}

/// A request to the search server.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// The method, in capitals.
    pub method: String,
    /// The path, from its first slash on.
    pub path: String,
    /// The query, by name and value.
    pub query: Vec<(String, String)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

/// An answer that may take its time: status and body, or why there is none.
pub type SearchAnswer = Pin<Box<dyn Future<Output = Result<(u16, Vec<u8>), String>> + Send>>;

thread_local! {
    static OUTSIDE: RefCell<Option<Arc<dyn Outside>>> = const { RefCell::new(None) };
    static WALL: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

/// From now on this thread is in a simulation, with this outside; or no longer in one.
pub fn enter(outside: Option<Arc<dyn Outside>>) {
    OUTSIDE.set(outside);
}

/// Whether this thread is in a simulation.
#[must_use]
pub fn is_on() -> bool {
    OUTSIDE.with_borrow(Option::is_some)
}

/// The outside of this thread's simulation, if it is in one.
#[must_use]
pub fn outside() -> Option<Arc<dyn Outside>> {
    OUTSIDE.with_borrow(Clone::clone)
}

/// Sets the wall clock to so long after the epoch. From then on it moves with the other clock.
pub fn set_wall_clock(since_epoch: Duration) {
    WALL.set(Some((Instant::now(), since_epoch)));
}

/// The simulated wall clock, if there is one.
pub(super) fn since_epoch() -> Option<Duration> {
    let (set, at) = WALL.get()?;
    Some(at + set.elapsed())
}
