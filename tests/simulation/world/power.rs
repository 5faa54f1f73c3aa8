//! A power failure: what was not forced to the disk may be lost.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use tidegauge::service::generation::Generations;
use tidegauge::store::ReadOnlyStore;

use super::World;
use crate::outside::logs;

impl World {
    // Each log of a state keeps what was synced, and a part of the rest.
    pub(super) fn lose_unsynced(&mut self, synced: BTreeMap<PathBuf, BTreeMap<PathBuf, u64>>) {
        self.may_be_behind = true;
        for (path, lengths) in synced {
            for (log, length) in logs(&path) {
                let least = lengths.get(&log).copied().unwrap_or(0).min(length);
                let kept = least + self.chance.up_to(length - least);
                let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
                file.set_len(kept).unwrap();
                self.trace
                    .push(format!("  a log of {length} bytes keeps {kept}"));
            }
        }
        self.forget_what_was_never_read();
    }

    // A state that lost its first checkpoints begins with what is left of the log, and can't know that there was more.
    fn forget_what_was_never_read(&mut self) {
        let generations = Generations::of(&self.state_dir());
        let live = generations.live().unwrap().generation;
        let state_of = |generation| ReadOnlyStore::open(&generations.dir(generation)).unwrap();
        let state = state_of(live);
        let others = generations.all().unwrap().into_iter();
        let others: Vec<(u32, Option<ReadOnlyStore>)> = others
            .filter(|other| *other != live)
            .map(|other| (other, state_of(other)))
            .collect();
        if state
            .as_ref()
            .is_none_or(|state| state.topic_id().is_none())
        {
            self.former = None;
        }
        let mut topic = self.topic.lock().unwrap();
        let log = self.former.as_mut().unwrap_or(&mut topic.partitions);
        for (number, partition) in (0..).zip(log) {
            if !has_begun(state.as_ref(), number) && self.begun.remove(&number) {
                let holders = others.iter();
                let holders = holders.filter(|(_, state)| has_begun(state.as_ref(), number));
                partition.forget_removed(holders.map(|(other, _)| *other).collect());
            }
        }
    }
}

fn has_begun(state: Option<&ReadOnlyStore>, partition: i32) -> bool {
    let positions = state.map(|state| &state.checkpoint().positions);
    let position = positions.and_then(|positions| positions.get(&partition));
    position.is_some_and(|position| *position > 0)
}
