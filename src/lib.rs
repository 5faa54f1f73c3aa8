//! Tidegauge: exact running totals and event-time windows over a Kafka topic of payments.
//!
//! The modules in the order of their floors, the lowest first. A module imports from lower floors only,
//! and `tests/tidy.rs` holds them to it. `ARCHITECTURE.md` is the map.

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "tests make small numbers"
    )
)]

// What it is about.
pub mod domain;

// From bytes to payments.
pub mod decode;

// Records in, effects out; and payments that are made up.
pub mod core;
pub mod generator;

// How readers see the result.
pub mod view;

// What the machine gives, and what operators see.
pub mod host;
pub mod observe;

// The edges. They never import each other.
pub mod api;
pub mod sink;
pub mod source;
pub mod store;

// The dashboard, a job for another engine, and the configuration, which checks the settings of all parts.
pub mod flink_sql;
pub mod kibana;

pub mod config;

// What runs it all.
pub mod service;

// The commands.
pub mod cli;
