//! What the promises in this binary are proven with.

pub mod asked;
pub mod compare;
pub mod lab;
pub mod oracle;
pub mod service;
pub mod topic;
