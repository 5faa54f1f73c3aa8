//! The promises, one module each, against the real Kafka and the real Elasticsearch of `lab/`.

#![allow(
    clippy::duplicate_mod,
    reason = "the promises of a source are kept by each reader"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "tests make small numbers, and look at the clock"
)]

mod support;

/// Shared with the binary that simulates the whole service.
mod simulation {
    pub mod search_server;
}

mod api;
mod bad_input;
mod chaos;
mod cli;
mod clocks;
mod compute;
mod config;
mod docs;
mod duplicates;
mod endpoint;
mod events;
mod failures;
mod flink;
mod formats;
mod fuzzing;
mod generations;
mod kibana;
mod main_job;
mod mapping;
mod operations;
mod outage;
mod ownership;
mod page;
mod pipeline;
mod query;
mod replay;
mod search_conformance;
mod second_chances;
mod second_topics;
mod security;
mod sink;
mod source;
/// The same promises, kept by librdkafka.
#[path = "source/mod.rs"]
mod source_by_librdkafka;
mod start_rules;
mod store;
mod texts;
mod tidy;
mod upgrade;
