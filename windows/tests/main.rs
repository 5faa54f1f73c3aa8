//! The engine's promises, one module each.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "tests make small numbers, and look at the clock"
)]

mod definitions;
mod grid;
mod jumps;
mod lanes;
mod model;
mod queries;
mod quiet;
mod replay;
mod retention;
mod steps;
mod summary;
mod topic;
mod touched;
mod walks;
mod watermarks;
mod years;
