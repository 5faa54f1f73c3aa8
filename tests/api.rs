//! HTTP: what every route answers, and what it refuses.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod budgets;
mod events;
mod forms;
mod hosts;
mod limits;
mod metered;
mod requests;
mod routes;
mod texts;
mod waiting;
mod world;
