//! What the brokers of a simulated topic answer to questions.

use std::collections::BTreeMap;

use tidegauge::domain::topic_id::TopicId;
use tidegauge::host::clock::Instant;
use tidegauge::source::{
    BrokerAnswer, BrokerQuestion, Config, OffsetRange, ProbeAnswer, TopicDescription,
};

use super::log_client::silent;
use super::topic::Topic;

/// What the brokers of `topic` answer.
pub fn answered(topic: &Topic, config: &Config, question: BrokerQuestion) -> BrokerAnswer {
    let identity = TopicId::new(topic.id);
    let ranges = |of: &[i32]| -> BTreeMap<i32, OffsetRange> {
        let known = of.iter().filter_map(|partition| {
            let found = topic.partitions.get(usize::try_from(*partition).ok()?)?;
            found.has_leader.then_some((
                *partition,
                OffsetRange {
                    low: found.low,
                    high: found.stable(),
                },
            ))
        });
        known.collect()
    };
    let leaderless = || {
        let without = (0..).zip(&topic.partitions);
        let without = without.filter(|(_, partition)| !partition.has_leader);
        without.map(|(number, _)| number).collect::<Vec<i32>>()
    };
    match question {
        BrokerQuestion::Describe { .. } if !topic.is_up => {
            BrokerAnswer::Described(Err(silent(config)))
        }
        BrokerQuestion::Describe { .. } if !topic.exists => {
            BrokerAnswer::Described(Ok(TopicDescription {
                count: None,
                leaderless: Vec::new(),
                identity: None,
                offset_ranges: BTreeMap::new(),
            }))
        }
        BrokerQuestion::Describe { known, partitions } => {
            let count = topic.partitions.len() as i32;
            let asked: Vec<i32> = partitions.into_iter().chain(known..count).collect();
            BrokerAnswer::Described(Ok(TopicDescription {
                count: Some(count),
                leaderless: leaderless(),
                identity,
                offset_ranges: ranges(&asked),
            }))
        }
        BrokerQuestion::Probe { .. } if !topic.is_up => BrokerAnswer::Silent,
        BrokerQuestion::Probe {
            outages,
            partitions,
            ..
        } => BrokerAnswer::Probed(ProbeAnswer {
            asked: Instant::now(),
            outages,
            leaderless: if topic.exists {
                leaderless()
            } else {
                Vec::new()
            },
            identity: identity.filter(|_| topic.exists),
            offset_ranges: if topic.exists {
                ranges(&partitions)
            } else {
                BTreeMap::new()
            },
        }),
        BrokerQuestion::Ends {
            asked,
            partitions,
            failing,
        } => {
            let is_there = topic.is_up && topic.exists;
            let ends = |of: &[i32]| -> BTreeMap<i32, i64> {
                let ranges = if is_there {
                    ranges(of)
                } else {
                    BTreeMap::new()
                };
                let ends = ranges
                    .iter()
                    .map(|(partition, range)| (*partition, range.high));
                ends.collect()
            };
            let (mut found, of_failing) = (ends(&partitions), ends(&failing));
            let is_whole = match partitions.is_empty() {
                true => of_failing.len() == failing.len(),
                false => found.len() == partitions.len(),
            };
            found.extend(of_failing);
            BrokerAnswer::Ends {
                asked,
                ends: found,
                is_whole,
            }
        }
    }
}
