//! `tidegauge completions`: what a shell needs to complete commands and flags.

use clap::CommandFactory;

use super::arguments::{Arguments, CompletionsArgs};
use super::failure::CommandFailure;
use super::streams;

/// Prints the completions of one shell.
///
/// # Errors
/// When stdout can't be written.
pub fn run(completions: &CompletionsArgs) -> Result<(), CommandFailure> {
    // Made in memory first: the generator panics if stdout is closed.
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(completions.shell, &mut command, "tidegauge", &mut script);
    streams::print(&script)?;
    Ok(())
}
