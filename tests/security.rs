//! The lock on: TLS and credentials against real ends, what goes wrong there, and that no secret shows.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod canaries;
mod elasticsearch;
mod kafka;
mod property_files;
mod tls_proxy;
