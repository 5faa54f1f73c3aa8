//! The identity of the topic that is read: records of another topic with the same name are not delivered.

use std::collections::BTreeMap;

use tidegauge_windows::planted::{Mistake, is_planted};

use super::start;
use super::{LogClient, Source};
use crate::domain::topic_id::TopicId;

/// Which topic is read, and whether it is still there.
#[derive(Debug, Default)]
pub(super) struct TopicIdentity {
    /// The topic that is read.
    expected: Option<TopicId>,
    /// The id of that name that brokers gave last.
    told: Option<TopicId>,
    /// Why nothing is read any more: the name stands for another topic now.
    pub(super) replaced: Option<String>,
}

impl TopicIdentity {
    /// Takes note that `told` has the name now; whether that is another topic, and was not known.
    fn note(&mut self, told: Option<TopicId>) -> bool {
        self.told = told;
        // Brokers that give topics no id say nothing, and neither does one that can't be asked.
        let Some(told) = told else { return false };
        let expected = *self.expected.get_or_insert(told);
        let is_news = expected != told && self.replaced.is_none();
        if is_news {
            self.replaced = Some(start::replaced(expected, told));
        }
        is_news
    }

    /// Whether it is known which topic is read.
    pub(super) const fn is_known(&self) -> bool {
        self.expected.is_some()
    }

    /// Whether the brokers say that the topic is still the one that is read.
    pub(super) fn is_same(&self) -> bool {
        self.told.is_some() && self.told == self.expected
    }
}

impl<C: LogClient + ?Sized> Source<C> {
    /// Which topic is read; `None` if brokers don't say. Those before Kafka 2.8 never do.
    #[must_use]
    pub fn topic_id(&self) -> Option<TopicId> {
        self.identity.expected
    }

    /// Takes over what an earlier run knew: which topic it read, and which partitions can't be read on for a
    /// reason that lasts. To be called before [`assign`](Self::assign).
    pub fn remember(&mut self, topic: Option<TopicId>, halted: BTreeMap<i32, String>) {
        self.remembered = halted;
        let Some(topic) = topic else { return };
        let mut told = self.identity.told;
        if told.is_none() {
            told = self.client.topic_id();
        }
        self.identity = TopicIdentity {
            expected: Some(topic),
            ..TopicIdentity::default()
        };
        self.identify(told);
    }

    /// Takes note which topic has the name, and stops all partitions if it is another one.
    pub(super) fn identify(&mut self, told: Option<TopicId>) {
        if !is_planted(Mistake::OtherTopicReadOn)
            && self.identity.note(told)
            && let Some(reason) = self.identity.replaced.clone()
        {
            for partition in self.partitions() {
                self.halt(partition, reason.clone());
            }
        }
    }

    /// Takes note of the ids by which the client has begun to read. What was taken from the queue before all
    /// events were served is of the topic that was told last, as the client tells a new id before it
    /// asks for the first record by it.
    pub(super) fn take_topic_ids(&mut self) {
        for told in self.client.take_topic_ids() {
            self.identify(told);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_first_topic_told_is_the_one_that_is_read() {
        let (one, other) = (TopicId::new(1), TopicId::new(2));
        let mut identity = TopicIdentity::default();
        assert!(!identity.note(None) && !identity.is_same());
        assert!(!identity.note(one) && identity.is_same());
        assert!(!identity.note(None) && identity.replaced.is_none());
        assert!(identity.note(other) && !identity.is_same());
        let reason = identity.replaced.clone().unwrap();
        assert!(reason.contains(&one.unwrap().to_string()), "{reason}");
        assert!(reason.contains(&other.unwrap().to_string()), "{reason}");
        // Once is enough, and it stays replaced whatever is told by a broker that lags behind.
        assert!(!identity.note(other) && !identity.note(one));
        assert_eq!(identity.replaced, Some(reason));
    }
}
