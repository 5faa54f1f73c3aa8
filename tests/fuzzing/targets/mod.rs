//! What is fed with any bytes: each target is a function that panics when a promise is broken.
//!
//! `fuzz/fuzz_targets/` hands these to libFuzzer, and [`super`] feeds them with a bounded number of inputs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod arithmetic;
mod clock;
mod small_state;

pub mod amount;
pub mod bulk_answer;
pub mod config_file;
pub mod damaged_state;
pub mod event_time;
pub mod http_request;
pub mod kafka_properties;
pub mod mapped_record;
pub mod record;
pub mod record_batch;
pub mod stored_value;
