//! What the service says about itself: states of parts, measurements, remarks, logs.

pub mod crash_point;
pub mod metrics;
pub mod reader_use;
pub mod remark;
pub mod status;
pub mod telemetry;
