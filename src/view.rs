//! Views: what one checkpoint holds, as readers see it, and what changed since the last.

pub mod answer;
pub mod cells;
pub mod feed;
pub mod reading;
