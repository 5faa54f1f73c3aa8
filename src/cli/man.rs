//! `tidegauge man`: prints the manual, made from the help texts.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::arguments::{Arguments, ManArgs};
use super::failure::CommandFailure;
use super::streams;
use crate::service::generation::not_directory;

/// Prints the page of the program, or writes a page for each command to a directory.
///
/// # Errors
/// When it can't be written.
pub fn run(manual: &ManArgs) -> Result<(), CommandFailure> {
    let mut command = Arguments::command();
    command.build();
    match &manual.out {
        Some(dir) => {
            if let Some(other) = not_directory(dir) {
                return Err(CommandFailure::Running(anyhow!(
                    "no pages can be written to {}: {} is not a directory. Give a directory to --out",
                    dir.display(),
                    other.display()
                )));
            }
            fs::create_dir_all(dir).with_context(|| format!("{} can't be made", dir.display()))?;
            write_pages(command, "tidegauge", dir)
        }
        None => {
            let page = page(command)?;
            streams::print(&page)?;
            Ok(())
        }
    }
}

fn write_pages(command: Command, name: &str, dir: &Path) -> Result<(), CommandFailure> {
    let inner: Vec<Command> = command
        .get_subcommands()
        .filter(|inner| inner.get_name() != "help")
        .cloned()
        .collect();
    // A page is found by the name of its command, with the commands before it: tidegauge-query.
    let path = dir.join(format!("{name}.1"));
    let page = page(command.display_name(name.to_owned()))?;
    fs::write(&path, page).with_context(|| format!("{} can't be written", path.display()))?;
    for command in inner {
        let name = format!("{name}-{}", command.get_name());
        write_pages(command, &name, dir)?;
    }
    Ok(())
}

fn page(command: Command) -> Result<Vec<u8>, CommandFailure> {
    let mut page = Vec::new();
    Man::new(command).manual("Tidegauge").render(&mut page)?;
    Ok(page)
}
