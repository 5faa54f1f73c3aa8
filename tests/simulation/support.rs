//! What the integration tests judge with.

#[path = "../support/compare/mod.rs"]
pub mod compare;
#[path = "../support/oracle/mod.rs"]
pub mod oracle;
