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
use crate::core::pipeline::{Pipeline, UncomparedPayments};
use crate::domain::amount::Amount;
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
    /// What becomes of payments that can't be compared with those of their time.
    pub uncompared: UncomparedPayments,
    /// Whether nothing is to be written.
    pub is_dry: bool,
}

/// What became of the records.
#[derive(Debug, Default)]
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
    /// Why it ended before all records were looked at. What is reported is done.
    pub failure: Option<Error>,
}

impl SecondChanceReport {
    /// Whether all records that were asked for were looked at.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.is_interrupted && self.failure.is_none()
    }
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
/// If there is no state, a service or a replay uses it, it was built from another topic or by rules that it can't adopt, or
/// Kafka does not answer: nothing has changed then. Also if the state can't be opened or written, which may have adopted the
/// rules by then. The report has a [failure](SecondChanceReport::failure) that comes later.
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
    run.report.failure = run.walk_lists(stop, show).err();
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
    let (adoptable, fixed): (Vec<_>, Vec<_>) =
        differences.into_iter().partition(|rule| rule.is_adoptable);
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
    fn walk_lists(&mut self, stop: &AtomicBool, show: &mut dyn FnMut(u64)) -> Result<(), Error> {
        // First those that are in no window: some rejects will be among them.
        for list in [RecordsListed::InNoWindow, RecordsListed::Rejects] {
            if self.plan.wanted.list.has(list) && !self.report.is_interrupted {
                self.walk(list, stop, show)?;
            }
        }
        Ok(self.figures.finish()?)
    }

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
            let page = self.judge(&some, stop);
            crash_point::reach("second chance: before the checkpoint");
            self.figures.write(&mut self.pipeline)?;
            crash_point::reach("second chance: after the checkpoint");
            let is_whole = page.records == some.len() as u64;
            self.report.records += page.records;
            for (fate, count) in page.outcomes {
                let all = self.report.outcomes.entry(fate).or_default();
                all.count += count.count;
                all.amount += count.amount;
            }
            show(self.report.records);
            if let Some(error) = page.failure {
                return Err(error);
            }
            // Also in the last page that is wanted.
            if !is_whole {
                self.report.is_interrupted = true;
                return Ok(());
            }
        }
        Ok(())
    }

    // The records are in the order of their places.
    fn judge(&mut self, some: &[ListedRecord], stop: &AtomicBool) -> JudgedPage {
        let Self {
            pipeline,
            reader,
            plan,
            ..
        } = self;
        let mut page = JudgedPage::default();
        for of_partition in
            some.chunk_by(|one, other| one.origin().partition == other.origin().partition)
        {
            let offsets: Vec<i64> = of_partition.iter().map(|it| it.origin().offset).collect();
            let partition = of_partition.first().map_or(0, |it| it.origin().partition);
            let mut listed = of_partition.iter();
            let read = reader.read(partition, &offsets, stop, |_, record| {
                // The reader gives each offset once, in order.
                let Some(listed) = listed.next() else { return };
                if page.failure.is_some() {
                    return;
                }
                let judged =
                    record.map(|record| pipeline.judge_again(record, listed, plan.uncompared));
                match judged.transpose() {
                    Ok(judged) => page.note(Fate::of(listed, judged)),
                    Err(error) => page.failure = Some(error.into()),
                }
            });
            if let Err(error) = read {
                page.failure.get_or_insert(error.into());
            }
            if page.failure.is_some() {
                break;
            }
        }
        page
    }
}

/// What became of the records of a page, up to the end, a stop or a failure.
#[derive(Default)]
struct JudgedPage {
    records: u64,
    outcomes: BTreeMap<Fate, Count>,
    failure: Option<Error>,
}

impl JudgedPage {
    fn note(&mut self, (fate, amount): (Fate, Option<Amount>)) {
        self.records += 1;
        let count = self.outcomes.entry(fate).or_default();
        count.count += 1;
        if let Some(amount) = amount {
            count.amount += ethnum::I256::from(amount.units());
        }
    }
}

const fn after(origin: Origin) -> Origin {
    Origin {
        partition: origin.partition,
        offset: origin.offset.saturating_add(1),
    }
}
