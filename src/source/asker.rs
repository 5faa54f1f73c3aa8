//! Asks the brokers, on a thread of its own so that reading does not wait: an answer may take seconds, and
//! there may be thousands of partitions.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::broker_questions::{BrokerAnswer, BrokerQuestion, ProbeAnswer, TopicDescription};
use super::client_events::ClientEvents;
use super::topic::{Topic, TopicPartitions};
use super::{ASK_MAX, Error, native};
use crate::host::clock::Instant;

/// How long a request may take that is to show whether brokers answer.
const PROBE_MAX: Duration = Duration::from_millis(300);

/// How long partitions are asked for; the next question has the others.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// So many partitions are asked for together.
const PARTITIONS_PER_REQUEST: usize = 250;

/// Asks one question after the other.
pub(super) struct Asker {
    questions: Sender<BrokerQuestion>,
    answers: Receiver<BrokerAnswer>,
    thread: JoinHandle<()>,
    /// Questions without an answer.
    pending: usize,
}

impl Asker {
    /// Starts the thread.
    pub(super) fn start(
        consumer: Arc<BaseConsumer<ClientEvents>>,
        topic: Topic,
    ) -> io::Result<Self> {
        let (questions, asked) = channel();
        let (answered, answers) = channel();
        let thread = thread::Builder::new()
            .name("kafka-ask".into())
            .spawn(move || {
                while let Ok(question) = asked.recv() {
                    // Here, as it may take a second.
                    consumer.context().examine();
                    // The source has ended.
                    if answered.send(ask(&consumer, &topic, question)).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self {
            questions,
            answers,
            thread,
            pending: 0,
        })
    }

    /// Asks, if no other question waits for its answer; `false` if one does.
    pub(super) fn ask(&mut self, question: BrokerQuestion) -> bool {
        let asks = self.pending == 0 && self.questions.send(question).is_ok();
        self.pending += usize::from(asks);
        asks
    }

    /// The next answer, if there is one.
    pub(super) fn answer(&mut self) -> Option<BrokerAnswer> {
        let answer = self.answers.try_recv().ok()?;
        self.pending -= 1;
        Some(answer)
    }

    /// Ends the thread, after the question that it asks.
    pub(super) fn close(self) {
        drop(self.questions);
        // One that panicked has ended as well.
        let _ = self.thread.join();
    }
}

fn ask(
    consumer: &BaseConsumer<ClientEvents>,
    topic: &Topic,
    question: BrokerQuestion,
) -> BrokerAnswer {
    match question {
        BrokerQuestion::Describe { known, partitions } => {
            BrokerAnswer::Described(describe(consumer, topic, known, partitions))
        }
        BrokerQuestion::Ends {
            asked,
            partitions,
            failing,
        } => {
            let deadline = asked + ANSWER_MAX;
            let ends =
                |of: &[i32]| ask_apart(of, deadline, |some| topic.ends(consumer, some, ASK_MAX));
            let (mut ends, of_failing) = (ends(&partitions), ends(&failing));
            let is_whole = match partitions.is_empty() {
                true => of_failing.len() == failing.len(),
                false => ends.len() == partitions.len(),
            };
            ends.extend(of_failing);
            BrokerAnswer::Ends {
                asked,
                ends,
                is_whole,
            }
        }
        BrokerQuestion::Probe {
            outages,
            known,
            mut partitions,
        } => {
            let asked = Instant::now();
            let leaderless = match topic.listed(consumer, known, PROBE_MAX) {
                Ok(Some(listed)) => listed.leaderless,
                // The next question says that the topic is missing, or may not be read.
                Ok(None) | Err(Error::Forbidden { .. }) => Vec::new(),
                Err(_) => return BrokerAnswer::Silent,
            };
            partitions.retain(|partition| !leaderless.contains(partition));
            let offset_ranges = ask_apart(&partitions, asked + ANSWER_MAX, |some| {
                topic.offset_ranges(consumer, some, PROBE_MAX)
            });
            BrokerAnswer::Probed(ProbeAnswer {
                asked,
                outages,
                leaderless,
                identity: native::topic_id(consumer, topic.name(), ASK_MAX),
                offset_ranges,
            })
        }
    }
}

/// What `ask` says of `partitions`, without those that it gives an error for. An error that a broker
/// answers for one partition is that of the whole request, so a request that fails is asked again in
/// halves, until `deadline`.
pub(super) fn ask_apart<T>(
    partitions: &[i32],
    deadline: Instant,
    ask: impl Fn(&[i32]) -> Result<BTreeMap<i32, T>, Error>,
) -> BTreeMap<i32, T> {
    let mut said = BTreeMap::new();
    let mut left: VecDeque<&[i32]> = partitions.chunks(PARTITIONS_PER_REQUEST).collect();
    while let Some(some) = left.pop_front() {
        match ask(some) {
            Ok(found) => said.extend(found),
            Err(_) if some.len() > 1 => {
                let (one, other) = some.split_at(some.len() / 2);
                left.extend([one, other]);
            }
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            break;
        }
    }
    said
}

fn describe(
    consumer: &BaseConsumer<ClientEvents>,
    topic: &Topic,
    known: i32,
    mut partitions: Vec<i32>,
) -> Result<TopicDescription, Error> {
    let Some(TopicPartitions { count, leaderless }) = topic.listed(consumer, known, ASK_MAX)?
    else {
        return Ok(TopicDescription {
            count: None,
            leaderless: Vec::new(),
            identity: None,
            offset_ranges: BTreeMap::new(),
        });
    };
    partitions.retain(|partition| *partition < count);
    partitions.extend(known..count);
    partitions.retain(|partition| !leaderless.contains(partition));
    let offset_ranges = ask_apart(&partitions, Instant::now() + ANSWER_MAX, |some| {
        topic.offset_ranges(consumer, some, ASK_MAX)
    });
    Ok(TopicDescription {
        count: Some(count),
        leaderless,
        identity: native::topic_id(consumer, topic.name(), ASK_MAX),
        offset_ranges,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_refuses_one_partition_leaves_the_others_known() {
        let partitions: Vec<i32> = (0..600).collect();
        let later = Instant::now() + Duration::from_secs(3_600);
        let ask = |some: &[i32]| match some.contains(&333) {
            true => Err(Error::Client("KafkaStorageError".into())),
            false => Ok(some.iter().map(|partition| (*partition, ())).collect()),
        };
        let said = ask_apart(&partitions, later, ask);
        assert_eq!(said.len(), 599);
        assert!(!said.contains_key(&333));
    }

    #[test]
    fn brokers_that_answer_nothing_are_not_asked_after_the_deadline() {
        let asked = std::cell::Cell::new(0);
        let partitions: Vec<i32> = (0..600).collect();
        let said: BTreeMap<i32, ()> = ask_apart(&partitions, Instant::now(), |_| {
            asked.set(asked.get() + 1);
            Err(Error::Client("timed out".into()))
        });
        assert_eq!((said.len(), asked.get()), (0, 1));
    }
}
