//! Views: what one checkpoint holds, as readers see it, and what changed since the last.

pub mod branch_id_answer;
pub mod cell_cache;
pub mod changelog;
pub mod field;
pub mod flat_row;
pub mod reading;
pub mod wire;
