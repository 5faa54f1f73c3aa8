//! Looking after the partitions: which there are, and whether they are read.

use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use tracing::{info, warn};

use super::native;
use super::start::{self, Starting};
use super::{ASK_MAX, Assigned, Error, Source};

/// How often the brokers are tried while none answers, and for how long.
const PROBE_EVERY: Duration = Duration::from_secs(1);
const PROBE_MAX: Duration = Duration::from_millis(300);

impl Source {
    /// Looks for partitions that were added, and reads them from their beginning: nothing in them
    /// can be older than the reading of the topic. To be called about every 30 s; also wakes up
    /// partitions that the client has forgotten.
    ///
    /// # Errors
    /// When the brokers don't answer within 2 s; to be tried again later.
    pub fn discover(&mut self) -> Result<Vec<Assigned>, Error> {
        let Some(count) = self.topic.count(&self.consumer, ASK_MAX)? else {
            self.missing += 1;
            // A broker that has just started may not know its topics yet.
            if self.missing > 1 {
                for partition in self.partitions() {
                    self.halt(partition, start::DELETED.to_owned());
                }
            }
            return Ok(Vec::new());
        };
        self.missing = 0;
        self.check_identity();
        for gone in self.partitions().into_iter().filter(|p| *p >= count) {
            self.halt(gone, start::VANISHED.to_owned());
        }
        let mut starts = Vec::new();
        if !self.bounded {
            for partition in self.partitions().len() as i32..count {
                let standing = self.topic.standing(&self.consumer, partition, ASK_MAX)?;
                starts.push(Starting::fresh(standing.low, standing));
            }
        }
        self.topic.grow(count);
        let found = self.begin(starts)?;
        self.wake_forgotten();
        Ok(found)
    }

    // Whether all is read can't be known while no broker answers, and afterwards only from asking:
    // the client does not say again that it is at an end.
    pub(super) fn probe_if_down(&mut self) {
        if self.consumer.context().down().is_none() {
            return;
        }
        for cursor in &mut self.cursors {
            cursor.forget_end();
        }
        let now = Instant::now();
        if now < self.next_probe {
            return;
        }
        self.next_probe = now + PROBE_EVERY;
        let consumer = &self.consumer;
        let topic = &self.topic;
        let answered = (0..)
            .zip(&mut self.cursors)
            .filter(|(_, cursor)| !cursor.is_halted())
            .all(
                |(partition, cursor)| match topic.standing(consumer, partition, PROBE_MAX) {
                    Ok(standing) => {
                        cursor.note_end(standing.high);
                        true
                    }
                    Err(_) => false,
                },
            );
        if answered {
            info!("Kafka answers again");
            self.consumer.context().set_up();
            self.check_identity();
        }
    }

    // The client goes on at the same offsets when a topic is recreated under it and is soon longer
    // than the old one was.
    fn check_identity(&mut self) {
        let found = native::topic_id(&self.consumer, self.topic.name(), ASK_MAX);
        let Some(found) = found else { return };
        if *self.identity.get_or_insert(found) != found {
            for partition in self.partitions() {
                self.halt(partition, start::RECREATED.to_owned());
            }
        }
    }

    // A partition whose fetching does not start again after its leader moved has been a fault of
    // several versions of the client; sought anew, it goes on.
    fn wake_forgotten(&mut self) {
        for partition in self.partitions() {
            if !self.runs(partition) || self.paused.contains(&partition) {
                continue;
            }
            let Some(cursor) = usize::try_from(partition)
                .ok()
                .and_then(|partition| self.cursors.get_mut(partition))
            else {
                continue;
            };
            if !cursor.stands_still() {
                continue;
            }
            let Ok(standing) = self.topic.standing(&self.consumer, partition, ASK_MAX) else {
                return;
            };
            if cursor.note_end(standing.high) {
                // Nothing is left to be read, so nothing will come that shows that it is well.
                self.ailing.remove(&partition);
                continue;
            }
            let from = cursor.resume_from();
            warn!(
                partition,
                from,
                end = standing.high,
                "nothing comes from the partition although there is more: reading it anew"
            );
            if let Err(error) = self.consumer.seek(
                self.topic.name(),
                partition,
                Offset::Offset(from),
                Duration::ZERO,
            ) {
                warn!(partition, "it can't be read anew: {error}");
            }
        }
    }
}
