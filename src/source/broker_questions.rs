//! Questions to the brokers, and their answers.

use std::collections::BTreeMap;

use super::Error;
use super::start::OffsetRange;
use crate::domain::topic_id::TopicId;
use crate::host::clock::Instant;

/// A question to the brokers.
#[derive(Debug)]
pub enum BrokerQuestion {
    /// Which topic there is, and how far its partitions go.
    Describe {
        /// How many partitions are known; what others hold is asked for as well.
        known: i32,
        /// Known partitions that are asked for.
        partitions: Vec<i32>,
    },
    /// Whether brokers answer, and how far these partitions go.
    Probe {
        /// How often it had been said by then that none answers.
        outages: u64,
        /// How many partitions are known.
        known: i32,
        /// The partitions that are asked for.
        partitions: Vec<i32>,
    },
    /// Where these partitions end.
    Ends {
        /// When it was asked.
        asked: Instant,
        /// The partitions that can be read.
        partitions: Vec<i32>,
        /// Those that can't be read now: they are asked for last, and apart from the others.
        failing: Vec<i32>,
    },
}

/// The answer to a [`BrokerQuestion`].
pub enum BrokerAnswer {
    /// To [`BrokerQuestion::Describe`].
    Described(Result<TopicDescription, Error>),
    /// To [`BrokerQuestion::Probe`], if a broker answered.
    Probed(ProbeAnswer),
    /// To [`BrokerQuestion::Probe`] otherwise.
    Silent,
    /// To [`BrokerQuestion::Ends`].
    Ends {
        /// As in the question.
        asked: Instant,
        /// The ends, without those that nothing was said of.
        ends: BTreeMap<i32, i64>,
        /// Whether brokers said the end of every partition that can be read; of every one, if none can.
        is_whole: bool,
    },
}

/// The answer to [`BrokerQuestion::Describe`]: the topic and its partitions.
pub struct TopicDescription {
    /// How many partitions it has; `None` if it does not exist.
    pub count: Option<i32>,
    /// The partitions that no broker serves.
    pub leaderless: Vec<i32>,
    /// Which topic of that name it is, if they say.
    pub identity: Option<TopicId>,
    /// The offsets that they hold of the partitions asked for, and of those that were not known:
    /// without those that they said nothing of.
    pub offset_ranges: BTreeMap<i32, OffsetRange>,
}

/// The answer to [`BrokerQuestion::Probe`]: the partitions of the topic.
pub struct ProbeAnswer {
    /// When it was asked.
    pub asked: Instant,
    /// As in the question.
    pub outages: u64,
    /// The partitions that no broker serves.
    pub leaderless: Vec<i32>,
    /// Which topic of that name it is, if they say.
    pub identity: Option<TopicId>,
    /// The offsets that they hold of the partitions asked for, without those that they said nothing of.
    pub offset_ranges: BTreeMap<i32, OffsetRange>,
}
