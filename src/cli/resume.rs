//! `tidegauge state resume`: partitions that were stopped are checked again at the next start.

use anyhow::anyhow;
use serde::Serialize;

use super::failure::CommandFailure;
use super::output::{self, OutputFormat};
use super::report;
use crate::service::generation::Generations;
use crate::service::replay::Error;
use crate::store;

/// A partition that was stopped.
#[derive(Serialize)]
struct Resumed {
    partition: i32,
    /// Why it was.
    reason: String,
}

/// Forgets that partitions of a generation were stopped: of one, or of all.
///
/// # Errors
/// When there is none, a service works on the state, or it can't be changed.
pub(super) fn run(
    generations: &Generations,
    generation: Option<u32>,
    partition: Option<i32>,
    output: OutputFormat,
) -> Result<(), CommandFailure> {
    let generation = match generation {
        Some(generation) => generation,
        None => generations.live()?.generation,
    };
    generations.own_state(generation)?;
    let dir = generations.dir(generation);
    let resumed: Vec<Resumed> = store::resume(&dir, partition)
        .map_err(Error::from)?
        .into_iter()
        .map(|(partition, reason)| Resumed { partition, reason })
        .collect();
    if resumed.is_empty() {
        return Err(CommandFailure::Running(anyhow!(
            "no partition is stopped in the state in {}: `tidegauge state inspect` shows what is \
             there",
            dir.display()
        )));
    }
    let rows = resumed
        .iter()
        .map(report::row)
        .collect::<Result<Vec<_>, _>>()?;
    output::print(output, &rows, &report::text(&resumed)?)?;
    Ok(())
}
