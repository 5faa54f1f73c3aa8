//! `tidegauge check`: is the configuration right, and what does it come to?

use std::io::{self, Write};

use super::arguments::Globals;
use super::failure::Failure;
use crate::config::{Config, Need};

/// Validates the configuration and prints the one in force.
///
/// # Errors
/// When it is wrong, or stdout can't be written.
pub fn run(globals: &Globals) -> Result<(), Failure> {
    let config = Config::load(&globals.sources(), Need::Nothing)?;
    let mut out = io::stdout().lock();
    out.write_all(config.to_toml().as_bytes())?;
    out.flush()?;
    if config.kafka.brokers.is_empty() {
        tracing::warn!("kafka.brokers is not given: serve will not start without it");
    }
    Ok(())
}
