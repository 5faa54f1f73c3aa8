//! The clock that only goes forward: waits, ages and deadlines are measured by it.

/// A moment of that clock. In a runtime whose clock is paused it is that clock's.
pub use tokio::time::Instant;
