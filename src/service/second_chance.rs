//! Second chances: listed records are read again from Kafka, and what they are now is counted, once.
//!
//! A page of a list at a time: the records are read by their offsets and judged by the core, and what follows
//! is one checkpoint, which takes back what was booked and listed before. So a run that ends in the middle, however
//! it ends, has done some pages whole, and the next run finds only what is left.

mod error;
mod fate;
mod figures;
mod wanted;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::config::Config;
use crate::core::effect::correction::ListedRecord;
use crate::core::pipeline::Pipeline;
use crate::domain::document_key::Origin;
use crate::domain::ledger::Count;
use crate::observe::crash_point;
use crate::service::app;
use crate::service::generation::{Generations, Lock};
use crate::service::replay;
use crate::source::RecordReader;
use crate::store::{self, ReadOnlyStore, RecordsListed, RuleDifference};

pub use self::error::Error;
pub use self::fate::{Fate, FateNow};
use self::figures::Figures;
pub use self::wanted::{ListChoice, Wanted};

/// How long Kafka may take to answer.
const KAFKA_PATIENCE: Duration = Duration::from_secs(15);
/// Records of a list that are looked at at once.
const PAGE: usize = 1_024;

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct SecondChancePlan {
    /// Which records.
    pub wanted: Wanted,
    /// Whether the state may adopt other rules of the configuration.
    pub adopts_rules: bool,
    /// Whether nothing is to be written.
    pub is_dry: bool,
}

/// What became of the records.
#[derive(Clone, Debug, Default)]
pub struct SecondChanceReport {
    /// The generation.
    pub generation: u32,
    /// How many records were looked at.
    pub records: u64,
    /// What became of them.
    pub outcomes: BTreeMap<Fate, Count>,
    /// The rules that the state has adopted, or would.
    pub adopted: Vec<RuleDifference>,
    /// Whether it was asked to stop before the end.
    pub is_interrupted: bool,
}

/// One run on the live generation.
struct Run<'a> {
    plan: &'a SecondChancePlan,
    figures: Figures,
    pipeline: Pipeline,
    reader: RecordReader,
    report: SecondChanceReport,
}

/// Gives the records that are wanted a second chance, until `stop`. `show` is told how many were looked at.
///
/// # Errors
/// When there is no state, when a service or a replay uses it, when it was built from another topic or by rules that can't
/// change, when Kafka does not answer, and when the state can't be written. What was counted until then stays counted.
pub fn run(
    config: &Config,
    generations: &Generations,
    plan: &SecondChancePlan,
    stop: &AtomicBool,
    show: &mut dyn FnMut(u64),
) -> Result<SecondChanceReport, Error> {
    let generation = generations.live_state()?.generation;
    let _locks = match plan.is_dry {
        true => None,
        false => Some(lock(generations)?),
    };
    let dir = generations.dir(generation);
    let still = ReadOnlyStore::open(&dir)?;
    let still = still.ok_or_else(|| generations.no_state(generation))?;
    let report = SecondChanceReport {
        generation,
        adopted: adopted(config, &still, plan)?,
        ..SecondChanceReport::default()
    };
    if first(&still, &plan.wanted)?.is_none() {
        // A state adopts rules also where nothing is left to be counted by them.
        drop(still);
        if !plan.is_dry && !report.adopted.is_empty() {
            replay::forget_comparisons(generations, generation)?;
            store::adopt(&dir, &app::identity(config, generation))?;
        }
        return Ok(report);
    }
    // Before anything is changed.
    let reader = RecordReader::connect(&config.kafka, still.topic_id(), KAFKA_PATIENCE)?;
    let (figures, pipeline) = if plan.is_dry {
        Figures::look(still, config)?
    } else {
        drop(still);
        replay::forget_comparisons(generations, generation)?;
        Figures::open(&dir, config, generation, !report.adopted.is_empty())?
    };
    let mut run = Run {
        plan,
        figures,
        pipeline,
        reader,
        report,
    };
    // First those that are in no window: some rejects will be among them.
    for list in [RecordsListed::InNoWindow, RecordsListed::Rejects] {
        if plan.wanted.list.has(list) && !run.report.is_interrupted {
            run.walk(list, stop, show)?;
        }
    }
    run.figures.finish()?;
    run.reader.close();
    Ok(run.report)
}

// Neither a service nor a replay may use the state meanwhile.
fn lock(generations: &Generations) -> Result<[Lock; 2], Error> {
    let service = generations.hold_services_off()?;
    let service = service.ok_or_else(|| match generations.are_services_held_off() {
        true => Error::AtWork,
        false => Error::ServiceRuns,
    })?;
    let replay = generations.lock_replay()?.ok_or(Error::AtWork)?;
    Ok([service, replay])
}

// The rules that differ, if all of them may be adopted.
fn adopted(
    config: &Config,
    still: &ReadOnlyStore,
    plan: &SecondChancePlan,
) -> Result<Vec<RuleDifference>, Error> {
    if !still.has_begun() {
        return Ok(Vec::new());
    }
    let path = config.state_dir.clone();
    if still.topic() != config.kafka.topic {
        return Err(Error::Store(store::Error::Topic {
            path,
            found: still.topic().to_owned(),
            configured: config.kafka.topic.clone(),
        }));
    }
    let differences = RuleDifference::between(still.rules(), &config.rules());
    let (adoptable, fixed): (Vec<_>, Vec<_>) = differences
        .into_iter()
        .partition(|rule| store::is_adoptable(&rule.key));
    if !fixed.is_empty() {
        return Err(Error::Fixed { differences: fixed });
    }
    if !adoptable.is_empty() && !plan.adopts_rules {
        return Err(Error::Unadopted {
            differences: adoptable,
        });
    }
    Ok(adoptable)
}

// The place of a first record that is wanted, as far as its list and place go.
fn first(still: &ReadOnlyStore, wanted: &Wanted) -> Result<Option<Origin>, Error> {
    for list in [RecordsListed::InNoWindow, RecordsListed::Rejects] {
        if wanted.list.has(list) {
            let found = still.listed(list, wanted.first(), 1)?;
            if let Some(record) = found.first() {
                return Ok(Some(record.origin()));
            }
        }
    }
    Ok(None)
}

impl Run<'_> {
    fn walk(
        &mut self,
        list: RecordsListed,
        stop: &AtomicBool,
        show: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let wanted = &self.plan.wanted;
        let mut next = Some(wanted.first());
        while let Some(from) = next {
            let left = wanted.limit.saturating_sub(self.report.records);
            if left == 0 {
                return Ok(());
            }
            if stop.load(Ordering::Relaxed) {
                self.report.is_interrupted = true;
                return Ok(());
            }
            let mut some = self.figures.listed(list, from, PAGE)?;
            next = some.last().map(|last| after(last.origin()));
            // In one partition, what follows is not wanted; in all, each has its own beginning.
            next = next.and_then(|next| wanted.skip_to(next));
            some.retain(|record| wanted.holds(record));
            some.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            let judged = self.judge(&some, stop)?;
            crash_point::reach("second chance: before the checkpoint");
            self.figures.write(&mut self.pipeline)?;
            crash_point::reach("second chance: after the checkpoint");
            self.report.records += judged;
            show(self.report.records);
            // Also in the last page that is wanted.
            if judged < some.len() as u64 {
                self.report.is_interrupted = true;
                return Ok(());
            }
        }
        Ok(())
    }

    // A page is in the order of its places. Says how many were judged before it was to stop.
    fn judge(&mut self, some: &[ListedRecord], stop: &AtomicBool) -> Result<u64, Error> {
        let (mut all, mut failed) = (0, None);
        let Self {
            pipeline,
            reader,
            report,
            ..
        } = self;
        for of_partition in
            some.chunk_by(|one, other| one.origin().partition == other.origin().partition)
        {
            let offsets: Vec<i64> = of_partition.iter().map(|it| it.origin().offset).collect();
            let partition = of_partition.first().map_or(0, |it| it.origin().partition);
            let mut listed = of_partition.iter();
            reader.read(partition, &offsets, stop, |_, record| {
                // The reader gives each offset once, in order.
                let Some(listed) = listed.next() else { return };
                if failed.is_some() {
                    return;
                }
                all += 1;
                let judged = record.map(|record| pipeline.judge_again(record, listed));
                let judged = match judged.transpose() {
                    Ok(judged) => judged,
                    Err(error) => return failed = Some(error),
                };
                let (outcome, amount) = Fate::of(listed, judged);
                let count = report.outcomes.entry(outcome).or_default();
                count.count += 1;
                if let Some(amount) = amount {
                    count.amount += ethnum::I256::from(amount.units());
                }
            })?;
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(all),
        }
    }
}

const fn after(origin: Origin) -> Origin {
    Origin {
        partition: origin.partition,
        offset: origin.offset.saturating_add(1),
    }
}
