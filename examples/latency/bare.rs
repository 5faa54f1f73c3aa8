//! A consumer that does nothing (baseline).

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tidegauge::source::Config;

use crate::schedule::{Sample, Schedule};
use crate::times::Times;
use crate::{BRANCHES, PATIENCE};

/// A consumer that does nothing, at the end of the topic, and where that is.
pub(crate) fn connect(config: &Config) -> anyhow::Result<(BaseConsumer, Vec<i64>)> {
    let consumer: BaseConsumer = config.client()?.create()?;
    let patience = Duration::from_secs(10);
    let metadata = consumer.fetch_metadata(Some(&config.topic), patience)?;
    let partitions = metadata
        .topics()
        .first()
        .context("no such topic")?
        .partitions()
        .len();
    ensure!(
        partitions > 0 && BRANCHES.is_multiple_of(partitions as u64),
        "{BRANCHES} branches can't be spread over {partitions} partitions"
    );
    let mut list = TopicPartitionList::new();
    let mut base = Vec::new();
    for partition in 0..partitions as i32 {
        let (_, end) = consumer.fetch_watermarks(&config.topic, partition, patience)?;
        list.add_partition_offset(&config.topic, partition, Offset::Offset(end))?;
        base.push(end);
    }
    consumer.assign(&list)?;
    Ok((consumer, base))
}

pub(crate) fn consume(consumer: &BaseConsumer, schedule: &Schedule) -> anyhow::Result<Times> {
    let mut samples: Vec<_> = schedule
        .by_partition()
        .into_iter()
        .map(Iterator::peekable)
        .collect();
    let mut times = Times::default();
    let mut left = schedule.due.len();
    let mut heard = schedule.began;
    while left > 0 {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(record)) => {
                heard = Instant::now();
                left -= 1;
                let of = &mut samples[record.partition() as usize];
                let is_it = |sample: &Sample| schedule.offset(sample.number) == record.offset();
                if let Some(sample) = of.next_if(is_it) {
                    times.record(schedule, sample, heard);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) | None => {
                let silent = Instant::now().saturating_duration_since(heard);
                ensure!(silent < PATIENCE, "the bare consumer lacks {left} payments");
            }
            Some(Err(error)) => return Err(error).context("the bare consumer"),
        }
    }
    Ok(times)
}
