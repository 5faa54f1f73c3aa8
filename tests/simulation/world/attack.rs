//! What happens to the service: payments come, and all that may go wrong does.

use std::time::Duration;

use tokio::time::sleep;

use super::World;
use crate::circumstances::Fault;
use crate::judge;
use crate::operator::{Command, Order};
use crate::search_server::Block;
use crate::topic::Topic;

/// In ms. What is refused for so long must not be given up.
const HALF_AN_HOUR: u64 = 1_800_000;

impl World {
    // One thing that happens, and some time.
    pub(super) async fn step(&mut self, command: &mut Option<Command>) -> Result<(), String> {
        let done = match self.chance.up_to(9) {
            4 => self.change_log(),
            5 => self.change_brokers(),
            6 | 7 => self.change_search(),
            8 => self.change_disk(),
            _ => self.produce(),
        };
        self.say(&done);
        self.order(command).await?;
        let wait = match self.chance.up_to(9) {
            0..=5 => self.chance.size(400),
            6..=8 => self.chance.size(5_000),
            _ => self.chance.size(90_000),
        };
        if self.circumstances.retention.is_some() && self.patience.one_in(4) {
            self.block_for_long().await;
        }
        sleep(Duration::from_millis(wait)).await;
        Ok(())
    }

    // What just came is refused, perhaps for long, and becomes past retention meanwhile.
    async fn block_for_long(&mut self) {
        let done = self.produce();
        self.say(&done);
        if self.circumstances.has(Fault::SearchBlocked) {
            self.block_newest();
        }
        let wait = self.patience.up_to(HALF_AN_HOUR);
        sleep(Duration::from_millis(wait)).await;
        for _ in 0..15 {
            let done = self.produce();
            self.say(&done);
            let wait = self.patience.up_to(1_000);
            sleep(Duration::from_millis(wait)).await;
        }
    }

    fn block_newest(&mut self) {
        let mut state = self.outside.state();
        // The index of a month ends with `-2026.11`.
        let month = |name: &String| {
            let (_, end) = name.rsplit_once('-')?;
            end.contains('.').then(|| end.to_owned())
        };
        let names = state.search.indexes();
        let newest = names.iter().filter_map(month).max();
        for name in names.iter().filter(|name| month(name) == newest) {
            state.search.set_block(name, Some(Block::Write));
        }
        drop(state);
        self.say(&format!("indexes of {newest:?} are blocked"));
    }

    fn produce(&mut self) -> String {
        if self.circumstances.has(Fault::Silence) && self.chance.one_in(2) {
            return "silence".into();
        }
        let now = self.now();
        let mut topic = self.topic.lock().unwrap();
        if !topic.exists {
            return "no topic".into();
        }
        self.producer.write(&mut topic, now)
    }

    fn change_log(&mut self) -> String {
        let faults = [
            Fault::Trims,
            Fault::Growth,
            Fault::Recreation,
            Fault::Transactions,
        ];
        let fault = self.chance.of(&faults);
        if !self.circumstances.has(fault) {
            return self.produce();
        }
        let now = self.now();
        let mut topic = self.topic.lock().unwrap();
        let count = topic.partitions.len();
        let at = self.chance.up_to(count as u64 - 1) as usize;
        match fault {
            Fault::Trims => {
                // What a first reading does not find is skipped, which is no fault.
                if !self.begun.contains(&(at as i32)) {
                    return "nothing to trim yet".into();
                }
                let end = topic.partitions[at].stable();
                let to = self.chance.between(topic.partitions[at].low, end);
                topic.partitions[at].trim(to);
                format!("partition {at} is trimmed to {to}")
            }
            Fault::Growth => {
                let to = (count + 1 + self.chance.up_to(2) as usize).min(12);
                topic.grow(to);
                format!("the topic has {to} partitions")
            }
            Fault::Recreation => {
                // Before the state knows which topic it is of, the new one is as good.
                if self.former.is_some() || self.begun.is_empty() {
                    return "nothing to recreate".into();
                }
                let (id, partitions) = (topic.id, self.chance.between(1, count as i64) as usize);
                let new = Topic::new(id + (1 << 64), partitions);
                let old = std::mem::replace(&mut *topic, new);
                topic.is_up = old.is_up;
                self.former = Some(old.partitions);
                // It may be longer than the old one.
                for _ in 0..self.chance.up_to(4) {
                    self.producer.write(&mut topic, now);
                }
                format!("the topic is recreated with {partitions} partitions")
            }
            _ => {
                let commit = self.chance.one_in(2);
                topic.partitions[at].end_transaction(commit);
                format!("the transaction of partition {at} ends, committed: {commit}")
            }
        }
    }

    fn change_brokers(&mut self) -> String {
        let fault = self.chance.of(&[Fault::Brokers, Fault::Leaders]);
        if !self.circumstances.has(fault) {
            return self.produce();
        }
        let mut topic = self.topic.lock().unwrap();
        if fault == Fault::Brokers {
            topic.is_up = self.chance.one_in(2);
            return format!("brokers answer: {}", topic.is_up);
        }
        let at = self.chance.up_to(topic.partitions.len() as u64 - 1) as usize;
        let has_leader = self.chance.one_in(2);
        topic.partitions[at].has_leader = has_leader;
        format!("partition {at} has a leader: {has_leader}")
    }

    fn change_search(&mut self) -> String {
        let faults = [
            Fault::SearchAway,
            Fault::SearchSlow,
            Fault::SearchErrors,
            Fault::SearchItems,
            Fault::SearchGarbage,
            Fault::SearchRepeats,
            Fault::SearchDeleted,
            Fault::SearchRestored,
            Fault::SearchBlocked,
            Fault::SearchSmall,
        ];
        let fault = self.chance.of(&faults);
        if !self.circumstances.has(fault) {
            return self.produce();
        }
        let chance = &mut self.chance;
        let rate = chance.of(&[0, 2, 5, 20]);
        let mut state = self.outside.state();
        let troubles = &mut state.search_troubles;
        match fault {
            Fault::SearchAway => {
                troubles.is_away = chance.one_in(2);
                format!("the search server is away: {}", troubles.is_away)
            }
            Fault::SearchSlow => {
                troubles.slowest_ms = chance.of(&[0, 50, 2_000, 40_000]);
                format!("the search server takes {} ms", troubles.slowest_ms)
            }
            Fault::SearchErrors => {
                troubles.errors = rate;
                troubles.lost_requests = chance.of(&[0, 0, 10]);
                troubles.lost_answers = chance.of(&[0, 4, 10]);
                format!("errors of requests: {rate}")
            }
            Fault::SearchItems => {
                state.refuse_items(rate);
                format!("errors of items: {rate}")
            }
            Fault::SearchGarbage => {
                troubles.garbage = rate;
                format!("garbage: {rate}")
            }
            Fault::SearchRepeats => {
                troubles.repeats = rate;
                format!("repeated requests: {rate}")
            }
            Fault::SearchDeleted => {
                let names = state.search.indexes();
                match chance.up_to(3) {
                    0 => {
                        state.search.delete_alias("payments-totals");
                        "the alias of the totals is deleted".into()
                    }
                    1 => {
                        for name in state.search.templates() {
                            state.search.delete_template(&name);
                        }
                        "all templates are deleted".into()
                    }
                    _ if names.is_empty() => "no index to delete".into(),
                    _ => {
                        let name = &names[chance.up_to(names.len() as u64 - 1) as usize];
                        state.delete_index(name);
                        format!("index {name} is deleted")
                    }
                }
            }
            Fault::SearchSmall => {
                let bytes = chance.of(&[2_000, 10_000, 100 << 20]);
                state.search.set_longest_body(bytes as usize);
                format!("the search server takes {bytes} bytes")
            }
            Fault::SearchRestored => {
                drop(state);
                self.restore_search()
            }
            _ => {
                let names = state.search.indexes();
                if names.is_empty() {
                    return "no index to block".into();
                }
                let name = &names[chance.up_to(names.len() as u64 - 1) as usize];
                let is_on = chance.one_in(2);
                let blocks = [Block::Write, Block::ReadOnlyAllowDelete];
                let block = chance.of(&blocks);
                state.search.set_block(name, is_on.then_some(block));
                format!("index {name} is blocked: {is_on}")
            }
        }
    }

    /// Takes a snapshot of the search server, or restores the one that was taken.
    pub(super) fn restore_search(&mut self) -> String {
        let mut state = self.outside.state();
        match self.snapshot.take() {
            Some(snapshot) => {
                state.restore(&snapshot);
                "an older snapshot is restored".into()
            }
            None => {
                self.snapshot = Some(state.search.clone());
                "a snapshot is taken".into()
            }
        }
    }

    fn change_disk(&mut self) -> String {
        let fault = self
            .chance
            .of(&[Fault::DiskFull, Fault::DiskBroken, Fault::Kills]);
        if !self.circumstances.has(fault) {
            return self.produce();
        }
        let mut state = self.outside.state();
        let is_on = self.chance.one_in(2);
        match fault {
            Fault::DiskFull => {
                state.disk.is_full = is_on;
                format!("the disk is full: {is_on}")
            }
            Fault::DiskBroken => {
                state.disk.does_not_open = is_on;
                format!("states can't be opened: {is_on}")
            }
            _ => {
                let at = self.chance.size(60);
                state.disk.killed_at = Some(at);
                format!("the process is to be killed {at} writes from now")
            }
        }
    }

    // Operators give commands, one after the other.
    async fn order(&mut self, command: &mut Option<Command>) -> Result<(), String> {
        if let Some(running) = command.take_if(|command| command.has_ended()) {
            self.note_end(running).await?;
        }
        if command.is_some() || !self.circumstances.has(Fault::Replays) || !self.commander.one_in(3)
        {
            return Ok(());
        }
        let mut orders = vec![Order::Replay, Order::Build, Order::Swap];
        if self.circumstances.has(Fault::Rollbacks) {
            orders.push(Order::Rollback);
        }
        let order = self.commander.of(&orders);
        *command = Some(Command::start(order, &self.file()));
        self.say(&format!("{order:?} begins"));
        Ok(())
    }

    pub(super) async fn note_end(&mut self, command: Command) -> Result<(), String> {
        let order = command.order;
        let said = command.said().await;
        self.say(&format!("{order:?} ends: {said:?}"));
        // While the service prepares to show the new generation, or has just done so.
        let may_harm = self.circumstances.has(Fault::SearchDeleted) && order != Order::Build;
        if said.is_ok() && may_harm && self.commander.one_in(2) {
            self.delete_newest();
        }
        self.explain(said)
    }

    // Deletes an index of the newest generation.
    fn delete_newest(&mut self) {
        let mut state = self.outside.state();
        let generation = |name: &String| judge::generation_of(name);
        let names = state.search.indexes();
        let newest = names.iter().filter_map(generation).max();
        let names: Vec<String> = names
            .into_iter()
            .filter(|name| generation(name) == newest)
            .collect();
        if names.is_empty() {
            return;
        }
        let name = names[self.commander.up_to(names.len() as u64 - 1) as usize].clone();
        state.delete_index(&name);
        drop(state);
        self.say(&format!("index {name} is deleted"));
    }
}
