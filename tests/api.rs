//! HTTP: what every route answers, and what it refuses.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod limits;
mod requests;
mod routes;
mod world;
