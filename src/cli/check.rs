//! `tidegauge check`: validates the configuration and prints the one in force, or what is read by it.

mod sample;

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
    if check.from_topic {
        let config = Config::load(&check.sources(globals), Need::Brokers)?;
        return sample::of_topic(check.limit, &config, check.output);
    }
    let config = Config::load(&check.sources(globals), Need::Nothing)?;
    if let Some(file) = &check.sample {
        return sample::of_file(file, check.limit, &config, check.output);
    }
    print(&config.to_toml())?;
    if config.kafka.brokers.is_empty() {
        tracing::warn!("kafka.brokers is not given: serve will not start without it");
    }
    Ok(())
}

fn print(text: &str) -> Result<(), CommandFailure> {
    Ok(streams::print(text.as_bytes())?)
}
