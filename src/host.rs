//! What the machine gives: clocks, and threads for work that waits for a disk.
//!
//! Nothing else asks the machine for these, so that a simulation can give them instead.

pub mod blocking;
pub mod clock;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod wall_clock;
