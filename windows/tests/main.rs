//! The engine's promises, one module each.

mod definitions;
mod grid;
mod jumps;
mod model;
mod replay;
mod summary;
mod walks;
mod watermarks;
