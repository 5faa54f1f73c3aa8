//! Tidegauge: exact running totals and event-time windows over a Kafka topic of payments.
//!
//! The modules in the order of their floors; imports go down only, and `tests/tidy.rs` holds them
//! to it. `ARCHITECTURE.md` is the map.

// The domain: what a payment is.
pub mod amount;
pub mod branch;
pub mod decode;
pub mod duration;
pub mod payment;
pub mod record;
pub mod secret;
pub mod timestamp;
pub mod topic_id;

// The pure core: records in, effects out.
pub mod answer;
pub mod cells;
pub mod distance;
pub mod document_key;
pub mod effect;
pub mod feed;
pub mod feedback;
pub mod generator;
pub mod ledger;
pub mod metrics;
pub mod pipeline;
pub mod provenance;
pub mod reading;
pub mod status;
pub mod total;

// What only the edges, and those above them, look at.
pub mod wall_clock;

// The edges. They never import each other.
pub mod api;
pub mod sink;
pub mod source;
pub mod store;

// What runs it all.
pub mod app;
pub mod backup;
pub mod cli;
pub mod config;
pub mod count;
pub mod generation;
pub mod kibana;
pub mod remark;
pub mod replay;
pub mod telemetry;
pub mod worker;
