//! `tidegauge completions`: what a shell needs to complete commands and flags.

use std::io::{self, Write};

use clap::CommandFactory;

use super::arguments::{Arguments, CompletionsArgs};
use super::failure::CommandFailure;

/// Prints the completions of one shell.
///
/// # Errors
/// When stdout can't be written.
pub fn run(completions: &CompletionsArgs) -> Result<(), CommandFailure> {
    // Made in memory first: the generator panics if stdout is closed.
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(completions.shell, &mut command, "tidegauge", &mut script);
    let mut out = io::stdout().lock();
    out.write_all(&script)?;
    out.flush()?;
    Ok(())
}
