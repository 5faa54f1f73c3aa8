//! The pure core: records in, effects out. It knows no clock, no files, no network, no logs.

pub mod branch_slice;
pub mod distance;
pub mod effect;
pub mod feedback;
pub mod pipeline;
pub mod pipeline_lanes;
pub mod seen_orders;
