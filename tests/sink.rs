//! Elasticsearch: everything is delivered, once in effect, whatever happens on the way.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod addresses;
mod denied;
mod documents;
mod front;
mod indexes;
mod login;
mod outages;
mod promptness;
mod refusals;
mod restored;
mod templates;
pub(crate) mod till;
mod zeros;
