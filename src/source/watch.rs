//! Watches the partitions: finds new ones, and those that are no longer fetched.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use tidegauge_windows::planted::{Mistake, is_planted};
use tracing::warn;

use super::broker_questions::{BrokerAnswer, BrokerQuestion, TopicDescription};
use super::incident::PassingProblem;
use super::missing_topic::MissingTopic;
use super::start::{self, OffsetRange, PartitionStart};
use super::{AssignedPartition, Error, LogClient, Source};
use crate::domain::duration;
use crate::host::clock::Instant;
use crate::observe::status::Condition;

/// How often the brokers are tried while none answers.
const PROBE_EVERY: Duration = Duration::from_secs(1);

impl<C: LogClient + ?Sized> Source<C> {
    /// Looks for partitions that were added, which are read from their beginning: nothing in
    /// them can be older than the reading of the topic. To be called about every 30 s; also wakes up
    /// partitions that the client no longer fetches.
    ///
    /// Waits for no answer: it gives what earlier calls have found, and [`poll`](Self::poll) takes in
    /// the answers.
    ///
    /// # Errors
    /// When the brokers did not answer an earlier call within 2 s.
    pub fn discover(&mut self) -> Result<Vec<AssignedPartition>, Error> {
        self.take_answers()?;
        let partitions = self.stalled();
        self.describe(partitions);
        match self.unanswered.take() {
            Some(error) => Err(error),
            None => Ok(self.found()),
        }
    }

    // Has it asked which topic there is, and how far these partitions and new ones go.
    fn describe(&mut self, partitions: Vec<i32>) {
        let known = self.partition_count;
        self.client
            .ask(BrokerQuestion::Describe { known, partitions });
    }

    /// The partitions that were found since the last call.
    pub fn found(&mut self) -> Vec<AssignedPartition> {
        mem::take(&mut self.found)
    }

    /// Takes in what brokers have answered meanwhile.
    pub(super) fn take_answers(&mut self) -> Result<(), Error> {
        while let Some(answer) = self.client.answer() {
            match answer {
                BrokerAnswer::Described(Ok(description)) => self.apply_description(description)?,
                BrokerAnswer::Described(Err(error)) => {
                    if matches!(error, Error::Forbidden { .. }) {
                        self.forbidden = Some(error.to_string());
                        self.forget_ends();
                    }
                    self.unanswered = Some(error);
                }
                BrokerAnswer::Silent => {}
                BrokerAnswer::Ends {
                    asked,
                    ends,
                    is_whole,
                } => {
                    self.ends_confirmed(ends, asked);
                    if !is_whole {
                        // The topic may be gone, or a partition without a leader: neither is silence.
                        self.describe(Vec::new());
                    }
                }
                // The answer may be older than another outage.
                BrokerAnswer::Probed(found) if found.outages != self.client.outages() => {}
                BrokerAnswer::Probed(found) => {
                    self.client.log_answer();
                    self.client.set_up();
                    let ends = found.offset_ranges.iter();
                    let ends = ends.map(|(partition, range)| (*partition, range.high));
                    self.ends_confirmed(ends, found.asked);
                    for partition in found.leaderless {
                        self.miss_leader(partition);
                    }
                    self.identify(found.identity);
                }
            }
        }
        Ok(())
    }

    fn apply_description(&mut self, description: TopicDescription) -> Result<(), Error> {
        self.unanswered = None;
        self.forbidden = None;
        let Some(count) = description.count else {
            self.note_missing();
            return Ok(());
        };
        self.missing = None;
        self.identify(description.identity);
        // No topic loses partitions: a broker that says so of the same one lags behind.
        if !self.identity.is_same() {
            for gone in self.partitions().into_iter().filter(|p| *p >= count) {
                self.halt(gone, start::vanished());
            }
        }
        for partition in description.leaderless {
            self.miss_leader(partition);
        }
        if !self.bounded {
            // Partitions have no gaps: what follows one of which nothing is known waits for it.
            let known = i32::try_from(self.cursors.len()).unwrap_or(i32::MAX);
            let starts: Vec<PartitionStart> = (known..count)
                .map_while(|partition| description.offset_ranges.get(&partition))
                .map(
                    |offset_range| match is_planted(Mistake::LatestOnNewPartition) {
                        true => PartitionStart::fresh(offset_range.high, *offset_range),
                        false => PartitionStart::added(*offset_range),
                    },
                )
                .collect();
            let begun = self.begin(starts)?;
            for assigned in &begun {
                self.partition_count = self.partition_count.max(assigned.partition + 1);
            }
            self.found.extend(begun);
        }
        self.wake_forgotten(&description.offset_ranges);
        Ok(())
    }

    // Whether all is read can't be known while no broker answers, and afterwards only from asking:
    // the client does not say again that it is at an end.
    pub(super) fn probe_if_down(&mut self) {
        if self.client.down().is_none() {
            return;
        }
        self.forget_ends();
        let now = Instant::now();
        if now < self.next_probe {
            return;
        }
        let all = self.partitions();
        let asked = all.into_iter().filter(|partition| self.runs(*partition));
        let asked = BrokerQuestion::Probe {
            outages: self.client.outages(),
            known: self.partition_count,
            partitions: asked.collect(),
        };
        if self.client.ask(asked) {
            self.next_probe = now + PROBE_EVERY;
        }
    }

    // No broker can say how far it goes, and the client says nothing.
    fn miss_leader(&mut self, partition: i32) {
        if self.runs(partition)
            && let Some(cursor) = self.cursor_mut(partition)
        {
            cursor.forget_end();
            self.failing.insert(partition, PassingProblem::NoLeader);
        }
    }

    /// The condition of a topic that is not found, and the reason.
    pub(super) fn missing_condition(&self, missing: MissingTopic) -> (Condition, String) {
        let now = Instant::now();
        let topic = &self.topic;
        if !missing.is_confirmed(now) {
            let reason = format!("topic \"{topic}\" is not found any more");
            return (Condition::Degraded, reason);
        }
        let reason = format!(
            "topic \"{topic}\" has not been found for {}: it was deleted, or this user may not see it \
             any more (DESCRIBE). When it is there again, reading continues; to read a new one of that \
             name, {}",
            duration::about(missing.lasts(now)),
            start::from_earliest()
        );
        (Condition::Failed, reason)
    }

    // A topic that is found again by its id is read on. Without an id it can't be told from another
    // one, and a run that stops at the end must not wait without limit.
    fn note_missing(&mut self) {
        self.forget_ends();
        let now = Instant::now();
        let missing = self
            .missing
            .map_or_else(|| MissingTopic::new(now), MissingTopic::again);
        self.missing = Some(missing);
        if !missing.is_confirmed(now) {
            return;
        }
        for partition in self.partitions() {
            if self.identity.is_known() && self.bounded {
                self.halt_for_now(partition, start::deleted());
            } else if !self.identity.is_known() {
                self.halt(partition, start::deleted());
            }
        }
    }

    // No broker says how far partitions go.
    fn forget_ends(&mut self) {
        for cursor in &mut self.cursors {
            cursor.forget_end();
        }
    }

    // Partitions of which nothing came since the last call.
    fn stalled(&mut self) -> Vec<i32> {
        let mut still = Vec::new();
        for partition in self.partitions() {
            if !self.runs(partition) || self.paused.contains(&partition) {
                continue;
            }
            if self
                .cursor_mut(partition)
                .is_some_and(|cursor| cursor.is_stalled())
            {
                still.push(partition);
            }
        }
        still
    }

    // A partition whose fetching does not start again after its leader moved has been a bug of
    // several versions of the client; a seek starts it again.
    fn wake_forgotten(&mut self, offset_ranges: &BTreeMap<i32, OffsetRange>) {
        for (partition, offset_range) in offset_ranges {
            let partition = *partition;
            if !self.runs(partition) || self.paused.contains(&partition) {
                continue;
            }
            // What came while it was asked for is newer than the answer.
            let Some(cursor) = self
                .cursor_mut(partition)
                .filter(|cursor| cursor.is_where_seen())
            else {
                continue;
            };
            let is_at_end = cursor.note_end(offset_range.high);
            let from = cursor.resume_from();
            match (self.failing.get(&partition), is_at_end) {
                // Why it is not read was logged. Whether it can be read again shows after a
                // seek only, if nothing is left: the client then says once more that it is at the end.
                (Some(PassingProblem::Refused(_)), _) => {}
                (Some(PassingProblem::NoLeader) | None, true) => {
                    self.failing.remove(&partition);
                    continue;
                }
                (Some(PassingProblem::NoLeader) | None, false) => warn!(
                    partition,
                    from,
                    end = offset_range.high,
                    "no records arrive from the partition although there are more: seeking to its position"
                ),
            }
            if let Err(error) = self.client.seek(partition, from) {
                warn!(partition, "the partition can't be sought: {error}");
            }
        }
    }
}
