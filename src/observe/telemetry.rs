//! Logs: to stderr, for people or for programs.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::prelude::*;

/// How a log line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    /// One line to read.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// The logs can't be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter in the environment is not valid.
    #[error(
        "{variable}: \"{filter}\" is not a valid log filter ({reason}): give a level such as debug, or tidegauge=debug,warn"
    )]
    Filter {
        /// The variable.
        variable: &'static str,
        /// Its value.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something else in this process has started logs before.
    #[error("logs were started twice")]
    Twice,
}

/// Starts the logs of this process. What is logged is decided by the variable `TIDEGAUGE_LOG`, else
/// by `RUST_LOG`, else by `default`, a filter such as `info`.
///
/// # Errors
/// When the filter in the environment is not valid, or logs have been started before.
pub fn start(format: Format, default: &str) -> Result<(), Error> {
    let filter = filter(default)?;
    let colours =
        io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let text = (format == Format::Text).then(|| {
        layer()
            .with_writer(io::stderr)
            .with_ansi(colours)
            .with_target(false)
    });
    let json = (format == Format::Json)
        .then(|| layer().json().flatten_event(true).with_writer(io::stderr));
    tracing_subscriber::registry()
        .with(filter)
        .with(text)
        .with(json)
        .try_init()
        .map_err(|_| Error::Twice)
}

/// A consumer is closed before the client library drops it, which logs an error then. What a filter says of the library
/// itself is left as it is.
const CLOSED_BEFORE: &str = "rdkafka::consumer::base_consumer=off";

fn filter(default: &str) -> Result<EnvFilter, Error> {
    let filter = asked_filter(default)?;
    let names_it = filter.to_string().contains("rdkafka");
    Ok(match CLOSED_BEFORE.parse() {
        Ok(directive) if !names_it => filter.add_directive(directive),
        _ => filter,
    })
}

fn asked_filter(default: &str) -> Result<EnvFilter, Error> {
    for variable in ["TIDEGAUGE_LOG", "RUST_LOG"] {
        let Some(filter) = env::var(variable).ok().filter(|filter| !filter.is_empty()) else {
            continue;
        };
        return EnvFilter::try_new(&filter).map_err(|error| Error::Filter {
            variable,
            reason: error.to_string(),
            filter,
        });
    }
    Ok(EnvFilter::new(default))
}
