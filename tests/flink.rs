//! Apache Flink, which makes the same figures from an exported script.

mod dropped;
mod figures;
mod mapped;
mod scripts;
mod topic;
