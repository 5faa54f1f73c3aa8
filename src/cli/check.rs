//! `tidegauge check`: validates the configuration and prints the one in force.

use super::arguments::{CheckArgs, GlobalArgs, ReferenceFormat};
use super::failure::CommandFailure;
use super::streams;
use crate::config::{self, Config, Need};

/// Validates the configuration and prints the one in force, or prints the reference.
///
/// # Errors
/// When it is wrong, or stdout can't be written.
pub fn run(check: &CheckArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    if let Some(reference) = check.reference {
        return print(&match reference {
            ReferenceFormat::Markdown => config::reference(),
            ReferenceFormat::JsonSchema => format!("{:#}\n", config::json_schema()),
        });
    }
    let config = Config::load(&check.sources(globals), Need::Nothing)?;
    print(&config.to_toml())?;
    if config.kafka.brokers.is_empty() {
        tracing::warn!("kafka.brokers is not given: serve will not start without it");
    }
    Ok(())
}

fn print(text: &str) -> Result<(), CommandFailure> {
    Ok(streams::print(text.as_bytes())?)
}
