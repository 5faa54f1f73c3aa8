//! `tidegauge rejects`: gives listed records a second chance.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde::Serialize;

use super::arguments::{GlobalArgs, ListArg, RejectsArgs, RejectsCommand, SecondChanceArgs};
use super::failure::CommandFailure;
use super::report::{self, FigureList};
use super::serve::block_on;
use super::signals::Signals;
use super::streams;
use crate::config::{Config, Need};
use crate::core::pipeline::UncomparedPayments;
use crate::domain::amount::format_units;
use crate::domain::count::{agreeing, counted, counted_in_threes};
use crate::domain::ledger::Count;
use crate::host::blocking;
use crate::service::generation::Generations;
use crate::service::second_chance::{
    self, Fate, FateNow, ListChoice, SecondChancePlan, SecondChanceReport, Wanted,
};
use crate::store::{self, RecordsListed, RuleDifference};

/// How often it is told how far a run has come.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Some records that were listed for the same reason, and are the same now.
#[derive(Serialize)]
struct FateRow {
    list: &'static str,
    /// Why they were listed.
    was: &'static str,
    /// What they are booked under now, or why they stay as they are.
    now: &'static str,
    /// Why they are still rejects.
    reason: Option<&'static str>,
    records: u64,
    /// The sum of their amounts, where they have some.
    pay_amount_exact: Option<String>,
}

const COLUMNS: [&str; 6] = [
    "list",
    "was",
    "now",
    "reason",
    "records",
    "pay_amount_exact",
];

/// A rule that the state adopted.
#[derive(Serialize)]
struct AdoptedRule {
    rule: String,
    was: Option<String>,
    is: Option<String>,
}

/// All of a run.
#[derive(Serialize)]
struct Whole<'a> {
    generation: u32,
    dry_run: bool,
    /// Whether all records that were asked for were looked at.
    complete: bool,
    records: u64,
    adopted_rules: Vec<AdoptedRule>,
    outcomes: &'a [FateRow],
}

/// Runs the subcommand.
///
/// # Errors
/// When the command line, the configuration or the state does not allow it, or Kafka does not answer.
pub fn run(rejects: &RejectsArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    match &rejects.step {
        RejectsCommand::Replay(asked) => replay(asked, globals),
    }
}

fn replay(asked: &SecondChanceArgs, globals: &GlobalArgs) -> Result<(), CommandFailure> {
    let to_offset = asked.to_offset.unwrap_or(i64::MAX);
    if to_offset <= asked.from_offset {
        return Err(CommandFailure::Usage(anyhow!(
            "--to-offset {to_offset} is not after --from-offset {}: records from the one up to, not \
             including, the other are meant",
            asked.from_offset
        )));
    }
    let config = Config::load(&globals.sources(), Need::Brokers)?;
    let generations = Generations::of(&config.state_dir);
    let plan = SecondChancePlan {
        wanted: Wanted {
            list: match asked.list {
                None => ListChoice::Both,
                Some(ListArg::Rejects) => ListChoice::Only(RecordsListed::Rejects),
                Some(ListArg::NoWindow) => ListChoice::Only(RecordsListed::InNoWindow),
            },
            reasons: asked.reason.iter().cloned().collect(),
            partition: asked.partition,
            from_offset: asked.from_offset,
            to_offset,
            limit: asked.limit.unwrap_or(u64::MAX),
        },
        adopts_rules: asked.adopt_rules,
        uncompared: match asked.without_comparing {
            true => UncomparedPayments::Count,
            false => UncomparedPayments::StayListed,
        },
        is_dry: asked.dry_run,
    };
    let is_quiet = globals.quiet;
    let is_dry = plan.is_dry;
    let report = block_on(async {
        let mut signals = Signals::new()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let mut at_work = Box::pin(blocking::run(move || {
            let mut told = Instant::now();
            let mut show = |records| {
                if !is_quiet && told.elapsed() >= TELL_EVERY {
                    told = Instant::now();
                    let records = counted_in_threes(records, "record");
                    streams::note(format_args!("{records} looked at so far"));
                }
            };
            second_chance::run(&config, &generations, &plan, &stopping, &mut show)
        }));
        let done = tokio::select! {
            done = &mut at_work => done,
            () = signals.stop() => {
                stop.store(true, Ordering::Relaxed);
                at_work.await
            }
        };
        Ok(done.map_err(|panicked| anyhow!("{panicked}"))??)
    })?;
    print(report, is_dry, asked)
}

fn print(
    mut report: SecondChanceReport,
    is_dry: bool,
    asked: &SecondChanceArgs,
) -> Result<(), CommandFailure> {
    let rows: Vec<FateRow> = report.outcomes.iter().map(row).collect();
    let whole = Whole {
        generation: report.generation,
        dry_run: is_dry,
        complete: report.is_complete(),
        records: report.records,
        adopted_rules: report.adopted.iter().map(adopted).collect(),
        outcomes: &rows,
    };
    let list = FigureList {
        columns: COLUMNS.to_vec(),
        rows: rows.iter().map(report::row).collect::<Result<_, _>>()?,
        whole: report::text(&whole)?,
    };
    list.print(asked.output)?;
    tell(&report, is_dry);
    if let Some(failure) = report.failure.take() {
        streams::note(format_args!(
            "not all records were looked at: the same command continues with what is left"
        ));
        return Err(failure.into());
    }
    if report.is_interrupted {
        return Err(CommandFailure::Running(anyhow!(
            "interrupted; the same command continues with what is left"
        )));
    }
    Ok(())
}

// What is not in the rows.
fn tell(report: &SecondChanceReport, is_dry: bool) {
    for rule in &report.adopted {
        let verb = if is_dry { "would take" } else { "has taken" };
        let (was, is) = (rule.state_told(), rule.configured_told());
        let rule = &rule.key;
        streams::note(format_args!(
            "the state {verb} a rule of the configuration: {rule} was {was} and is {is}"
        ));
    }
    if report.records == 0 && report.is_complete() {
        streams::note(format_args!("no record like that is listed"));
    }
    let of = |kind: FateNow| {
        let found = report.outcomes.iter();
        let found = found.filter(|(outcome, _)| outcome.now == kind);
        found.map(|(_, count)| count.count).sum::<u64>()
    };
    let gone = of(FateNow::Gone) + of(FateNow::AnotherRecord);
    if gone > 0 {
        streams::note(format_args!(
            "{} {} not in Kafka any more, and {} listed",
            counted(gone, "record"),
            agreeing(gone, "is", "are"),
            agreeing(gone, "stays", "stay"),
        ));
    }
    let uncompared = of(FateNow::NotCompared);
    if uncompared > 0 {
        streams::note(format_args!(
            "{} {} of a time whose order ids are not remembered any more, so it is not known whether {} sent again \
             and counted then: {} listed. --without-comparing counts {}",
            counted(uncompared, "payment"),
            agreeing(uncompared, "is", "are"),
            agreeing(uncompared, "it was", "they were"),
            agreeing(uncompared, "it stays", "they stay"),
            agreeing(uncompared, "it", "them"),
        ));
    }
    let differently = of(FateNow::ReadDifferently);
    if differently > 0 {
        streams::note(format_args!(
            "{} in no window {} in a total as {} read at first, and {} read otherwise or not at all now, so {} listed: \
             `tidegauge replay` builds all figures by the new rules",
            counted(differently, "payment"),
            agreeing(differently, "is", "are"),
            agreeing(differently, "it was", "they were"),
            agreeing(differently, "is", "are"),
            agreeing(differently, "it stays", "they stay"),
        ));
    }
}

fn row((outcome, count): (&Fate, &Count)) -> FateRow {
    let has_amount = match outcome.now {
        FateNow::Booked(entry) => entry.has_amount(),
        FateNow::NotCompared => true,
        _ => outcome.list == RecordsListed::InNoWindow,
    };
    FateRow {
        list: match outcome.list {
            RecordsListed::InNoWindow => "no_window",
            RecordsListed::Rejects => "rejects",
        },
        was: outcome.was,
        now: outcome.now.as_str(),
        reason: outcome.reason,
        records: count.count,
        pay_amount_exact: has_amount.then(|| format_units(count.amount)),
    }
}

fn adopted(rule: &RuleDifference) -> AdoptedRule {
    let value = |value: &Option<String>| {
        let default = || store::rule_default(&rule.key).map(str::to_owned);
        value.clone().or_else(default)
    };
    AdoptedRule {
        rule: rule.key.clone(),
        was: value(&rule.state),
        is: value(&rule.configured),
    }
}
