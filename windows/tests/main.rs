//! The engine's promises, one module each.

mod definitions;
mod grid;
mod jumps;
mod model;
mod replay;
mod retention;
mod summary;
mod topic;
mod walks;
mod watermarks;
