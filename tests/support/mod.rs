//! What the promises in this binary are proven with.

pub mod lab;
