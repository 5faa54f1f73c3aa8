//! The end of a run: all faults are over, the service finishes its work, and it is judged.

use std::time::Duration;

use tidegauge::host::clock::Instant;
use tidegauge::observe::status::Condition;
use tokio::time::sleep;

use super::{End, World};
use crate::judge;
use crate::operator::Command;
use crate::outside::{DiskTroubles, SearchTroubles};
use crate::reader;
use crate::service::{Served, Service};

/// How long the service may take to see that an index or an alias is not as it left it.
const INSPECTION: Duration = Duration::from_secs(65);
/// How long the service may take, in its own time, until all is delivered.
const PATIENCE: Duration = Duration::from_secs(3 * 3_600);
/// How long the service may take to see that no record comes any more, and that windows have ended.
const SILENCE: Duration = Duration::from_secs(10);

impl World {
    // All faults are over: when all is delivered, all must agree.
    pub(super) async fn finish(
        &mut self,
        service: Option<Service>,
        copy: Option<Service>,
        command: Option<Command>,
    ) -> Result<End, String> {
        self.say("all faults are over");
        {
            let mut state = self.outside.state();
            state.search_troubles = SearchTroubles::default();
            state.disk = DiskTroubles::default();
            state.refuse_items(0);
            state.search.set_longest_body(100 << 20);
            for name in state.search.indexes() {
                state.search.set_block(&name, None);
                state.search.open_index(&name);
            }
            let mut topic = self.topic.lock().unwrap();
            topic.is_up = true;
            for partition in &mut topic.partitions {
                partition.has_leader = true;
                partition.end_transaction(true);
            }
        }
        if let Some(command) = command {
            self.note_end(command).await?;
        }
        if let Some(copy) = copy {
            self.explain(copy.stop().await)?;
        }
        let mut service = match service {
            Some(service) => service,
            None => Service::start(&self.file()),
        };
        let (deadline, inspected) = (Instant::now() + PATIENCE, Instant::now() + INSPECTION);
        let mut starts = 0;
        let mut quiet = 0;
        let served = loop {
            sleep(Duration::from_secs(1)).await;
            self.check_publication()?;
            if service.has_ended() {
                let said = service.stop().await;
                self.say(&format!("the process has ended: {said:?}"));
                // The last fault may have been too much for it, and no other comes.
                starts += 1;
                if starts > 1 {
                    return Err(format!("the service ends without a fault: {said:?}"));
                }
                self.explain(said)?;
                service = Service::start(&self.file());
            }
            let waits = match service.served() {
                Some(served) => match self.waits_for(&served) {
                    None if quiet >= 4 && Instant::now() >= inspected => break served,
                    None => {
                        quiet += 1;
                        continue;
                    }
                    Some(what) => what,
                },
                None => "it does not serve".into(),
            };
            quiet = 0;
            if self.is_shown {
                println!("waits: {waits}");
            }
            if Instant::now() >= deadline {
                return Err(format!(
                    "after {} s it still waits: {waits}",
                    PATIENCE.as_secs()
                ));
            }
        };
        if let Some(seconds) = self.circumstances.quiet_after {
            // Then silence must have made all windows final that have ended.
            sleep(Duration::from_secs(seconds) + SILENCE).await;
        }
        self.judge(&served)?;
        self.say("judged");
        drop(served);
        let stopped = service.stop().await;
        stopped.map(|()| End::Stopped)
    }

    // What is not done yet.
    fn waits_for(&self, served: &Served) -> Option<String> {
        let board = served.status.board();
        let checkpoint = served
            .readings
            .query(|reading| Ok(reading.checkpoint().clone()))
            .ok()?;
        if checkpoint.dirty > 0 || checkpoint.is_marking {
            return Some(format!(
                "{} documents await delivery: {:?}",
                checkpoint.dirty, board.parts
            ));
        }
        let topic = self.topic.lock().unwrap();
        // Of another topic nothing is read.
        let partitions = match self.former {
            Some(_) => &[],
            None => topic.partitions.as_slice(),
        };
        if self.former.is_some() && board.partitions.values().all(|one| one.halted.is_none()) {
            return Some("the topic was replaced, and nothing is halted".into());
        }
        for (number, partition) in (0..).zip(partitions) {
            let status = board.partitions.get(&number);
            if status.is_some_and(|status| status.halted.is_some()) {
                continue;
            }
            let position = checkpoint.positions.get(&number);
            if position != Some(&partition.stable()) {
                return Some(format!(
                    "partition {number} is at {position:?} of {}: {:?}",
                    partition.stable(),
                    board.parts
                ));
            }
        }
        let unwell = board
            .parts
            .iter()
            .find(|(_, health)| health.condition != Condition::Ok);
        let is_halted = board
            .partitions
            .values()
            .any(|status| status.halted.is_some());
        unwell
            .filter(|_| !is_halted)
            .map(|(part, health)| format!("{part:?}: {health:?}"))
    }

    fn judge(&mut self, served: &Served) -> Result<(), String> {
        let board = served.status.board();
        let checkpoint = served
            .readings
            .query(|reading| Ok(reading.checkpoint().clone()));
        let checkpoint = checkpoint.map_err(|error| error.to_string())?;
        let topic = self.topic.lock().unwrap();
        let mut is_halted = false;
        for (number, status) in &board.partitions {
            let Some(reason) = &status.halted else {
                continue;
            };
            is_halted = true;
            // All partitions of a topic that took the place of another are halted, new ones too. Another one is
            // where records were removed before they were read.
            let position = checkpoint.positions.get(number);
            let is_behind = usize::try_from(*number)
                .ok()
                .and_then(|number| topic.partitions.get(number))
                .is_some_and(|log| position.is_none_or(|position| *position < log.low));
            if self.former.is_none() && !is_behind {
                return Err(format!(
                    "partition {number} is halted at {position:?} for no reason: {reason}"
                ));
            }
        }
        let log = self.former.as_deref().unwrap_or(&topic.partitions);
        let records = judge::records(log, &checkpoint);
        let search = self.outside.state().search.clone();
        judge::check_checkpoint(served, log, self.circumstances.rules.duplicates)?;
        drop(topic);
        let windows = self.circumstances.rules.windows.clone();
        self.follower.listen(&served.router, &windows)?;
        let figures = reader::figures(&served.router, &windows)?;
        self.follower
            .check(&figures, self.circumstances.retention.is_none())?;
        reader::check_tables(&served.router, &figures)?;
        let how = judge::Exceptions {
            now: self.now(),
            is_halted,
            // What the state lost is not in the log any more, and documents hold it.
            are_documents_ahead: is_halted && self.may_be_behind,
            had_copy: self.had_copy,
            retention: self.circumstances.retention,
        };
        judge::check_end(served, &search, &self.circumstances, &records, how)
    }
}
