//! `tidegauge init`: proposes a configuration for the records of a sample.

mod configuration_text;
mod sample_lines;

use anyhow::anyhow;

use super::arguments::{GlobalArgs, InitArgs};
use super::failure::CommandFailure;
use super::streams;
use crate::decode::proposal::{Proposal, propose};
use crate::domain::count::{agreeing, counted_in_threes, grouped};
use crate::domain::record::Record;
use sample_lines::SampleLines;

/// Prints a configuration that reads the records of the sample.
///
/// # Errors
/// When there is none that reads any of them, or the sample can't be read.
pub fn run(init: &InitArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let sample = SampleLines::read(&init.sample)?;
    let records: Vec<Record<'_>> = sample.records().collect();
    let headers = sample.header_names();
    let proposal = propose(&records, &headers, init.time_zone).map_err(|error| {
        let name = init.sample.display();
        match sample.faults.first() {
            Some((line, fault)) if records.is_empty() => {
                anyhow!(
                    "no configuration fits {name}: line {line}: {}",
                    fault.detail
                )
            }
            _ => anyhow!("no configuration fits {name}: {error}"),
        }
    })?;
    let text = configuration_text::of(&proposal, &init.sample, init.time_zone);
    streams::print(text.as_bytes())?;
    if !globals.quiet {
        for line in notes(&proposal, &sample) {
            streams::note(format_args!("{line}"));
        }
    }
    Ok(())
}

/// What becomes of the sample, and what a person must decide.
fn notes(proposal: &Proposal, sample: &SampleLines) -> Vec<String> {
    let trial = &proposal.trial;
    let rejected = trial.rejects + sample.faults.len() as u64;
    let all = trial.payments + trial.tombstones + rejected;
    let mut counts = format!(
        "{} of {} {}",
        grouped(trial.payments),
        counted_in_threes(all, "record"),
        agreeing(trial.payments, "is a payment", "are payments"),
    );
    for (count, what) in [
        (
            trial.tombstones,
            agreeing(trial.tombstones, "is a tombstone", "are tombstones"),
        ),
        (rejected, agreeing(rejected, "is rejected", "are rejected")),
    ] {
        if count > 0 {
            counts.push_str(&format!(", {} {what}", grouped(count)));
        }
    }
    let mut notes = vec![counts];
    if sample.is_cut {
        notes.push("the sample is longer: only its beginning was looked at".to_owned());
    }
    let faults = sample.faults.first().into_iter();
    let faults = faults.map(|(line, fault)| (*line, fault));
    let rejects = trial.first.iter();
    let rejects = rejects.map(|(number, reject)| (sample.line(*number), reject));
    for (line, reject) in faults.chain(rejects) {
        notes.push(format!("line {line}, {}: {}", reject.reason, reject.detail));
    }
    let decisions = proposal.decisions.iter();
    notes.extend(decisions.map(|decision| format!("decide: {decision}")));
    notes
}
