//! The running service: its threads, its start and end, and the generations of its figures.

pub mod app;
pub mod backup;
pub mod generation;
pub mod replay;
pub mod second_chance;
pub mod worker;
