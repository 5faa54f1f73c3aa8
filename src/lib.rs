//! Tidegauge: exact running totals and event-time windows over a Kafka topic of payments.
//!
//! The modules in the order of their floors; imports go down only, and `tests/tidy.rs` holds them
//! to it. `ARCHITECTURE.md` is the map.

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

// From bytes to payments, and payments without a log.
pub mod decode;
pub mod generator;

// Records in, effects out; and how readers see the result.
pub mod core;
pub mod view;

// What operators see.
pub mod observe;

// The edges. They never import each other.
pub mod api;
pub mod sink;
pub mod source;
pub mod store;

// What is set, and the dashboard made from it.
pub mod config;
pub mod kibana;

// What runs it all, and the commands.
pub mod cli;
pub mod service;
