//! The promises, one module each, against the real Kafka and the real Elasticsearch of `lab/`.

mod support;

mod api;
mod sink;
mod source;
mod store;
mod tidy;
