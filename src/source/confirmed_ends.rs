//! When brokers last confirmed the ends of partitions: an old confirmation says nothing about now.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::broker_questions::BrokerQuestion;
use super::incident::PassingProblem;
use super::{LogClient, Source};
use crate::domain::duration;
use crate::host::clock::Instant;

/// A partition's end is asked for when nothing came from it for so long.
const ASK_AFTER: Duration = Duration::from_secs(3);
/// When ends are asked for, so are those of which nothing came for so long: half of [`ASK_AFTER`], so that
/// partitions in which nothing happens are soon asked for in one request.
const ASK_ALONG_AFTER: Duration = Duration::from_millis(1500);
/// An end that no broker has confirmed for so long is not known any more.
const KNOWN_FOR: Duration = Duration::from_secs(10);
/// The ends of wanted partitions are asked for no more often than this.
const WANTED_EVERY: Duration = Duration::from_millis(100);
/// Records are taken note of no more often than this.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// When the end of each partition was last confirmed.
#[derive(Debug)]
pub(super) struct ConfirmedEnds {
    at: BTreeMap<i32, Instant>,
    next_note: Instant,
    next_ask: Instant,
    next_tell: Instant,
    /// No end is asked for before this, wanted or not.
    next_wanted: Instant,
    /// Partitions whose ends are wanted soon.
    wanted: BTreeSet<i32>,
}

impl ConfirmedEnds {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            at: BTreeMap::new(),
            next_note: now,
            next_ask: now,
            next_tell: now,
            next_wanted: now,
            wanted: BTreeSet::new(),
        }
    }

    /// A broker said something of this partition at `moment`. Whether it has said nothing since.
    pub(super) fn note(&mut self, partition: i32, moment: Instant) -> bool {
        let at = self.at.entry(partition).or_insert(moment);
        let is_newest = moment >= *at;
        *at = moment.max(*at);
        is_newest
    }

    /// Whether records are to be taken note of now.
    pub(super) fn takes_note(&mut self, now: Instant) -> bool {
        let takes = now >= self.next_note;
        if takes {
            self.next_note = now + NOTE_EVERY;
        }
        takes
    }

    fn age(&self, partition: i32, now: Instant) -> Option<Duration> {
        let at = self.at.get(&partition)?;
        Some(now.saturating_duration_since(*at))
    }
}

impl<C: LogClient + ?Sized> Source<C> {
    /// How long ago a broker last confirmed the end of this partition, if one has.
    pub(super) fn end_age(&self, partition: i32) -> Option<Duration> {
        self.confirmed.age(partition, Instant::now())
    }

    /// Whether it is not known where the partition ends by now, as brokers don't answer. The end of a
    /// halted partition is not asked for.
    fn is_end_unknown(&self, partition: i32) -> bool {
        self.runs(partition) && (self.client.down().is_some() || self.is_end_old(partition))
    }

    /// Whether the end of this partition was last confirmed long ago.
    pub(super) fn is_end_old(&self, partition: i32) -> bool {
        self.end_age(partition).is_some_and(|age| age >= KNOWN_FOR)
    }

    /// What to say of ends that no broker has confirmed for long, if there are any.
    pub(super) fn silence(&self) -> Option<String> {
        let unknown: Vec<i32> = self
            .partitions()
            .into_iter()
            .filter(|partition| self.is_end_unknown(*partition))
            .collect();
        let (first, others) = unknown.split_first()?;
        let ages = unknown
            .iter()
            .filter_map(|partition| self.end_age(*partition));
        let which = match others.len() {
            0 => format!("partition {first}"),
            others => format!("partition {first} and of {others} more"),
        };
        Some(format!(
            "brokers do not answer, so the lag is not known: the end of {which} was last confirmed \
             {} ago",
            duration::about(Duration::from_secs(ages.max()?.as_secs()))
        ))
    }

    /// Logs when brokers fall silent, and when they answer again: each once.
    pub(super) fn log_silence(&mut self) {
        let now = Instant::now();
        if now < self.confirmed.next_tell {
            return;
        }
        self.confirmed.next_tell = now + NOTE_EVERY;
        if self.client.down().is_some() {
            // The client has logged it.
            return;
        }
        let mut old = self.partitions();
        old.retain(|partition| self.runs(*partition) && self.is_end_old(*partition));
        if old.is_empty() {
            self.client.log_answer();
            return;
        }
        // That a topic is not found, or a partition has no leader, is an answer, and is reported as such.
        let is_answered = self.missing.is_some() || self.forbidden.is_some();
        old.retain(|partition| !self.failing.contains_key(partition));
        if !is_answered
            && !old.is_empty()
            && let Some(reason) = self.silence()
        {
            self.client.log_silence(&reason);
        }
    }

    /// Whether it was logged that brokers don't answer, and not since that they do.
    #[must_use]
    pub fn is_silence_logged(&self) -> bool {
        self.client.is_silence_logged()
    }

    /// Asks for the ends of partitions of which nothing came for long.
    pub(super) fn confirm_ends(&mut self) {
        let now = Instant::now();
        let confirmed = &self.confirmed;
        let is_wanted = !confirmed.wanted.is_empty() && now >= confirmed.next_wanted;
        let is_time = now >= confirmed.next_ask || is_wanted;
        if !is_time || self.client.down().is_some() {
            return;
        }
        let is_due = |partition: &i32, after: Duration| {
            let age = confirmed.age(*partition, now);
            age.is_none_or(|age| age >= after) || confirmed.wanted.contains(partition)
        };
        let mut due = self.partitions();
        due.retain(|partition| self.runs(*partition) && is_due(partition, ASK_ALONG_AFTER));
        if !due.iter().any(|partition| is_due(partition, ASK_AFTER)) {
            due.clear();
        }
        let (failing, partitions): (Vec<i32>, Vec<i32>) = due
            .into_iter()
            .partition(|partition| self.failing.contains_key(partition));
        if (partitions.is_empty() && failing.is_empty())
            || self.client.ask(BrokerQuestion::Ends {
                partitions,
                failing,
                asked: now,
            })
        {
            self.confirmed.next_ask = now + NOTE_EVERY;
            self.confirmed.next_wanted = now + WANTED_EVERY;
            self.confirmed.wanted.clear();
        }
    }

    /// Up to when it is known that all of the partition was delivered: when a broker last confirmed
    /// its end. `None` while records wait, or while it is not known.
    #[must_use]
    pub fn at_end_until(&self, partition: i32) -> Option<Instant> {
        let at = self.confirmed.at.get(&partition).copied()?;
        Some(at).filter(|_| self.at_end(partition))
    }

    /// Has the end of a partition confirmed soon, as the caller waits for it.
    pub fn want_end(&mut self, partition: i32) {
        self.confirmed.wanted.insert(partition);
    }

    /// Takes in what brokers said of ends at the moment `asked`.
    pub(super) fn ends_confirmed(
        &mut self,
        ends: impl IntoIterator<Item = (i32, i64)>,
        asked: Instant,
    ) {
        for (partition, end) in ends {
            let is_newest = self.confirmed.note(partition, asked);
            if let Some(cursor) = self.cursor_mut(partition) {
                cursor.confirm_end(end, is_newest);
            }
            // Its leader has answered.
            if self.failing.get(&partition) == Some(&PassingProblem::NoLeader) {
                self.failing.remove(&partition);
            }
        }
    }
}
