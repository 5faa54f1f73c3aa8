//! Reports the applied positions to the group, for tools that show its lag.
//!
//! A thread of its own commits them and waits for each answer: the client's binding passes on no
//! answer to a commit that no caller waits for.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use tracing::{debug, info, warn};

use super::client_events::ClientEvents;
use crate::host::clock::Instant;

/// Commits that fail for so long are worth a warning. A broker that has just started may not
/// know its groups for some seconds.
const FAILING_MAX: Duration = Duration::from_secs(30);

/// Commits one set of positions after the other.
pub(super) struct Reporter {
    positions: Sender<BTreeMap<i32, i64>>,
    thread: JoinHandle<()>,
}

impl Reporter {
    /// Starts the thread.
    pub(super) fn start(
        consumer: Arc<BaseConsumer<ClientEvents>>,
        topic: String,
    ) -> io::Result<Self> {
        let (positions, said) = channel();
        let thread = thread::Builder::new()
            .name("kafka-report".into())
            .spawn(move || ReportInProgress::new(&consumer, &topic).run(&said))?;
        Ok(Self { positions, thread })
    }

    /// Hands over positions to be committed, and waits for nothing. While an older commit runs, only the
    /// newest positions are kept.
    pub(super) fn report(&self, positions: &BTreeMap<i32, i64>) {
        // A thread that panicked reports nothing, and no figure depends on it.
        let _ = self.positions.send(positions.clone());
    }

    /// Waits until the last positions are committed, or refused.
    pub(super) fn close(self) {
        drop(self.positions);
        // One that panicked has ended as well.
        let _ = self.thread.join();
    }
}

struct ReportInProgress<'a> {
    consumer: &'a BaseConsumer<ClientEvents>,
    topic: &'a str,
    /// The positions that the group knows.
    told: BTreeMap<i32, i64>,
    /// Since when commits fail.
    failing: Option<Instant>,
    warned: bool,
}

impl<'a> ReportInProgress<'a> {
    fn new(consumer: &'a BaseConsumer<ClientEvents>, topic: &'a str) -> Self {
        Self {
            consumer,
            topic,
            told: BTreeMap::new(),
            failing: None,
            warned: false,
        }
    }

    fn run(mut self, said: &Receiver<BTreeMap<i32, i64>>) {
        while let Ok(mut positions) = said.recv() {
            while let Ok(newer) = said.try_recv() {
                positions = newer;
            }
            if positions == self.told {
                continue;
            }
            match self.commit(&positions) {
                Ok(()) => {
                    self.told = positions;
                    self.failing = None;
                    if std::mem::take(&mut self.warned) {
                        info!("positions are reported to the group again");
                    }
                }
                Err(error) => self.note(&error),
            }
        }
    }

    fn commit(&self, positions: &BTreeMap<i32, i64>) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (partition, position) in positions {
            let position = Offset::Offset((*position).max(0));
            // Fails for negative offsets only.
            let _ = list.add_partition_offset(self.topic, *partition, position);
        }
        self.consumer.commit(&list, CommitMode::Sync)
    }

    fn note(&mut self, error: &KafkaError) {
        debug!("positions were not reported to the group: {error}");
        let since = *self.failing.get_or_insert_with(Instant::now);
        if !self.warned && since.elapsed() >= FAILING_MAX {
            self.warned = true;
            warn!(
                "positions can't be reported to the group, so lag tools show too \
                 much: {error}"
            );
        }
    }
}
